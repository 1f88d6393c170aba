"""What users ask of devnets: create, change, stop, start, remove. Each call writes a record and
wakes the devnet's reconciler; the work itself happens there."""

import asyncio
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from control_plane.domain.errors import CalderaError, Conflict, DeadlineExceeded, Failed, NotFound
from control_plane.domain.plan import Plan
from control_plane.domain.ports.agent import Publish
from control_plane.domain.records import DevnetRecord
from control_plane.domain.states import Desired, DevnetState
from control_plane.domain.suggest import nearest
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.reconciler import Reconciler, Tools
from control_plane.services.supervisor import cancel_and_wait

_NODE = "node"


class Planning(Protocol):
    """Specs as plain JSON in, plans out; pure but for reading which ports are taken."""

    def make(self, spec: Mapping[str, Any], others: Collection[Plan]) -> Plan:
        """A complete plan that avoids the ports of `others` and those in use.

        Raises InvalidInput, NotAvailableYet, Conflict.
        """
        ...

    def change(
        self, old: Mapping[str, Any], new: Mapping[str, Any], plan: Plan, others: Collection[Plan]
    ) -> Plan:
        """`plan` changed to what `new` wants, live; what stays keeps its ports.

        Raises Conflict naming every difference that needs a new devnet.
        """
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """A devnet's record after a request, and whether the request changed anything."""

    record: DevnetRecord
    changed: bool


