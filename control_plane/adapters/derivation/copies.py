"""Starts processes that derive as copies of one that has imported all they need.

Importing py-evm takes a second and 40 MB. What a copy (``fork``) does not write to it shares with
the others, which is most of that. Each rollup keeps a process of its own: one that is killed, or
takes all of a core, is in nobody's way.

Messages are packets on a socket. The daemon sends ``{"start": N}`` with three descriptors (stdin,
stdout and stderr of the copy) and ``{"kill": PID}``; it hears ``{"started": N, "pid": PID}`` and
``{"ended": PID, "code": EXIT_CODE}``. When the socket is closed, original and copies end.
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
import weakref
from typing import IO, Any, Final, Protocol

from control_plane.domain.errors import DeadlineExceeded, TemporaryFailure

PROGRAM: Final = (sys.executable, "-P", "-m", "control_plane.deriving")
COPIES: Final = "--copies"
"""Flag before the number of the socket's descriptor."""
IS_AVAILABLE: Final = sys.platform == "linux"
"""Elsewhere a copy of a process may lack what its libraries need."""
_PACKET: Final = 4096
_DEADLINE: Final = 60.0
"""Seconds for the first copy, before which all is imported."""
_GRACE: Final = 5.0
LONGEST_LINE: Final = 256 * 1024 * 1024
"""Bytes of an answer."""


class Child(Protocol):
    """As much of ``asyncio.subprocess.Process`` as is needed."""

    @property
    def pid(self) -> int: ...

    @property
    def stdin(self) -> Any: ...

    @property
    def stdout(self) -> asyncio.StreamReader | None: ...

    @property
    def returncode(self) -> int | None: ...

    def kill(self) -> None: ...

    async def wait(self) -> int: ...


class Copy:
    """Implements :class:`Child`."""

    def __init__(self, pid: int, original: "Original") -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout = asyncio.StreamReader(limit=LONGEST_LINE)
        self._original = original
        self._over = asyncio.Event()
        self._pipes: list[asyncio.WriteTransport | asyncio.ReadTransport] = []

    async def attach(self, stdin: int, stdout: int) -> None:
        """Take over our ends of its pipes; they are closed when that does not succeed."""
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(self.stdout)
        reads, writes = os.fdopen(stdout, "rb", 0), os.fdopen(stdin, "wb", 0)
        try:
            reading, _ = await loop.connect_read_pipe(lambda: protocol, reads)
            self._pipes.append(reading)
            self.stdin, _ = await loop.connect_write_pipe(asyncio.Protocol, writes)
            self._pipes.append(self.stdin)
        except BaseException:
            reads.close()
            writes.close()
            raise

    def kill(self) -> None:
        """End it at once."""
        self._original.kill(self.pid)

    async def wait(self) -> int:
        """Its exit code, once it ended; negative for a signal."""
        await self._over.wait()
        return self.returncode or 0

    def end(self, code: int) -> None:
        """It ended."""
        self.returncode = code
        for pipe in self._pipes:
            if not pipe.is_closing():
                pipe.close()
        self._over.set()


