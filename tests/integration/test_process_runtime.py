"""The process runtime with real Anvil nodes, and with programs that misbehave."""

import asyncio
import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.engine.anvil import AnvilEngine, state_path
from control_plane.adapters.engine.anvil_binary import resolve_anvil
from control_plane.adapters.engine.saved_state import read_state
from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.adapters.runtime.gate import Gate
from control_plane.adapters.runtime.http import NodeHttp
from control_plane.adapters.runtime.identity import identity_of, is_alive
from control_plane.adapters.runtime.ports import holder, is_taken, taken_ports
from control_plane.adapters.runtime.process import ProcessRuntime
from control_plane.domain.errors import (
    Conflict,
    DeadlineExceeded,
    MissingDependency,
    ServiceFailed,
    StorageFailed,
    TemporaryFailure,
)
from control_plane.domain.ports.node import NodeHandle, NodeSpec, Rpc
from tests.disks import small_disk
from tests.nodes import (
    DEV,
    LOGGER,
    anvil_runtime,
    free_port,
    freeze,
    gone,
    kill,
    make_plan,
    make_specs,
    processes_below,
    script,
    with_port,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def anvil() -> Path:
    return resolve_anvil().path


@pytest.fixture
def engine() -> AnvilEngine:
    return AnvilEngine()


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    await gate.let_go()


@pytest.fixture
async def runtime(anvil: Path, gate: Gate, tmp_path: Path) -> AsyncIterator[ProcessRuntime]:
    runtime = anvil_runtime(anvil, gate)
    yield runtime
    await runtime.kill_strays(tmp_path)
    async with asyncio.timeout(5):
        while processes_below(tmp_path):  # noqa: ASYNC110 - other processes give no event
            await asyncio.sleep(0.01)


@pytest.fixture
def spec(tmp_path: Path, engine: AnvilEngine) -> NodeSpec:
    return make_specs(make_plan(), tmp_path, engine)[0]


async def ask(handle: NodeHandle, method: str, *params: Any) -> Any:
    """Through the public port, as a user does."""
    node = await NodeHttp.connect("127.0.0.1", handle.port)
    try:
        return await node.call(method, *params)
    finally:
        await node.close()


def environment_of(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text()


async def seal(rpc: Rpc, blocks: int = 1, data: str = "0x1234") -> None:
    """Blocks with one call of the logging contract each."""
    for _ in range(blocks):
        transaction = {"from": DEV, "to": LOGGER, "data": data, "gas": "0x100000"}
        await rpc.call("eth_sendTransaction", transaction)
        await rpc.call("evm_mine")


# ---------------------------------------------------------------- start and stop


async def test_start_then_stop(runtime: ProcessRuntime, spec: NodeSpec) -> None:
    handle = await runtime.start_node(spec)
    assert handle.service == "l1/node"
    assert handle.port == spec.chain.port
    assert await ask(handle, "eth_chainId") == hex(900)
    assert await ask(handle, "eth_accounts") == [
        DEV,
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
    ]
    head = await ask(handle, "eth_getBlockByNumber", "latest", False)
    assert abs(int(head["timestamp"], 16) - time.time()) < 3
    usage = runtime.usage(handle)
    assert usage is not None
    assert 5_000_000 < usage.rss < 200_000_000
    assert usage.cpu_seconds > 0
    await runtime.stop_node(handle)
    assert identity_of(handle.pid) is None
    assert not is_taken(handle.port)
    assert runtime.usage(handle) is None
    await runtime.stop_node(handle)


async def test_node_writes_no_private_key_to_its_log(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    handle = await runtime.start_node(spec)
    await ask(handle, "evm_mine")
    await runtime.stop_node(handle)
    said = handle.log.read_text()
    assert "Block Number: 1" in said
    assert "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80" not in said
    assert "Private Key" not in said


async def test_node_leaves_nothing_on_disk_but_in_its_directory(
    runtime: ProcessRuntime, spec: NodeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("CALDERA_SECRET", "x")
    handle = await runtime.start_node(spec)
    rpc = await connect(handle.ws_url, deadline=5)
    await rpc.call("anvil_mine", hex(300))
    assert "CALDERA_" not in environment_of(handle.pid)
    await rpc.close()
    await runtime.stop_node(handle)
    assert not (tmp_path / "user").exists()
    left = {path.name for path in spec.directory.iterdir()} - {"cache"}
    assert left == {"genesis.json", "node.log"}


async def test_four_nodes_side_by_side(
    runtime: ProcessRuntime, engine: AnvilEngine, tmp_path: Path
) -> None:
    specs = make_specs(make_plan(4, accounts=10), tmp_path, engine)
    handles = await asyncio.gather(*(runtime.start_node(spec) for spec in specs))
    answers = await asyncio.gather(*(ask(handle, "eth_chainId") for handle in handles))
    assert answers == [hex(900 + number) for number in range(4)]
    await asyncio.gather(*(runtime.stop_node(handle) for handle in handles))


async def test_stop_kills_what_does_not_listen(runtime: ProcessRuntime, spec: NodeSpec) -> None:
    handle = await runtime.start_node(spec)
    await freeze(handle.pid)
    started = time.monotonic()
    await runtime.stop_node(handle, grace=0.2)
    assert 0.2 <= time.monotonic() - started < 2
    assert identity_of(handle.pid) is None


async def test_stop_never_touches_a_process_that_has_the_pid_now(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    handle = await runtime.start_node(spec)
    reused = replace(handle, identity=handle.identity + "0")
    await runtime.stop_node(reused)
    async with asyncio.timeout(1):
        await runtime.wait_exit(reused)
    assert is_alive(handle.pid, handle.identity)
    assert await ask(handle, "eth_chainId") == hex(900)


async def test_wait_exit_tells_of_a_kill_at_once(runtime: ProcessRuntime, spec: NodeSpec) -> None:
    handle = await runtime.start_node(spec)
    waiting = asyncio.create_task(runtime.wait_exit(handle))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    kill(handle.pid)
    async with asyncio.timeout(0.5):
        await waiting
    with pytest.raises(ProcessLookupError):
        os.kill(handle.pid, 0)  # reaped: not even a zombie is left


# ---------------------------------------------------------------- outliving the daemon


async def test_another_runtime_adopts_what_is_recorded_and_nothing_else(
    runtime: ProcessRuntime, anvil: Path, spec: NodeSpec, tmp_path: Path
) -> None:
    handle = await runtime.start_node(spec)
    second_gate = Gate(tmp_path)
    second = anvil_runtime(anvil, second_gate)
    assert await second.adopt_node(spec, handle.pid, handle.identity) == handle
    assert await second.adopt_node(spec, None, None) is None
    assert await second.adopt_node(spec, handle.pid, "of:another:boot") is None
    assert await second.adopt_node(spec, os.getpid(), identity_of(os.getpid())) is None
    assert await ask(handle, "eth_chainId") == hex(900)
    await second.stop_node(handle)
    assert await second.adopt_node(spec, handle.pid, handle.identity) is None
    await second_gate.let_go()


async def test_node_outlives_the_process_that_started_it(
    runtime: ProcessRuntime, anvil: Path, spec: NodeSpec, tmp_path: Path
) -> None:
    program = f"""
import asyncio, pickle, sys
from pathlib import Path
from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.runtime.gate import Gate
from control_plane.adapters.runtime.process import ProcessRuntime
async def main():
    spec = pickle.loads(sys.stdin.buffer.read())
    find = {{"anvil": lambda *_: Path({str(anvil)!r})}}
    gate = Gate(Path({str(tmp_path)!r}))
    runtime = ProcessRuntime({{"anvil": AnvilEngine()}}, find, gate)
    handle = await runtime.start_node(spec)
    print(handle.pid, handle.identity, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    import pickle

    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert daemon.stdin is not None
    assert daemon.stdout is not None
    daemon.stdin.write(pickle.dumps(spec))
    daemon.stdin.close()
    async with asyncio.timeout(20):
        pid, identity = (await daemon.stdout.readline()).decode().split()
    daemon.kill()
    await daemon.wait()
    handle = await runtime.adopt_node(spec, int(pid), identity)
    assert handle is not None
    assert await ask(handle, "eth_chainId") == hex(900)
    waiting = asyncio.create_task(runtime.wait_exit(handle))
    await asyncio.sleep(0.05)
    kill(handle.pid)
    async with asyncio.timeout(1):
        await waiting


async def test_adoption_refuses_a_node_that_does_not_answer_and_start_replaces_it(
    runtime: ProcessRuntime, spec: NodeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control_plane.adapters.runtime.process._ADOPT_DEADLINE", 0.3)
    handle = await runtime.start_node(spec)
    await freeze(handle.pid)
    assert await runtime.adopt_node(spec, handle.pid, handle.identity) is None
    again = await runtime.start_node(spec)
    assert identity_of(handle.pid) is None
    assert await ask(again, "eth_chainId") == hex(900)


async def test_strays_are_ended_and_only_they(
    runtime: ProcessRuntime, engine: AnvilEngine, tmp_path: Path
) -> None:
    specs = make_specs(make_plan(2), tmp_path, engine)
    first, second = [await runtime.start_node(spec) for spec in specs]
    reader = subprocess.Popen(["tail", "-f", str(first.log)], stdout=subprocess.DEVNULL)  # noqa: ASYNC220
    try:
        assert await runtime.kill_strays(specs[0].directory) == 1
        assert identity_of(first.pid) is None
        assert is_alive(second.pid, second.identity)
        assert await runtime.kill_strays(tmp_path / "devnets" / "sho") == 0
        assert await runtime.kill_strays(tmp_path) == 1
        assert reader.poll() is None
    finally:
        reader.kill()
        reader.wait()


# ---------------------------------------------------------------- saving and restoring


async def test_chain_goes_on_from_its_saved_state_after_kill_9(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    handle = await runtime.start_node(spec)
    rpc = await connect(handle.ws_url, deadline=5)
    assert runtime.saved_state(spec) is None
    await seal(rpc, 20)
    saved = await runtime.save_state(spec, rpc)
    assert saved.block == 20
    assert runtime.saved_state(spec) == saved
    blocks = [await rpc.call("eth_getBlockByNumber", hex(n), True) for n in range(21)]
    await seal(rpc, 3)
    await rpc.call("eth_sendTransaction", {"from": DEV, "to": LOGGER, "gas": "0x30000"})
    await rpc.close()
    kill(handle.pid)
    await runtime.wait_exit(handle)

    again = await runtime.start_node(spec)
    assert again.identity != handle.identity
    rpc = await connect(again.ws_url, deadline=5)
    assert await rpc.call("eth_blockNumber") == hex(20)
    assert blocks == [await rpc.call("eth_getBlockByNumber", hex(n), True) for n in range(21)]
    assert await rpc.call("eth_getTransactionCount", DEV, "pending") == hex(20)
    logs = await rpc.call("eth_getLogs", {"fromBlock": "0x0", "address": LOGGER})
    assert len(logs) == 20
    receipt = await rpc.call("eth_getTransactionReceipt", blocks[5]["transactions"][0]["hash"])
    assert receipt["blockHash"] == blocks[5]["hash"]
    slot = "0x" + "0" * 63 + "1"
    proof = await rpc.call("eth_getProof", LOGGER, [slot], hex(20))
    assert proof["storageProof"][0]["value"] == hex(20)
    await seal(rpc)
    head = await rpc.call("eth_getBlockByNumber", "latest", False)
    assert (head["number"], head["parentHash"]) == (hex(21), blocks[20]["hash"])
    assert await rpc.call("eth_getStorageAt", LOGGER, slot, "latest") == "0x" + f"{21:064x}"
    await rpc.close()


async def test_time_is_the_present_after_a_restore_and_never_runs_backwards(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    genesis = spec.genesis.read_text()
    old = hex(int(time.time()) - 5000)
    spec.genesis.write_text(genesis.replace(genesis.split('"timestamp":"')[1].split('"')[0], old))

    async def next_block(rpc: Rpc) -> float:
        await rpc.call("evm_mine")
        head = await rpc.call("eth_getBlockByNumber", "latest", False)
        return float(int(head["timestamp"], 16) - time.time())

    async def restart(handle: NodeHandle, rpc: Rpc) -> tuple[NodeHandle, WebSocketRpc]:
        await runtime.save_state(spec, rpc)
        await rpc.close()
        await runtime.stop_node(handle)
        handle = await runtime.start_node(spec)
        return handle, await connect(handle.ws_url, deadline=5)

    handle = await runtime.start_node(spec)
    rpc = await connect(handle.ws_url, deadline=5)
    assert abs(await next_block(rpc)) < 3
    handle, rpc = await restart(handle, rpc)
    assert abs(await next_block(rpc)) < 3
    await rpc.call("evm_increaseTime", 1000)
    assert 997 < await next_block(rpc) < 1003
    handle, rpc = await restart(handle, rpc)
    assert 997 < await next_block(rpc) < 1003
    await rpc.close()


async def test_save_is_whole_or_refused_while_blocks_are_sealed(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    handle = await runtime.start_node(spec)
    rpc, other = [await connect(handle.ws_url, deadline=5) for _ in range(2)]
    sealing = asyncio.create_task(seal(other, 300))
    refused = 0
    while not sealing.done():
        try:
            await runtime.save_state(spec, rpc)
        except TemporaryFailure:
            refused += 1
        else:
            assert_whole(spec)
    await sealing
    assert refused, "blocks came too slowly for this test to tell anything"
    assert (await runtime.save_state(spec, rpc)).block == 300
    await other.close()
    await rpc.close()


def assert_whole(spec: NodeSpec) -> None:
    """The saved state is that of the saved head: every block calls the counting contract."""
    head, dump = read_state(state_path(spec))
    storage = json.loads(gzip.decompress(dump))["accounts"][LOGGER]["storage"]
    counts = [int(value, 16) for slot, value in storage.items() if int(slot, 16) == 1]
    assert counts == ([head.block] if head.block else [])


@pytest.mark.parametrize("damage", ["cut", "not ours", "no dump"])
async def test_damaged_state_is_told_and_kept(
    runtime: ProcessRuntime, spec: NodeSpec, damage: str
) -> None:
    handle = await runtime.start_node(spec)
    rpc = await connect(handle.ws_url, deadline=5)
    await seal(rpc, 2)
    await runtime.save_state(spec, rpc)
    await rpc.close()
    await runtime.stop_node(handle)
    whole = state_path(spec).read_bytes()
    head, dump = whole.split(b"\n", 1)
    damaged = {
        "cut": whole[:-10],
        "not ours": b"nonsense",
        "no dump": head + b"\n" + bytes(len(dump)),
    }[damage]
    state_path(spec).write_bytes(damaged)
    with pytest.raises((StorageFailed, ServiceFailed)) as caught:
        await runtime.start_node(spec)
    assert str(state_path(spec)) in caught.value.detail
    assert "genesis" in caught.value.hint
    assert state_path(spec).read_bytes() == damaged
    assert not is_taken(spec.chain.port)
    fresh = await runtime.start_node(replace(spec, restore=False))
    assert await ask(fresh, "eth_blockNumber") == "0x0"


async def test_state_that_cannot_be_saved_leaves_the_last_one_and_the_node(
    runtime: ProcessRuntime, engine: AnvilEngine, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small", kilobytes=2048) as disk:
        spec = make_specs(make_plan(), disk, engine)[0]
        handle = await runtime.start_node(spec)
        rpc = await connect(handle.ws_url, deadline=5)
        await seal(rpc)
        first = await runtime.save_state(spec, rpc)
        for _ in range(20):
            await seal(rpc, data="0x" + os.urandom(5_000).hex())
        room = shutil.disk_usage(disk).free
        (disk / "filler").write_bytes(b"x" * (room - 8192))
        with pytest.raises(StorageFailed, match="can't be saved") as caught:
            await runtime.save_state(spec, rpc)
        assert "No space" in caught.value.detail
        assert runtime.saved_state(spec) == first
        assert await ask(handle, "eth_blockNumber") == hex(21)
        (disk / "filler").unlink()
        assert (await runtime.save_state(spec, rpc)).block == 21
        await rpc.close()
        await runtime.stop_node(handle)


# ---------------------------------------------------------------- what goes wrong at a start


async def test_taken_port_is_a_conflict_that_names_the_holder(
    runtime: ProcessRuntime, anvil: Path, spec: NodeSpec, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", spec.chain.port)):
        for starter in (runtime, anvil_runtime(anvil)):
            with pytest.raises(Conflict, match=f"Port {spec.chain.port} is in use") as caught:
                await starter.start_node(spec)
            assert str(os.getpid()) in caught.value.detail
    assert not [line for line in processes_below(tmp_path) if "anvil" in line]


def test_ports() -> None:
    free = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert taken_ports([port, free]) == {port}
        assert str(os.getpid()) in (holder(port) or "")
    assert taken_ports([port]) == set()
    assert holder(free) is None
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert is_taken(server.getsockname()[1])


async def test_port_with_lingering_connections_is_free(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    for _ in range(2):
        handle = await runtime.start_node(spec)
        lingering = await NodeHttp.connect("127.0.0.1", handle.port)
        await runtime.stop_node(handle)
        await lingering.close()
        assert not is_taken(handle.port)


async def test_missing_binary(gate: Gate, spec: NodeSpec, tmp_path: Path) -> None:
    runtime = anvil_runtime(tmp_path / "no-such-anvil", gate)
    with pytest.raises(MissingDependency, match="no-such-anvil"):
        await runtime.start_node(spec)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not a program at all", "Exec format error"),
        ("#!/no/such/shell\n", "no program"),
        ("#!/bin/sh\necho unknown option >&2; exit 2\n", "unknown option"),
        ("#!/bin/sh\nexit 0\n", "said nothing"),
    ],
)
async def test_wrong_binary(
    gate: Gate, spec: NodeSpec, tmp_path: Path, text: str, told: str
) -> None:
    program = script(tmp_path / "wrong", text)
    runtime = anvil_runtime(program, gate)
    started = time.monotonic()
    with pytest.raises((ServiceFailed, MissingDependency)) as caught:
        await runtime.start_node(spec)
    assert time.monotonic() - started < 3
    assert told in caught.value.detail
    if isinstance(caught.value, ServiceFailed):
        assert caught.value.command[0] == str(program)
        assert caught.value.log == str(spec.directory / "node.log")
    assert not is_taken(spec.chain.port)


async def test_only_the_lines_of_this_start_are_told(
    gate: Gate, spec: NodeSpec, tmp_path: Path
) -> None:
    program = script(tmp_path / "wrong", "#!/bin/sh\necho line; echo $$; exit 3\n")
    runtime = anvil_runtime(program, gate)
    for _ in range(2):
        with pytest.raises(ServiceFailed) as caught:
            await runtime.start_node(spec)
        assert len(caught.value.last_lines) == 2


async def test_binary_that_never_answers(gate: Gate, spec: NodeSpec, tmp_path: Path) -> None:
    program = script(tmp_path / "mute", "#!/bin/sh\necho waiting\nexec sleep 60\n")
    runtime = anvil_runtime(program, gate, start_deadline=0.5)
    with pytest.raises(DeadlineExceeded) as caught:
        await runtime.start_node(spec)
    assert "node.log" in caught.value.detail
    assert "waiting" in caught.value.detail
    assert not [line for line in processes_below(tmp_path) if "sleep" in line]


async def test_answer_of_another_chain_is_a_conflict(
    gate: Gate, anvil: Path, spec: NodeSpec, tmp_path: Path
) -> None:
    text = (
        f"#!{sys.executable}\nimport os, sys\n"
        "arguments = sys.argv[1:]\n"
        "arguments[arguments.index('--chain-id') + 1] = '4242'\n"
        f"os.execv({str(anvil)!r}, ['anvil', *arguments])\n"
    )
    other = script(tmp_path / "other", text)
    runtime = anvil_runtime(other, gate)
    with pytest.raises(Conflict, match="another chain") as caught:
        await runtime.start_node(spec)
    assert "4242" in caught.value.detail
    assert not is_taken(spec.chain.port)


async def test_cancelled_start_leaves_nothing(
    runtime: ProcessRuntime, spec: NodeSpec, tmp_path: Path
) -> None:
    for after in (0.0, 0.005, 0.02, 0.05):
        task = asyncio.create_task(runtime.start_node(spec))
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            await runtime.stop_node(task.result())
        assert not [line for line in processes_below(tmp_path) if "anvil" in line]


async def test_genesis_that_anvil_refuses(runtime: ProcessRuntime, spec: NodeSpec) -> None:
    spec.genesis.write_text('{"alloc": 5}')
    with pytest.raises(ServiceFailed, match="exited while starting") as caught:
        await runtime.start_node(spec)
    assert caught.value.last_lines
    spec.genesis.unlink()
    with pytest.raises(StorageFailed, match=r"genesis\.json"):
        await runtime.start_node(spec)


async def test_full_disk_and_read_only_disk(
    runtime: ProcessRuntime, engine: AnvilEngine, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small", kilobytes=256) as disk:
        spec = make_specs(make_plan(), disk, engine)[0]
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)  # noqa: ASYNC221
        with pytest.raises(StorageFailed, match="Read-only"):
            await runtime.start_node(spec)
        assert not processes_below(disk)


# ---------------------------------------------------------------- bounds


async def test_old_states_answer_and_older_ones_are_dropped(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    handle = await runtime.start_node(spec)
    rpc = await connect(handle.ws_url, deadline=5)
    await rpc.call("anvil_mine", hex(400))
    head = await rpc.call("eth_getBlockByNumber", hex(400 - 128), False)
    proof = await rpc.call("eth_getProof", LOGGER, [], {"blockHash": head["hash"]})
    assert proof["accountProof"]
    await rpc.close()


async def test_memory_stays_bounded_over_thousands_of_blocks(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    handle = await runtime.start_node(spec)
    rpc = await connect(handle.ws_url, deadline=5)
    for _ in range(8):
        await seal(rpc, 50, data="0x" + os.urandom(600).hex())
        await rpc.call("anvil_mine", hex(200), timeout=60)
    usage = runtime.usage(handle)
    assert usage is not None
    # Up to 80 kB a block: each of the 128 kept states holds every block's hash, in tables that
    # double.
    assert usage.rss < 280_000_000
    logs = await rpc.call("eth_getLogs", {"fromBlock": "0x0", "address": LOGGER})
    assert len(logs) == 400
    await rpc.close()


async def test_log_is_cut_while_the_node_writes_it(
    runtime: ProcessRuntime, spec: NodeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control_plane.adapters.runtime.logs.BOUND", 2000)
    handle = await runtime.start_node(spec)
    rpc = await connect(handle.ws_url, deadline=5)
    await seal(rpc, 20)
    assert handle.log.stat().st_size > 2000
    await runtime.save_state(spec, rpc)
    before = handle.log.stat().st_size
    await seal(rpc, 2)
    assert before < 2000
    assert b"\0" not in handle.log.read_bytes()
    assert "Block Number: 22" in handle.log.read_text()
    assert "Block Number: 20" in (handle.log.with_name("node.log.1")).read_text()
    await rpc.close()


async def test_mnemonic_of_the_spec(
    runtime: ProcessRuntime, engine: AnvilEngine, tmp_path: Path
) -> None:
    words = "legal winner thank year wave sausage worth useful legal winner thank yellow"
    spec = make_specs(make_plan(mnemonic=words), tmp_path, engine)[0]
    handle = await runtime.start_node(spec)
    accounts = await ask(handle, "eth_accounts")
    assert len(accounts) == 2
    assert DEV not in accounts


async def test_named_port_stays_when_the_node_is_restarted(
    runtime: ProcessRuntime, spec: NodeSpec
) -> None:
    first = await runtime.start_node(spec)
    kill(first.pid)
    second = await runtime.start_node(spec)
    assert second.port == first.port
    assert await ask(second, "eth_chainId") == hex(900)
    moved = with_port(spec, free_port())
    third = await runtime.start_node(moved)
    assert await ask(third, "eth_chainId") == hex(900)
    await gone(second.pid)
    assert not is_taken(second.port)
