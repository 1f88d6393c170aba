"""The gate before real nodes: browsers' headers, long connections, and its own death."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from websockets.exceptions import InvalidStatus

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.engine.anvil_binary import resolve_anvil
from control_plane.adapters.runtime.gate import Gate
from control_plane.adapters.runtime.http import NodeHttp
from control_plane.adapters.runtime.identity import identity_of
from control_plane.adapters.runtime.ports import is_taken
from control_plane.domain.errors import Conflict, ServiceFailed, TemporaryFailure
from control_plane.domain.ports.node import NodeHandle
from tests.nodes import anvil_runtime, free_port, kill, make_plan, make_specs, processes_below

pytestmark = pytest.mark.integration

DAPP = "http://localhost:3000"
BODY = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'


@pytest.fixture
async def node(gate: Gate, tmp_path: Path) -> AsyncIterator[NodeHandle]:
    engine = AnvilEngine()
    runtime = anvil_runtime(resolve_anvil().path, gate)
    spec = make_specs(make_plan(origins=[DAPP]), tmp_path, engine)[0]
    yield await runtime.start_node(spec)
    await runtime.kill_strays(tmp_path)
    await no_gate(tmp_path)


async def no_gate(home: Path) -> None:
    async with asyncio.timeout(5):
        while gates(home):  # noqa: ASYNC110 - other processes give no event
            await asyncio.sleep(0.01)


def gates(home: Path) -> list[str]:
    return [line for line in processes_below(home) if "gate_process" in line]


async def exchange(port: int, *headers: str, method: str = "POST", body: bytes = BODY) -> bytes:
    """The whole answer to one request, as the bytes of a browser or program would be."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = [f"{method} / HTTP/1.1", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


def browser(origin: str, site: str = "cross-site", kind: str = "application/json") -> list[str]:
    """What Chrome sends with fetch(), beside the Host."""
    return [
        f"Origin: {origin}",
        f"Content-Type: {kind}",
        f"Sec-Fetch-Site: {site}",
        "Sec-Fetch-Mode: cors",
        "Sec-Fetch-Dest: empty",
        f"Referer: {origin}/",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
    ]


async def test_programs_and_the_specs_pages_get_answers(node: NodeHandle) -> None:
    local = f"Host: 127.0.0.1:{node.port}"
    for headers in (
        [local, "Content-Type: application/json"],
        [local, *browser(DAPP)],
        [
            "Host: localhost",
            *browser("chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn", "none"),
        ],
    ):
        answer = await exchange(node.port, *headers)
        assert answer.startswith(b"HTTP/1.1 200"), headers
        assert b'"result":"0x384"' in answer
    preflight = await exchange(
        node.port,
        local,
        f"Origin: {DAPP}",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: content-type",
        method="OPTIONS",
        body=b"",
    )
    assert b"access-control-allow-origin: *" in preflight
    async with websockets.connect(f"ws://127.0.0.1:{node.port}", origin=DAPP) as socket:  # type: ignore[arg-type]
        await socket.send(BODY)
        assert b"0x384" in (await socket.recv(decode=False))


@pytest.mark.parametrize("kind", ["application/json", "text/plain;charset=UTF-8"])
async def test_other_pages_get_nothing(node: NodeHandle, kind: str) -> None:
    local = f"Host: 127.0.0.1:{node.port}"
    for host, origin in (
        (local, "https://evil.example"),
        (local, "null"),
        (f"Host: evil.example:{node.port}", f"http://evil.example:{node.port}"),
    ):
        for method in ("POST", "OPTIONS", "GET"):
            answer = await exchange(node.port, host, *browser(origin, kind=kind), method=method)
            assert answer.startswith(b"HTTP/1.1 403"), (host, origin, method)
            assert b"0x384" not in answer
            assert b"access-control" not in answer.lower()
    with pytest.raises(InvalidStatus, match="403"):
        await websockets.connect(f"ws://127.0.0.1:{node.port}", origin="https://evil.example")  # type: ignore[arg-type]
    answer = await exchange(node.port, local, "Sec-Fetch-Site: cross-site", method="GET", body=b"")
    assert answer.startswith(b"HTTP/1.1 403")


async def test_node_itself_cannot_be_guessed(node: NodeHandle) -> None:
    host, port = node.http_url.removeprefix("http://").split(":")
    assert host.startswith("127.")
    assert host != "127.0.0.1"
    assert int(port) != node.port
    with pytest.raises(OSError, match=r"refused|failed"):
        await NodeHttp.connect("127.0.0.1", int(port))


