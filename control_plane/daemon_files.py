"""What a daemon leaves in its home directory while it lives: lock, ``daemon.json``, log.

Standard library only. The lock is an ``flock`` on an open file: the kernel drops it with the
process, however that ends, so there is never a stale one to recover from.
"""

import contextlib
import fcntl
import json
import logging
import os
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from control_plane.domain.errors import Conflict, StorageFailed
from control_plane.schemas import paths
from control_plane.services.agent_log import AgentLogHandler

_LOG_BYTES: Final = 5_000_000
_LOG_FILES: Final = 3


@dataclass(frozen=True, slots=True)
class Listening:
    """Who and where the daemon is, as ``daemon.json`` tells."""

    pid: int
    version: str
    home: str
    socket: str
    port: int
    started_at: str
    """RFC 3339, UTC."""


def make_home(home: Path) -> None:
    """Make the home directory (0700) and see that it can be written.

    Raises StorageFailed naming the directory and why.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = home / f".probe-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise StorageFailed(
            f"Can't use {home} as CALDERA_HOME",
            error.strerror or str(error),
            "Make it a directory that you can write to, or set CALDERA_HOME to another one.",
        ) from error


class DaemonLock:
    """The right to be the daemon of one home directory."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._descriptor: int | None = None

    def acquire(self, *, patience: float = 0.0) -> None:
        """Take the lock, waiting at most `patience` seconds for a daemon that is ending: one
        that has taken its ``daemon.json`` away.

        Raises Conflict that tells of the running daemon, StorageFailed.
        """
        deadline = time.monotonic() + patience
        while self._descriptor is None:
            if self._try():
                continue
            if read_info(self._home) is not None or time.monotonic() >= deadline:
                raise _already_running(self._home)
            time.sleep(0.02)  # flock has no deadline of its own

    def _try(self) -> bool:
        """Take the lock if it is free: the file that is locked must still be the one that has
        the name, for who lets go takes the name away."""
        path = paths.lock_path(self._home)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageFailed(f"Can't open the lock {path}", str(error)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                self._descriptor = descriptor
                return True
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return False

    def release(self) -> None:
        """Let go and leave no file; nothing happens when it is not held."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                paths.lock_path(self._home).unlink()
            os.close(self._descriptor)
            self._descriptor = None


def _already_running(home: Path) -> Conflict:
    info = read_info(home)
    detail = f"for {home}"
    if info:
        detail += f": process {info.get('pid')}, version {info.get('version')}"
        detail += f", socket {info.get('socket')}, port {info.get('port')}"
    return Conflict(
        "A daemon is running already",
        detail,
        "Use that one, end it (`kill` its process), or set CALDERA_HOME to another directory.",
    )


def now_utc() -> str:
    """This moment, RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_info(home: Path, info: Listening) -> None:
    """Replace ``daemon.json`` at once, never half written. Raises StorageFailed."""
    path = paths.info_path(home)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        new.touch(mode=0o600)
        new.write_text(json.dumps(asdict(info)) + "\n")
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise StorageFailed(f"Can't write {path}", str(error)) from error


def read_info(home: Path) -> dict[str, Any] | None:
    """What the running daemon wrote; None when there is nothing readable."""
    try:
        info = json.loads(paths.info_path(home).read_text())
    except (OSError, ValueError):
        return None
    return info if isinstance(info, dict) else None


def remove_info(home: Path) -> None:
    """Take ``daemon.json`` away; nothing happens when it is not there."""
    with contextlib.suppress(OSError):
        paths.info_path(home).unlink(missing_ok=True)


class UtcFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.123Z INFO logger: text``, as the log reader expects."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(record.msecs):03d}Z"


def open_log(home: Path, level: str) -> None:
    """Send all logging to ``daemon.log`` (0600), rotated, and what agents log to their own files
    too. Raises StorageFailed."""
    path = paths.log_path(home)
    try:
        path.touch(mode=0o600)
        handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES)
    except OSError as error:
        raise StorageFailed(f"Can't write the log {path}", str(error)) from error
    root = logging.getLogger()
    for one in (handler, AgentLogHandler(home)):
        one.setFormatter(UtcFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(one)
    root.setLevel(level)
    logging.captureWarnings(True)
    for noisy in ("websockets", "aiosqlite", "asyncio", "sqlalchemy", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
