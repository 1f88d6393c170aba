"""What happens to a home's containers, from the engine's event stream.

One thread reads events for all devnets. When the stream breaks, the engine ended or was
restarted: the thread connects again, and then compares what runs with what ran.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, Final

from control_plane.adapters.runtime.compose.link import Container, Link, words_of
from control_plane.adapters.runtime.compose.project import PROJECT_LABEL, SERVICE_LABEL
from control_plane.adapters.runtime.gate import GATE
from control_plane.domain.errors import CalderaError

_AGAIN: Final = 0.5
"""Seconds between two tries to reach an engine that is gone."""
_KILLED: Final = 137


class Watch:
    """Futures and troubles of containers, by their ids. Used in one event loop."""

    def __init__(self, link: Link, home: str, gate_ended: Callable[[str], None]) -> None:
        self._link = link
        self._home = home
        self._gate_ended = gate_ended
        """Called with the project whose gate does not run."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stream: Any = None
        self._closed = threading.Event()
        self._gone: dict[str, asyncio.Future[str]] = {}
        self._short_of_memory: set[str] = set()
        self._troubles: dict[str, str] = {}
        self._unreachable: str | None = None

    def start(self) -> None:
        """Begin to watch; idempotent."""
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._run, name="docker events", daemon=True)
            self._thread.start()

    async def close(self) -> None:
        """End the thread; nobody waits any more."""
        self._closed.set()
        for future in self._gone.values():
            future.cancel()
        if self._thread is not None:
            with contextlib.suppress(Exception):  # an SDK's stream that was broken already
                self._stream.close()
            await asyncio.to_thread(self._thread.join, 2.0)

    def trouble(self, container: str) -> str | None:
        """What is wrong with a container that has not ended."""
        if self._unreachable is not None:
            return self._unreachable
        return self._troubles.get(container)

    async def gone(self, container: str) -> str:
        """Returns when the container has ended; why it did."""
        self.start()
        future = self._gone.get(container)
        if future is None:
            future = self._gone[container] = asyncio.get_running_loop().create_future()
            with contextlib.suppress(CalderaError):  # no engine: told when there is one again
                await self._look(container)
        return await asyncio.shield(future)

    def forget(self, container: str) -> None:
        """Nobody will ask for the container again."""
        future = self._gone.pop(container, None)
        if future is not None:
            future.cancel()
        self._troubles.pop(container, None)
        self._short_of_memory.discard(container)

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._stream = self._link.events(self._home)
                self._post(self._compare, self._link.containers(home=self._home))
                for event in words_of(self._stream):
                    self._post(self._take, event)
            except CalderaError as error:
                self._post(self._lose, str(error))
            self._closed.wait(_AGAIN)

    def _post(self, take: Callable[[Any], None], news: Any) -> None:
        if self._loop is not None and not self._closed.is_set():
            with contextlib.suppress(RuntimeError):  # the loop ended first
                self._loop.call_soon_threadsafe(take, news)

    # ------------------------------------------------------------------ the loop

    def _take(self, event: dict[str, Any]) -> None:
        container, action = event["id"], event["Action"]
        labels = event["Actor"]["Attributes"]
        if labels.get(SERVICE_LABEL) == GATE:
            if action in {"die", "destroy"}:
                self._gate_ended(labels.get(PROJECT_LABEL, ""))
            return
        match action:
            case "oom":
                self._short_of_memory.add(container)
            case "die":
                self._end(container, int(labels.get("exitCode", -1)))
            case "destroy":
                self._settle(container, "it was removed")
            case "pause":
                self._troubles[container] = "its container is paused (`docker unpause`)"
            case "unpause" | "health_status: healthy":
                self._troubles.pop(container, None)
            case "health_status: unhealthy":
                self._troubles.setdefault(container, "its container's health check fails")

    def _lose(self, why: str) -> None:
        self._unreachable = why

    def _compare(self, found: list[Container]) -> None:
        """The engine answers (again): what ended meanwhile?"""
        self._unreachable = None
        self._troubles.clear()
        running = {each.id for each in found if each.runs}
        gated = {each.project for each in found if each.runs and each.service == GATE}
        for project in {each.project for each in found if each.runs} - gated:
            self._gate_ended(project)
        for each in found:
            if each.state == "paused":
                self._troubles[each.id] = "its container is paused (`docker unpause`)"
            elif "(unhealthy)" in each.status:
                self._troubles[each.id] = "its container's health check fails"
        for container in set(self._gone) - running:
            task = asyncio.ensure_future(self._look(container))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _look(self, container: str) -> None:
        found = await asyncio.to_thread(self._link.inspect, container)
        if found is None:
            self._settle(container, "it was removed")
        elif not found["State"]["Running"]:
            if found["State"].get("OOMKilled"):
                self._short_of_memory.add(container)
            self._end(container, int(found["State"]["ExitCode"]))

    def _end(self, container: str, code: int) -> None:
        if container in self._short_of_memory:
            self._settle(container, f"it ran out of the memory it may have (exit code {code})")
        elif code == _KILLED:
            self._settle(container, f"it was killed (exit code {code})")
        else:
            self._settle(container, f"exit code {code}")

    def _settle(self, container: str, why: str) -> None:
        future = self._gone.get(container)
        if future is not None and not future.done():
            future.set_result(why)
