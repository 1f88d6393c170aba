"""Waiting for processes to end, our children or not, and ending them.

On Linux a pidfd becomes readable when its process ends (pidfd_open(2)); whoever waits needs
not be the parent, so nodes of an earlier daemon are watched like our own. Elsewhere the
process list is looked at every 50 ms.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

from control_plane.adapters.runtime.identity import LINUX, is_alive
from control_plane.domain.errors import DeadlineExceeded

_POLL = 0.05
_KILL_DEADLINE = 5.0


@contextlib.asynccontextmanager
async def exit_of(pid: int, identity: str) -> AsyncIterator[asyncio.Future[None]]:
    """A future that is done when the process is gone; cancelled when the block is left."""
    loop = asyncio.get_running_loop()
    gone: asyncio.Future[None] = loop.create_future()
    descriptor = _open(pid)
    # Looked at after opening: from here on the descriptor means this very process.
    if not is_alive(pid, identity):
        gone.set_result(None)
    poller: asyncio.Task[None] | None = None
    if descriptor is not None:
        loop.add_reader(descriptor, _settle, gone)
    elif not gone.done():
        poller = asyncio.create_task(_poll(pid, identity, gone))
    try:
        yield gone
    finally:
        if descriptor is not None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        if poller is not None:
            poller.cancel()
        gone.cancel()


async def wait_gone(pid: int, identity: str) -> None:
    """Return when the process is gone; a child is reaped."""
    async with exit_of(pid, identity) as gone:
        await gone
    reap(pid)


async def end(pid: int, identity: str, *, grace: float) -> None:
    """Terminate, after `grace` seconds kill, and return when the process is gone.

    Never touches a process of another identity. Raises DeadlineExceeded when even a kill does
    not help (a process stuck in the kernel).
    """
    async with exit_of(pid, identity) as gone:
        if not gone.done() and grace > 0:
            _signal(pid, identity, signal.SIGTERM)
            await asyncio.wait([gone], timeout=grace)
        if not gone.done():
            _signal(pid, identity, signal.SIGKILL)
            await asyncio.wait([gone], timeout=_KILL_DEADLINE)
        if not gone.done():
            raise DeadlineExceeded(
                "A process does not end",
                f"process {pid} was killed and is still there after {_KILL_DEADLINE:g} s",
                "It is stuck in the kernel, often on a disk or network file system that hangs.",
            )
    reap(pid)


def reap(pid: int) -> None:
    """Take a dead child's exit status, so that it does not stay as a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _open(pid: int) -> int | None:
    if not LINUX:
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # gone already, or a kernel before 5.3: then it is polled
        return None


def _settle(gone: "asyncio.Future[None]") -> None:
    if not gone.done():
        gone.set_result(None)


async def _poll(pid: int, identity: str, gone: "asyncio.Future[None]") -> None:
    while is_alive(pid, identity):  # noqa: ASYNC110 - no event tells where there is no pidfd
        await asyncio.sleep(_POLL)
    _settle(gone)


def _signal(pid: int, identity: str, number: signal.Signals) -> None:
    descriptor = _open(pid)
    try:
        if not is_alive(pid, identity):
            return
        with contextlib.suppress(ProcessLookupError):
            if descriptor is not None:
                signal.pidfd_send_signal(descriptor, number)
            else:
                os.kill(pid, number)
    finally:
        if descriptor is not None:
            os.close(descriptor)
