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

from caldera_cli import VERSION
from caldera_cli.client import Client
from caldera_cli.errors import CONFLICT, FAILED, TIMED_OUT, CliError
from control_plane.schemas import paths

_START_DEADLINE: Final = 30.0
_STOP_DEADLINE: Final = 30.0
_RETRY: Final = 0.005
"""Seconds between two looks for the socket of a daemon that is just starting."""
_LAST_LINES: Final = 10


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


def connect_if_running() -> Client | None:
    """A client of the daemon that runs, of whatever version; None if there is none."""
    where = paths.socket_path(paths.home())
    return Client(where) if _listens(where) else None


def start(home: Path) -> None:
    """Start the daemon of `home` in the background; returns when it listens.

    It outlives this command, has a session of its own, and holds none of our descriptors.
    """
    import subprocess

    log = paths.log_path(home)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise CliError(
            f"{home} can't be used as CALDERA_HOME",
            error.strerror or str(error),
            "set CALDERA_HOME to a directory that you can write to",
        ) from error
    began = log.stat().st_size
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "control_plane.main", "serve", "--detached"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=home,
        )
    finally:
        os.close(output)
    _wait_until_it_listens(home, process, began)
    # it is not ours to wait for: nothing is said of it when this command ends
    process.returncode = 0


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
    if other != VERSION:
        _replace(client, home, other)
        return None
    return client


def _replace(client: Client, home: Path, other: str) -> None:
    """End a daemon of another version, unless something is under way in it."""
    busy = [d["name"] for d in client.get("/v1/devnets") if d["state"] in {"starting", "stopping"}]
    client.close()
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


def _wait_until_it_listens(home: Path, process: Any, began: int) -> None:
    """The daemon's one sign of life is its socket, and no event tells that a file appeared;
    its death, on the other hand, is noticed at once."""
    where, log = paths.socket_path(home), paths.log_path(home)
    deadline = time.monotonic() + _START_DEADLINE
    while not _listens(where):
        ended = process.poll()
        # a conflict: another command started one at the same moment, it will listen soon
        if ended is not None and ended != CONFLICT:
            words = _last_words(log, began)
            raise CliError(
                "The daemon does not start",
                f"it ended with {ended}" + (f": {words[-1]}" if words else ""),
                f"see {log}",
                FAILED,
                {"title": "The daemon does not start", "last_lines": words, "log": str(log)},
            )
        if time.monotonic() > deadline:
            raise CliError(
                "The daemon does not start",
                f"waited {_START_DEADLINE:g} s for {where}",
                f"see {log}",
                TIMED_OUT,
            )
        time.sleep(_RETRY)


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


def _last_words(log: Path, began: int) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(began)
            text = file.read()[-20_000:].decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-_LAST_LINES:]
