"""The process runtime with real Anvil nodes."""

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.runtime.gate import Gate
from control_plane.adapters.runtime.identity import identity_of, is_alive
from control_plane.adapters.runtime.ports import is_taken
from control_plane.adapters.runtime.process import ProcessRuntime
from control_plane.domain.ports.node import NodeSpec
from tests.integration.runtime.asking import ask, seal
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
    with_port,
)

pytestmark = pytest.mark.integration


def environment_of(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text()


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
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "131072")
    handle = await runtime.start_node(spec)
    rpc = await connect(handle.ws_url, deadline=5)
    await rpc.call("anvil_mine", hex(300))
    assert "CALDERA_" not in environment_of(handle.pid)
    assert "MALLOC_" not in environment_of(handle.pid)
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