class Original:
    """The process that is copied, as long as somebody uses it."""

    def __init__(self) -> None:
        self._users: weakref.WeakSet[Any] = weakref.WeakSet()
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._log = ""
        self._next = 1
        self._started: dict[int, asyncio.Future[int]] = {}
        """Copies that were asked for, by their numbers."""
        self._copies: dict[int, Copy] = {}
        self._ended: dict[int, int] = {}
        """Exit codes of copies that ended before they were known here."""

    async def start(self, user: object, log: IO[bytes]) -> Copy:
        """A copy for `user`, whose stderr is `log`. TemporaryFailure, DeadlineExceeded."""
        async with self._turn:
            self._users.add(user)
            control = self._control or await self._begin(log)
            theirs, stdin = os.pipe()
            stdout, its = os.pipe()
            try:
                pid = await self._ask(control, (theirs, its, log.fileno()))
            except BaseException:
                os.close(stdin)
                os.close(stdout)
                raise
            finally:
                os.close(theirs)
                os.close(its)
            copy = Copy(pid, self)
            try:
                await copy.attach(stdin, stdout)
            except BaseException:
                self.kill(pid)
                raise
            if self._control is None or pid in self._ended:
                copy.end(self._ended.pop(pid, -1))
            else:
                self._copies[pid] = copy
            return copy

    async def leave(self, user: object) -> None:
        """`user`, whose copy has ended, needs none any more."""
        async with self._turn:
            self._users.discard(user)
            if not self._users:
                await self._end()

    def kill(self, pid: int) -> None:
        """End a copy: only who made it can't mistake another process for it."""
        if self._control is not None:
            with contextlib.suppress(OSError):
                self._control.send(json.dumps({"kill": pid}).encode())

    # ------------------------------------------------------------------ inside

    async def _begin(self, log: IO[bytes]) -> socket.socket:
        await self._end()
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with its:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *(*PROGRAM, COPIES, str(its.fileno())),
                    pass_fds=(its.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=True,  # a Ctrl-C is not meant for it
                )
            except BaseException:
                ours.close()
                raise
        self._control, self._log = ours, str(log.name)
        asyncio.get_running_loop().add_reader(ours.fileno(), self._hear)
        return ours

    async def _ask(self, control: socket.socket, streams: tuple[int, int, int]) -> int:
        """The pid of a new copy."""
        number, self._next = self._next, self._next + 1
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._started[number] = started
        try:
            socket.send_fds(control, [json.dumps({"start": number}).encode()], streams)
            async with asyncio.timeout(_DEADLINE):
                return await started
        except TimeoutError as error:
            await self._end()
            raise DeadlineExceeded(
                "A rollup is not derived",
                f"its process does not start within {_DEADLINE:g} s; log: {self._log}",
                "It is started anew with the next question.",
            ) from error
        except OSError as error:
            raise self._failure() from error
        finally:
            self._started.pop(number, None)  # whoever asked and went away gets none

    async def _end(self) -> None:
        """End it, and with it all copies."""
        self._forget(self._failure())
        process, self._process = self._process, None
        if process is None:
            return
        try:
            async with asyncio.timeout(_GRACE):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _hear(self) -> None:
        try:
            packet = self._control.recv(_PACKET) if self._control else b""
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._forget(self._failure())
            return
        message = json.loads(packet)
        if "started" in message:
            waiting = self._started.get(message["started"])
            if waiting is None or waiting.done():
                self.kill(message["pid"])
            else:
                self._ended.pop(message["pid"], None)  # of an earlier copy with that number
                waiting.set_result(message["pid"])
            return
        pid, code = int(message["ended"]), int(message["code"])
        if (copy := self._copies.pop(pid, None)) is not None:
            copy.end(code)
        else:
            self._ended[pid] = code

    def _forget(self, why: TemporaryFailure) -> None:
        """It ends, or has ended; the next copy is of a new one."""
        control, self._control = self._control, None
        if control is not None:
            asyncio.get_running_loop().remove_reader(control.fileno())
            control.close()
        for waiting in self._started.values():
            if not waiting.done():
                waiting.set_exception(why)
        for copy in self._copies.values():
            copy.end(-1)
        self._copies.clear()
        self._ended.clear()

    def _failure(self) -> TemporaryFailure:
        return TemporaryFailure(
            "The process that derives rollups ended",
            f"log: {self._log}",
            "It is started anew with the next question.",
        )


_ORIGINALS: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Original]" = (
    weakref.WeakKeyDictionary()
)
"""Rollups of all devnets share one, or there would be little to share."""


def original() -> Original:
    """The one of this process."""
    loop = asyncio.get_running_loop()
    found = _ORIGINALS.get(loop)
    if found is None:
        found = _ORIGINALS[loop] = Original()
    return found
