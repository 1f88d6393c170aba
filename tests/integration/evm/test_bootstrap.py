"""Block 1 of real chains: what must stand on them, however often it is asked for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.evm.bootstrap import ChainBootstrap, first_set
from control_plane.adapters.evm.rpc import WebSocketRpc
from control_plane.adapters.evm.sealing import anvil_seal
from control_plane.domain.errors import PermanentFailure
from control_plane.domain.network import Keys, Network
from tests.integration.metalayer.conftest import make_network, start_nodes
from tests.integration.metalayer.lab import STAKE, Node, make_keys, make_plan, selector

pytestmark = pytest.mark.integration
_ERA = 10**18


@dataclass
class Bare:
    """Nodes with the baked genesis, at block 0."""

    nodes: dict[str, Node]
    network: Network
    keys: Keys

    def rpc(self, chain: str) -> WebSocketRpc:
        rpc = self.nodes[chain].rpc
        assert rpc is not None
        return rpc

    async def boot(self, chain: str) -> None:
        node = self.nodes[chain]
        await ChainBootstrap()(
            node.spec.chain, self.rpc(chain), self.network, self.keys, anvil_seal(self.rpc(chain))
        )

    async def view(self, chain: str, contract: str, signature: str, data: bytes = b"") -> bytes:
        call = {"to": self.network.contracts[contract], "data": selector(signature) + data.hex()}
        return bytes.fromhex((await self.rpc(chain).call("eth_call", call, "latest"))[2:])

    async def height(self, chain: str) -> int:
        return int(await self.rpc(chain).call("eth_blockNumber"), 16)

    async def era(self, address: str) -> int:
        data = bytes.fromhex(address[2:]).rjust(32, b"\0")
        return int.from_bytes(await self.view("l1", "era", "balanceOf(address)", data))


@asynccontextmanager
async def bare(
    directory: Path, rollups: Sequence[str] = ("op",), guardians: int = 4, **wanted: Any
) -> AsyncIterator[Bare]:
    plan, keys = make_plan(rollups, guardians=guardians, **wanted), make_keys(guardians)
    nodes = await start_nodes(plan, keys, directory)
    try:
        yield Bare(nodes, await make_network(plan, keys, nodes), keys)
    finally:
        for node in nodes.values():
            await node.kill()


async def _check(found: Bare) -> None:
    """Everything that block 1 must have brought, on both chains."""
    guardians = first_set(found.keys, found.network)
    for chain in ("l1", "op"):
        assert await found.view(chain, "rootVerifier", "networkId()") == found.network.network_id
        told = await found.view(chain, "rootVerifier", "guardianSet()")
        assert guardians.root in told
        assert guardians.aggregate_key in told
    sealed = await found.view("l1", "guardianRegistry", "currentSet()")
    assert guardians.root in sealed  # L1's own tree is the one that was installed
    assert guardians.aggregate_key in sealed
    for guardian in found.keys.guardians:
        assert await found.era(guardian.account.address) == 0  # it is staked
    registry = found.network.contracts["guardianRegistry"]
    assert await found.era(registry) == STAKE * len(found.keys.guardians)
    assert await found.era(found.keys.faucet.address) == 10_000_000 * _ERA


async def test_one_block_each(tmp_path: Path) -> None:
    async with bare(tmp_path) as found:
        await asyncio.gather(found.boot("l1"), found.boot("op"))
        assert [await found.height(chain) for chain in ("l1", "op")] == [1, 1]
        await _check(found)


async def test_asked_again(tmp_path: Path) -> None:
    async with bare(tmp_path) as found:
        for _ in range(3):
            await asyncio.gather(found.boot("l1"), found.boot("op"))
        assert [await found.height(chain) for chain in ("l1", "op")] == [1, 1]
        await _check(found)


class _Cut(Exception):
    """A kill -9 in a test."""


class _CutOff:
    """A connection that ends before the call numbered `after`."""

    def __init__(self, rpc: WebSocketRpc, after: int) -> None:
        self._rpc = rpc
        self._left = after

    def _count(self) -> None:
        if self._left == 0:
            raise _Cut
        self._left -= 1

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        self._count()
        return await self._rpc.call(method, *params, timeout=timeout)

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> Any:
        self._count()
        return await self._rpc.batch(calls, timeout)


async def test_killed_between_any_two_calls(tmp_path: Path) -> None:
    for after in range(10):
        async with bare(tmp_path / str(after)) as found:
            plan, rpc = found.nodes["l1"].spec.chain, found.rpc("l1")
            cut: Any = _CutOff(rpc, after)
            try:
                await ChainBootstrap()(plan, cut, found.network, found.keys, anvil_seal(cut))
            except _Cut:
                await asyncio.gather(found.boot("l1"), found.boot("op"))
                await _check(found)
                assert await found.height("l1") == 1
            else:
                assert after > 3
                return
    raise AssertionError("it never got through")


@pytest.mark.parametrize("guardians", [1, 15, 16, 60, 100])
async def test_sets_of_any_size(tmp_path: Path, guardians: int) -> None:
    """Indices are in order also where a node takes a long batch in an order of its own."""
    async with bare(tmp_path, guardians=guardians) as found:
        await asyncio.gather(found.boot("l1"), found.boot("op"))
        await _check(found)
        assert await found.height("l1") == 1


async def test_a_set_that_fills_several_blocks(tmp_path: Path) -> None:
    """Small blocks, and cut off after the first one."""
    async with bare(tmp_path, guardians=40) as found:
        await found.rpc("l1").call("evm_setBlockGasLimit", hex(16_000_000))
        chain = found.nodes["l1"].spec.chain
        cut: Any = _CutOff(found.rpc("l1"), 4)
        with pytest.raises(_Cut):
            await ChainBootstrap()(chain, cut, found.network, found.keys, anvil_seal(cut))
        assert await found.height("l1") == 1
        await asyncio.gather(found.boot("l1"), found.boot("op"))
        await _check(found)
        assert await found.height("l1") == 2


async def test_a_chain_of_another_devnet(tmp_path: Path) -> None:
    async with bare(tmp_path) as found:
        await found.boot("op")
        other = replace(found, network=replace(found.network, network_id=bytes(31) + b"\1"))
        with pytest.raises(PermanentFailure, match="belongs to another devnet"):
            await other.boot("op")


async def test_prepaid_fees_have_a_price(tmp_path: Path) -> None:
    domain = (901).to_bytes(32) + (100_000).to_bytes(32)
    for fees in ("free", "prepaid"):
        async with bare(tmp_path / fees, fees=fees) as found:
            await asyncio.gather(found.boot("l1"), found.boot("op"))
            for chain in ("l1", "op"):
                price = await found.view(
                    chain, "interchainGasPaymaster", "quoteGasPayment(uint32,uint256)", domain
                )
                assert (int.from_bytes(price) > 0) is (fees == "prepaid")


async def test_a_transaction_that_reverts_is_told(tmp_path: Path) -> None:
    """Contracts of another version: block 1 can't be made, and says so."""
    async with bare(tmp_path) as found:
        code = "0x60006000fd"
        executor = found.network.contracts["governanceExecutor"]
        await found.rpc("op").call("anvil_setCode", executor, code)
        with pytest.raises(PermanentFailure, match="was reverted"):
            await found.boot("op")
