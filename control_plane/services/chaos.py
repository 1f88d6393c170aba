"""Faults that users start: recorded, begun, listed, healed.

A fault is durable. One that is active when the daemon ends, or its devnet is stopped, begins again
when the devnet is ready again; one that was a single act, or has done all it was to do, is over.
"""

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from control_plane.domain.errors import CalderaError, Conflict
from control_plane.domain.faults import (
    KINDS,
    Fault,
    Names,
    default_of,
    make_fault,
    parameters_of,
)
from control_plane.domain.network import Keys, Network
from control_plane.domain.ports.chaos import Breaker, Ground
from control_plane.domain.ports.store import Database
from control_plane.domain.quorum import Roster
from control_plane.domain.records import FaultRecord
from control_plane.domain.seams import SeamBook
from control_plane.domain.states import DevnetState
from control_plane.schemas.chaos import FaultKindView, FaultParameterView, FaultView, StartFault
from control_plane.services.control import ControlPlane
from control_plane.services.events import EventLog
from control_plane.services.status import moment
from control_plane.services.unknown import not_found

_UP: Final = frozenset({"devnet.ready", "devnet.degraded"})
_LONGEST_OUTCOME: Final = 500

log = logging.getLogger(__name__)


class Chaos:
    """Implements the API's ``Chaos``. `breaker` is made with the first fault."""

    def __init__(
        self,
        control: ControlPlane,
        database: Database,
        events: EventLog,
        seams: SeamBook,
        breaker: Callable[[], Breaker],
    ) -> None:
        self._control = control
        self._database = database
        self._events = events
        self._seams = seams
        self._make_breaker = breaker
        self._made: Breaker | None = None
        self._turn = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------ asking

    def kinds(self) -> Sequence[FaultKindView]:
        """All that can be broken."""
        return [kind_view(kind) for kind in KINDS.values()]

    async def list(self, name: str, *, over: bool) -> Sequence[FaultView]:
        """Active faults, oldest first; with `over` those that are over, too."""
        await self._control.record(name)
        async with self._database.begin() as unit:
            records = await unit.faults.list(name)
        return [_view(one) for one in records if over or one.ended_at is None]

    async def get(self, name: str, id_: str) -> FaultView:
        """One fault. NotFound."""
        return _view(await self._record(name, id_))

    async def _record(self, name: str, id_: str) -> FaultRecord:
        await self._control.record(name)
        async with self._database.begin() as unit:
            found = await unit.faults.get(name, id_)
            known = [one.id for one in await unit.faults.list(name) if one.ended_at is None]
        if found is None:
            raise not_found("fault", id_, known)
        return found

    # ------------------------------------------------------------------ starting

    async def start(self, name: str, request: StartFault) -> FaultView:
        """Begin a fault; returns when it is there. InvalidInput, Conflict, TemporaryFailure."""
        live, network = await self._control.live(name)
        names = Names(
            guardians=[f"guardian-{guardian.index}" for guardian in live.keys.guardians],
            chains=[chain.name for chain in network.chains],
        )
        fault = make_fault(request.kind, request.target, request.parameters, names)
        async with self._turn:
            record = await self._number(name, fault)
            ground = await self._ground(name, record.id)
            self._breaker.check(fault, ground)
            await self._put(record)
            await self._tell(record, "chaos.started")
            record = await self._begin(record, fault, ground)
        self._keep()
        return _view(record)

    async def _number(self, name: str, fault: Fault) -> FaultRecord:
        async with self._database.begin() as unit:
            known = await unit.faults.list(name)
        for one in known:
            same = one.kind == fault.kind and (one.target or "") == fault.target
            if same and one.ended_at is None and not fault.at_once:
                raise Conflict(
                    f"{fault.kind} {fault.target} is active already".replace("  ", " "),
                    f"it is fault {one.id}",
                    f"`caldera chaos heal {one.id}` ends it.",
                )
        number = 1 + max((int(one.id[1:]) for one in known), default=0)
        parameters = {p.name: getattr(fault, p.name) for p in parameters_of(type(fault))}
        given = {key: value for key, value in parameters.items() if value != ""}
        return FaultRecord(name, f"f{number}", fault.kind, fault.target or None, given, time.time())

    async def _begin(self, record: FaultRecord, fault: Fault, ground: Ground) -> FaultRecord:
        """Begin it; a fault that can't be begun leaves a record of why."""
        try:
            outcome = await self._breaker.begin(fault, ground)
        except CalderaError as error:
            await self._end(record, str(error))
            raise
        if outcome is None:
            return record
        return await self._end(record, outcome)

    async def _end(self, record: FaultRecord, outcome: str | None) -> FaultRecord:
        async with self._database.begin() as unit:
            newest = await unit.faults.get(record.devnet, record.id) or record
            told = outcome[:_LONGEST_OUTCOME] if outcome else newest.outcome
            ended = replace(newest, ended_at=newest.ended_at or time.time(), outcome=told)
            await unit.faults.put(ended)
        await self._tell(ended, "chaos.ended")
        return ended

    # ------------------------------------------------------------------ healing

    async def heal(self, name: str, id_: str) -> FaultView:
        """End a fault; nothing happens to one that is over. NotFound."""
        record = await self._record(name, id_)
        async with self._turn:
            return _view(await self._heal(record))

    async def heal_all(self, name: str) -> Sequence[FaultView]:
        """End all that are active; those."""
        await self._control.record(name)
        async with self._turn:
            async with self._database.begin() as unit:
                records = [one for one in await unit.faults.list(name) if one.ended_at is None]
            return [_view(await self._heal(record)) for record in records]

    async def _heal(self, record: FaultRecord) -> FaultRecord:
        if record.ended_at is not None:
            return record
        with contextlib.suppress(Conflict):  # a devnet that does not run has nothing to mend
            ground = await self._ground(record.devnet, record.id)
            await self._breaker.end(_fault(record), ground)
        ended = replace(record, ended_at=time.time())
        await self._put(ended)
        await self._tell(ended, "chaos.healed")
        return ended

    # ------------------------------------------------------------------ over restarts

    def resume(self) -> None:
        """Begin again what was active when an earlier daemon ended, as devnets become ready."""
        self._keep()

    async def close(self) -> None:
        """Stop looking after faults; they stay active."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    def _keep(self) -> None:
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._look_after(), name="faults")

    async def _look_after(self) -> None:
        after = await self._events.before_last(None, 0)
        for record in await self._control.records():
            if record.state in {DevnetState.READY, DevnetState.DEGRADED}:
                await self._renew(record.name)
        async for event in self._events.follow(None, after):
            if event.type in _UP:
                await self._renew(event.devnet)
            elif event.type == "devnet.removed":
                self._seams.forget(event.devnet)

    async def _renew(self, name: str) -> None:
        """Begin the active faults of a devnet again; those that stand already are not changed."""
        async with self._turn:
            async with self._database.begin() as unit:
                records = [one for one in await unit.faults.list(name) if one.ended_at is None]
            for record in records:
                try:
                    await self._breaker.begin(_fault(record), await self._ground(name, record.id))
                except CalderaError as error:
                    log.warning("fault %s of %s is not there: %s", record.id, name, error)

    # ------------------------------------------------------------------ inside

    @property
    def _breaker(self) -> Breaker:
        if self._made is None:
            self._made = self._make_breaker()
        return self._made

    async def _ground(self, name: str, id_: str) -> Ground:
        live, network = await self._control.live(name)
        worker = self._control.worker(name)
        if worker is None:
            raise Conflict(f"{name} does not run", "", f"`caldera start {name}`")

        async def tell(what: str, *, last: bool = False) -> None:
            await self._acted(name, id_, what, last=last)

        async def next_epoch() -> int:
            async with self._database.begin() as unit:
                latest = await unit.epochs.latest(name, certified=False)
            return 1 + (latest.epoch if latest else 0)

        return Ground(
            id=id_,
            network=network,
            keys=live.keys,
            hub=live.hub,
            seams=self._seams.of(name),
            services=worker.agents,
            tell=tell,
            roster=lambda: self._roster(network, live.keys),
            next_epoch=next_epoch,
        )

    async def _roster(self, network: Network, keys: Keys) -> Roster:
        """The guardian set that epochs are made with."""
        from control_plane.services.metalayer.lineup import Lineup
        from control_plane.services.metalayer.rounds import founding_roster

        async with self._database.begin() as unit:
            record = await unit.guardian_sets.active(network.devnet)
        return Lineup.of(record).roster if record else founding_roster(network, keys)

    async def _acted(self, name: str, id_: str, what: str, *, last: bool) -> None:
        """A fault did something."""
        async with self._database.begin() as unit:
            record = await unit.faults.get(name, id_)
            if record is None:
                return
            ended = time.time() if last and record.ended_at is None else record.ended_at
            record = replace(record, outcome=what[:_LONGEST_OUTCOME], ended_at=ended)
            await unit.faults.put(record)
        await self._tell(record, "chaos.acted")
        if last:
            await self._breaker.end(_fault(record), await self._ground(name, id_))

    async def _put(self, record: FaultRecord) -> None:
        async with self._database.begin() as unit:
            await unit.faults.put(record)

    async def _tell(self, record: FaultRecord, type_: str) -> None:
        data: dict[str, Any] = {"fault": record.id, "kind": record.kind}
        data |= {"target": record.target} if record.target else {}
        data |= dict(record.parameters)
        data |= {"outcome": record.outcome} if record.outcome else {}
        await self._events.publish(record.devnet, type_, data)


def _fault(record: FaultRecord) -> Fault:
    """As it was validated when it was started."""
    kind = KINDS[record.kind]
    known = {field.name for field in dataclasses.fields(kind)}
    given: Mapping[str, Any] = {k: v for k, v in record.parameters.items() if k in known}
    return kind(record.target or "", **given)


def _view(record: FaultRecord) -> FaultView:
    return FaultView(
        id=record.id,
        kind=record.kind,
        target=record.target,
        parameters=dict(record.parameters),
        state="active" if record.ended_at is None else "over",
        since=datetime.fromtimestamp(record.since, UTC),
        ended_at=moment(record.ended_at),
        outcome=record.outcome,
    )


def kind_view(kind: type[Fault]) -> FaultKindView:
    """A kind as it goes over the wire."""
    return FaultKindView(
        kind=kind.kind,
        target=kind.aim,
        at_once=kind.at_once,
        description=(kind.__doc__ or "").strip(),
        parameters=tuple(
            FaultParameterView(
                name=one.name, default=default_of(one), description=one.metadata["what"]
            )
            for one in parameters_of(kind)
        ),
    )
