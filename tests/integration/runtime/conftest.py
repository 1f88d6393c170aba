"""A process runtime with real Anvil nodes; whatever it started is gone afterwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.engine.anvil_binary import resolve_anvil
from control_plane.adapters.runtime.gate import Gate
from control_plane.adapters.runtime.process import ProcessRuntime
from control_plane.domain.ports.node import NodeSpec
from tests.nodes import anvil_runtime, make_plan, make_specs, processes_below


@pytest.fixture(scope="module")
def anvil() -> Path:
    return resolve_anvil().path


@pytest.fixture
def engine() -> AnvilEngine:
    return AnvilEngine()


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    await gate.let_go()


@pytest.fixture
async def runtime(anvil: Path, gate: Gate, tmp_path: Path) -> AsyncIterator[ProcessRuntime]:
    runtime = anvil_runtime(anvil, gate)
    yield runtime
    await runtime.kill_strays(tmp_path)
    async with asyncio.timeout(5):
        while processes_below(tmp_path):  # noqa: ASYNC110 - other processes give no event
            await asyncio.sleep(0.01)


@pytest.fixture
def spec(tmp_path: Path, engine: AnvilEngine) -> NodeSpec:
    return make_specs(make_plan(), tmp_path, engine)[0]
