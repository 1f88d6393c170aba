"""What posting a rollup's blocks costs, how small they get, how fast they are executed again."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zstandard

from benchmarks import availability
from benchmarks.bare import bare_nodes
from benchmarks.harness import Figure, Home
from benchmarks.lifecycle import anvil_of, keep
from control_plane.adapters.derivation.replay import Replay
from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.channels import Channel, encode_channel
from control_plane.domain.pool_copies import PoolCopies
from control_plane.domain.ports.node import Account
from control_plane.schemas.spec import TEST_MNEMONIC
from control_plane.services.settlement.posting import read_channel

_NAME = "batches"
_GWEI = 10**9


def measure(home: Home, smoke: bool) -> list[Figure]:
    """Transfers in full blocks, few accounts among themselves and then to strangers."""
    home.run("up", "minimal", "--name", _NAME)
    anvil = anvil_of(home, _NAME)
    made = home.directory / "devnets" / _NAME / "nodes" / "op" / "genesis.json"
    genesis = keep(made, home.directory / "genesis-op.json")
    home.run("down", _NAME, "-y")
    content = json.loads(genesis.read_bytes())
    return asyncio.run(_measure(anvil, genesis, content, 500 if smoke else 1500))


async def _measure(anvil: str, genesis: Path, content: Any, transfers: int) -> list[Figure]:
    sizes: list[Figure] = []
    rates = []
    for among, target in (("few accounts", 0.65), ("strangers", 0.85)):
        with bare_nodes(anvil, [genesis], "--no-mining", "--order", "fees") as (nodes, _):
            rpc = await connect(f"ws://127.0.0.1:{nodes[0].port}")
            try:
                chain_id = int(content["config"]["chainId"])
                copies = PoolCopies()
                strangers = among == "strangers"
                sealing, copying = await _seal(rpc, chain_id, transfers, copies, strangers)
                posting, channel, posted = await _post(rpc, copies)
            finally:
                await rpc.close()
        plain = sum(len(raw) for block in channel.blocks for raw in block.transactions)
        name = f"batches: bytes of a transfer, {among}"
        sizes.append(
            Figure(
                name, len(posted) / transfers, "bytes", plain / transfers, "plain RLP",
                target * plain / transfers, limit=target,
            )
        )  # fmt: skip
        rates.append((sealing, copying + posting, _replayed(content, channel)))
    sealing, posting, replaying = rates[-1]
    return [
        Figure(
            "batches: copying, reading and packing a block of 500", posting * 1e3, "ms",
            sealing * 1e3, "bare Anvil takes and seals it", sealing * 1e2,
        ),
        *sizes,
        Figure(
            "batches: transfers executed again", transfers / replaying, "per second",
            500 / sealing, "bare Anvil", 150, "higher",
        ),
        *await availability.measure(posted, transfers, len(channel.blocks)),
    ]  # fmt: skip


async def _seal(
    rpc: WebSocketRpc, chain_id: int, transfers: int, copies: PoolCopies, strangers: bool
) -> tuple[float, float]:
    """Seconds that a block of 500 takes, sent and sealed, and that copying it out of the pool
    takes, as the sequencer of a rollup with a batcher does."""
    rnd = random.Random(1)
    accounts = derive_accounts(TEST_MNEMONIC, 10)
    raws = [_transfer(accounts, chain_id, at, rnd, strangers=strangers) for at in range(transfers)]
    began = time.perf_counter()
    copying = 0.0
    for start in range(0, transfers, 500):
        sent = [("eth_sendRawTransaction", (raw,)) for raw in raws[start : start + 500]]
        hashes = await rpc.batch(sent)
        copying -= time.perf_counter()
        await rpc.call("txpool_inspect")
        await rpc.call("eth_getBlockByNumber", "latest", False)
        asked = [("eth_getRawTransactionByHash", (hash_,)) for hash_ in hashes]
        for hash_, raw in zip(hashes, await rpc.batch(asked), strict=True):
            copies.keep(hash_, bytes.fromhex(raw[2:]))
        copying += time.perf_counter()
        await rpc.call("evm_mine")
    each = 500 / transfers
    return (time.perf_counter() - began - copying) * each, copying * each


def _transfer(
    accounts: Sequence[Account], chain_id: int, at: int, rnd: random.Random, *, strangers: bool
) -> str:
    to = rnd.randbytes(20) if strangers else bytes.fromhex(rnd.choice(accounts).address[2:])
    call = Transaction(
        chain_id, at // 10, to, rnd.randrange(1, 1000) * 10**15, b"", 21_000, 3 * _GWEI, _GWEI
    )
    return "0x" + sign(call, accounts[at % 10].key)[0].hex()


async def _post(rpc: WebSocketRpc, copies: PoolCopies) -> tuple[float, Channel, bytes]:
    """Seconds for each block, the channel and its bytes."""
    head = int(await rpc.call("eth_blockNumber"), 16)
    began = time.perf_counter()
    channel = await read_channel(rpc, 1, head, copies)
    content = encode_channel(channel, zstandard.ZstdCompressor(level=9).compress)
    seconds = time.perf_counter() - began
    return seconds / head, channel, content


def _replayed(genesis: Any, channel: Channel) -> float:
    replay = Replay(genesis, channel.parent_hash)
    began = time.perf_counter()
    _execute(replay, channel.blocks)
    return time.perf_counter() - began


def _execute(replay: Replay, blocks: Sequence[Any]) -> None:
    for block in blocks:
        replay.execute(block)
