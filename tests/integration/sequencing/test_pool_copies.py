"""A sequencer on Anvil leaves what it seals for the batcher, which reads next to nothing back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.evm.rpc import connect
from control_plane.domain.op_stack import Deposit
from control_plane.services.settlement.posting import read_channel
from tests.integration.sequencing.lab import ACCOUNTS, Lab, running, until
from tests.integration.sequencing.test_deposits import Site

pytestmark = pytest.mark.integration


class Counting:
    """A connection of which it is known what was asked over it."""

    def __init__(self, lab: Lab) -> None:
        self._rpc = lab.l2.rpc
        self.asked: Counter[str] = Counter()

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = 10.0
    ) -> list[Any]:
        self.asked.update(
            f"{method} whole" if params[-1] is True else method for method, params in calls
        )
        return await self._rpc.batch(calls, timeout=timeout)


@pytest.fixture(params=[0.0, 0.5], ids=["as they come", "at ticks"])
async def lab(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Lab]:
    async with running(tmp_path, block_time=request.param, engine="anvil") as made:
        yield made


async def listened(lab: Lab) -> int:
    """The height once announcements are heard: with a block time a sequencer is ready before."""
    nonce = 0
    while lab.l2.spec.chain.block_time and not lab.copies:
        await lab.l2.receipt(await lab.l2.send(ACCOUNTS[0], nonce))
        nonce += 1
    return await lab.l2.height()


async def test_the_channel_is_the_same_and_blocks_are_not_read_back(lab: Lab) -> None:
    portal = await lab.deploy_portal()
    await lab.sequence(lab.l2)
    site = Site(lab, portal)
    first = await listened(lab) + 1
    for at in range(5):
        raws = [lab.l2.raw(account, at) for account in ACCOUNTS[1:9]]
        await lab.l2.rpc.batch([("eth_sendRawTransaction", (raw,)) for raw in raws])
    await site.credited(await site.deposit())

    async def taken() -> bool:
        return all([await lab.l2.nonce(account) >= 5 for account in ACCOUNTS[1:9]])

    await until(taken)
    copies = lab.copies
    node = Counting(lab)
    head = await lab.l2.height()
    found = await read_channel(node, first, head, copies)
    assert found == await read_channel(lab.l2.rpc, first, head)
    if lab.l2.spec.chain.block_time:  # else what is sealed at once is read back
        assert len(copies) >= 42
        assert node.asked["eth_getBlockByNumber whole"] == 0


async def test_somebody_who_hands_out_deposits_and_seals_them_ends_no_node(lab: Lab) -> None:
    """Anvil dies when it is asked for the bytes of a deposit in a block."""
    await lab.deploy_portal()
    await lab.sequence(lab.l2)
    first = await listened(lab) + 1
    ours = await lab.l2.nonce(ACCOUNTS[0])
    other = await connect(lab.l2.handle.ws_url)
    try:
        for at in range(30):
            raws = [lab.l2.raw(ACCOUNTS[0], ours + 20 * at + n) for n in range(20)]
            forged = Deposit(bytes([at]) * 32, bytes([at + 1]) * 20, bytes(20), 5, 5, 21_000, b"")
            sent = ("eth_sendRawTransaction", ("0x" + forged.encode().hex(),))
            many = [("eth_sendRawTransaction", (raw,)) for raw in raws]
            await asyncio.gather(lab.l2.rpc.batch(many), other.batch([sent, ("evm_mine", ())]))
    finally:
        await other.close()

    async def empty() -> bool:  # but for what Anvil queues when others seal meanwhile
        return int((await lab.l2.call("txpool_status"))["pending"], 16) == 0

    await until(empty)
    head = await lab.l2.height()
    found = await read_channel(lab.l2.rpc, first, head, lab.copies)
    assert found == await read_channel(lab.l2.rpc, first, head)


async def test_what_comes_in_bursts_is_copied_at_block_time_0_too(lab: Lab) -> None:
    await lab.deploy_portal()
    await lab.sequence(lab.l2)
    nonces = {account.address: await lab.l2.nonce(account) for account in ACCOUNTS[1:9]}
    await listened(lab)
    raws = [
        lab.l2.raw(account, nonces[account.address] + at)
        for at in range(50)
        for account in ACCOUNTS[1:9]
    ]
    await lab.l2.rpc.batch([("eth_sendRawTransaction", (raw,)) for raw in raws])

    async def taken() -> bool:
        return all([await lab.l2.nonce(account) >= 50 for account in ACCOUNTS[1:9]])

    await until(taken)
    # most of them, but for those that the node announces when the block is sealed already
    assert len(lab.copies) > len(raws) / 8
