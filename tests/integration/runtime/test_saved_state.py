"""Chains on Anvil go on from what was saved, and a save is whole or refused."""

import asyncio
import gzip
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.adapters.engine.anvil import AnvilEngine, state_path
from control_plane.adapters.engine.saved_state import read_state
from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.adapters.runtime.ports import is_taken
from control_plane.adapters.runtime.process import ProcessRuntime
from control_plane.domain.errors import ServiceFailed, StorageFailed, TemporaryFailure
from control_plane.domain.ports.node import NodeHandle, NodeSpec, Rpc
from tests.disks import small_disk
from tests.integration.runtime.asking import ask, seal
from tests.nodes import DEV, LOGGER, kill, make_plan, make_specs

pytestmark = pytest.mark.integration


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