async def test_a_browsers_connection_is_not_used_twice(node: NodeHandle) -> None:
    """An allowed request must not open the way for one that is not, on the same connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}\r\n"
    allowed = head + "Content-Type: application/json\r\n" + f"Origin: {DAPP}\r\n\r\n"
    other = head + "Content-Type: application/json\r\n" + "Origin: https://evil.example\r\n\r\n"
    writer.write(allowed.encode() + BODY)
    await asyncio.sleep(0.1)
    writer.write(other.encode() + BODY)
    async with asyncio.timeout(5):
        answers = await reader.read()
    writer.close()
    assert answers.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answers.lower()


async def test_connections_of_programs_stay_and_carry_megabytes(node: NodeHandle) -> None:
    client = await NodeHttp.connect("127.0.0.1", node.port)
    big = "0x" + "ab" * 3_000_000
    first = await client.call("web3_sha3", big)
    many = await client.batch([("web3_sha3", [big])] + [("eth_chainId", [])] * 1000)
    assert many == [first] + ["0x384"] * 1000
    await client.close()


async def test_head_in_pieces_and_heads_too_long(node: NodeHandle) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    request = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(BODY)}\r\n\r\n"
    )
    for byte in request.encode():
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    writer.write(BODY)
    async with asyncio.timeout(5):
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
    writer.close()
    answer = await exchange(node.port, "X: " + "y" * 40_000)
    assert answer.startswith(b"HTTP/1.1 403") or not answer


async def test_subscriptions_pass_at_once(node: NodeHandle) -> None:
    async with websockets.connect(f"ws://127.0.0.1:{node.port}") as socket:
        ask = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
        await socket.send(json.dumps(ask))
        await socket.recv()
        await socket.send(json.dumps({**ask, "method": "evm_mine", "params": [], "id": 2}))
        async with asyncio.timeout(1):
            told = {json.loads(await socket.recv()).get("method") for _ in range(2)}
        assert told == {None, "eth_subscription"}


async def test_many_clients_at_once(node: NodeHandle) -> None:
    async def one() -> None:
        client = await NodeHttp.connect("127.0.0.1", node.port)
        for _ in range(10):
            assert await client.call("eth_chainId") == "0x384"
        await client.close()

    async with asyncio.timeout(20):
        await asyncio.gather(*(one() for _ in range(200)))


async def test_clients_learn_at_once_that_the_node_died(node: NodeHandle, tmp_path: Path) -> None:
    client = await NodeHttp.connect("127.0.0.1", node.port)
    await client.call("eth_chainId")
    kill(node.pid)
    async with asyncio.timeout(2):
        assert await client._reader.read() == b""
    await client.close()
    await no_gate(tmp_path)
    assert not is_taken(node.port)


async def test_killed_gate_comes_back_with_its_routes(node: NodeHandle, tmp_path: Path) -> None:
    assert len(gates(tmp_path)) == 1
    killed = gate_pids(tmp_path)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(5):
        while not await answers(node.port):  # noqa: ASYNC110 - it tells nobody that it is back
            await asyncio.sleep(0.01)
    assert all(identity_of(pid) is None for pid in killed)


async def answers(port: int) -> bool:
    try:
        client = await NodeHttp.connect("127.0.0.1", port)
    except OSError:
        return False
    try:
        return bool(await client.call("eth_chainId") == "0x384")
    except TemporaryFailure:  # the killed one's connection, accepted by nobody
        return False
    finally:
        await client.close()


def gate_pids(home: Path) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if is_gate_of(entry, home)]


def is_gate_of(process: Path, home: Path) -> bool:
    try:
        return b"gate_process" in (process / "cmdline").read_bytes() and (
            (process / "cwd").readlink() == home
        )
    except OSError:
        return False


async def test_one_gate_for_all_and_none_without_routes(gate: Gate, tmp_path: Path) -> None:
    me = os.getpid()
    ports = [free_port() for _ in range(3)]
    await asyncio.gather(*(gate.open(port, ("127.0.0.1", 9), [], me) for port in ports))
    assert len(gates(tmp_path)) == 1
    await gate.open(ports[0], ("127.0.0.1", 9), [DAPP], me)
    other = Gate(tmp_path / "other")
    with pytest.raises(Conflict, match=f"Port {ports[0]} is in use"):
        await other.open(ports[0], ("127.0.0.1", 9), [], me)
    await other.let_go()
    await gate.close(ports[0], me + 1)
    assert is_taken(ports[0])
    for port in ports:
        await gate.close(port, me)
    assert not any(is_taken(port) for port in ports)
    await no_gate(tmp_path)
    await gate.close(ports[0], me)
    await gate.open(ports[0], ("127.0.0.1", 9), [], me)
    assert is_taken(ports[0])
    await gate.close(ports[0], me)


async def test_home_with_a_long_name(tmp_path: Path) -> None:
    home = tmp_path / ("long-" * 30)
    gate = Gate(home)
    port = free_port()
    await gate.open(port, ("127.0.0.1", 9), [], os.getpid())
    assert is_taken(port)
    await gate.close(port, os.getpid())
    await gate.let_go()


async def test_gate_that_cannot_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no gate today')")
    monkeypatch.setattr("control_plane.adapters.runtime.gate._PROGRAM", broken)
    gate = Gate(tmp_path)
    with pytest.raises(ServiceFailed, match="gate") as caught:
        await gate.open(free_port(), ("127.0.0.1", 9), [], os.getpid())
    assert caught.value.last_lines == ("no gate today",)
    await gate.let_go()
