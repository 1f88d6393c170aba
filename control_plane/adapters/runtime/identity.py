"""Which process a pid means: pids are used again, identities are not.

On Linux an identity is boot id, pid and the kernel's start time of the process
(``/proc/PID/stat``, field 22, in clock ticks since boot; see proc(5)). Elsewhere psutil's
creation time stands in for the latter.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

LINUX: Final = sys.platform == "linux"
_PROC: Final = Path("/proc")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was seen running."""

    pid: int
    identity: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process takes of the machine."""

    rss: int
    """Resident memory in bytes."""
    cpu_seconds: float
    """User and system time since it started."""


def identity_of(pid: int) -> str | None:
    """The identity of the process that has `pid` now; None when there is none, or a zombie.

    A killed program of many threads shows as a zombie as soon as its first thread has ended;
    it holds its ports and files until the last has, so it counts as running until then.
    """
    if not LINUX:
        return _foreign_identity(pid)
    fields = _stat(pid)
    if fields is None or (fields[0] in {"Z", "X"} and int(fields[17]) <= 1):
        return None
    return f"{_boot_id()}:{pid}:{fields[19]}"


def is_alive(pid: int, identity: str) -> bool:
    """Whether the process of that identity still runs."""
    return identity_of(pid) == identity


def command_of(pid: int) -> tuple[str, ...]:
    """The process's argv; empty when it is gone or not ours to read."""
    if not LINUX:
        return _foreign_command(pid)
    try:
        raw = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(os.fsdecode(part) for part in raw.split(b"\0")[:-1])


def processes_with(*flags: str) -> Iterator[Process]:
    """Our own user's processes that have one of `flags` as an argument."""
    needles = [os.fsencode(flag) for flag in flags]
    for pid in _pids():
        if LINUX:
            try:  # this is read of every process at every start: Path costs three times as much
                with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:  # noqa: PTH123
                    raw = file.read()
            except OSError:
                continue
            if not any(needle in raw for needle in needles):
                continue
        command, identity = command_of(pid), identity_of(pid)
        if not set(flags).isdisjoint(command) and identity is not None and _is_ours(pid):
            yield Process(pid, identity, command)


def usage_of(pid: int) -> Usage | None:
    """Memory and processor time of a process; None when it is gone."""
    if not LINUX:
        return _foreign_usage(pid)
    fields = _stat(pid)
    if fields is None:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return Usage(int(fields[21]) * _PAGE, ticks / _TICKS)


def _stat(pid: int) -> list[str] | None:
    """Fields of ``/proc/PID/stat`` from the third (state) on."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold anything.
    return text[text.rfind(")") + 2 :].split()


@cache
def _boot_id() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def _pids() -> list[int]:
    if LINUX:
        return [int(name) for name in os.listdir(_PROC) if name.isdecimal()]  # noqa: PTH208
    return list(_psutil().pids())


def _is_ours(pid: int) -> bool:
    if not LINUX:
        with contextlib.suppress(_psutil().Error):
            return bool(_psutil().Process(pid).uids().real == os.getuid())
        return False
    try:
        return (_PROC / str(pid)).stat().st_uid == os.geteuid()
    except OSError:
        return False


# ---------------------------------------------------------------- other systems than Linux


def _psutil() -> Any:
    import importlib

    return importlib.import_module("psutil")


def _foreign_identity(pid: int) -> str | None:
    psutil = _psutil()
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return f"{psutil.boot_time():.0f}:{pid}:{process.create_time()}"
    return None


def _foreign_command(pid: int) -> tuple[str, ...]:
    psutil = _psutil()
    with contextlib.suppress(psutil.Error):
        return tuple(psutil.Process(pid).cmdline())
    return ()


def _foreign_usage(pid: int) -> Usage | None:
    psutil = _psutil()
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        times = process.cpu_times()
        return Usage(process.memory_info().rss, times.user + times.system)
    return None
