"""Nodes and the gate of a home directory that nobody looks after any more."""

import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from control_plane.schemas import paths

_DEADLINE: Final = 5.0
_PROC: Final = Path("/proc")
_FLAGS: Final = ("--init", "--datadir")
"""After which a node's command line names a file below its devnet's directory."""
_OURS: Final = ("-m control_plane.adapters.op_stack.beacon ", "-m control_plane.da_server ")
"""Programs of ours, whose last argument is their directory."""
_GATE: Final = "import gate_process;"
"""In the command line of every gate; whose it is, tells its working directory."""


def find_strays(home: Path) -> list[int]:
    """Processes of this user that are a node or a program of a devnet of `home`, or its gate.

    A node names its genesis or database below ``home/devnets`` with ``--init`` (Anvil) or
    ``--datadir`` (op-geth), a program beside it has its directory there as its own name:
    somebody's editor or ``tail`` on a file there is none of ours.
    """
    devnets = f"{home / 'devnets'}{os.sep}"
    nodes = [f"{flag} {devnets}" for flag in _FLAGS]
    where = os.path.realpath(paths.gate_directory(home))
    return [
        pid
        for pid, command in _commands()
        if command.startswith(devnets)
        or (any(ours in command for ours in _OURS) and f" {devnets}" in command)
        or any(node in command for node in nodes)
        or (_GATE in command and _directory(pid) == where)
    ]


def _directory(pid: int) -> str | None:
    """A process's working directory, where the system tells; elsewhere a gate ends by itself, a
    moment after the last node."""
    try:
        return os.readlink(_PROC / str(pid) / "cwd")  # noqa: PTH115 - one that is gone is named too
    except OSError:
        return None


def end_all(pids: list[int]) -> None:
    """Ask them to end, then end them; returns when they are gone."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _DEADLINE
    for pid in pids:
        while _lives(pid) and time.monotonic() < deadline:
            select.select([], [], [], 0.02)  # not our children: no event tells of their end
        if _lives(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    """Whether any thread of it runs; a process that nobody waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with suppress(OSError):
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return fields[0] not in {"Z", "X"} or int(fields[17]) > 1
    return True


def _commands() -> list[tuple[int, str]]:
    """Process ids and command lines of this user's processes."""
    if not _PROC.is_dir():
        return _commands_by_ps()
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            if entry.stat().st_uid == os.getuid():
                words = (entry / "cmdline").read_bytes().split(b"\0")
                found.append((int(entry.name), os.fsdecode(b" ".join(words))))
    return found


def _commands_by_ps() -> list[tuple[int, str]]:
    listed = subprocess.run(
        ["ps", "-x", "-o", "pid=,command="], capture_output=True, text=True, check=True, timeout=10
    )
    pairs = [line.strip().partition(" ") for line in listed.stdout.splitlines()]
    return [(int(pid), command) for pid, _, command in pairs if pid.isdigit()]
