"""Makes the batchers of a devnet: beside ``making``, for most devnets have none."""

from collections.abc import Sequence
from typing import Final

import zstandard

from control_plane.adapters.da.carriers import Blobs, Calldata
from control_plane.adapters.da.kzg import Kzg
from control_plane.adapters.evm.inbox import batcher_account
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sender import TransactionSender
from control_plane.agents.batcher import Batcher, Means
from control_plane.domain.hub import Hub
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.da import Carries
from control_plane.domain.ports.store import Database
from control_plane.domain.settlement import posts_batches

_LEVEL: Final = 9
"""Of Zstandard's: higher ones take longer and save little, for signatures do not compress."""


def make_batchers(
    network: Network, keys: Keys, database: Database, hub: Hub, publish: Publish
) -> Sequence[Agent]:
    """One for each rollup that posts its blocks."""
    return [
        _Batching(network, chain, keys, database, hub, publish)
        for chain in network.chains
        if posts_batches(chain.plan)
    ]


class _Batching(Batcher):
    """A batcher with a sender of its own, which is closed when it ends."""

    def __init__(
        self,
        network: Network,
        chain: Chain,
        keys: Keys,
        database: Database,
        hub: Hub,
        publish: Publish,
    ) -> None:
        l1 = network.chain(network.plan.l1.name)
        account = batcher_account(keys, chain.plan.chain_id)
        time = l1.plan.block_time
        self._own = TransactionSender(
            connect, l1.ws_url, account, l1.plan.chain_id, block_time=time
        )
        self._carrying = _carrying(chain)
        means = Means(self._own, self._carrying, _compress)
        super().__init__(network, chain, means, connect, database, hub, publish)

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            await self._carrying.close()
            await self._own.close()


def _carrying(chain: Chain) -> Carries:
    """To where the spec says."""
    if chain.plan.da == "ethereum-blobs":
        return Blobs(Kzg())
    return Calldata()


def _compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_LEVEL).compress(data)
