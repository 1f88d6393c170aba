"""Faults that break nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from control_plane.domain.errors import NotFound
from control_plane.domain.faults import KINDS, Names, make_fault
from control_plane.schemas.chaos import FaultKindView, FaultView, StartFault
from control_plane.services.chaos import kind_view
from tests.unit.api.fake_devnets import FakeDevnets
from tests.unit.api.values import BORN


@dataclass
class FakeChaos:
    """Faults that break nothing."""

    devnets: FakeDevnets
    faults: dict[str, FaultView] = field(default_factory=dict)

    def kinds(self) -> Sequence[FaultKindView]:
        return [kind_view(kind) for kind in KINDS.values()]

    async def list(self, name: str, *, over: bool) -> Sequence[FaultView]:
        await self.devnets.status(name)
        return [one for one in self.faults.values() if over or one.state == "active"]

    async def get(self, name: str, id_: str) -> FaultView:
        await self.devnets.status(name)
        if id_ not in self.faults:
            raise NotFound(f"No fault called {id_!r}")
        return self.faults[id_]

    async def start(self, name: str, request: StartFault) -> FaultView:
        await self.devnets.status(name)
        names = Names(["guardian-0", "guardian-1"], ["l1", "op"])
        fault = make_fault(request.kind, request.target, request.parameters, names)
        view = FaultView(
            id=f"f{len(self.faults) + 1}",
            kind=fault.kind,
            target=fault.target or None,
            parameters=request.parameters,
            state="over" if fault.at_once else "active",
            since=BORN,
        )
        self.faults[view.id] = view
        return view

    async def heal(self, name: str, id_: str) -> FaultView:
        found = await self.get(name, id_)
        self.faults[id_] = found.model_copy(update={"state": "over"})
        return self.faults[id_]

    async def heal_all(self, name: str) -> Sequence[FaultView]:
        return [await self.heal(name, one.id) for one in await self.list(name, over=False)]
