"""One real chain with the baked genesis, and what tests do to it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.adapters.evm.sender import TransactionSender
from control_plane.adapters.evm.sent import Owners
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.agents.sequencer import SequencerAgent
from control_plane.domain.network import Chain, Keys
from control_plane.domain.plan import Plan
from control_plane.domain.ports.node import Account
from tests.integration.metalayer.conftest import start_nodes
from tests.integration.metalayer.lab import Node, make_keys, make_plan

GWEI = 10**9
COIN_GAS = 21_000
SOMEBODY = "0x00000000000000000000000000000000005efade"


@dataclass
class TestChain:
    """The L1 of a plan without rollups; nothing is sealed unless a test asks for it."""

    __test__ = False

    node: Node
    keys: Keys
    owners: Owners = field(default_factory=Owners)
    sockets: list[WebSocketRpc] = field(default_factory=list)

    @property
    def chain(self) -> Chain:
        return self.node.chain

    async def call(self, method: str, *params: Any) -> Any:
        return await self.node.call(method, *params)

    async def connect(self, url: str, *, deadline: float | None = None) -> WebSocketRpc:
        rpc = await connect(url, deadline=deadline)
        self.sockets.append(rpc)
        return rpc

    def sever(self) -> None:
        """Break every connection made by :meth:`connect`."""
        sockets, self.sockets = self.sockets, []
        for rpc in sockets:
            rpc._socket.transport.abort()

    def sender(self, account: Account | None = None) -> TransactionSender:
        account = account or self.keys.relayer
        chain_id = self.chain.plan.chain_id
        url = self.chain.ws_url
        return TransactionSender(self.connect, url, account, chain_id, owners=self.owners)

    def raw(self, account: Account, nonce: int, **changes: Any) -> str:
        """A signed transfer of 1 wei to somebody; `changes` to its fields."""
        fields = {
            "chain_id": int(self.chain.plan.chain_id),
            "nonce": nonce,
            "to": bytes.fromhex(SOMEBODY[2:]),
            "value": 1,
            "data": b"",
            "gas": COIN_GAS,
            "max_fee": 1_000 * GWEI,
            "tip": GWEI,
        }
        raw, _ = sign(Transaction(**{**fields, **changes}), account.key)
        return "0x" + raw.hex()

    async def head(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await self.call("eth_getBlockByNumber", "latest", False)
        return found

    async def height(self) -> int:
        return int(await self.call("eth_blockNumber"), 16)

    async def balance(self, address: str) -> int:
        return int(await self.call("eth_getBalance", address, "latest"), 16)

    async def nonce(self, address: str, tag: str = "latest") -> int:
        return int(await self.call("eth_getTransactionCount", address, tag), 16)

    async def restart(self) -> None:
        """kill -9, then back from the last saved state."""
        await self.node.kill()
        await self.node.start(restore=True)

    async def save(self) -> None:
        assert self.node.rpc is not None
        await AnvilEngine().save(self.node.spec, self.node.rpc)

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """The node does not answer (SIGSTOP)."""
        assert self.node.process is not None
        pid = self.node.process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @asynccontextmanager
    async def sequenced(self, agent: SequencerAgent | None = None) -> AsyncIterator[SequencerAgent]:
        """While a sequencer seals the chain."""
        agent = agent or SequencerAgent(self.chain, connect)
        task = asyncio.create_task(agent.run())
        try:
            async with asyncio.timeout(10):
                await agent.ready.wait()
            yield agent
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def one_chain(directory: Path, plan: Plan | None = None) -> AsyncIterator[TestChain]:
    keys = make_keys(4)
    nodes = await start_nodes(plan or make_plan(()), keys, directory)
    node = nodes["l1"]
    try:
        yield TestChain(node, keys)
    finally:
        await node.kill()
