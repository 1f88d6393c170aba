"""Blocks of a chain before its sequencer agent runs: who seals them depends on its engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from control_plane.adapters.evm.rpc import connect
from control_plane.domain.errors import Conflict
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.ports.engine_api import Builder
from control_plane.domain.ports.node import Rpc
from control_plane.domain.ports.provision import Seal

_POLL: Final = 0.005
"""A pool that holds the same number of transactions twice in a row, so far apart, has them all."""
_NOTHING_COMES: Final = 1.0
_OTHERS_BLOCK: Final = 2.0
"""Seconds to wait for a block before its receipts are asked for all the same."""
_OTHERS_POLL: Final = 0.05
_OTHERS_TURN: Final = 0.2
"""Seconds that another process's sequencer has for a block."""


@asynccontextmanager
async def sealing(
    chain: Chain,
    rpc: Rpc,
    network: Network,
    keys: Keys,  # noqa: ARG001 - the port's
) -> AsyncIterator[Seal]:
    """Implements ``ports.provision.MakeSeal``."""
    if chain.plan.engine == "op-geth":
        async with AsyncExitStack() as stack:
            yield _engine_seal(chain, rpc, network, stack)
    elif chain.plan.is_external:
        yield _others_seal(rpc)
    else:
        yield anvil_seal(rpc)


def anvil_seal(rpc: Rpc) -> Seal:
    """Seal by `evm_mine`, which takes what waits in the pool."""

    async def seal() -> None:
        await rpc.call("evm_mine")

    return seal


def _others_seal(rpc: Rpc) -> Seal:
    """Wait for the next block of a chain that somebody else seals."""
    seen = -1

    async def seal() -> None:
        nonlocal seen
        deadline = asyncio.get_running_loop().time() + _OTHERS_BLOCK
        while (now := int(await rpc.call("eth_blockNumber"), 16)) == seen:
            if asyncio.get_running_loop().time() > deadline:
                return
            await asyncio.sleep(_OTHERS_POLL)
        seen = now

    return seal


def _engine_seal(chain: Chain, rpc: Rpc, network: Network, stack: AsyncExitStack) -> Seal:
    """Seal over the Engine API, which nobody is connected to before a block is wanted."""
    builder: Builder | None = None

    async def opened() -> Builder:
        from control_plane.adapters.engine.building import builder_of

        l1 = await connect(network.chain(network.plan.l1.name).ws_url)
        stack.push_async_callback(l1.close)
        made = await stack.enter_async_context(builder_of(chain, network.contracts)(rpc, l1))
        await made.follow_l1()
        return made

    async def seal() -> None:
        nonlocal builder
        try:
            builder = builder or await opened()
            await builder.seal(await _all_that_wait(rpc), empty=True)
        except Conflict:  # its sequencer runs already: the blocks come by themselves
            await asyncio.sleep(_OTHERS_TURN)

    return seal


async def _all_that_wait(rpc: Rpc) -> int:
    """Transactions in the pool, which takes them in one after the other."""
    deadline = asyncio.get_running_loop().time() + _NOTHING_COMES
    before = 0
    while True:
        now = int((await rpc.call("txpool_status"))["pending"], 16)
        if (now and now == before) or asyncio.get_running_loop().time() > deadline:
            return now
        before = now
        await asyncio.sleep(_POLL)
