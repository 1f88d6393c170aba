"""An L1 on Anvil and a rollup that takes deposits, on op-geth or on Anvil, both with their
sequencers, and what tests do to them."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.engine.anvil_binary import resolve_anvil
from control_plane.adapters.engine.building import builder_of, deposit_builder_of
from control_plane.adapters.engine.genesis import make_alloc
from control_plane.adapters.engine.op_geth import OpGethEngine
from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.bake import Genesis
from control_plane.adapters.evm.portals import missing_portals
from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.adapters.runtime.process import ProcessRuntime
from control_plane.agents.deposit_sequencer import DepositSequencer
from control_plane.agents.engine_sequencer import EngineSequencer
from control_plane.agents.pool_copier import PoolCopier
from control_plane.agents.rhythm import Rhythm
from control_plane.agents.sequencer import SequencerAgent
from control_plane.domain.errors import Conflict
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Network
from control_plane.domain.op_stack import portal_address
from control_plane.domain.plan import Plan
from control_plane.domain.pool_copies import PoolCopies
from control_plane.domain.ports.node import Account, NodeHandle, NodeSpec
from control_plane.resources import genesis_dir
from tests.nodes import find_op_geth, kill, make_plan

GWEI = 10**9
SAVE_INTERVAL = 0.0
"""Of the L1, as its rollup's sequencer is told; no lab saves by itself."""
SOMEBODY = "0x00000000000000000000000000000000005efade"
ACCOUNTS = derive_accounts("test test test test test test test test test test test junk", 10)
GOVERNOR = ACCOUNTS[9]
CONTRACTS = {key: Hex(a.lower()) for key, a in Genesis(genesis_dir()).addresses.items()}


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    """Until `holds` is true, asked again and again: what is tested is how long that takes."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@dataclass
class Running:
    """One chain."""

    spec: NodeSpec
    handle: NodeHandle
    rpc: WebSocketRpc
    agent: Rhythm | None = None
    task: asyncio.Task[None] | None = None

    @property
    def chain(self) -> Chain:
        handle = self.handle
        return Chain(
            self.spec.chain,
            handle.http_url,
            handle.ws_url,
            handle.engine_url,
            self.spec.directory,
        )

    async def call(self, method: str, *params: Any) -> Any:
        return await self.rpc.call(method, *params)

    async def height(self) -> int:
        return int(await self.call("eth_blockNumber"), 16)

    async def block(self, tag: str | int = "latest", full: bool = False) -> dict[str, Any]:
        name = hex(tag) if isinstance(tag, int) else tag
        found: dict[str, Any] = await self.call("eth_getBlockByNumber", name, full)
        return found

    async def balance(self, address: str) -> int:
        return int(await self.call("eth_getBalance", address, "latest"), 16)

    async def nonce(self, account: Account) -> int:
        return int(await self.call("eth_getTransactionCount", account.address, "latest"), 16)

    def raw(self, account: Account, nonce: int, **changes: Any) -> str:
        fields = {
            "chain_id": int(self.spec.chain.chain_id),
            "nonce": nonce,
            "to": bytes.fromhex(SOMEBODY[2:]),
            "value": 1,
            "data": b"",
            "gas": 21_000,
            "max_fee": 100 * GWEI,
            "tip": GWEI,
        }
        raw, _ = sign(Transaction(**{**fields, **changes}), account.key)
        return "0x" + raw.hex()

    async def send(self, account: Account, nonce: int, **changes: Any) -> str:
        raw = self.raw(account, nonce, **changes)
        return str(await self.call("eth_sendRawTransaction", raw))

    async def receipt(self, hash_: str, seconds: float = 10.0) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            while True:
                # op-geth answers "indexing is in progress" before its first block
                (found,) = await self.rpc.batch([("eth_getTransactionReceipt", (hash_,))])
                if isinstance(found, dict):
                    return found
                await asyncio.sleep(0.005)


@dataclass
class Lab:
    home: Path
    plan: Plan
    runtime: ProcessRuntime
    l1: Running
    l2: Running
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    copies: PoolCopies = field(default_factory=PoolCopies)
    """Of the rollup's transactions, on Anvil."""

    @property
    def network(self) -> Network:
        chains = (self.l1.chain, self.l2.chain)
        return Network("shop", bytes(32), bytes(32), self.plan, chains, CONTRACTS)

    async def deploy_portal(self) -> str:
        """The rollup's portal on the L1."""
        factory = bytes.fromhex(CONTRACTS["create3Factory"][2:])
        for creation in await missing_portals(self.l1.rpc, self.network):
            nonce = await self.l1.nonce(GOVERNOR)
            hash_ = await self.l1.send(
                GOVERNOR, nonce, to=factory, value=0, data=creation.data, gas=creation.gas
            )
            assert (await self.l1.receipt(hash_))["status"] == "0x1"
        return "0x" + portal_address(CONTRACTS, self.plan.rollups[0].chain_id).hex()

    async def publish(
        self, type: str, data: Mapping[str, Any] | None = None, *, service: str | None = None
    ) -> None:
        self.events.append((type, data or {}))

    def make_agent(self, chain: Running) -> Rhythm:
        if chain is self.l1:
            return SequencerAgent(chain.chain, connect)
        if chain.spec.chain.engine == "anvil":
            copier = PoolCopier(chain.chain, connect, self.copies, deposits=True)
            opener = deposit_builder_of(chain.chain, CONTRACTS, SAVE_INTERVAL, copier)
            return DepositSequencer(
                chain.chain, self.l1.chain, connect, opener, self.publish, copier=copier
            )
        opener = builder_of(chain.chain, CONTRACTS)
        return EngineSequencer(chain.chain, self.l1.chain, connect, opener, self.publish)

    async def sequence(self, chain: Running) -> Rhythm:
        """Start the chain's sequencer."""
        chain.agent = self.make_agent(chain)
        chain.task = asyncio.create_task(chain.agent.run())
        await self.ready(chain)
        return chain.agent

    async def ready(self, chain: Running) -> None:
        assert chain.agent is not None
        try:
            async with asyncio.timeout(10):
                await chain.agent.ready.wait()
        except TimeoutError:
            raise AssertionError(f"not ready: {chain.agent.problem}") from None

    async def halt(self, chain: Running) -> None:
        """End the chain's sequencer."""
        if chain.task is not None:
            chain.task.cancel()
            await asyncio.gather(chain.task, return_exceptions=True)
            chain.task = None

    async def kill_node(self, chain: Running) -> None:
        """kill -9, and wait until it is gone."""
        kill(chain.handle.pid)
        await self.runtime.wait_exit(chain.handle)
        await chain.rpc.close()

    async def start_node(self, chain: Running) -> None:
        """Start the chain's node again, on the port that somebody may have for a moment."""
        for _ in range(20):
            with contextlib.suppress(Conflict):
                chain.handle = await self.runtime.start_node(chain.spec)
                break
            await asyncio.sleep(0.2)
        chain.rpc = await connect(chain.handle.ws_url)


