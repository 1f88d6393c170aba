"""Which blocks a node lost that came back: all that anybody saw, and no others."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from control_plane.adapters.persistence.database import open_database
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.plan_json import plan_to_json
from control_plane.domain.ports.node import Rpc
from control_plane.domain.ports.store import Database
from control_plane.domain.records import CursorRecord, DevnetRecord
from control_plane.domain.states import Desired, DevnetState
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.nodes import Nodes
from tests.unit.services.fakes import FakeRpc, FakeRuntime, make_plan


@dataclass
class Bench:
    """One chain, `op`, whose node always comes back at block 1."""

    database: Database
    directory: Path
    runtime: FakeRuntime = field(default_factory=FakeRuntime)
    plan: Plan = field(default_factory=make_plan)
    told: list[dict[str, Any]] = field(default_factory=list)
    """Data of the events of lost blocks."""
    rpc: FakeRpc = field(default_factory=FakeRpc)
    """The newest connection."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def op(self) -> ChainPlan:
        return self.plan.chain("op")

    def nodes(self) -> Nodes:
        """Those of a process that has just started."""
        files = DevnetFiles(self.directory, self.plan.name)
        return Nodes(files, self.runtime, self.connect, self.database, self.publish, self.ended.set)

    async def connect(self, url: str, *, deadline: float | None = None) -> Rpc:
        self.rpc = FakeRpc()
        return cast(Rpc, self.rpc)

    async def publish(
        self, type: str, data: Mapping[str, Any] | None = None, *, service: str | None = None
    ) -> None:
        if type == "service.lost_blocks":
            self.told.append(dict(data or {}))

    async def indexed(self, block: int) -> None:
        async with self.database.begin() as unit:
            await unit.cursors.put(CursorRecord(self.plan.name, "indexer", "op", block, "0xab"))

    async def kill(self) -> None:
        self.ended.clear()
        self.runtime.kill("op")
        async with asyncio.timeout(5):
            await self.ended.wait()

    async def seal(self, *blocks: int) -> None:
        """The node announces them; nobody indexes them."""
        for block in blocks:
            self.rpc.announced.put_nowait(block)
        async with asyncio.timeout(5):
            await self.rpc.announced.join()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    database = await open_database(f"sqlite:///{tmp_path / 'caldera.db'}")
    made = Bench(database, tmp_path)
    record = DevnetRecord(
        made.plan.name,
        "0x" + "00" * 32,
        {},
        plan_to_json(made.plan),
        DevnetState.READY,
        Desired.RUNNING,
        0.0,
        "0",
    )
    async with database.begin() as unit:
        await unit.devnets.add(record)
    yield made
    await database.close()


async def test_blocks_that_the_indexer_had_not_read_are_lost_too(bench: Bench) -> None:
    nodes = bench.nodes()
    await nodes.ensure(bench.plan, bench.op)
    await bench.indexed(1)
    await bench.seal(2, 3, 4)
    await bench.kill()
    await nodes.ensure(bench.plan, bench.op)
    assert bench.told == [{"from": 2, "to": 4, "restored": None}]
    record = await nodes.record("op")
    assert record
    assert record.lost_blocks == (2, 4)
    await nodes.stop_all()


async def test_node_that_lost_nothing_is_not_said_to_have(bench: Bench) -> None:
    nodes = bench.nodes()
    await nodes.ensure(bench.plan, bench.op)
    await bench.seal(1)
    await bench.kill()
    await nodes.ensure(bench.plan, bench.op)
    assert bench.told == []
    await nodes.stop_all()


async def test_blocks_are_lost_once(bench: Bench) -> None:
    """Killed again before the indexer came to know of the first time."""
    nodes = bench.nodes()
    await nodes.ensure(bench.plan, bench.op)
    await bench.seal(2, 3)
    await bench.indexed(3)
    await bench.kill()
    await nodes.ensure(bench.plan, bench.op)
    await bench.kill()
    await nodes.ensure(bench.plan, bench.op)
    assert bench.told == [{"from": 2, "to": 3, "restored": None}]
    await nodes.stop_all()


async def test_process_that_saw_nothing_goes_by_the_records(bench: Bench) -> None:
    await bench.indexed(7)
    nodes = bench.nodes()
    await nodes.recall()
    await nodes.ensure(bench.plan, bench.op)
    assert bench.told == [{"from": 2, "to": 7, "restored": None}]
    await nodes.stop_all()


async def test_adopted_node_lost_nothing(bench: Bench) -> None:
    first = bench.nodes()
    await first.ensure(bench.plan, bench.op)
    await bench.seal(2)
    await first.let_go()
    await bench.indexed(2)
    second = bench.nodes()
    await second.recall()
    await second.ensure(bench.plan, bench.op)
    assert bench.told == []
    await second.stop_all()


async def test_nothing_is_sealed_before_a_node_is_where_it_was(bench: Bench) -> None:
    """A sequencer would find it where the old one was, at its genesis."""
    seen = list[str]()

    @asynccontextmanager
    async def paused(chain: str) -> AsyncIterator[None]:
        seen.append(f"{chain} rests")
        yield
        seen.append(f"{chain} goes on, {len(bench.runtime.started)} started")

    files = DevnetFiles(bench.directory, bench.plan.name)
    nodes = Nodes(
        files, bench.runtime, bench.connect, bench.database, bench.publish, bench.ended.set, paused
    )
    await nodes.ensure(bench.plan, bench.op)
    assert seen == ["op rests", "op goes on, 1 started"]
    await nodes.stop_all()
