"""The daemon's two listening sockets: one for this user's own programs, one for loopback TCP.

They listen before anything heavy is imported; who connects waits in the kernel's queue.
"""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from control_plane.domain.errors import Conflict, Failed, StorageFailed
from control_plane.schemas import paths
from control_plane.settings import Settings

_BACKLOG: Final = 1024
_PORTS_TRIED: Final = 100


def listen_unix(path: Path) -> socket.socket:
    """A socket at `path`, mode 0600. The caller holds the daemon's lock, so one that is there
    is left over and replaced. Raises StorageFailed."""
    _own_folder(path.parent)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise StorageFailed(f"Can't listen on {path}", str(error)) from error
    return listener


def _own_folder(folder: Path) -> None:
    """Make `folder` (0700); refuse one that somebody else could have put there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise StorageFailed(f"Can't use {folder}", str(error)) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StorageFailed(
            f"{folder} is not a directory of this user",
            "it must hold the daemon's socket",
            "Remove it, or set CALDERA_HOME to a directory with a shorter name.",
        )


def listen_tcp(host: str, port: int, *, named: bool) -> socket.socket:
    """A loopback TCP socket on `port`, or, when that is taken and was not `named`, on the next
    free one. Raises Conflict when a named port is taken."""
    last = port if named or port == 0 else port + _PORTS_TRIED
    for candidate in range(port, min(last, 65535) + 1):
        try:
            return _bind(host, candidate)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise Failed(f"Can't listen on {host} port {port}", str(error)) from error
            reason = error
    if named:
        raise Conflict(
            f"Port {port} can't be used",
            f"{reason.strerror}; it was named by CALDERA_PORT or --port",
            "Name another port, or none: then the next free one is taken.",
        ) from reason
    return _bind(host, 0)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol must be named: asyncio turns Nagle's algorithm off only then, and without
    # that every answer in two parts waits for the client's delayed ACK, 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def listening(settings: Settings) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The Unix socket and the TCP socket of the daemon; both closed and the name gone at the end.

    Raises Conflict, StorageFailed.
    """
    path = paths.socket_path(settings.home)
    unix = listen_unix(path)
    try:
        tcp = listen_tcp(settings.host, settings.port, named=settings.port_named)
        try:
            yield unix, tcp
        finally:
            tcp.close()
    finally:
        unix.close()
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
