"""A real op-geth whose blocks are built by our builder, beside an L1 that a test makes up."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from eth_account import Account

from control_plane.adapters.derivation.replay import Replay
from control_plane.adapters.engine.block_builder import BlockBuilder
from control_plane.adapters.engine.genesis import make_alloc
from control_plane.adapters.engine.journal import Journal, journal_directory
from control_plane.adapters.engine.op_geth import OpGethEngine
from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.bake import Genesis
from control_plane.adapters.evm.engine_api import connect_engine
from control_plane.adapters.evm.l1_view import Intake, L1Heads, L1View
from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.domain.channels import Channel
from control_plane.domain.ids import ChainId, Hex
from control_plane.domain.op_stack import Deposit, Fees, L1Block, Origin
from control_plane.resources import genesis_dir
from control_plane.services.settlement.posting import read_channel
from tests.integration.derivation.test_replay import check_reopened
from tests.nodes import find_op_geth, op_geth_runtime, op_geth_spec

CHAIN_ID = 900
_COINS = 10**24
_REOPENED = 40
"""Blocks that are executed each out of the state before it alone."""
_SEED = "test test test test test test test test test test test junk"


class MadeUpL1:
    """In place of an ``L1View``: a block for each call of `grow`."""

    def __init__(self) -> None:
        self._blocks: list[L1Block] = []
        self._deposits: dict[int, list[Deposit]] = {}
        self.waiting: list[Deposit] = []
        self.grow()

    def grow(self) -> None:
        """One more block, which orders what waits."""
        number = len(self._blocks)
        self._deposits[number], self.waiting = self.waiting, []
        made = L1Block(
            number=number,
            hash=(0xA100 + number).to_bytes(32),
            timestamp=1_000_000 + number,
            base_fee=10**9 + 7 * number,
            blob_base_fee=1 + number,
            beacon_root=(0xB100 + number).to_bytes(32),
            randao=(0xC100 + number).to_bytes(32),
        )
        self._blocks.append(made)

    async def heads(self) -> L1Heads:
        return L1Heads(self._blocks[-1], 0, 0)

    async def block(self, number: int) -> L1Block:
        return self._blocks[number]

    async def has(self, place: Origin | L1Block) -> bool:
        return self._blocks[place.number].hash == place.hash

    async def intake(self, base: L1Block | None, head: L1Block, _: int) -> Intake:
        first = 0 if base is None else base.number + 1
        numbers = range(first, head.number + 1)
        return Intake(head, tuple(one for n in numbers for one in self._deposits[n]))


@dataclass
class GethSite:
    """Each call of `mine` seals what was sent; deposits come with an L1 block of their own."""

    rpc: WebSocketRpc
    builder: BlockBuilder
    l1: MadeUpL1
    genesis: dict[str, Any]
    keys: dict[str, bytes]
    made: int = 0

    @property
    def accounts(self) -> list[str]:
        return list(self.keys)

    async def send(self, **fields: Any) -> str:
        """From the first account, a million of gas."""
        sender = fields.pop("from", self.accounts[0])
        nonce = fields.pop("nonce", None)
        if nonce is None:
            calls = [("eth_getTransactionCount", (sender, t)) for t in ("latest", "pending")]
            nonce = max(int(each, 16) for each in await self.rpc.batch(calls))
        call = {"chainId": CHAIN_ID, "gas": 1_000_000, "value": 0, "nonce": nonce, **fields}
        if "gasPrice" not in call:
            call = {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9, **call}
        call["to"] = bytes.fromhex(call["to"][2:]) if "to" in call else b""
        call.setdefault("data", "0x")
        signed = Account.sign_transaction(call, self.keys[sender])
        return await self.give(bytes(signed.raw_transaction))

    async def give(self, raw: bytes) -> str:
        """To the pool."""
        return str(await self.rpc.call("eth_sendRawTransaction", "0x" + raw.hex()))

    async def deposit(self, **changes: Any) -> str:
        """A deposit of a stranger's; its transaction's hash."""
        self.made += 1
        base = Deposit(self.made.to_bytes(32), b"\xcc" * 20, b"\xea" * 20, 0, 0, 1_000_000, b"")
        made = replace(base, **changes)
        self.l1.waiting.append(made)
        return str(made.hash)

    async def attributes(self, _: int) -> None:
        """The L1 goes on."""
        self.l1.grow()

    async def mine(self) -> None:
        """Until all that was sent is in a block; at least one."""
        if self.l1.waiting:
            self.l1.grow()
        await self.builder.follow_l1()
        waiting = await self._waiting()
        for _ in range(100):
            await self.builder.seal(waiting, empty=not waiting)
            waiting = await self._waiting()
            if not waiting and not self.builder.deposits_wait:
                return
        raise AssertionError(f"{waiting} transactions are in no block")

    async def _waiting(self) -> int:
        return int((await self.rpc.call("txpool_status"))["pending"], 16)

    async def force(self, *raws: bytes) -> None:
        """A block of these alone, which the pool need not like."""
        await self.builder.follow_l1()
        timestamp = self.builder._earliest()
        l1, deposits = self.builder._intake(timestamp)
        forced = [Hex("0x" + raw.hex()) for raw in raws]
        payload = await self.builder._build(timestamp, l1, deposits, forced=forced)
        await self.builder._advance(payload, l1)

    async def deploy(self, runtime: str) -> str:
        """A contract with this code; its address without 0x."""
        size = len(runtime) // 2
        made = await self.send(data=f"0x61{size:04x}80600a5f395ff3{runtime}")
        await self.mine()
        receipt = await self.rpc.call("eth_getTransactionReceipt", made)
        return str(receipt["contractAddress"])[2:]

    async def channel(self, first: int = 1) -> Channel:
        last = int(await self.rpc.call("eth_blockNumber"), 16)
        return await read_channel(self.rpc, first, last)

    async def channels(self) -> Sequence[Channel]:
        """All of them."""
        last = int(await self.rpc.call("eth_blockNumber"), 16)
        found = [await self.channel()]
        while found[-1].last < last:
            found.append(await self.channel(found[-1].last + 1))
        return found

    async def replayed(self) -> Replay:
        """Every block executed again. Differs."""
        blocks = [block for channel in await self.channels() for block in channel.blocks]
        replay = Replay(self.genesis, bytes(32))
        zero = await self.rpc.call("eth_getBlockByNumber", "0x0", False)
        assert "0x" + replay.root.hex() == zero["stateRoot"]
        assert "0x" + replay.parent_hash.hex() == zero["hash"]
        roots, hashes = [replay.root], [replay.parent_hash]
        for block in blocks:
            replay.execute(block)
            roots.append(replay.root)
            hashes.insert(0, block.hash)
        check_reopened(self.genesis, hashes[-1], blocks[:_REOPENED])
        for at, block in list(enumerate(blocks))[::3]:
            steps: list[bytes] = []
            past = replay.past(block.number, roots[at], hashes[-at - 1 :])
            assert past.run(block, steps) == block.state_root
            assert len(steps) == 1 + len(block.transactions)
            assert steps[-1] == block.state_root
        return replay


@asynccontextmanager
async def geth_site(home: Path, fees: Fees | None = None) -> AsyncIterator[GethSite]:
    """With the accounts of the test mnemonic."""
    keys: dict[str, bytes] = {one.address: one.key for one in derive_accounts(_SEED, 10)}
    balances = dict.fromkeys(keys, _COINS)
    spec = op_geth_spec(home, balances)
    spec = replace(spec, chain=replace(spec.chain, chain_id=ChainId(CHAIN_ID)))
    alloc = make_alloc(Genesis(genesis_dir()).op_stack(), {}, balances)
    spec.genesis.write_bytes(OpGethEngine().genesis(spec, alloc, int(time.time())))
    genesis = json.loads(await asyncio.to_thread(spec.genesis.read_bytes))
    runtime = op_geth_runtime(find_op_geth())
    async with AsyncExitStack() as after:
        handle = await runtime.start_node(spec)
        after.push_async_callback(runtime.stop_node, handle, grace=0)
        rpc = await connect(handle.ws_url)
        after.push_async_callback(rpc.close)
        engine = await connect_engine(str(handle.engine_url), spec.directory / "jwt.hex")
        after.push_async_callback(engine.close)
        journal = Journal(journal_directory(spec.directory))
        after.callback(journal.close)
        l1 = MadeUpL1()
        builder = BlockBuilder(engine, rpc, journal, cast("L1View", l1), fees=fees)
        await builder.open()
        yield GethSite(rpc, builder, l1, genesis, keys)
