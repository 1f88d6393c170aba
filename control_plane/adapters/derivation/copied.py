"""The process that is copied (``copies.py``): it waits, forks, and tells of copies that ended."""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Final

_PACKET: Final = 4096
_STREAMS: Final = 3


def serve(descriptor: int, run: Callable[[], int]) -> int:
    """Make a copy that does `run` whenever the socket asks for one, until it is closed. All that
    `run` needs is imported by now."""
    control = socket.socket(fileno=descriptor)
    pipe = os.pipe()
    for each in pipe:
        os.set_blocking(each, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(pipe[1], warn_on_full_buffer=False)
    gc.collect()
    gc.freeze()  # collecting would write to what copies share
    copies: set[int] = set()
    try:
        while True:
            readable, _, _ = select.select([control.fileno(), pipe[0]], [], [])
            if pipe[0] in readable:
                with contextlib.suppress(BlockingIOError):
                    os.read(pipe[0], _PACKET)
                _tell_of_ended(control, copies)
            if control.fileno() in readable and not _do(control, pipe, copies, run):
                return 0
    except BrokenPipeError:  # the daemon is gone
        return 0
    finally:
        for pid in copies:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _do(
    control: socket.socket, pipe: tuple[int, int], copies: set[int], run: Callable[[], int]
) -> bool:
    """What the next message says; False at the end."""
    try:
        packet, streams, _, _ = socket.recv_fds(control, _PACKET, _STREAMS)
    except ConnectionResetError:
        return False
    if not packet:
        return False
    message = json.loads(packet)
    if "kill" in message:
        if message["kill"] in copies:
            os.kill(message["kill"], signal.SIGKILL)
        return True
    pid = os.fork()
    if pid == 0:
        _become(control, pipe, streams, run)
    copies.add(pid)
    for each in streams:
        os.close(each)
    control.send(json.dumps({"started": message["start"], "pid": pid}).encode())
    return True


def _tell_of_ended(control: socket.socket, copies: set[int]) -> None:
    for pid in list(copies):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            copies.discard(pid)
            code = os.waitstatus_to_exitcode(status)
            control.send(json.dumps({"ended": pid, "code": code}).encode())


def _become(
    control: socket.socket,
    pipe: tuple[int, int],
    streams: Sequence[int],
    run: Callable[[], int],
) -> None:
    """Be the copy; does not return."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        for each in pipe:
            os.close(each)
        os.setsid()
        for number, each in enumerate(streams):
            os.dup2(each, number)
            os.close(each)
        code = run()
    except BaseException:  # noqa: BLE001 - the original goes on elsewhere; this process ends
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
