"""Which loopback TCP ports are in use, and by whom."""

import contextlib
import os
import random
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Final

from control_plane.adapters.runtime.identity import LINUX, command_of
from control_plane.domain.ports.node import Listen

LOOPBACK: Final = "127.0.0.1"
_LISTEN: Final = "0A"
"""TCP_LISTEN in ``/proc/net/tcp``."""


def is_taken(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could not listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do it: connections that linger after a close don't count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
        return False


def taken_ports(candidates: Collection[int]) -> set[int]:
    """Those of `candidates` that are in use on 127.0.0.1."""
    return {port for port in candidates if is_taken(port)}


def private_listen(*, public: int | None = None, engine_api: bool = False) -> Listen:
    """Where a node is to listen: on a loopback address and ports that nobody can guess.

    All of 127.0.0.0/8 is loopback on Linux: with the port that is a choice among 10¹¹, so a
    web page that tries addresses never finds the node. Elsewhere only the ports are drawn.
    With `public` it is 127.0.0.1 and that port, and the Engine API alone is drawn.
    """
    host = LOOPBACK
    if LINUX and public is None:
        draw = random.SystemRandom()
        host = f"127.{draw.randint(1, 254)}.{draw.randint(0, 255)}.{draw.randint(1, 254)}"
    with socket.socket() as first, socket.socket() as second:
        host, port = (host, public) if public is not None else _bind_any(first, host)
        engine_port = _bind_any(second, host)[1] if engine_api else None
    return Listen(host, port, engine_port)


def _bind_any(probe: socket.socket, host: str) -> tuple[str, int]:
    try:
        probe.bind((host, 0))
    except OSError:  # a sandbox with 127.0.0.1 alone
        probe.bind((LOOPBACK, 0))
    name: tuple[str, int] = probe.getsockname()
    return name


def holder(port: int) -> str | None:
    """The process that listens on the port, ``12345 (program arguments)``, when it can be found."""
    inodes = _listeners(port) if LINUX else set()
    if not inodes:
        return None
    for pid in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208
        with contextlib.suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if os.readlink(link) in inodes:  # noqa: PTH115
                        return f"{pid} ({' '.join(command_of(int(pid)))[:100]})"
    return None


def _listeners(port: int) -> set[str]:
    """``socket:[inode]`` of every socket listening on the port, IPv4 and IPv6."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found
