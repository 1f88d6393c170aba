"""What a rollup's users notice of a switch: how long there are no blocks, and what gets lost."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.harness import Figure, Home
from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.ports.node import Account
from control_plane.schemas.spec import TEST_MNEMONIC

_NAME = "switching"
_RATE = 50
"""Transactions a second."""
_GWEI = 10**9
_BETWEEN = 0.5
_SETTLES = (
    *("--set", "rollups.op.da=ethereum-calldata"),
    *("--set", "rollups.op.proof=fraud"),
    *("--set", "save_interval=1"),
)
_SWITCHES = (
    ("--proof", "validity", "--framework", "zk-stack"),
    ("--da", "celestia"),
    ("--proof", "fraud", "--framework", "op-stack"),
    ("--da", "ethereum-blobs"),
    ("--framework", "arbitrum-nitro"),
)


def measure(home: Home, smoke: bool) -> list[Figure]:
    """Switches in a row under fifty transfers a second."""
    home.run("up", "minimal", "--name", _NAME, *_SETTLES)
    rollup = home.json("status", _NAME)["rollups"][0]
    found = asyncio.run(_measure(home, rollup, 2 if smoke else 10))
    home.run("down", _NAME, "-y")
    return found


async def _measure(home: Home, rollup: dict[str, Any], count: int) -> list[Figure]:
    node = await connect(rollup["ws_url"])
    heads = await connect(rollup["ws_url"])
    sender = derive_accounts(TEST_MNEMONIC, 1)[0]
    seen: list[float] = []
    listening = asyncio.create_task(_listen(heads, seen))
    over = asyncio.Event()
    sending = asyncio.create_task(_send(node, sender, rollup["chain_id"], over))
    try:
        await asyncio.sleep(_BETWEEN)
        quiet = _longest(seen)
        took = [await _switch(home, _SWITCHES[at % len(_SWITCHES)]) for at in range(count)]
        over.set()
        sent = await sending
        lost = sent - await _included(node, sender, sent)
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
        await heads.close()
        await node.close()
    longest, steady = _longest(seen), "between blocks before"
    return [
        Figure("switch: longest time without a block", longest, "s", quiet, steady, 1.0),
        Figure("switch: transactions lost", float(lost), "", target=0.0),
        Figure("switch: until the rollup is settled again", max(took), "s"),
    ]


async def _switch(home: Home, options: Sequence[str]) -> float:
    began = time.perf_counter()
    command = ("rollup", "switch", "op", *options, "--devnet", _NAME)
    await asyncio.to_thread(home.run, *command)
    took = time.perf_counter() - began
    await asyncio.sleep(_BETWEEN)
    return took


async def _listen(node: WebSocketRpc, seen: list[float]) -> None:
    async for _ in node.subscribe("newHeads"):
        seen.append(time.perf_counter())  # noqa: PERF401 - each when it comes


def _longest(seen: Sequence[float]) -> float:
    return max((later - sooner for sooner, later in itertools.pairwise(seen)), default=0.0)


async def _send(node: WebSocketRpc, sender: Account, chain_id: int, over: asyncio.Event) -> int:
    """Transfers at the rate until it is over; how many."""
    first = int(await node.call("eth_getTransactionCount", sender.address, "latest"), 16)
    began, sent = time.perf_counter(), 0
    while not over.is_set():
        made = Transaction(
            chain_id, first + sent, bytes(19) + b"\xaa", 1, b"", 21_000, 100 * _GWEI, _GWEI
        )
        await node.call("eth_sendRawTransaction", "0x" + sign(made, sender.key)[0].hex())
        sent += 1
        await asyncio.sleep(max(0.0, began + sent / _RATE - time.perf_counter()))
    return sent


async def _included(node: WebSocketRpc, sender: Account, sent: int) -> int:
    """How many are in blocks, once all are or nothing more comes."""
    for _ in range(100):
        found = int(await node.call("eth_getTransactionCount", sender.address, "latest"), 16)
        if found >= sent:
            break
        await asyncio.sleep(0.05)
    return found
