"""What is not to be had on a devnet is refused with the reason."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from control_plane.adapters.chaos.breaking import ChaosBreaker
from control_plane.domain.errors import Conflict
from control_plane.domain.faults import (
    KINDS,
    ChainPaused,
    ConnectionDropped,
    Fault,
    GuardianSilent,
    RelayerCensoring,
    Reorg,
)
from control_plane.domain.hub import Hub, Missed
from control_plane.domain.ports.chaos import Ground
from control_plane.domain.seams import Seams


@dataclass
class FakeServices:
    running: set[str]
    elsewhere: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)

    def __contains__(self, name: str) -> bool:
        return name in self.running

    async def hold(self, name: str) -> None:
        self.held.add(name)

    def release(self, name: str) -> None:
        self.held.discard(name)

    def is_elsewhere(self, name: str) -> bool:
        return name in self.elsewhere


@dataclass
class FakeChain:
    name: str
    engine: str = "anvil"
    domain: int = 901
    ws_url: str = "ws://op"

    @property
    def plan(self) -> "FakeChain":
        return self


@dataclass
class FakeNetwork:
    agents: str = "embedded"
    engine: str = "anvil"
    devnet: str = "net"

    @property
    def plan(self) -> "FakeNetwork":
        return self

    def chain(self, name: str) -> FakeChain:
        return FakeChain(name, self.engine)


def ground(network: FakeNetwork, services: FakeServices, hub: Hub | None = None) -> Ground:
    nothing: Any = None
    return Ground(
        "f1", cast(Any, network), nothing, hub or Hub(), Seams(), services, nothing, nothing,
        nothing,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "network", "elsewhere", "why"),
    [
        (Reorg("op", 3), FakeNetwork(engine="op-geth"), set(), "anvil_reorg"),
        (ChainPaused("native"), FakeNetwork(), set(), "framework's own services"),
        (GuardianSilent("guardian-0"), FakeNetwork("containers"), set(), "in containers"),
        (ConnectionDropped("op"), FakeNetwork("containers"), set(), "in containers"),
        (GuardianSilent("guardian-0"), FakeNetwork(), {"aggregator"}, "a process of its own"),
        (RelayerCensoring("", "", "op"), FakeNetwork(), {"relayer"}, "a process of its own"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_refusals(fault: Fault, network: FakeNetwork, elsewhere: set[str], why: str) -> None:
    services = FakeServices({"op/sequencer"}, elsewhere)
    with pytest.raises(Conflict, match=why):
        await ChaosBreaker().begin(fault, ground(network, services))


async def test_a_chain_is_paused_and_goes_on() -> None:
    services = FakeServices({"op/sequencer"})
    breaker, here = ChaosBreaker(), ground(FakeNetwork(engine="op-geth"), services)
    assert await breaker.begin(ChainPaused("op"), here) is None
    assert services.held == {"op/sequencer"}
    await breaker.end(ChainPaused("op"), here)
    assert services.held == set()


async def test_what_stands_is_not_put_there_twice_and_leaves_nothing_behind() -> None:
    hub = Hub()
    here = ground(FakeNetwork(), FakeServices(set()), hub)
    breaker, censoring, silent = (
        ChaosBreaker(),
        RelayerCensoring("", "", "op"),
        GuardianSilent("guardian-1"),
    )
    beside = replace(here, id="f2")
    for _ in range(2):
        assert await breaker.begin(censoring, here) is None
        assert await breaker.begin(silent, beside) is None
    assert list(here.seams.attesters["guardian-1"]) == ["f2"]
    async with hub.listen() as news:
        await breaker.end(censoring, here)
        assert isinstance(news.get_nowait(), Missed)  # the relayer looks again
    assert not here.seams.withhold
    await breaker.end(silent, beside)
    assert not here.seams.attesters["guardian-1"]


def test_every_kind_can_be_begun() -> None:
    known = ChaosBreaker.__dict__["_begin"].dispatcher.registry
    assert set(KINDS.values()) == set(known) - {object}
