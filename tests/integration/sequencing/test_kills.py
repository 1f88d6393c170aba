"""kill -9 under twenty transactions a second: no sealed block is lost, no nonce is missing."""

import asyncio
import pickle
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.domain.errors import Conflict
from tests.integration.sequencing.lab import ACCOUNTS, Lab, running, until
from tests.integration.sequencing.load import Load

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running(tmp_path) as lab:
        yield lab


def load_on(lab: Lab) -> Load:
    return Load(lab.l2.handle.ws_url, lab.l2.spec.chain.chain_id, ACCOUNTS[0])


@asynccontextmanager
async def under_load(lab: Lab) -> AsyncIterator[Load]:
    load = load_on(lab)
    task = asyncio.create_task(load.run())
    try:
        await grows(load, 10)
        yield load
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def grows(load: Load, by: int, seconds: float = 20.0) -> None:
    goal = len(load.sealed) + by

    async def has_grown() -> bool:
        return len(load.sealed) >= goal

    await until(has_grown, seconds)


async def test_op_geth_killed(lab: Lab) -> None:
    await lab.sequence(lab.l2)
    async with under_load(lab) as load:
        for _ in range(4):
            await lab.kill_node(lab.l2)
            await lab.start_node(lab.l2)
            await lab.halt(lab.l2)
            await lab.sequence(lab.l2)
            await grows(load, 5)
    await load.check()


async def test_its_sequencer_brings_op_geth_back_when_its_runtime_does_not(lab: Lab) -> None:
    await lab.sequence(lab.l2)
    async with under_load(lab) as load:
        lab.l2.spec = replace(lab.l2.spec, restore=False)
        await lab.kill_node(lab.l2)
        await lab.halt(lab.l2)
        await lab.start_node(lab.l2)
        await lab.sequence(lab.l2)
        await grows(load, 5)
    await load.check()


@asynccontextmanager
async def alone(lab: Lab, tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The rollup's sequencer in another process."""
    file = tmp_path / "chains"
    file.write_bytes(pickle.dumps((lab.l2.chain, lab.l1.chain)))
    command = [sys.executable, "-m", "tests.integration.sequencing.alone", str(file)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_its_sequencer_killed(lab: Lab, tmp_path: Path) -> None:
    load = load_on(lab)
    task = asyncio.create_task(load.run())
    try:
        for _ in range(4):
            async with alone(lab, tmp_path) as process:
                await grows(load, 5)
                process.kill()
        await lab.sequence(lab.l2)
        await grows(load, 5)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await load.check()


async def test_a_second_sequencer_seals_nothing(lab: Lab, tmp_path: Path) -> None:
    await lab.sequence(lab.l2)
    await lab.l2.receipt(await lab.l2.send(ACCOUNTS[0], 0))
    second = lab.make_agent(lab.l2)
    task = asyncio.create_task(second.run())
    try:
        await second.ready.wait()
        with pytest.raises(Conflict, match="Another sequencer"):
            await second.seal_now()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await lab.l2.receipt(await lab.l2.send(ACCOUNTS[0], 1))
    assert await lab.l2.height() == 2
