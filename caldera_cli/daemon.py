"""Finding the daemon, and starting one where none runs."""

import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from caldera_cli import VERSION, early
from caldera_cli.client import Client
from caldera_cli.errors import (
    CONFLICT,
    FAILED,
    MISSING,
    NOT_FOUND,
    TIMED_OUT,
    USAGE,
    CliError,
)
from control_plane.schemas import paths

_START_DEADLINE: Final = 30.0
_STOP_DEADLINE: Final = 30.0
_NOT_INSTALLED: Final = "0"
"""What a daemon calls the version of a tree that was never installed."""
_RETRY: Final = 0.005
"""Seconds between two looks for the socket of a daemon that is just starting."""
_CODES: Final = frozenset({USAGE, NOT_FOUND, CONFLICT, TIMED_OUT, MISSING})


def connect() -> Client:
    """A client of the home's daemon, of this version, which is started when none runs.

    Raises CliError: it does not start (with its last words), not in time, or one of another
    version is busy.
    """
    home = paths.home()
    client = _running(home)
    if client is None:
        start(home)
        return Client(paths.socket_path(home))
    return client


def reconnect(error: CliError) -> Client:
    """A client of a new daemon, when the one that was asked is ending or has ended in good
    order, so that it surely did nothing. Raises `error` otherwise."""
    home = paths.home()
    told = str(error.problem.get("type", "")).endswith(":not-ready")
    if not told and (error.problem or read_info(home)):
        raise error
    start(home)
    return Client(paths.socket_path(home))


def connect_if_running() -> Client | None:
    """A client of the daemon that runs, of whatever version; None if there is none."""
    where = paths.socket_path(paths.home())
    return Client(where) if _listens(where) else None


def start(home: Path) -> None:
    """Start the daemon of `home` in the background; returns when it listens.

    It goes on in a session of its own after the process started here has told how it went.
    """
    starting = early.take(os.fspath(home))
    from subprocess import TimeoutExpired

    try:
        _, words = starting.communicate(timeout=_START_DEADLINE)
    except TimeoutExpired:
        starting.kill()
        raise CliError(
            "The daemon does not start",
            f"waited {_START_DEADLINE:g} s for {paths.socket_path(home)}",
            f"see {paths.log_path(home)}",
            TIMED_OUT,
        ) from None
    if starting.returncode == CONFLICT:
        _wait_for_other(home)  # another command started one at the same moment
    elif starting.returncode != 0:
        raise _no_start(words, starting.returncode, home)


def stop(pid: int) -> None:
    """End the daemon `pid` and wait until it is gone; its nodes go on. CliError after 30 s."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        if not _wait_gone(pid, _STOP_DEADLINE):
            raise CliError(
                "The daemon does not end",
                f"process {pid}, after {_STOP_DEADLINE:g} s",
                f"see {paths.log_path(paths.home())}",
                TIMED_OUT,
            )


def let_go() -> None:
    """End a daemon that a command, this one perhaps, started, if it looks after no devnet;
    returns when it is gone. Nothing happens to any other."""
    home = paths.home()
    with suppress(CliError):
        if early.begun():
            start(home)
        pid = int(read_info(home).get("pid", 0))
        client = connect_if_running()
        if client is not None:
            client.delete("/v1/runtime")
            if pid > 0:
                _wait_gone(pid, _STOP_DEADLINE)


def read_info(home: Path) -> dict[str, Any]:
    """``daemon.json``, empty where there is none."""
    try:
        info = json.loads(paths.info_path(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return info if isinstance(info, dict) else {}


def _running(home: Path) -> Client | None:
    where = paths.socket_path(home)
    if not _listens(where):
        return None
    client = Client(where)
    other = str(read_info(home).get("version", VERSION))
    if other not in {VERSION, _NOT_INSTALLED}:
        _replace(client, home, other)
        return None
    return client


def _replace(client: Client, home: Path, other: str) -> None:
    """End a daemon of another version, unless something is under way in it."""
    busy = [d["name"] for d in client.get("/v1/devnets") if d["state"] in {"starting", "stopping"}]
    if busy:
        raise CliError(
            f"The daemon that runs is version {other}, this is {VERSION}",
            f"it is busy with {', '.join(busy)}",
            "try again when that is done",
            CONFLICT,
        )
    pid = int(read_info(home).get("pid", 0))
    if pid > 0:
        sys.stderr.write(f"Replacing the daemon of version {other}; devnets go on.\n")
        stop(pid)


def _listens(where: Path) -> bool:
    if not where.exists():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(os.fspath(where))
        except OSError:
            return False
    return True


def _wait_for_other(home: Path) -> None:
    """No event tells that somebody else's socket appeared."""
    where = paths.socket_path(home)
    deadline = time.monotonic() + _START_DEADLINE
    while not _listens(where):
        if time.monotonic() > deadline:
            raise CliError(
                "The daemon does not answer",
                f"one holds {home}, but does not listen on {where}",
                f"see {paths.log_path(home)}",
                TIMED_OUT,
            )
        time.sleep(_RETRY)


def _no_start(text: str, code: int, home: Path) -> CliError:
    """What the daemon said on standard error: `title: detail`, then perhaps a hint."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    title, _, detail = (lines[0] if lines else "The daemon does not start").partition(": ")
    hint = " ".join(line.strip() for line in lines[1:]) or f"see {paths.log_path(home)}"
    return CliError(title, detail, hint, code if code in _CODES else FAILED)


def _wait_gone(pid: int, timeout: float) -> bool:
    """Whether process `pid`, not a child of ours, is gone within `timeout` seconds."""
    opener = getattr(os, "pidfd_open", None)
    if opener is not None:
        try:
            descriptor = opener(pid)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([descriptor], [], [], timeout)[0])
        finally:
            os.close(descriptor)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)  # only where the system has no pidfd
    return False
