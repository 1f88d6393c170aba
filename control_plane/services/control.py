"""What users ask of devnets: create, change, stop, start, remove. Each call writes a record and
wakes the devnet's reconciler; the work itself happens there."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from control_plane.domain.errors import (
    CalderaError,
    Conflict,
    DeadlineExceeded,
    Failed,
    MissingDependency,
    NotFound,
    NotReady,
    StorageFailed,
)
from control_plane.domain.network import GuardianKeys, Network
from control_plane.domain.plan import Plan
from control_plane.domain.ports.agent import Publish
from control_plane.domain.records import DevnetRecord
from control_plane.domain.spec_diff import Change, diff_specs
from control_plane.domain.states import Desired, DevnetState
from control_plane.domain.suggest import nearest
from control_plane.schemas.spec import Spec
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.reconciler import Live, Reconciler, Tools
from control_plane.services.supervisor import AgentView, cancel_and_wait

T = TypeVar("T")

log = logging.getLogger(__name__)

_NODE = "node"
_REAP_AGAIN = 5.0
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


class ControlPlane:
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
        self._home = home
        self._tools = tools
        self._make_plan = make_plan
        self._publish_for = publish_for
        self._version = version
        self._end = end
        self._ending = False
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
            change = worker.next_change() if worker else None
            record = await self.record(name)
            if record.state in states:
                return record
            if record.state is DevnetState.FAILED:
                raise self._why_failed(record, worker)
            if change is None:
                raise Failed(f"{name} is {record.state}", "nothing is working on it")
            await change.wait()

    async def wait_settled(self, name: str, timeout: float) -> DevnetRecord:
        """Until the devnet runs as its record wants it, ready or degraded.

        Raises what :meth:`wait` raises.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    worker = self.worker(name)
                    change = worker.next_change() if worker else None
                    record = await self._wait(name, {DevnetState.READY, DevnetState.DEGRADED})
                    plan = self._tools.load_plan(record.plan)
                    if worker is None or change is None or worker.is_settled(plan):
                        return record
                    await change.wait()
        except TimeoutError:
            return await self.wait(name, (), 0)

    async def wait_gone(self, name: str, timeout: float) -> None:
        """Until the devnet is removed; DeadlineExceeded when time is up, MissingDependency when
        somebody has to do something before it can be."""
        found = self._workers.get(name)
        if found is None:
            return
        worker, task = found
        try:
            async with asyncio.timeout(timeout):
                while not task.done():
                    await _either(task, worker.next_change())
                    record = await worker.record()
                    failed = record is not None and record.state is DevnetState.FAILED
                    if failed and isinstance(worker.last_error, MissingDependency):
                        raise worker.last_error
                await task
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
                return await self._again(known, spec, update=update)
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
        self._expiry_changed.set()
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

    async def change(self, name: str, spec: Spec) -> Accepted:
        """Apply another spec to a devnet, live; Conflict names what cannot be."""
        async with self._admission:
            return await self._again(await self.record(name), spec, update=True)

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
        self, record: DevnetRecord, spec: Spec, changes: tuple[Change, ...]
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
        updated = await self._update(
            record.name,
            spec=spec.model_dump(mode="json"),
            plan=self._tools.dump_plan(changed),
            desired=Desired.RUNNING,
        )
        told = [str(change) for change in changes]
        await self._publish_for(record.name)("devnet.changed", {"changes": told})
        return Accepted(updated, "updated", changes)

    async def stop(self, name: str) -> DevnetRecord:
        """Save and stop every node; nothing happens to a devnet that is stopped."""
        record = await self.record(name)
        if record.desired is Desired.STOPPED and record.state is DevnetState.STOPPED:
            return record
        again = {"state": DevnetState.STOPPING} if record.state is DevnetState.FAILED else {}
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

    def agents(self, name: str) -> list[AgentView]:
        """The agents that this process runs for a devnet; none when it runs none."""
        worker = self.worker(name)
        return worker.agents.views() if worker else []

    async def live(self, name: str) -> tuple[Live, Network]:
        """What runs of a devnet; Conflict when its chains are not up."""
        worker = await self._running(name)
        if worker.live is None or worker.live.network is None:
            raise Conflict(
                f"{name} is starting", "its chains are not up yet", "Wait until it is ready."
            )
        return worker.live, worker.live.network

    async def join_guardian(self, name: str, number: int) -> GuardianKeys:
        """Start one more guardian of a running devnet; its keys."""
        return await (await self._running(name)).join_guardian(number)

    async def retire_guardian(self, name: str, number: int) -> None:
        """End a guardian that is in no set any more."""
        await (await self._running(name)).retire_guardian(number)

    def must_answer(self, name: str, chain: str) -> None:
        """Conflict when a chain's node does not run, stopped by the user or being restarted."""
        worker = self.worker(name)
        if worker is None or chain not in worker.nodes.running:
            raise Conflict(
                f"{chain}/node of {name} does not run",
                "the chain takes no transactions without it",
                f"`caldera status {name}` says why; `caldera start {name} --service {chain}/node`.",
            )

    async def while_there(self, name: str, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns; given up with Conflict when the devnet is removed meanwhile."""
        found = self._workers.get(name)
        task = asyncio.ensure_future(work)
        ends: set[asyncio.Future[Any]] = {task, found[1]} if found else {task}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.done():
            return task.result()
        await cancel_and_wait(task)
        raise Conflict(f"{name} was removed", "while this was under way", "See `caldera ls`.")

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
            try:
                pause = await self._reap_once()
            except CalderaError as error:  # a full disk, perhaps; there may be room later
                log.warning("devnets whose time is over are not removed: %s", error)
                pause = _REAP_AGAIN
            try:
                async with asyncio.timeout(pause):
                    await self._expiry_changed.wait()
            except TimeoutError:
                continue

    async def _reap_once(self) -> float | None:
        """Remove what is due; seconds until the next is, None when there is none."""
        while True:
            dying = [(r.expires_at, r.name) for r in await self.records() if r.expires_at]
            soonest = min(dying, default=None)
            if soonest is not None and soonest[0] <= time.time():
                await self._expire(soonest[1])
                continue
            return max(0.0, soonest[0] - time.time()) if soonest else None

    async def _expire(self, name: str) -> None:
        """Take a devnet down whose time is over, and with the last one this process."""
        await self._publish_for(name)("devnet.expired", {})
        await self.remove(name)
        with contextlib.suppress(CalderaError):  # it goes on being removed; nobody waits for it
            await self.wait_gone(name, _GONE_DEADLINE)
            await self.end_if_idle()


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


async def _either(task: "asyncio.Task[None]", event: asyncio.Event) -> None:
    """Returns when one of them is done; the task goes on."""
    waiting: asyncio.Task[Any] = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
