"""The reconciler over fake nodes and agents and a real database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.persistence.database import open_database
from control_plane.domain.errors import Conflict, ServiceFailed
from control_plane.domain.plan_json import plan_from_json, plan_to_json
from control_plane.domain.ports.store import Database
from control_plane.domain.records import DevnetRecord
from control_plane.domain.states import Desired, DevnetState, ServiceState
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.reconciler import Reconciler
from tests.unit.services.fakes import (
    Agents,
    FakeBootstrap,
    FakePrograms,
    FakeRuntime,
    make_plan,
    make_tools,
    moved,
)


@dataclass
class Bench:
    worker: Reconciler
    runtime: FakeRuntime
    agents: Agents
    bootstrap: FakeBootstrap
    programs: FakePrograms
    database: Database
    events: list[str]
    task: asyncio.Task[None]

    async def update(self, **changes: Any) -> None:
        async with self.database.begin() as unit:
            record = await unit.devnets.get("shop")
            assert record
            await unit.devnets.put(replace(record, **changes))
        self.worker.wake()

    async def until(self, *states: DevnetState) -> DevnetRecord:
        async with asyncio.timeout(5):
            while True:
                change = self.worker.next_change()
                record = await self.worker.record()
                assert record
                if record.state in states:
                    return record
                await change.wait()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    database = await open_database(f"sqlite:///{tmp_path / 'caldera.db'}")
    runtime, agents, bootstrap, events = FakeRuntime(), Agents(), FakeBootstrap(), list[str]()

    programs = FakePrograms()

    async def publish(
        type: str, data: Mapping[str, Any] | None = None, *, service: str | None = None
    ) -> None:
        events.append(type)

    tools = make_tools(
        database, runtime=runtime, programs=programs, bootstrap=bootstrap, make_agents=agents
    )
    record = DevnetRecord(
        "shop",
        "0x" + "00" * 32,
        {},
        plan_to_json(make_plan()),
        DevnetState.PLANNED,
        Desired.RUNNING,
        0.0,
        "0",
    )
    async with database.begin() as unit:
        await unit.devnets.add(record)
    worker = Reconciler("shop", DevnetFiles(tmp_path, "shop"), tools, publish)
    task = asyncio.create_task(worker.run())
    yield Bench(worker, runtime, agents, bootstrap, programs, database, events, task)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await worker.let_go()
    await database.close()


async def test_brings_every_chain_up_and_is_ready(bench: Bench) -> None:
    record = await bench.until(DevnetState.READY)
    assert sorted(bench.runtime.running) == ["arb", "l1", "op"]
    assert sorted(bench.bootstrap.done) == ["arb", "l1", "op"]
    assert record.ready_ms is not None
    assert {"provision", "node:l1", "bootstrap:op", "agents", "certify"} <= set(record.timings)


async def test_programs_to_be_built_come_first_and_are_told_of(bench: Bench) -> None:
    await bench.until(DevnetState.READY)
    await bench.update(desired=Desired.STOPPED)
    await bench.until(DevnetState.STOPPED)
    bench.programs.needed = ("op-geth",)
    await bench.update(desired=Desired.RUNNING, state=DevnetState.STARTING)
    record = await bench.until(DevnetState.READY)
    assert bench.programs.brought == ["op-geth"]
    assert "program:op-geth" in record.timings
    assert "program.progress" in bench.events


async def test_failing_node_stops_the_others_and_says_why(bench: Bench) -> None:
    bench.runtime.broken["arb"] = ServiceFailed("arb/node did not start", "exit 1", log="node.log")
    record = await bench.until(DevnetState.FAILED)
    assert bench.runtime.running == {}
    assert "arb/node did not start" in (record.problem or "")


async def test_node_that_dies_is_restarted(bench: Bench) -> None:
    await bench.until(DevnetState.READY)
    bench.runtime.kill("op")
    await bench.until(DevnetState.DEGRADED)
    await bench.until(DevnetState.READY)
    assert bench.runtime.started.count("op") == 2
    assert "service.exited" in bench.events
    assert len([a for a in bench.agents.made if a.name == "relayer"]) == 1


async def test_stop_saves_and_start_continues(bench: Bench) -> None:
    await bench.until(DevnetState.READY)
    await bench.update(desired=Desired.STOPPED)
    await bench.until(DevnetState.STOPPED)
    assert bench.runtime.running == {}
    assert {"l1", "op", "arb"} <= set(bench.runtime.saved)
    await bench.update(desired=Desired.RUNNING, state=DevnetState.STARTING)
    await bench.until(DevnetState.READY)
    assert sorted(bench.runtime.running) == ["arb", "l1", "op"]


async def test_removal_ends_the_worker_and_the_record(bench: Bench) -> None:
    await bench.until(DevnetState.READY)
    await bench.update(desired=Desired.ABSENT)
    async with asyncio.timeout(5):
        await bench.task
    assert await bench.worker.record() is None
    assert bench.runtime.running == {}


async def test_changed_plan_adds_and_removes_chains_without_touching_the_rest(bench: Bench) -> None:
    await bench.until(DevnetState.READY)
    await bench.update(plan=plan_to_json(moved(make_plan(), "op", "zk")))
    async with asyncio.timeout(5):
        while set(bench.runtime.running) != {"l1", "op", "zk"}:
            await bench.worker.next_change().wait()
    assert bench.runtime.started.count("op") == 1


async def test_taken_default_port_moves_once(bench: Bench) -> None:
    taken = Conflict("port 40001 is taken")
    start, failed = bench.runtime.start_node, list[str]()

    async def once(spec: Any) -> Any:
        if spec.chain.name == "op" and not failed:
            failed.append("op")
            raise taken
        return await start(spec)

    bench.runtime.start_node = once  # type: ignore[method-assign]
    record = await bench.until(DevnetState.READY)
    plan = plan_from_json(record.plan)
    assert plan.chain("op").port == 40_102
    assert "port 40001 of op is taken" in plan.notes[0]


async def test_agent_that_raises_degrades_and_recovers(bench: Bench) -> None:
    await bench.until(DevnetState.READY)
    relayer = next(a for a in bench.agents.made if a.name == "relayer")
    relayer.fail.set_exception(RuntimeError("boom"))  # type: ignore[attr-defined]
    record = await bench.until(DevnetState.DEGRADED)
    assert "boom" in (record.problem or "")
    relayer.fail = asyncio.get_running_loop().create_future()  # type: ignore[attr-defined]
    await bench.until(DevnetState.READY)


async def test_held_agent_is_shown_and_released(bench: Bench) -> None:
    await bench.until(DevnetState.READY)
    await bench.worker.agents.hold("relayer")
    record = await bench.until(DevnetState.DEGRADED)
    assert "relayer: stopped by the user" in (record.problem or "")
    assert (
        next(v for v in bench.worker.agents.views() if v.name == "relayer").state
        is ServiceState.STOPPED
    )
    bench.worker.agents.release("relayer")
    await bench.until(DevnetState.READY)
