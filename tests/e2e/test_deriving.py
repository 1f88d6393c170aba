"""The process that derives a rollup: from the L1 alone, step by step, and through kills."""

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from control_plane.adapters.derivation.process import DerivingProcess
from control_plane.domain.errors import TemporaryFailure
from tests.acceptance.world import until
from tests.e2e.home import Home, kill, new_home
from tests.e2e.messages import chains_of

_UP = ("up", "minimal", "--name", "net", "--set", "save_interval=0.5")


def test_it_follows_and_traces_and_is_killed(tmp_path: Path) -> None:
    with new_home() as home:
        home.run(*_UP, "--set", "rollups.op.da=ethereum-calldata")
        home.run("message", "send", "op", "l1", "--body", "0x6869", "--wait")
        asyncio.run(_follow(home, tmp_path))


async def _follow(home: Home, directory: Path) -> None:
    status = home.status()
    site = {
        "l1": status["l1"]["ws_url"],
        "inbox": status["rollups"][0]["l1_contracts"]["batchInbox"],
        "chain_id": status["rollups"][0]["chain_id"],
        "genesis": json.loads((home.home / "devnets/net/nodes/op/genesis.json").read_bytes()),
    }

    async def made() -> Mapping[str, Any]:
        return site

    deriving = DerivingProcess(made, directory / "deriving.log")
    op = chains_of(status)["op"]
    try:
        first = await _caught_up(deriving, op.height)
        await _compare(deriving, op, first)
        assert await deriving.last_of(bytes(31) + b"\1") is None
        assert await deriving.block(first + 100_000) is None
        assert await deriving.trace(0) is None

        child = deriving._child
        assert child is not None
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()
        await asyncio.to_thread(home.run, "message", "send", "l1", "op", "--body", "0x", "--wait")
        second = await _caught_up(deriving, op.height)
        assert second > first
        await _compare(deriving, op, second)
        await _killed_while_it_works(deriving)
        node = home.node("l1")
        kill(node.pid)
        await asyncio.to_thread(home.wait_state, "ready", 30)
        await _compare(deriving, op, await _caught_up(deriving, second))
    finally:
        await deriving.close()


async def _caught_up(deriving: DerivingProcess, head: int) -> int:
    async with asyncio.timeout(30):
        while True:
            try:
                reach = await deriving.follow()
            except TemporaryFailure:  # the L1's node is away
                await asyncio.sleep(0.2)
                continue
            assert reach.stuck is None
            if reach.last >= head:
                return reach.last
            await asyncio.sleep(0.2)  # until the batcher has posted


async def _compare(deriving: DerivingProcess, op: Any, last: int) -> None:
    for number in range(1, last + 1):
        there = op.call("eth_getBlockByNumber", hex(number), False)
        block, trace = await deriving.block(number), await deriving.trace(number)
        assert block is not None
        assert trace is not None
        assert "0x" + block.hash.hex() == there["hash"] == "0x" + trace.hash.hex()
        assert "0x" + trace.parent_hash.hex() == there["parentHash"]
        assert trace.transactions == block.transactions == len(there["transactions"])
        assert "0x" + trace.steps[-1].state_root.hex() == there["stateRoot"]
        assert trace.steps[-1].gas_used == int(there["gasUsed"], 16)


async def _killed_while_it_works(deriving: DerivingProcess) -> None:
    child = deriving._child
    assert child is not None
    asking = asyncio.create_task(deriving.trace(1))
    await asyncio.sleep(0)
    os.kill(child.pid, signal.SIGKILL)
    await asyncio.wait([asking])
    if asking.exception() is not None:  # its answer may have come before
        assert isinstance(asking.exception(), TemporaryFailure)
    until(lambda: child.returncode is not None or not Path(f"/proc/{child.pid}").exists(), 5, "")


def test_a_long_chain_is_judged_at_once_after_every_kill() -> None:
    """What derives it goes on from its snapshot, so that a forged output right after a restart is
    disputed in time. `CALDERA_LONG_CHAIN` makes it longer."""
    blocks = int(os.environ.get("CALDERA_LONG_CHAIN", "600"))
    with new_home() as home:
        settled = ("da=ethereum-calldata", "proof=fraud", "finalization_window=10")
        home.run(*_UP, *(each for s in settled for each in ("--set", f"rollups.op.{s}")))
        kept = home.home / "devnets/net/nodes/op/deriving.snapshot"
        _mine(home, blocks)
        until(lambda: _at(kept) >= blocks, 60 + blocks / 100, "a snapshot is made of a final block")
        assert kept.stat().st_mode & 0o777 == 0o600

        home.kill_daemon()  # and with it the process that derives
        lie = ("chaos", "start", "output-forged", "op", "lie=state-root")
        until(lambda: not home.run(*lie, check=False).returncode, 30, "another daemon has begun")
        home.run("message", "send", "l1", "op", "--body", "0x6869", "--wait")
        until(lambda: _count(home, "output.removed") == 1, 60, "the forged output is gone")
        assert f"goes on at block {_at(kept)}" in _log(home)

        (process,) = home.deriving()
        kill(process)  # L1 and rollup go on
        content = bytearray(kept.read_bytes())
        content[len(content) // 2] ^= 1
        kept.write_bytes(content)
        home.run("message", "send", "l1", "op", "--body", "0x6869", "--wait")
        torn = "is thrown away: it is torn; it begins with the genesis"
        until(lambda: torn in _log(home), 60, "it is told that the snapshot is thrown away")
        until(lambda: _at(kept) >= blocks, 60 + blocks / 50, "it has derived all of it again")


def _mine(home: Home, blocks: int) -> None:
    """So many blocks that follow at once, as anybody at the node's port can have them."""
    op = chains_of(home.status())["op"]
    for first in range(0, blocks, 500):
        op.call("anvil_mine", hex(min(500, blocks - first)), "0x0")
    until(lambda: op.height > blocks, 10, "the blocks are there")


def _at(kept: Path) -> int:
    """The block of a snapshot; 0 without one."""
    if not kept.exists():
        return 0
    with kept.open("rb") as file:
        file.readline()
        return int(json.loads(file.read(int.from_bytes(file.read(4))))["base"]["number"])


def _count(home: Home, type_: str) -> int:
    return sum(event["type"] == type_ for event in home.events("net"))


def _log(home: Home) -> str:
    return (home.home / "devnets/net/nodes/op/deriving.log").read_text()
