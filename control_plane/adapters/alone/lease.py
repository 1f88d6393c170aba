"""The right to run a role of a devnet, held by one process at a time.

An ``flock`` on an open file: the kernel drops it with the process, however that ends. It holds
between processes of one machine, containers that share the directory included.
"""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from control_plane.domain.errors import Conflict, StorageFailed


@contextmanager
def lease(directory: Path, service: str, holder: str) -> Iterator[None]:
    """Hold the role `service` inside; others are told of `holder`, ``the daemon``.

    Raises Conflict that names who holds it, StorageFailed (also when the devnet is gone).
    """
    path = lease_path(directory, service)
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held(path, service) from None
        _sign(descriptor, holder)
        yield
    finally:
        os.close(descriptor)


def lease_path(directory: Path, service: str) -> Path:
    """The file that is locked: ``op/sequencer`` → ``op.sequencer.lock``."""
    return directory / f"{service.replace('/', '.')}.lock"


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)  # not its parents: the devnet may be gone
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageFailed(f"Can't open the lock {path}", error.strerror or str(error)) from error


def _sign(descriptor: int, holder: str) -> None:
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    who = {"holder": holder, "pid": os.getpid(), "host": socket.gethostname(), "since": since}
    with contextlib.suppress(OSError):  # a full disk takes the name away, not the right
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(who).encode() + b"\n", 0)


def _held(path: Path, service: str) -> Conflict:
    try:
        who = json.loads(path.read_text())
        by = f"{who['holder']}, process {who['pid']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        by = "another process"
    return Conflict(
        f"{service} runs already",
        f"by {by}",
        f"End it there, when it is the daemon's by `caldera stop --service {service}`.",
    )
