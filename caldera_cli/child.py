"""Running somebody else's command as a shell would, with a deadline."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from caldera_cli.errors import TIMED_OUT, CliError
from caldera_cli.signals import handled

_GRACE: Final = 5.0
"""Seconds between asking a process to end and ending it."""
_FORWARDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_child(command: Sequence[str], environment: Mapping[str, str], limit: float) -> int:
    """The exit code of `command`, 128 + n when signal n ended it.

    It runs in a process group of its own, in the terminal's foreground if there is one; signals
    that we get go to the group. Afterwards nothing of the group is left. Raises CliError when
    the command takes longer than `limit` seconds.
    """
    with subprocess.Popen(command, env=dict(environment), process_group=0) as process:
        try:
            with _forwarding(process.pid), _foreground(process.pid):
                code = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise CliError(
                "The command's time is over",
                f"it took longer than {limit:g} s and was ended",
                "give it more with --ttl",
                TIMED_OUT,
            ) from None
        finally:
            _end_group(process)
    return 128 - code if code < 0 else code


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Ask every process of the group to end, then end it."""
    group = process.pid
    deadline = time.monotonic() + _GRACE
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        while time.monotonic() < deadline:
            os.killpg(group, 0)  # raises when the group is empty
            select.select([], [], [], 0.02)  # no event tells of processes that are not our own
        os.killpg(group, signal.SIGKILL)


@contextmanager
def _forwarding(group: int) -> Iterator[None]:
    def forward(number: int, _frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.killpg(group, number)

    with handled(_FORWARDED, forward):
        yield


@contextmanager
def _foreground(group: int) -> Iterator[None]:
    """Give the terminal, if standard input is one, to the group, as a shell does."""
    if not sys.stdin.isatty():
        yield
        return
    terminal = sys.stdin.fileno()
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        with suppress(OSError):
            os.tcsetpgrp(terminal, group)
        yield
    finally:
        with suppress(OSError):
            os.tcsetpgrp(terminal, os.getpgrp())
        signal.signal(signal.SIGTTOU, before)
