"""Programs as plain processes: started like nodes, in a session of their own.

What runs is written down beside the program's files, so that the next daemon takes it over; a
process that nobody wrote down is found by the directory that stands in its argv.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from control_plane.adapters.runtime import exits
from control_plane.adapters.runtime.identity import identity_of, is_alive, processes_with
from control_plane.adapters.runtime.logs import bound_log, last_lines, open_log
from control_plane.domain.errors import DeadlineExceeded, ServiceFailed, StorageFailed
from control_plane.domain.ports.program import ProgramHandle, ProgramSpec

RECORD: Final = "process.json"
_LOOK: Final = 0.02
"""Seconds between two questions to a program that starts."""
_ANSWER: Final = 2.0
_ADOPT_DEADLINE: Final = 3.0
_TIDY: Final = 60.0
"""Seconds between two looks at the size of a log."""
_OK: Final = b" 200 "


class ProcessPrograms:
    """Implements ``ports.program.Programs``. `resolve` finds a program by its name (blocking,
    raises MissingDependency)."""

    def __init__(self, resolve: Callable[[str], Path], *, start_deadline: float = 30.0) -> None:
        self._resolve = resolve
        self._deadline = start_deadline
        self._turns: dict[Path, asyncio.Lock] = {}

    async def start(self, spec: ProgramSpec) -> ProgramHandle:
        """See the port."""
        path = await asyncio.to_thread(self._resolve, spec.program)
        command = _command(spec, path)
        async with self._turns.setdefault(spec.directory, asyncio.Lock()):
            running = _recorded(spec, command)
            if running is not None and await _adopt(running):
                return running
            await self._end([spec.directory])
            handle = _spawn(spec, path, command)
            try:
                await self._until_it_answers(handle)
            except BaseException:  # a cancellation as well: nothing stays behind
                await asyncio.shield(exits.end(handle.pid, handle.identity, grace=0))
                raise
            return handle

    async def _until_it_answers(self, handle: ProgramHandle) -> None:
        work = asyncio.ensure_future(_answers(handle.spec))
        try:
            async with (
                asyncio.timeout(self._deadline),
                exits.exit_of(handle.pid, handle.identity) as gone,
            ):
                await asyncio.wait([work, gone], return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    raise _exited(handle)
        except TimeoutError:
            raise _too_slow(handle, self._deadline) from None
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def stop(self, handle: ProgramHandle, *, grace: float = 1.5) -> None:
        """See the port."""
        await exits.end(handle.pid, handle.identity, grace=grace)
        (handle.spec.directory / RECORD).unlink(missing_ok=True)

    async def wait_exit(self, handle: ProgramHandle) -> None:
        """See the port."""
        async with exits.exit_of(handle.pid, handle.identity) as gone:
            while not gone.done():
                await asyncio.wait([gone], timeout=_TIDY)
                await asyncio.to_thread(bound_log, handle.spec.log)
        exits.reap(handle.pid)

    async def end_below(self, directory: Path) -> int:
        """See the port."""
        found = await asyncio.to_thread(lambda: [p.parent for p in directory.rglob(RECORD)])
        return await self._end(found)

    @staticmethod
    async def _end(directories: Sequence[Path]) -> int:
        if not directories:
            return 0
        marks = frozenset(map(str, directories))
        strays = [p for p in processes_with(*marks) if _is_marked(p.command, marks)]
        await asyncio.gather(*(exits.end(p.pid, p.identity, grace=0) for p in strays))
        return len(strays)


def _command(spec: ProgramSpec, path: Path) -> tuple[str, ...]:
    """argv. The directory is its first word, unless it is its last."""
    name = str(path if spec.arguments[-1:] == (str(spec.directory),) else spec.directory)
    return (name, *spec.arguments)


def _is_marked(command: tuple[str, ...], marks: Collection[str]) -> bool:
    """Whether it was started by :func:`_command`, and is no tool that a user runs on such a
    directory."""
    return command[0] in marks or ("-m" in command and command[-1] in marks)


def _spawn(spec: ProgramSpec, path: Path, command: tuple[str, ...]) -> ProgramHandle:
    try:
        spec.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        spec.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Before the process is there: by this file its directory is known for one.
        _write(spec.directory / RECORD, {})
        bound_log(spec.log)
        output = open_log(spec.log)
    except OSError as error:
        raise _storage(spec, error) from error
    try:
        process = subprocess.Popen(
            command,
            executable=path,
            cwd=spec.directory,
            env={**_environment(), **spec.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    except OSError as error:
        raise _failed(spec, command, f"could not be run: {path}: {error.strerror}") from error
    finally:
        os.close(output)
    # From here on the pid is waited for by pidfd; the object must not think it lost a child.
    process.returncode = 0
    identity = identity_of(process.pid)
    if identity is None:
        exits.reap(process.pid)
    handle = ProgramHandle(spec, process.pid, identity or "gone", command)
    record = {"pid": handle.pid, "identity": handle.identity, "of": _fingerprint(spec, command)}
    with contextlib.suppress(OSError):  # a full disk: then it is found by its argv
        _write(spec.directory / RECORD, record)
    return handle


def _recorded(spec: ProgramSpec, command: tuple[str, ...]) -> ProgramHandle | None:
    """The process that was written down for exactly this spec, if it still runs."""
    try:
        record = json.loads((spec.directory / RECORD).read_text())
        pid, identity, of = int(record["pid"]), str(record["identity"]), record["of"]
    except (OSError, ValueError, KeyError):
        return None
    if of != _fingerprint(spec, command) or not is_alive(pid, identity):
        return None
    return ProgramHandle(spec, pid, identity, command)


async def _adopt(handle: ProgramHandle) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ADOPT_DEADLINE):
            await _answers(handle.spec)
            return True
    return False


def _fingerprint(spec: ProgramSpec, command: tuple[str, ...]) -> str:
    """Tells apart what was started differently; secrets can't be read out of it."""
    whole = json.dumps([spec.program, command, sorted(spec.environment.items())])
    return hashlib.sha256(whole.encode()).hexdigest()


