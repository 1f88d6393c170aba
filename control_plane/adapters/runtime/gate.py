"""The daemon's side of the gate (see gate_process.py): starts it, tells it the routes."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.runtime.exits import end, wait_gone
from control_plane.adapters.runtime.identity import identity_of
from control_plane.adapters.runtime.logs import bound_log, last_lines, open_log
from control_plane.adapters.runtime.ports import holder
from control_plane.domain.errors import Conflict, ServiceFailed, StorageFailed
from control_plane.schemas import paths

GATE: Final = "gate"
"""Its name among the services."""
_PROGRAM: Final = Path(__file__).with_name("gate_process.py")
_SOCKET: Final = paths.GATE_SOCKET
_DEADLINE: Final = 10.0
_LOOK: Final = 0.003


@dataclass(frozen=True, slots=True)
class Route:
    """Connections to 127.0.0.1:`port` go to `target` while process `pid` lives."""

    port: int
    target: tuple[str, int]
    origins: tuple[str, ...]
    pid: int


class Gate:
    """One gate process per home directory, shared by all its devnets and started with the
    first route. It ends with its last route; one that died is started again with all routes.
    """

    def __init__(self, home: Path) -> None:
        self._directory = paths.gate_directory(home)
        self._log = home / "gate.log"
        self._routes: dict[int, Route] = {}
        self._turn = asyncio.Lock()
        self._link: _Link | None = None
        self._mend: asyncio.Task[None] | None = None
        self._reaper: asyncio.Task[None] | None = None
        """Waits for the gate that this process started, so that it leaves no zombie."""

    async def open(
        self, port: int, target: tuple[str, int], origins: Collection[str], pid: int
    ) -> None:
        """Let clients of 127.0.0.1:`port` in to `target`; idempotent.

        Raises Conflict (the port is in use), ServiceFailed (no gate), StorageFailed.
        """
        route = Route(port, target, tuple(origins), pid)
        async with self._turn:
            await self._open(route)
            self._routes[port] = route

    async def close(self, port: int, pid: int) -> None:
        """Close the port, if it is `pid`'s; idempotent."""
        async with self._turn:
            route = self._routes.get(port)
            if route is not None and route.pid != pid:
                return
            self._routes.pop(port, None)
            if self._link is not None:
                with contextlib.suppress(OSError, EOFError):
                    await self._link.order({"op": "close", "port": port})

    async def let_go(self) -> None:
        """Forget the gate; it and its routes go on."""
        async with self._turn:
            self._routes.clear()
            await self._drop_link()
        for task in (self._reaper, self._mend):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])

    async def _open(self, route: Route) -> None:
        order = {"op": "open", **asdict(route)}
        try:
            answer = await (await self._connected()).order(order)
        except (OSError, EOFError):  # it ended with its last route just now: a new one does it
            await self._drop_link()
            try:
                answer = await (await self._connected()).order(order)
            except (OSError, EOFError) as error:
                raise _no_gate(self._log, f"it does not answer: {error}") from error
        if not answer["ok"]:
            raise _refused(route.port, answer)

    async def _connected(self) -> "_Link":
        if self._link is not None and not self._link.broken.done():
            return self._link
        await self._drop_link()
        link = await _try_connect(self._directory) or await self._start()
        self._link = link
        link.broken.add_done_callback(self._on_broken)
        return link

    async def _start(self) -> "_Link":
        """Start the gate and connect as soon as it can be."""
        pid = _spawn(self._directory, self._log)
        identity = identity_of(pid) or ""
        self._reaper = asyncio.create_task(wait_gone(pid, identity), name="gate's end")
        try:
            async with asyncio.timeout(_DEADLINE):
                while not self._reaper.done():
                    link = await _try_connect(self._directory)
                    if link is not None:
                        return link
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            await end(pid, identity, grace=0)
        raise _no_gate(self._log, f"process {pid} opened no {self._directory / _SOCKET}")

    async def _drop_link(self) -> None:
        if self._link is not None:
            self._link.broken.remove_done_callback(self._on_broken)
            await self._link.close()
            self._link = None

    def _on_broken(self, _broken: object) -> None:
        """The gate is gone. When it should be there, it comes back with all routes."""
        if self._routes and (self._mend is None or self._mend.done()):
            self._mend = asyncio.get_running_loop().create_task(self._reopen())

    async def _reopen(self) -> None:
        async with self._turn:
            for route in list(self._routes.values()):
                if identity_of(route.pid) is None:  # the gate ended because this node had
                    del self._routes[route.port]
                    continue
                try:
                    await self._open(route)
                except (Conflict, ServiceFailed, StorageFailed, OSError, EOFError):
                    # The node behind it still runs; its next start or adoption tells why.
                    self._routes.pop(route.port, None)


class _Link:
    """A control connection; `broken` is done when it ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.broken = asyncio.create_task(self._read(), name="gate")

    async def _read(self) -> None:
        with contextlib.suppress(OSError):
            while line := await self._reader.readline():
                self._answers.put_nowait(line)
        self._answers.put_nowait(b"")

    async def order(self, order: dict[str, Any]) -> dict[str, Any]:
        """The gate's answer; EOFError or OSError when it is gone. One order at a time."""
        if self.broken.done():
            raise EOFError("the gate ended")
        self._writer.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(_DEADLINE):
            answer = await self._answers.get()
        if not answer:
            raise EOFError("the gate ended")
        found: dict[str, Any] = json.loads(answer)
        return found

    async def close(self) -> None:
        self.broken.cancel()
        await asyncio.wait([self.broken])
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def _try_connect(directory: Path) -> _Link | None:
    try:
        return _Link(*await asyncio.open_unix_connection(str(directory / _SOCKET)))
    except OSError:
        return None


def _command() -> list[str]:
    # Imported rather than run by file name, so that its compiled form is used.
    name = _PROGRAM.stem
    start = f"import sys; sys.path.append(sys.argv.pop(1)); import {name}; {name}.main()"
    return [sys.executable, "-I", "-S", "-c", start, str(_PROGRAM.parent), _SOCKET]


def _spawn(directory: Path, log: Path) -> int:
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        bound_log(log)
        output = open_log(log)
    except OSError as error:
        raise StorageFailed(
            "The gate's log can't be written", f"{log}: {error.strerror}"
        ) from error
    try:
        process = subprocess.Popen(
            _command(),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    finally:
        os.close(output)
    process.returncode = 0  # it is waited for by pidfd, see Gate._reaper
    return process.pid


def _no_gate(log: Path, why: str) -> ServiceFailed:
    return ServiceFailed(
        "The gate before the nodes does not work",
        why,
        f"See {log}.",
        service=GATE,
        command=tuple(_command()),
        log=str(log),
        last_lines=last_lines(log),
    )


def _refused(port: int, answer: dict[str, Any]) -> Conflict | ServiceFailed:
    if answer.get("taken"):
        return port_taken(port)
    return ServiceFailed(f"Port {port} can't be opened", str(answer.get("error", "")), service=GATE)


def port_taken(port: int) -> Conflict:
    """The error for a port that somebody else listens on."""
    who = holder(port)
    return Conflict(
        f"Port {port} is in use",
        f"process {who} listens on it" if who else "another program listens on it",
        "Stop that program, or name another port in the spec.",
    )
