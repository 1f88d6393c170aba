"""The switcher looks when something can have changed, and counts every block once."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from control_plane.agents.switcher import Switcher
from control_plane.domain.hub import FlagSet, Head, Hub
from control_plane.domain.load import LoadMeter, Loads
from control_plane.domain.network import Chain
from control_plane.domain.plan import SwitchRule
from control_plane.domain.ports.node import Rpc
from tests.unit.services.fakes import make_plan

BUSY = SwitchRule(above=10, seconds=0.5, proof="validity")
QUIET = SwitchRule(below=1, seconds=0.5, proof="fraud")
HIDE = SwitchRule(private=True, da="celestia")


@dataclass
class Node:
    """A chain whose blocks carry so many transactions each."""

    blocks: list[int] = field(default_factory=lambda: [0])
    asked: list[int] = field(default_factory=list)
    closed: int = 0

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        assert method == "eth_blockNumber"
        return hex(len(self.blocks) - 1)

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        numbers = [int(params[0], 16) for _, params in calls]
        self.asked += numbers
        return [hex(self.blocks[number]) for number in numbers]

    async def close(self) -> None:
        self.closed += 1


@dataclass
class Desk:
    again_at: float | None = None
    looks: asyncio.Queue[Loads] = field(default_factory=asyncio.Queue)

    async def up(self) -> None:
        await asyncio.sleep(0)

    async def consider(self, loads: Loads) -> float | None:
        self.looks.put_nowait(loads)
        return self.again_at

    async def next(self) -> Loads:
        async with asyncio.timeout(5):
            return await self.looks.get()


@asynccontextmanager
async def running(
    node: Node, desk: Desk, hub: Hub, meter: LoadMeter, *rules: SwitchRule, engine: str = "anvil"
) -> AsyncIterator[Switcher]:
    plan = replace(make_plan().rollups[0], rules=rules, engine=engine)

    async def connect(url: str, *, deadline: float | None = None) -> Rpc:
        return cast(Rpc, node)

    chain = Chain(plan, plan.http_url, plan.ws_url)
    agent = Switcher(chain, connect, hub, meter, desk.up, desk.consider)
    task = asyncio.create_task(agent.run())
    await agent.ready.wait()
    try:
        yield agent
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not agent.ready.is_set()


def head(number: int, chain: str = "op") -> Head:
    return Head(chain, number, "0x", 0)


async def test_load_is_looked_at_when_it_rises_and_when_it_falls() -> None:
    node, desk, hub = Node(), Desk(), Hub()
    async with running(node, desk, hub, LoadMeter(time.monotonic()), BUSY, QUIET):
        assert (await desk.next()).holding == frozenset()
        node.blocks += [3, 3]
        hub.tell(head(2))
        hub.tell(head(9, chain="l1"))
        risen = await desk.next()
        assert risen.holding == {0}
        assert risen.rates == {0.5: 12.0}
        assert (await desk.next()).holding in ({1}, frozenset())  # nothing comes any more
    assert node.asked == [1, 2]
    assert node.closed == 1


async def test_blocks_are_counted_once_over_restarts() -> None:
    node, desk, hub, meter = Node([0, 50, 50]), Desk(), Hub(), LoadMeter(time.monotonic())
    async with running(node, desk, hub, meter, BUSY):
        await desk.next()  # what was there before is not counted
        assert node.asked == []
    node.blocks += [2, 2, 2]
    async with running(node, desk, hub, meter, BUSY):
        assert (await desk.next()).holding == {0}
    assert node.asked == [3, 4, 5]
    del node.blocks[4:]  # the node lost some, and makes new ones
    async with running(node, desk, hub, meter, BUSY):
        await desk.next()
        node.blocks += [1]
        hub.tell(head(4))
        await asyncio.sleep(0.1)
    assert node.asked == [3, 4, 5, 3, 4]


async def test_what_op_geth_puts_first_is_no_load() -> None:
    node, desk, hub, meter = Node(), Desk(), Hub(), LoadMeter(time.monotonic())
    async with running(node, desk, hub, meter, BUSY, engine="op-geth"):
        await desk.next()
        node.blocks += [1] * 20 + [3, 3]
        hub.tell(head(22))
        await asyncio.sleep(0.1)
        assert meter.rate(0.5, time.monotonic()) == 8
        assert desk.looks.empty()


async def test_a_flag_that_is_set_is_seen_at_once() -> None:
    desk, hub = Desk(), Hub()
    async with running(cast(Node, None), desk, hub, LoadMeter(time.monotonic()), HIDE):
        await desk.next()
        hub.tell(FlagSet("other"))
        await asyncio.sleep(0.05)
        assert desk.looks.empty()
        hub.tell(FlagSet("op"))
        hub.tell(FlagSet("op"))
        await desk.next()


async def test_it_looks_again_when_it_was_told_to_and_needs_no_node_without_load() -> None:
    desk, hub = Desk(again_at=time.time() + 0.2), Hub()
    async with running(cast(Node, None), desk, hub, LoadMeter(time.monotonic()), HIDE):
        await desk.next()
        first = time.time()
        assert desk.again_at is not None
        desk.again_at = None
        await desk.next()
        assert 0.1 < time.time() - first < 3
        hub.tell(head(1))
        await asyncio.sleep(0.05)
        assert desk.looks.empty()
