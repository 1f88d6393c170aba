"""Bursts of pre-signed raw transactions, sent in JSON-RPC batches as a load generator would."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from control_plane.adapters.evm.signer import Transaction, sign
from tests.integration.metalayer.lab import Lab, account, mailbox_dispatch, until

_IN_A_REQUEST = 100


@dataclass(frozen=True)
class Burst:
    """`count` messages from each origin to the next of `route`."""

    sent: int
    seconds: float
    """First transaction sent to last message delivered."""
    latencies: tuple[float, ...]
    """Of every message, dispatched to delivered, in seconds, as the records tell."""

    @property
    def rate(self) -> float:
        return self.sent / self.seconds


async def presigned(lab: Lab, origin: str, destination: str, count: int) -> list[str]:
    """Raw dispatches of one funded account, with bodies that differ."""
    sender = account(50)
    node = lab.nodes[origin]
    await node.call("anvil_setBalance", sender.address, hex(10**24))
    nonce = int(await node.call("eth_getTransactionCount", sender.address, "latest"), 16)
    mailbox = bytes.fromhex(lab.network.contracts["mailbox"][2:])
    recipient = lab.network.contracts["testRecipient"]
    raws = []
    for number in range(count):
        body = f"{origin} {number:05d}".encode()
        data = bytes.fromhex(mailbox_dispatch(lab.domain(destination), recipient, body)[2:])
        chain_id = node.spec.chain.chain_id
        transaction = Transaction(
            chain_id, nonce + number, mailbox, 0, data, 300_000, 100 * 10**9, 10**9
        )
        raws.append("0x" + sign(transaction, sender.key)[0].hex())
    return raws


async def send_burst(
    lab: Lab, pairs: Sequence[tuple[str, str]], count: int, *, timeout: float = 60
) -> Burst:
    """Send `count` messages over each pair at once and wait until all are delivered."""
    async with lab.database.begin() as unit:
        before = {m.id for m in await unit.messages.list("lab", limit=100_000)}
    raws = {pair: await presigned(lab, *pair, count) for pair in pairs}
    began, wall = time.monotonic(), time.time()
    for start in range(0, count, _IN_A_REQUEST):
        for (origin, _), signed in raws.items():
            rpc = lab.nodes[origin].rpc
            assert rpc is not None
            part = signed[start : start + _IN_A_REQUEST]
            answers = await rpc.batch([("eth_sendRawTransaction", (raw,)) for raw in part])
            assert all(isinstance(answer, str) for answer in answers), answers[:2]
    wanted = count * len(pairs)

    async def all_there() -> bool:
        found = (await lab.counts())["delivered"]  # type: ignore[index]
        return found - len(before) >= wanted

    await until(all_there, f"{wanted} deliveries; {await lab.counts()}", timeout=timeout)
    async with lab.database.begin() as unit:
        messages = [m for m in await unit.messages.list("lab", limit=100_000) if m.id not in before]
    last = max(m.delivered_at or 0 for m in messages)
    latencies = tuple(sorted((m.delivered_at or 0) - m.dispatched_at for m in messages))
    return Burst(wanted, max(last - wall, 0.001) if last else time.monotonic() - began, latencies)
