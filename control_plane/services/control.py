"""What users ask of devnets: create, change, stop, start, remove. Each call writes a record and
wakes the devnet's reconciler; the work itself happens there."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from control_plane.domain.errors import (
    CalderaError,
    Conflict,
    NotReady,
    StorageFailed,
)
from control_plane.domain.hub import FlagSet
from control_plane.domain.plan import Plan
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.store import UnitOfWork
from control_plane.domain.records import DevnetRecord
from control_plane.domain.spec_diff import Change, diff_specs
from control_plane.domain.spec_external import refuse_strangers
from control_plane.domain.states import Desired, DevnetState
from control_plane.schemas.spec import Spec
from control_plane.services.expiry import Expiry
from control_plane.services.live import Tools
from control_plane.services.running import Running
from control_plane.services.supervisor import cancel_and_wait

if TYPE_CHECKING:
    from control_plane.services.switching.journal import ByRule

_GONE_DEADLINE = 30.0

Outcome = Literal["created", "resumed", "unchanged", "updated"]


MakePlan = Callable[[Spec, Sequence[Plan], Plan | None, bool], Plan]
"""A complete plan of a spec, clear of the ports of the other plans given and of those in use;
the plan that runs now, if any, whose chains keep what they have; and whether default ports
are of the system's choice. Raises InvalidInput and Conflict."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A devnet's record after a request, and what the request did."""

    record: DevnetRecord
    outcome: Outcome
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """Another spec for a devnet, and the rule that wants it."""

    spec: Spec
    by: "ByRule"


class ControlPlane(Running):
    """All devnets of one home directory."""

    def __init__(
        self,
        home: Path,
        tools: Tools,
        make_plan: MakePlan,
        publish_for: Callable[[str], Publish],
        version: str,
        end: Callable[[], None] | None = None,
    ) -> None:
        """`end` ends this process; None: it goes on without devnets."""
        super().__init__(home, tools, publish_for)
        self._make_plan = make_plan
        self._version = version
        self._end = end
        self._ending = False
        self._admission = asyncio.Lock()
        self._reaper: asyncio.Task[None] | None = None
        self._expiry = Expiry(self.records, self._expire)

    # ------------------------------------------------------------------ this process

    async def open(self) -> None:
        """Take over every devnet of the database: adopt what runs, restart what died."""
        for record in await self.records():
            if record.desired is not Desired.STOPPED or record.state is not DevnetState.STOPPED:
                self._employ(record.name)
        self._reaper = asyncio.create_task(self._expiry.run(), name="reaper")

    async def close(self) -> None:
        """Save every chain and let go of the nodes; they go on without this process."""
        await cancel_and_wait(self._reaper)
        workers = list(self._workers.values())
        self._workers.clear()
        for _, task in workers:
            await cancel_and_wait(task)
        await asyncio.gather(*(worker.let_go() for worker, _ in workers), return_exceptions=True)

    async def end_if_idle(self) -> None:
        """End this process, which nobody needs any more.

        Conflict when it looks after devnets, or is to go on without any.
        """
        async with self._admission:
            names = [record.name for record in await self.records()]
            if names:
                raise Conflict(
                    "The daemon looks after devnets",
                    ", ".join(names),
                    "Take them down first; a signal ends the daemon alone, and they go on.",
                )
            if self._end is None:
                raise Conflict(
                    "The daemon was started by hand",
                    "it goes on without devnets",
                    "Ctrl-C in its terminal, or SIGTERM, ends it.",
                )
            self._ending = True
        self._end()

    # ------------------------------------------------------------------ changing

    async def create(
        self,
        spec: Spec,
        *,
        ttl: float | None = None,
        update: bool = False,
        free_ports: bool = False,
    ) -> Accepted:
        """Accept a devnet. The same spec again changes nothing, but starts a devnet that does
        not run; another spec is applied live with `update`, as far as that is possible.

        `ttl` is in seconds from now. Raises InvalidInput, NotAvailableYet, Conflict.
        """
        async with self._admission:
            if self._ending:
                raise NotReady("The daemon is ending", "its last devnet is gone", "Try again.")
            known = await self._known(spec.name)
            if known is not None:
                refuse_strangers(spec, {str(rollup["name"]) for rollup in known.spec["rollups"]})
                spec = await self.as_it_runs(known, spec)
                return await self._again(known, spec, update=update)
            refuse_strangers(spec, ())
            plan = self._make_plan(spec, await self._other_plans(spec.name), None, free_ports)
            record = DevnetRecord(
                name=spec.name,
                devnet_id="0x" + os.urandom(32).hex(),
                spec=spec.model_dump(mode="json"),
                plan=self._tools.dump_plan(plan),
                state=DevnetState.PLANNED,
                desired=Desired.RUNNING,
                created_at=time.time(),
                version=self._version,
                expires_at=time.time() + ttl if ttl else None,
            )
            async with self._tools.database.begin() as unit:
                await unit.devnets.add(record)
        await self._publish_for(spec.name)("devnet.created", {"notes": list(plan.notes)})
        self._employ(spec.name)
        self._expiry.look_again()
        return Accepted(record, "created")

    async def _known(self, name: str) -> DevnetRecord | None:
        """The devnet of that name, None when its name is free. One that is being removed, or
        that never came up, gives its name up first."""
        async with self._tools.database.begin() as unit:
            record = await unit.devnets.get(name)
        if record is None:
            return None
        stillborn = record.state is DevnetState.FAILED and record.ready_at is None
        if record.desired is not Desired.ABSENT and not stillborn:
            return record
        await self.remove(name)
        await self.wait_gone(name, _GONE_DEADLINE)
        return None

    async def change(self, name: str, spec: Spec, *, joined: str | None = None) -> Accepted:
        """Apply another spec to a devnet, live; Conflict names what cannot be. `joined`: a chain of
        somebody else that has the Metalayer's contracts by now."""
        async with self._admission:
            record = await self.record(name)
            known = {str(rollup["name"]) for rollup in record.spec["rollups"]}
            refuse_strangers(spec, known | {joined or ""})
            return await self._again(record, spec, update=True)

    async def revise(
        self, name: str, revise: Callable[[DevnetRecord], Awaitable[Revision | None]]
    ) -> None:
        """Apply what `revise` makes of a devnet's record, None: nothing; nobody changes a devnet
        meanwhile. Conflict names what can't be applied."""
        async with self._admission:
            record = await self.record(name)
            revision = await revise(record)
            if revision is not None:
                changes = diff_specs(Spec.model_validate(record.spec), revision.spec)
                await self._apply(record, revision.spec, changes, revision.by)

    async def as_it_runs(self, record: DevnetRecord, spec: Spec) -> Spec:
        """`spec` with what rules have made of its rollups since somebody last said what it says."""
        if not any(rollup.switch for rollup in spec.rollups):
            return spec
        from control_plane.services.switching.journal import as_switched

        async with self._tools.database.begin() as unit:
            known = await unit.switches.list(record.name)
        declared = {one.rollup: one.declared for one in known if one.declared is not None}
        return as_switched(spec, Spec.model_validate(record.spec), declared)

    async def extend(self, name: str, ttl: float) -> DevnetRecord:
        """Let the devnet live `ttl` more seconds from now."""
        return await self._update(name, expires_at=time.time() + ttl)

    async def _again(self, record: DevnetRecord, spec: Spec, *, update: bool) -> Accepted:
        changes = diff_specs(Spec.model_validate(record.spec), spec)
        if changes and not update:
            raise Conflict(
                f"{record.name} exists with another spec",
                "; ".join(str(change) for change in changes),
                "Take it down first, use another name, or apply the difference with PATCH.",
            )
        if changes:
            return await self._apply(record, spec, changes)
        if record.desired is Desired.RUNNING and record.state is not DevnetState.FAILED:
            return Accepted(record, "unchanged")
        return Accepted(await self.start(record.name), "resumed")

    async def _apply(
        self,
        record: DevnetRecord,
        spec: Spec,
        changes: tuple[Change, ...],
        by: "ByRule | None" = None,
    ) -> Accepted:
        fixed = [str(change) for change in changes if not change.live]
        if fixed:
            raise Conflict(
                f"{record.name} can't become that while it exists",
                "these need a new devnet: " + "; ".join(fixed),
                f"`caldera down {record.name}`, then `up` again, or use another name.",
            )
        plan = self._tools.load_plan(record.plan)
        changed = self._make_plan(spec, await self._other_plans(record.name), plan, False)
        await self._must_have_coins(record.name, plan, changed)

        async def note(unit: UnitOfWork) -> None:
            from control_plane.services.switching.journal import note_switches

            await note_switches(unit, record.name, Spec.model_validate(record.spec), spec, by)

        updated = await self._update(
            record.name,
            note,
            spec=spec.model_dump(mode="json"),
            plan=self._tools.dump_plan(changed),
            desired=Desired.RUNNING,
        )
        self._tell_flags(record.name, changes)
        told = [str(change) for change in changes]
        await self._publish_for(record.name)("devnet.changed", {"changes": told})
        return Accepted(updated, "updated", changes)

    async def _must_have_coins(self, name: str, was: Plan, plan: Plan) -> None:
        """InvalidInput when a new rollup's coin is a token that the L1 has not, or has otherwise;
        a devnet that does not run tells it when it starts."""
        names = {chain.name for chain in was.chains}
        new = [chain for chain in plan.rollups if chain.gas_token and chain.name not in names]
        worker = self.worker(name)
        if not new or worker is None or worker.live is None or worker.live.network is None:
            return
        from control_plane.services.settlement.coins import must_be_there

        await must_be_there(self._tools.connect, worker.live.network, new)

    def _tell_flags(self, name: str, changes: Sequence[Change]) -> None:
        """A flag is no part of the plan: agents go on, and whom it concerns looks again."""
        worker = self.worker(name)
        if worker is None or worker.live is None:
            return
        for change in changes:
            path = change.path.split(".")
            if len(path) == 3 and path[0] == "rollups" and path[2] == "private":
                worker.live.hub.tell(FlagSet(path[1]))

    async def stop(self, name: str) -> DevnetRecord:
        """Save and stop every node; nothing happens to a devnet that is stopped."""
        record = await self.record(name)
        if record.desired is Desired.STOPPED and record.state is DevnetState.STOPPED:
            return record
        again: dict[str, Any] = (
            {"state": DevnetState.STOPPING} if record.state is DevnetState.FAILED else {}
        )
        return await self._update(name, desired=Desired.STOPPED, **again)

    async def start(self, name: str) -> DevnetRecord:
        """Start a devnet that is stopped or has failed, from its saved state."""
        record = await self.record(name)
        running = {DevnetState.READY, DevnetState.DEGRADED, DevnetState.STARTING}
        if record.desired is Desired.RUNNING and record.state in running:
            return record
        worker = self.worker(name)
        if worker is not None:
            worker.held_nodes.clear()
        return await self._update(
            name, desired=Desired.RUNNING, state=DevnetState.STARTING, problem=None
        )

    async def restart(self, name: str, *, timeout: float = 60.0) -> DevnetRecord:
        """Stop and start again, with the same chain state."""
        await self.stop(name)
        await self.wait(name, {DevnetState.STOPPED}, timeout)
        return await self.start(name)

    async def remove(self, name: str) -> DevnetRecord:
        """Take a devnet down for good: processes, files and records. On a full disk too: its
        files make room for the record of it."""
        try:
            return await self._update(name, desired=Desired.ABSENT, expires_at=None)
        except StorageFailed:
            record = await self.record(name)
            self._employ(name).give_up()
            return replace(record, desired=Desired.ABSENT)

    # ------------------------------------------------------------------ inside

    async def _other_plans(self, name: str) -> list[Plan]:
        return [
            self._tools.load_plan(record.plan)
            for record in await self.records()
            if record.name != name
        ]

    async def _update(
        self,
        name: str,
        also: Callable[[UnitOfWork], Awaitable[None]] | None = None,
        **changes: Any,
    ) -> DevnetRecord:
        """Change a record, and in the same transaction do what is to be done `also`."""
        async with self._tools.database.begin() as unit:
            record = await unit.devnets.get(name)
            if record is not None:
                record = replace(record, **changes)
                await unit.devnets.put(record)
                if also is not None:
                    await also(unit)
        if record is None:
            return await self.record(name)  # raises NotFound with suggestions
        self._employ(name).wake()
        self._expiry.look_again()
        return record

    async def _expire(self, name: str) -> None:
        """Take a devnet down whose time is over, and with the last one this process."""
        await self._publish_for(name)("devnet.expired", {})
        await self.remove(name)
        with contextlib.suppress(CalderaError):  # it goes on being removed; nobody waits for it
            await self.wait_gone(name, _GONE_DEADLINE)
            await self.end_if_idle()
