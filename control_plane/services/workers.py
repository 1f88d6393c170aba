"""One reconciler for each devnet of a home, and waiting for what they do."""

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from control_plane.domain.errors import CalderaError, DeadlineExceeded, Failed, MissingDependency
from control_plane.domain.ports.agent import Publish
from control_plane.domain.records import DevnetRecord
from control_plane.domain.states import DevnetState
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.live import Tools
from control_plane.services.reconciler import Reconciler
from control_plane.services.unknown import not_found


class Workers:
    """The devnets of one home directory: their records, and who works on them."""

    def __init__(self, home: Path, tools: Tools, publish_for: Callable[[str], Publish]) -> None:
        self._home = home
        self._tools = tools
        self._publish_for = publish_for
        self._workers: dict[str, tuple[Reconciler, asyncio.Task[None]]] = {}

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

        Raises what :meth:`wait` raises, MissingDependency when somebody has to do something first.
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
                    worker.wake()
                    await change.wait()
                    if worker.lacks is not None:
                        raise worker.lacks
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

    # ------------------------------------------------------------------ inside

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


async def _either(task: "asyncio.Task[None]", event: asyncio.Event) -> None:
    """Returns when one of them is done; the task goes on."""
    waiting: asyncio.Task[Any] = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
