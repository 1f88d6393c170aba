"""What has ended has let go of its ports, though its first thread ends before the others."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from control_plane.adapters.runtime.exits import wait_gone
from control_plane.adapters.runtime.identity import identity_of
from control_plane.adapters.runtime.ports import is_taken

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

_SERVER = """
import socket, threading, time
server = socket.create_server(("127.0.0.1", 0))
memory = bytearray(200_000_000)  # takes the kernel a moment to free
for _ in range(30):
    threading.Thread(target=time.sleep, args=(60,)).start()
print(server.getsockname()[1], flush=True)
"""


def start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE)


def is_zombie(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat[stat.rfind(")") + 2] == "Z"


async def test_a_port_is_free_once_its_holder_counts_as_gone() -> None:
    for _ in range(5):
        with start() as server:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            identity = identity_of(server.pid)
            assert identity is not None
            assert is_taken(port)
            os.kill(server.pid, signal.SIGKILL)
            while not is_zombie(server.pid):  # its first thread has ended, others have not
                pass
            await wait_gone(server.pid, identity)
            assert not is_taken(port)
            assert identity_of(server.pid) is None
