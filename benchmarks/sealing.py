"""What batches cost a rollup's sequencer: transfers with a batcher beside it, and without."""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.harness import Figure, Home, median
from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.schemas.spec import TEST_MNEMONIC

_NAME: Final = "sealing"
_SPEC: Final = """\
version: 1
name: sealing
rollups:
  - {name: plain, framework: op-stack}
  - {name: posted, framework: op-stack, da: ethereum-calldata}
  - {name: settled, framework: op-stack, da: ethereum-calldata, proof: fraud}
"""
_LABELS: Final = {"posted": "that is posted", "settled": "that is posted and takes deposits"}
_GWEI: Final = 10**9
_AT_ONCE: Final = 500
_REST: Final = 2.0
"""Seconds after which what came before is posted."""


def measure(home: Home, rounds: int, transfers: int) -> list[Figure]:
    """Bursts of `transfers` at block time 0, to one rollup after the other, in turn."""
    spec = home.directory / "sealing.yaml"
    spec.write_text(_SPEC)
    home.run("up", str(spec))
    rollups = home.json("status", _NAME)["rollups"]
    seconds = asyncio.run(_measure(rollups, rounds, transfers))
    home.run("down", _NAME, "-y")
    each = {name: median(found) * 500 / transfers for name, found in seconds.items()}
    return [
        Figure(
            f"batches: 500 transfers sent and sealed on a rollup {label}", each[name] * 1e3, "ms",
            each["plain"] * 1e3, "on one that is not", each["plain"] * 1.1e3,
        )
        for name, label in _LABELS.items()
    ]  # fmt: skip


async def _measure(
    rollups: list[Mapping[str, Any]], rounds: int, transfers: int
) -> dict[str, list[float]]:
    rnd = random.Random(1)
    found: dict[str, list[float]] = {rollup["name"]: [] for rollup in rollups}
    for _ in range(rounds):
        for rollup in rnd.sample(rollups, len(rollups)):
            rpc = await connect(rollup["ws_url"])
            try:
                raws = await _transfers(rpc, rollup["chain_id"], transfers, rnd)
                await asyncio.sleep(_REST)
                found[rollup["name"]].append(await _burst(rpc, raws))
            finally:
                await rpc.close()
    return found


async def _transfers(rpc: WebSocketRpc, chain_id: int, count: int, rnd: random.Random) -> list[str]:
    """Signed by ten accounts in turn, each to a stranger."""
    accounts = derive_accounts(TEST_MNEMONIC, 10)
    asked = [("eth_getTransactionCount", (account.address, "latest")) for account in accounts]
    nonces = [int(answer, 16) for answer in await rpc.batch(asked)]
    raws = []
    for at in range(count):
        who, to = at % len(accounts), rnd.randbytes(20)
        nonce = nonces[who] + at // len(accounts)
        call = Transaction(chain_id, nonce, to, 1, b"", 21_000, 3 * _GWEI, _GWEI)
        raws.append("0x" + sign(call, accounts[who].key)[0].hex())
    return raws


async def _burst(rpc: WebSocketRpc, raws: list[str]) -> float:
    """Seconds until all of them are in blocks."""
    began = time.perf_counter()
    last: list[Any] = []
    for start in range(0, len(raws), _AT_ONCE):
        sent = [("eth_sendRawTransaction", (raw,)) for raw in raws[start : start + _AT_ONCE]]
        last = await rpc.batch(sent, timeout=60)
    receipts = [("eth_getTransactionReceipt", (hash_,)) for hash_ in last]
    while not all(await rpc.batch(receipts[-10:])):  # noqa: ASYNC110 - how long is what is measured
        await asyncio.sleep(0.003)
    return time.perf_counter() - began