def _write(path: Path, record: object) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(json.dumps(record))
    draft.replace(path)


def _environment() -> dict[str, str]:
    """Ours, without our own settings (they may hold keys) and those of the programs themselves."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CALDERA_", "OP_"))
    }


async def _answers(spec: ProgramSpec) -> None:
    """Return once the program answers with status 200; the caller has the deadline."""
    request = f"GET {spec.question} HTTP/1.0\r\nHost: {spec.host}:{spec.port}\r\n\r\n".encode()
    while True:
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            async with asyncio.timeout(_ANSWER):
                if await _status(spec, request):
                    return
        await asyncio.sleep(_LOOK)


async def _status(spec: ProgramSpec, request: bytes) -> bool:
    reader, writer = await asyncio.open_connection(spec.host, spec.port)
    try:
        writer.write(request)
        return _OK in await reader.readline()
    finally:
        writer.close()


# ---------------------------------------------------------------- what can go wrong


def _exited(handle: ProgramHandle) -> ServiceFailed:
    lines = last_lines(handle.spec.log)
    said = lines[-1] if lines else "it said nothing"
    return _failed(handle.spec, handle.command, f"exited while starting: {said}", lines)


def _failed(
    spec: ProgramSpec, command: tuple[str, ...], why: str, lines: tuple[str, ...] = ()
) -> ServiceFailed:
    return ServiceFailed(
        f"{spec.service} does not run",
        why,
        f"See {spec.log}.",
        service=spec.service,
        command=command,
        log=str(spec.log),
        last_lines=lines,
    )


def _too_slow(handle: ProgramHandle, seconds: float) -> DeadlineExceeded:
    spec = handle.spec
    lines = "; ".join(last_lines(spec.log, 3))
    return DeadlineExceeded(
        f"{spec.service} did not answer",
        f"waited {seconds:g} s for http://{spec.host}:{spec.port}{spec.question}; log: {spec.log}"
        + (f"; it ends: {lines}" if lines else ""),
        "Try again when the machine is less busy, or look into the log.",
    )


def _storage(spec: ProgramSpec, error: OSError) -> StorageFailed:
    return StorageFailed(
        f"The directory of {spec.service} can't be used",
        f"{error.filename or spec.directory}: {error.strerror}",
        "Check its permissions and the free space on its disk.",
    )
