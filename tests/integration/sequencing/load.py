"""A user who sends twenty transfers a second and remembers everything that the node told."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.node import Account

RATE = 20.0
GWEI = 10**9


@dataclass
class Load:
    url: str
    """WebSocket of the chain's node; it does not change."""
    chain_id: int
    account: Account
    next: int = 0
    sealed: dict[str, str] = field(default_factory=dict)
    """Block by transaction, as receipts told."""

    async def run(self) -> None:
        """Until cancelled. Whatever a node forgot is sent to it again."""
        while True:
            try:
                rpc = await connect(self.url)
                try:
                    self.next = await self._nonce(rpc)
                    await self._send(rpc)
                finally:
                    await rpc.close()
            except TemporaryFailure:
                await asyncio.sleep(0.05)

    async def _nonce(self, rpc: Any) -> int:
        return int(await rpc.call("eth_getTransactionCount", self.account.address, "latest"), 16)

    async def _send(self, rpc: Any) -> None:
        waiting: set[str] = set()
        while True:
            raw = self._raw(self.next)
            answers = await rpc.batch(
                [
                    ("eth_sendRawTransaction", (raw,)),
                    *(("eth_getTransactionReceipt", (hash_,)) for hash_ in waiting),
                ]
            )
            if isinstance(answers[0], str):
                waiting.add(answers[0])
                self.next += 1
            else:  # asked before it had its last blocks back
                self.next = await self._nonce(rpc)
            for receipt in answers[1:]:
                if isinstance(receipt, dict):
                    assert receipt["status"] == "0x1"
                    self.sealed[receipt["transactionHash"]] = receipt["blockHash"]
                    waiting.discard(receipt["transactionHash"])
            await asyncio.sleep(1 / RATE)

    def _raw(self, nonce: int) -> str:
        transfer = Transaction(self.chain_id, nonce, bytes(20), 1, b"", 21_000, 100 * GWEI, GWEI)
        return "0x" + sign(transfer, self.account.key)[0].hex()

    async def check(self) -> None:
        """Every block that anybody saw is on the chain, and no nonce is missing."""
        rpc = await connect(self.url)
        try:
            height = int(await rpc.call("eth_blockNumber"), 16)
            blocks = await rpc.batch(
                [("eth_getBlockByNumber", (hex(n), True)) for n in range(height + 1)]
            )
        finally:
            await rpc.close()
        sent = [(tx, block["hash"]) for block in blocks for tx in block["transactions"]]
        found = {tx["hash"]: block for tx, block in sent}
        lost = {hash_ for hash_, block in self.sealed.items() if found.get(hash_) != block}
        assert not lost, f"{len(lost)} of {len(self.sealed)} transactions lost their block"
        ours = [int(tx["nonce"], 16) for tx, _ in sent if tx["from"] == self.account.address]
        assert ours == list(range(len(ours)))


@contextlib.contextmanager
def under(load: Load) -> Iterator[None]:
    """While transfers are sent, from a thread of their own."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(load.run())

    def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