class ControlPlane:
    """All devnets of one home directory."""

    def __init__(
        self,
        home: Path,
        tools: Tools,
        planning: Planning,
        publish_for: Callable[[str], Publish],
        version: str,
    ) -> None:
        self._home = home
        self._tools = tools
        self._planning = planning
        self._publish_for = publish_for
        self._version = version
        self._workers: dict[str, tuple[Reconciler, asyncio.Task[None]]] = {}
        self._admission = asyncio.Lock()
        self._reaper: asyncio.Task[None] | None = None
        self._expiry_changed = asyncio.Event()

    # ------------------------------------------------------------------ this process

    async def open(self) -> None:
        """Take over every devnet of the database: adopt what runs, restart what died."""
        for record in await self.records():
            if record.desired is not Desired.STOPPED or record.state is not DevnetState.STOPPED:
                self._employ(record.name)
        self._reaper = asyncio.create_task(self._reap(), name="reaper")

    async def close(self) -> None:
        """Save every chain and let go of the nodes; they go on without this process."""
        await cancel_and_wait(self._reaper)
        workers = list(self._workers.values())
        self._workers.clear()
        for _, task in workers:
            await cancel_and_wait(task)
        await asyncio.gather(*(worker.let_go() for worker, _ in workers), return_exceptions=True)

    # ------------------------------------------------------------------ asking

    async def records(self) -> list[DevnetRecord]:
        """Every devnet's record, by name."""
        async with self._tools.database.begin() as unit:
            return sorted(await unit.devnets.list(), key=lambda record: record.name)

    async def record(self, name: str) -> DevnetRecord:
        """One devnet's record; NotFound suggests the nearest name."""
        async with self._tools.database.begin() as unit:
            record = await unit.devnets.get(name)
            if record is not None:
                return record
            known = [other.name for other in await unit.devnets.list()]
        raise not_found("devnet", name, known)

    def worker(self, name: str) -> Reconciler | None:
        """The reconciler of a devnet that this process looks after."""
        found = self._workers.get(name)
        return found[0] if found else None

    async def wait(
        self, name: str, states: Collection[DevnetState], timeout: float
    ) -> DevnetRecord:
        """Until the devnet is in one of `states`.

        Raises the error that made it fail when it ends up failed and that was not asked for,
        DeadlineExceeded when time is up, NotFound when it is removed meanwhile.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._wait(name, states)
        except TimeoutError:
            record = await self.record(name)
            raise DeadlineExceeded(
                f"{name} is not {' or '.join(states)}",
                f"after {timeout:g} s it is {record.state}: {record.problem or 'no reason given'}",
                f"See `caldera status {name}` and `caldera logs {name}`.",
            ) from None

    async def _wait(self, name: str, states: Collection[DevnetState]) -> DevnetRecord:
        while True:
            worker = self.worker(name)
            changed = asyncio.ensure_future(worker.changed()) if worker else None
            try:
                record = await self.record(name)
                if record.state in states:
                    return record
                if record.state is DevnetState.FAILED:
                    raise self._why_failed(record, worker)
                if changed is None:
                    raise Failed(f"{name} is {record.state}", "nothing is working on it")
                await changed
            finally:
                if changed is not None:
                    changed.cancel()

    async def wait_gone(self, name: str, timeout: float) -> None:
        """Until the devnet is removed; DeadlineExceeded when time is up."""
        found = self._workers.get(name)
        if found is None:
            return
        try:
            async with asyncio.timeout(timeout):
                await asyncio.shield(found[1])
        except TimeoutError:
            raise DeadlineExceeded(
                f"{name} is not gone", f"after {timeout:g} s", f"See `caldera status {name}`."
            ) from None

    @staticmethod
    def _why_failed(record: DevnetRecord, worker: Reconciler | None) -> CalderaError:
        error = worker.last_error if worker else None
        if isinstance(error, CalderaError):
            return error
        return Failed(f"{record.name} did not start", record.problem or "", "See `caldera logs`.")

    # ------------------------------------------------------------------ changing

    async def create(
        self, spec: Mapping[str, Any], *, name: str, ttl: float | None = None
    ) -> Accepted:
        """Accept a devnet. The same spec again changes nothing (but starts it when it does not
        run); another spec is applied as far as that is possible live.

        `ttl` is in seconds from now. Raises InvalidInput, NotAvailableYet, Conflict.
        """
        async with self._admission:
            async with self._tools.database.begin() as unit:
                known = await unit.devnets.get(name)
            if known is not None and known.desired is not Desired.ABSENT:
                return await self._again(known, spec)
            if known is not None:
                raise Conflict(
                    f"{name} is being removed", "its name is free in a moment", "Try again."
                )
            plan = self._planning.make(spec, await self._other_plans(name))
            record = DevnetRecord(
                name=name,
                devnet_id="0x" + os.urandom(32).hex(),
                spec=spec,
                plan=self._tools.dump_plan(plan),
                state=DevnetState.PLANNED,
                desired=Desired.RUNNING,
                created_at=time.time(),
                version=self._version,
                expires_at=time.time() + ttl if ttl else None,
            )
            async with self._tools.database.begin() as unit:
                await unit.devnets.add(record)
        await self._publish_for(name)("devnet.created", {"notes": list(plan.notes)})
        self._employ(name)
        self._expiry_changed.set()
        return Accepted(record, changed=True)

    async def change(self, name: str, spec: Mapping[str, Any]) -> Accepted:
        """Apply another spec to a devnet, live; Conflict names what cannot be."""
        async with self._admission:
            return await self._again(await self.record(name), spec)

    async def _again(self, record: DevnetRecord, spec: Mapping[str, Any]) -> Accepted:
        if dict(record.spec) != dict(spec):
            plan = self._tools.load_plan(record.plan)
            others = await self._other_plans(record.name)
            changed = self._planning.change(record.spec, spec, plan, others)
            updated = await self._update(
                record.name, spec=spec, plan=self._tools.dump_plan(changed), desired=Desired.RUNNING
            )
            await self._publish_for(record.name)("devnet.changed", {"notes": list(changed.notes)})
            return Accepted(updated, changed=True)
        if record.desired is Desired.RUNNING and record.state is not DevnetState.FAILED:
            return Accepted(record, changed=False)
        return Accepted(await self.start(record.name), changed=True)

    async def stop(self, name: str) -> DevnetRecord:
        """Save and stop every node; nothing happens to a devnet that is stopped."""
        record = await self.record(name)
        if record.desired is Desired.STOPPED and record.state is DevnetState.STOPPED:
            return record
        return await self._update(name, desired=Desired.STOPPED)

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
        """Take a devnet down for good: processes, files and records."""
        return await self._update(name, desired=Desired.ABSENT, expires_at=None)

    # ------------------------------------------------------------------ one service

    async def stop_service(self, name: str, service: str) -> None:
        """Stop one agent or node until it is started again; a node's state is saved first."""
        worker = await self._running(name)
        chain = self._node_of(worker, service)
        if chain is not None:
            plan = worker.live_plan()
            worker.held_nodes.add(chain)
            if chain in worker.nodes.running:
                await worker.nodes.save(plan, chain)
                await worker.nodes.stop(chain)
        else:
            await worker.agents.hold(service)
        worker.wake()

    async def start_service(self, name: str, service: str) -> None:
        """Start a service that was stopped; nothing happens to one that runs."""
        worker = await self._running(name)
        chain = self._node_of(worker, service)
        if chain is not None:
            worker.held_nodes.discard(chain)
        else:
            worker.agents.release(service)
        worker.wake()

    async def _running(self, name: str) -> Reconciler:
        record = await self.record(name)
        worker = self.worker(name)
        if worker is None or worker.live is None:
            raise Conflict(
                f"{name} is {record.state}",
                "its services run only while it does",
                f"`caldera start {name}`",
            )
        return worker

    @staticmethod
    def _node_of(worker: Reconciler, service: str) -> str | None:
        """The chain whose node `service` is, None for an agent; NotFound for neither."""
        nodes = [f"{chain.name}/{_NODE}" for chain in worker.live_plan().chains]
        if service in nodes:
            return service.removesuffix(f"/{_NODE}")
        if service in worker.agents:
            return None
        raise not_found("service", service, [*nodes, *worker.agents.names()])

    # ------------------------------------------------------------------ inside

    async def _other_plans(self, name: str) -> list[Plan]:
        return [
            self._tools.load_plan(record.plan)
            for record in await self.records()
            if record.name != name
        ]

    async def _update(self, name: str, **changes: Any) -> DevnetRecord:
        async with self._tools.database.begin() as unit:
            record = await unit.devnets.get(name)
            if record is not None:
                record = replace(record, **changes)
                await unit.devnets.put(record)
        if record is None:
            return await self.record(name)  # raises NotFound with suggestions
        self._employ(name).wake()
        self._expiry_changed.set()
        return record

    def _employ(self, name: str) -> Reconciler:
        found = self._workers.get(name)
        if found is not None and not found[1].done():
            return found[0]
        files = DevnetFiles(self._home, name)
        worker = Reconciler(name, files, self._tools, self._publish_for(name))
        task = asyncio.create_task(worker.run(), name=f"reconcile {name}")
        self._workers[name] = (worker, task)
        task.add_done_callback(lambda done: self._dismiss(name, done))
        return worker

    def _dismiss(self, name: str, task: asyncio.Task[None]) -> None:
        found = self._workers.get(name)
        if found is not None and found[1] is task:
            del self._workers[name]

    async def _reap(self) -> None:
        """Remove devnets whose time to live is over."""
        while True:
            self._expiry_changed.clear()
            dying = [(r.expires_at, r.name) for r in await self.records() if r.expires_at]
            soonest = min(dying, default=None)
            if soonest is not None and soonest[0] <= time.time():
                await self._publish_for(soonest[1])("devnet.expired", {})
                await self.remove(soonest[1])
                continue
            pause = max(0.0, soonest[0] - time.time()) if soonest else None
            try:
                async with asyncio.timeout(pause):
                    await self._expiry_changed.wait()
            except TimeoutError:
                continue


def not_found(kind: str, name: str, known: Collection[str]) -> NotFound:
    """NotFound that lists what there is, or names the nearest."""
    close = nearest(name, known)
    if close:
        hint = f"Did you mean {close!r}?"
    elif known:
        hint = f"There is: {', '.join(sorted(known))}."
    else:
        hint = f"There is no {kind} yet."
    return NotFound(f"No {kind} called {name!r}", "", hint)
