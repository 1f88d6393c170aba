"""The process runtime with real op-geth nodes."""

import asyncio
import ctypes
import stat
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.adapters.engine.op_geth import OpGethEngine
from control_plane.adapters.engine.op_geth_genesis import extra_data
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.runtime.confined import CREATE_RULESET
from control_plane.adapters.runtime.gate import Gate
from control_plane.adapters.runtime.identity import identity_of
from control_plane.adapters.runtime.ports import is_taken
from control_plane.adapters.runtime.process import ProcessRuntime
from control_plane.domain.errors import ServiceFailed, StorageFailed
from control_plane.domain.ports.node import NodeHandle, NodeSpec
from control_plane.domain.rpc import RpcError
from tests.disks import small_disk
from tests.integration.runtime.asking import ask
from tests.nodes import DEV, find_op_geth, gone, kill, op_geth_runtime, op_geth_spec

pytestmark = pytest.mark.integration
DAPP = "http://localhost:3000"
L1_BLOCK = "0x4200000000000000000000000000000000000015"
LANDLOCK = sys.platform == "linux" and ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, 1) > 0


@pytest.fixture(scope="module")
def program() -> Path:
    return find_op_geth()


@pytest.fixture
async def runtime(program: Path, gate: Gate, tmp_path: Path) -> AsyncIterator[ProcessRuntime]:
    runtime = op_geth_runtime(program, gate)
    yield runtime
    await runtime.kill_strays(tmp_path)


@pytest.fixture
def spec(tmp_path: Path) -> NodeSpec:
    return op_geth_spec(tmp_path, {DEV: 10**21})


