"""The baseline: Anvil processes with the same genesis and ten accounts, and nothing of ours."""

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CHAIN_ID = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'


@dataclass(frozen=True)
class BareNode:
    port: int
    process: "subprocess.Popen[bytes]"


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether `eth_chainId` is answered on `port`."""
    request = (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(_CHAIN_ID), _CHAIN_ID)
    )
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as stream:
        stream.sendall(request)
        stream.settimeout(1)
        received = b""
        while chunk := stream.recv(4096):
            received += chunk
        return b'"result"' in received
    return False


@contextmanager
def bare_nodes(
    anvil: str, genesis: Sequence[Path], *extra: str
) -> Iterator[tuple[list[BareNode], float]]:
    """Start one Anvil per genesis side by side; yields them and the seconds until all answer."""
    directory = Path(tempfile.mkdtemp(prefix="caldera-bare-"))
    nodes: list[BareNode] = []
    began = time.perf_counter()
    try:
        for index, file in enumerate(genesis):
            nodes.append(_start(anvil, file, directory / str(index), extra))
        waiting = {node.port for node in nodes}
        while waiting:
            waiting = {port for port in waiting if not answers(port)}
            if time.perf_counter() - began > 30:
                raise TimeoutError("bare Anvil processes did not answer within 30 s")
        yield nodes, time.perf_counter() - began
    finally:
        for node in nodes:
            node.process.kill()
        for node in nodes:
            node.process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _start(anvil: str, genesis: Path, directory: Path, extra: Sequence[str]) -> BareNode:
    port = free_port()
    chain_id = json.loads(genesis.read_text())["config"]["chainId"]
    argv = [anvil, "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain_id)]
    argv += ["--init", str(genesis), "--accounts", "10", "--timestamp", str(int(time.time()))]
    argv += ["--hardfork", "prague", "--cache-path", str(directory), "--quiet", *extra]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return BareNode(port, process)
