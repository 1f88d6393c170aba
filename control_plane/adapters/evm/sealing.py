"""Blocks of a chain before its sequencer agent runs: who seals them depends on its engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.ports.node import Rpc
from control_plane.domain.ports.provision import Seal


@asynccontextmanager
async def sealing(
    chain: Chain,  # noqa: ARG001 - the port's; engines other than Anvil need them
    rpc: Rpc,
    network: Network,  # noqa: ARG001
    keys: Keys,  # noqa: ARG001
) -> AsyncIterator[Seal]:
    """Implements ``ports.provision.MakeSeal``."""
    yield anvil_seal(rpc)


def anvil_seal(rpc: Rpc) -> Seal:
    """Seal by `evm_mine`, which takes what waits in the pool."""

    async def seal() -> None:
        await rpc.call("evm_mine")

    return seal
