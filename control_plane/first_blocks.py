"""Block 1 of every chain without the daemon: the role `bootstrap` (docs/agents.md)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from control_plane.adapters.alone.description import Description
from control_plane.adapters.alone.keeping import Keeper
from control_plane.adapters.evm.bootstrap import ChainBootstrap
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sealing import sealing
from control_plane.domain.errors import DeadlineExceeded, TemporaryFailure
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.ports.node import Rpc

_DEADLINE: Final = 120.0
_PAUSE: Final = 0.25

T = TypeVar("T")

log = logging.getLogger(__name__)


async def ask_network_id(described: Description) -> bytes:
    """What all that is signed commits to, as the L1's genesis has it. TemporaryFailure."""
    l1 = await connect(described.chains[0].ws_url)
    try:
        return await ChainBootstrap().network_id(l1, described.contracts, described.devnet_id)
    finally:
        await l1.close()


async def make_first_blocks(described: Description, keys: Keys, state: Path | None) -> None:
    """Bring every chain to where it was saved below `state`, or to block 1, side by side.

    Raises DeadlineExceeded, and what one chain's bootstrap raises in a group.
    """
    try:
        async with asyncio.timeout(_DEADLINE):
            network_id = described.network_id
            if network_id is None:
                network_id = await _patiently(lambda: ask_network_id(described), "the L1")
            network = described.network(network_id)
            async with asyncio.TaskGroup() as group:
                for chain in network.chains:
                    group.create_task(_bring(chain, network, keys, state))
    except TimeoutError:
        names = ", ".join(f"{chain.name} at {chain.ws_url}" for chain in described.chains)
        raise DeadlineExceeded(
            "Not every chain has its first block",
            f"after {_DEADLINE:g} s; asked were {names}",
            "Do their nodes run? Their logs tell.",
        ) from None


async def _bring(chain: Chain, network: Network, keys: Keys, state: Path | None) -> None:
    bootstrap = ChainBootstrap()

    async def attempt() -> None:
        rpc: Rpc
        if state is not None and chain.plan.engine == "anvil":
            rpc = await Keeper(network.plan, chain, state).connect(chain.ws_url)
        else:
            rpc = await connect(chain.ws_url)
        try:
            async with sealing(chain, rpc, network, keys) as seal:
                await bootstrap(chain.plan, rpc, network, keys, seal)
        finally:
            await rpc.close()

    await _patiently(attempt, chain.name)
    log.info("%s has its first block", chain.name)


async def _patiently(attempt: Callable[[], Awaitable[T]], what: str) -> T:
    told = ""
    while True:
        try:
            return await attempt()
        except TemporaryFailure as error:
            if str(error) != told:
                told = str(error)
                log.info("waiting for %s: %s", what, told)
            await asyncio.sleep(_PAUSE)
