"""The Compose command line: one call at a time for a devnet, whoever makes it."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from control_plane.adapters.runtime.compose import failures
from control_plane.adapters.runtime.compose.project import Project
from control_plane.domain.errors import DeadlineExceeded, StorageFailed

_LOOK: Final = 0.05
_END: Final = 2.0


async def compose(
    project: Project,
    *arguments: str,
    deadline: float,
    also: Sequence[Path] = (),
    lock: int | None = None,
) -> None:
    """``docker compose ARGUMENTS`` for `project`, ended when the caller is cancelled. Files in
    `also` are read together with the project's own.

    `lock` is what :func:`alone` gave; without it that is waited for here. Raises what
    ``failures.translate`` makes of what it says, MissingDependency, DeadlineExceeded.
    """
    program = shutil.which("docker")
    if program is None:
        raise failures.no_command()
    words = (program, "compose", "--ansi", "never", "--progress", "plain", "-p", project.name)
    files = [part for file in (project.file, *also) if file.exists() for part in ("-f", str(file))]
    command = (*words, *files, *arguments)
    try:
        async with asyncio.timeout(deadline), contextlib.AsyncExitStack() as stack:
            if lock is None:
                lock = await stack.enter_async_context(_lock(project.private / "lock"))
            code, said = await _run(command, project.root, lock)
    except TimeoutError:
        raise DeadlineExceeded(
            f"`docker compose {arguments[0]}` took too long",
            f"waited {deadline:g} s for {project.name}",
            "Look at what the Docker engine does: `docker events`, `docker ps`.",
        ) from None
    if code:
        if "is not a docker command" in said or "unknown flag: --ansi" in said:
            raise failures.no_compose(said.splitlines()[0])
        raise failures.translate(said, command)


@contextlib.asynccontextmanager
async def alone(project: Project, *, deadline: float = 60.0) -> AsyncIterator[int]:
    """Nobody else changes the project's containers inside, no call of Compose that an earlier
    daemon left behind when it was killed either: it holds the devnet's lock until it ends.

    Gives the lock. Raises DeadlineExceeded, StorageFailed.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(deadline):
                lock = await stack.enter_async_context(_lock(project.private / "lock"))
        except TimeoutError:
            raise DeadlineExceeded(
                f"The containers of {project.name} are still being changed",
                f"waited {deadline:g} s for another `docker compose`",
                "Look for it with `ps` and end it.",
            ) from None
        yield lock


async def _run(command: tuple[str, ...], directory: Path, lock: int) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env=_environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=(lock,),
        start_new_session=True,
    )
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            await asyncio.shield(_end(process))
    return process.returncode or 0, said.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(_END):
            await process.communicate()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def _lock(path: Path) -> AsyncIterator[int]:
    """A descriptor that holds the lock, for the child to inherit: it is free when both ended."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageFailed("The devnet's directory can't be used", str(error)) from error
    try:
        while not _try_lock(descriptor):  # noqa: ASYNC110 - no event tells of a file lock
            await asyncio.sleep(_LOOK)
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _environment() -> dict[str, str]:
    """Ours, without our own settings (they may hold keys) and without Compose's."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CALDERA_", "COMPOSE_"))
    }
