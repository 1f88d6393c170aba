"""A rollup whose data goes to blobs of the L1."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control_plane.adapters.op_stack.contracts import batch_inbox
from control_plane.domain.states import ServiceState
from tests.integration.op_stack.lab import NativeLab, make_plan, native_lab, safe
from tests.integration.op_stack.user import until

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[NativeLab]:
    async with native_lab(tmp_path, make_plan("ethereum-blobs")) as lab:
        yield lab


async def batches(lab: NativeLab) -> list[int]:
    """Types of the transactions to the batch inbox."""
    found = []
    for number in range(int(await lab.l1.call("eth_blockNumber"), 16) + 1):
        block = await lab.l1.call("eth_getBlockByNumber", hex(number), True)
        inbox = batch_inbox(lab.plan.rollups[0].chain_id)
        found += [int(t["type"], 16) for t in block["transactions"] if t["to"] == inbox]
    return found


async def test_batches_are_blobs_and_derived_from_them(lab: NativeLab) -> None:
    assert lab.states()["op/l1-beacon"] is ServiceState.READY

    async def some() -> bool:
        return await safe(lab) > 3

    await until("safe blocks", some, 30)
    lab.mark("blocks are safe")
    kinds = await batches(lab)
    assert kinds
    assert set(kinds) == {3}


async def test_an_l1_that_was_stopped_still_has_them(lab: NativeLab) -> None:
    async def some() -> bool:
        return await safe(lab) > 3

    await until("safe blocks", some, 30)
    lab.mark("blocks are safe")
    await lab.restart_l1()
    lab.mark("the L1 was stopped and started")
    before = int(await lab.op.call("eth_blockNumber"), 16)

    async def more() -> bool:
        return await safe(lab) > before + 3

    await until("blocks that are new and safe", more, 40)
    lab.mark("further blocks are safe")