def listeners(pid: int) -> set[str]:
    """Addresses (hexadecimal, as the kernel shows them) on which a process listens."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(link.readlink()))
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            waits = fields[3] == "0A" or table.startswith("udp")
            if waits and f"socket:[{fields[9]}]" in inodes:
                found.add(fields[1].partition(":")[0])
    return found


async def test_starts_with_every_fork_and_our_accounts(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    handle = await runtime.start_node(spec)
    assert await ask(handle, "eth_chainId") == hex(spec.chain.chain_id)
    assert await ask(handle, "eth_accounts") == []
    code = await ask(handle, "eth_getCode", L1_BLOCK, "latest")
    assert len(code) > 2048  # an answer in chunks
    assert await ask(handle, "eth_getBalance", DEV, "latest") == hex(10**21)
    genesis = await ask(handle, "eth_getBlockByNumber", "0x0", False)
    assert genesis["extraData"] == "0x" + extra_data().hex()  # Jovian's
    assert "requestsHash" in genesis  # Isthmus'
    assert abs(int(genesis["timestamp"], 16) - time.time()) < 10
    usage = runtime.usage(handle)
    assert usage is not None
    assert usage.rss < 250_000_000


async def test_listens_on_private_loopback_only_and_its_engine_asks_for_the_secret(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    handle = await runtime.start_node(spec)
    assert handle.engine_url is not None
    secret = spec.directory / "jwt.hex"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert secret.read_text() not in " ".join(handle.command)
    addresses = listeners(handle.pid)
    assert addresses
    assert all(len(address) == 8 and address.endswith("7F") for address in addresses)
    host, _, port = handle.engine_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\nConnection: close\r\n\r\n[]"
    )
    assert b" 401 " in await reader.readline()
    writer.close()


@pytest.mark.parametrize(("origin", "let_in"), [(DAPP, True), ("http://evil.example", False)])
async def test_web_pages_of_the_spec_are_let_in(
    runtime: ProcessRuntime, spec: NodeSpec, origin: str, let_in: bool
) -> None:
    spec = replace(spec, plan=replace(spec.plan, origins=(DAPP,)))
    handle = await runtime.start_node(spec)
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
    post = await heads_of(
        handle, b"POST", origin, b"Content-Type: application/json", b"Content-Length: 59", body
    )
    socket = await heads_of(
        handle,
        b"GET",
        origin,
        *(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
        *(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b""),
    )
    assert (b" 200 " in post and b"Access-Control-Allow-Origin: *" in post) is let_in
    assert (b" 101 " in socket) is let_in


async def heads_of(handle: NodeHandle, method: bytes, origin: str, *lines: bytes) -> bytes:
    """The head of the answer to a request of a browser; the last of `lines` is the body."""
    *headers, body = lines
    reader, writer = await asyncio.open_connection("127.0.0.1", handle.port)
    head = [method + b" / HTTP/1.1", b"Host: localhost", b"Origin: " + origin.encode(), *headers]
    writer.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
    try:
        async with asyncio.timeout(5):
            return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()


async def test_stop_is_graceful_and_a_second_start_goes_on(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    handle = await runtime.start_node(spec)
    genesis = await ask(handle, "eth_getBlockByNumber", "0x0", False)
    rpc = await connect(handle.ws_url)
    saved = await runtime.save_state(spec, rpc)
    await rpc.close()
    assert saved.block == 0
    assert runtime.saved_state(spec) == saved
    await runtime.stop_node(handle, grace=2.0)
    assert identity_of(handle.pid) is None
    assert "Blockchain stopped" in handle.log.read_text()
    assert not is_taken(handle.port)
    again = await runtime.start_node(spec)
    assert (await ask(again, "eth_getBlockByNumber", "0x0", False))["hash"] == genesis["hash"]
    assert (spec.directory / "jwt.hex").exists()


async def test_is_adopted_and_a_stray_is_ended(
    runtime: ProcessRuntime, program: Path, spec: NodeSpec, tmp_path: Path
) -> None:
    handle = await runtime.start_node(spec)
    gate = Gate(tmp_path)
    second = op_geth_runtime(program, gate)
    adopted = await second.adopt_node(spec, handle.pid, handle.identity)
    assert adopted == handle
    anvils = replace(spec, chain=replace(spec.chain, engine="op-geth"), directory=tmp_path)
    assert await second.adopt_node(anvils, handle.pid, handle.identity) is None
    assert await second.kill_strays(spec.directory.parent) == 1
    await gone(handle.pid)
    await gate.let_go()


async def test_kill_is_noticed_and_leaves_no_port(runtime: ProcessRuntime, spec: NodeSpec) -> None:
    handle = await runtime.start_node(spec)
    waiting = asyncio.create_task(runtime.wait_exit(handle))
    await asyncio.sleep(0.05)
    kill(handle.pid)
    async with asyncio.timeout(2):
        await waiting
    again = await runtime.start_node(spec)
    assert await ask(again, "eth_blockNumber") == "0x0"


async def test_genesis_of_another_chain_is_told(runtime: ProcessRuntime, spec: NodeSpec) -> None:
    await runtime.stop_node(await runtime.start_node(spec))
    alloc = {DEV: {"balance": "0x1"}}
    spec.genesis.write_bytes(OpGethEngine().genesis(spec, alloc, int(time.time())))
    with pytest.raises(ServiceFailed) as caught:
        await runtime.start_node(spec)
    assert "genesis" in caught.value.detail
    assert caught.value.log == str(spec.directory / "node.log")


async def test_a_disk_without_room_is_told_before_it_starts(program: Path, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with small_disk(tmp_path / "disk", kilobytes=48 * 1024) as disk:
        spec = op_geth_spec(disk, {DEV: 10**21})
        with pytest.raises(StorageFailed, match="too little room"):
            await op_geth_runtime(program, gate).start_node(spec)
    await gate.let_go()


async def test_an_end_has_the_cause_that_its_log_tells(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    handle = await runtime.start_node(spec)
    with handle.log.open("a") as log:
        log.write('t=2026-01-01T00:00:00+0000 lvl=error msg="Low disk space."\n')
    kill(handle.pid)
    assert "Low disk space" in str(await runtime.wait_exit(handle))


@pytest.mark.skipif(not LANDLOCK, reason="the kernel has no Landlock")
async def test_callers_make_it_write_into_its_own_directory_only(
    runtime: ProcessRuntime, spec: NodeSpec, tmp_path: Path
) -> None:
    handle = await runtime.start_node(spec)
    for place in (tmp_path / "profile", spec.directory / "jwt.hex", Path("/dev/shm/profile")):
        with pytest.raises(RpcError, match="permission denied"):
            await ask(handle, "debug_writeMemProfile", str(place))
    assert len((spec.directory / "jwt.hex").read_text()) == 64
    await ask(handle, "debug_writeMemProfile", str(spec.directory / "data" / "profile"))
