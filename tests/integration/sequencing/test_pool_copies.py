"""A sequencer on Anvil leaves what it seals for the batcher, which reads next to nothing back."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

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
