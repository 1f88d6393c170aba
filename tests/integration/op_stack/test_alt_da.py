"""Rollups whose data go to a service: only its commitments stand on the L1."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control_plane.adapters.op_stack.contracts import batch_inbox
from control_plane.adapters.runtime.identity import processes_with
from control_plane.domain.native_services import ALT_DA
from control_plane.domain.states import ServiceState
from tests.integration.op_stack.lab import NativeLab, make_plan, native_lab, safe
from tests.integration.op_stack.user import until
from tests.unit.da.serving import break_

pytestmark = [pytest.mark.integration, pytest.mark.slow]

BEGIN = {"alt-da": "0101ff", "celestia": "01010c", "eigenda": "01010002", "anytrust": "010188"}
"""Of each one's calldata: derivation version 1, generic commitment, the service's own byte."""


@pytest.fixture
async def lab(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[NativeLab]:
    async with native_lab(tmp_path, make_plan(request.param)) as lab:
        yield lab


@pytest.mark.parametrize("lab", ["alt-da", "anytrust"], indirect=True)
async def test_op_batcher_posts_commitments_and_op_node_derives_from_the_service(
    lab: NativeLab,
) -> None:
    assert lab.states()["op/alt-da"] is ServiceState.READY

    async def some() -> bool:
        return await safe(lab) > 3

    await until("safe blocks", some, 30)
    lab.mark("blocks are safe")
    posted = await commitments(lab)
    items = lab.site.directory / ALT_DA
    assert sum(1 for path in items.rglob("items/*") if path.is_file()) >= posted > 0


@pytest.mark.parametrize("lab", ["celestia"], indirect=True)
async def test_a_killed_service_comes_back_with_all_of_it(lab: NativeLab) -> None:
    async def some() -> bool:
        return await safe(lab) > 1

    await until("safe blocks", some, 30)
    os.kill(service(lab), signal.SIGKILL)
    lab.mark("the service was killed")
    before = int(await lab.op.call("eth_blockNumber"), 16)

    async def more() -> bool:
        return await safe(lab) > before + 2

    await until("blocks that are new and safe", more, 40)
    lab.mark("it came back, and further blocks are safe")
    assert await commitments(lab) > 0


@pytest.mark.parametrize("lab", ["eigenda"], indirect=True)
async def test_a_rollup_whose_data_are_withheld_stands_still_until_they_are_back(
    lab: NativeLab,
) -> None:
    async def some() -> bool:
        return await safe(lab) > 1

    await until("safe blocks", some, 30)
    url, directory = lab.site.url(ALT_DA), lab.site.directory / ALT_DA
    assert await break_(url, directory, None, "withhold") == 200
    posted = await commitments(lab)

    async def further() -> bool:
        return await commitments(lab) > posted + 2

    await until("further batches on the L1", further, 30)
    still = await safe(lab)
    lab.mark(f"withheld: block {still} is safe")
    posted = await commitments(lab)
    await until("further batches on the L1", further, 30)
    assert await safe(lab) == still
    assert int(await lab.op.call("eth_blockNumber"), 16) > still + 3
    assert await break_(url, directory, None, None) == 200

    async def more() -> bool:
        return await safe(lab) > still + 5

    await until("blocks that are safe again", more, 40)
    lab.mark("back, and further blocks are safe")


def service(lab: NativeLab) -> int:
    """The stand-in's process: its directory is the last of its arguments."""
    mark = str(lab.site.directory / ALT_DA)
    return next(one.pid for one in processes_with(mark) if one.command[-1] == mark)


async def commitments(lab: NativeLab) -> int:
    """Transactions to the batch inbox; all have the service's commitments as calldata."""
    found: list[str] = []
    inbox = batch_inbox(lab.plan.rollups[0].chain_id)
    for number in range(int(await lab.l1.call("eth_blockNumber"), 16) + 1):
        block = await lab.l1.call("eth_getBlockByNumber", hex(number), True)
        found += [t["input"] for t in block["transactions"] if t["to"] == inbox]
    begin = "0x" + BEGIN[str(lab.plan.rollups[0].da)]
    assert all(data.startswith(begin) for data in found)
    return len(found)