def specs(
    home: Path, block_time: float, *, isthmus: bool, engine: str = "op-geth"
) -> tuple[Plan, list[NodeSpec]]:
    """The L1 and the rollup, their genesis files written."""
    base = make_plan(2)
    rollup = replace(base.chains[1], engine=engine, block_time=block_time)
    if engine == "anvil":
        rollup = replace(rollup, da="ethereum-calldata", proof="fraud")
    plan = replace(base, chains=(base.chains[0], rollup))
    baked = Genesis(genesis_dir())
    balances: dict[str, int] = {account.address: 10**24 for account in ACCOUNTS}
    found = []
    for chain in plan.chains:
        directory = home / "devnets" / plan.name / "nodes" / chain.name
        directory.mkdir(parents=True)
        spec = NodeSpec(plan.name, chain, plan, directory, directory / "genesis.json", restore=True)
        alloc = baked.alloc(
            is_l1=chain.is_l1,
            chain_id=chain.chain_id,
            domain=chain.domain,
            governor=GOVERNOR.address,
        )
        program = AnvilEngine() if chain.engine == "anvil" else OpGethEngine()
        if not chain.is_l1:
            alloc |= baked.op_stack()
        now = int(time.time())
        genesis = program.genesis(spec, make_alloc(alloc, {}, balances), now)
        spec.genesis.write_bytes(_before_jovian(genesis) if isthmus else genesis)
        found.append(spec)
    return plan, found


def _before_jovian(genesis: bytes) -> bytes:
    """The same chain with the forks up to Isthmus."""
    found = json.loads(genesis)
    if found["config"].pop("jovianTime", None) is not None:
        extra = bytes.fromhex(found["extraData"][2:])
        found["extraData"] = "0x00" + extra[1:9].hex()
    return json.dumps(found).encode()


@asynccontextmanager
async def running(
    home: Path, *, block_time: float = 0.0, isthmus: bool = False, engine: str = "op-geth"
) -> AsyncIterator[Lab]:
    """Both nodes, and the L1's sequencer."""
    anvil = resolve_anvil().path
    op_geth = find_op_geth() if engine == "op-geth" else anvil
    runtime = ProcessRuntime(
        {"anvil": AnvilEngine(), "op-geth": OpGethEngine()},
        {"anvil": lambda *_: anvil, "op-geth": lambda *_: op_geth},
    )
    plan, (l1_spec, l2_spec) = specs(home, block_time, isthmus=isthmus, engine=engine)
    try:
        chains = []
        for spec in (l1_spec, l2_spec):
            handle = await runtime.start_node(spec)
            chains.append(Running(spec, handle, await connect(handle.ws_url)))
        lab = Lab(home, plan, runtime, chains[0], chains[1])
        try:
            await lab.sequence(lab.l1)
            yield lab
        finally:
            for chain in reversed(chains):
                await lab.halt(chain)
                await chain.rpc.close()
                await runtime.stop_node(chain.handle, grace=0)
    finally:
        await runtime.kill_strays(home)
