"""Makes the batchers of a devnet: beside ``making``, for most devnets have none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zstandard

from control_plane.adapters.da.availability import PostedData
from control_plane.adapters.da.kzg import Kzg
from control_plane.adapters.da.opening import carrying
from control_plane.adapters.da.places import keeper_of, stand_in_program
from control_plane.adapters.evm.inbox import batcher_account
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sender import TransactionSender
from control_plane.agents.batcher import Batcher, Means
from control_plane.agents.data_watcher import DataWatcher
from control_plane.agents.program import program_agents
from control_plane.domain.hub import Hub
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.pool_copies import PoolCopies
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.da import Availability, Carries
from control_plane.domain.ports.program import Programs
from control_plane.domain.ports.store import Database
from control_plane.domain.settlement import posts_batches
from control_plane.domain.settlement.keepers import keeps_elsewhere, stand_ins

_LEVEL: Final = 9
"""Of Zstandard's: higher ones take longer and save little, for signatures do not compress."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a devnet keeps its files, and what runs programs for it."""

    root: Path
    programs: Programs
    data: "Data"


@dataclass(frozen=True, slots=True)
class Data:
    """What concerns the data of a devnet's rollups."""

    kzg: Kzg
    """Loading it takes seconds: one for all."""
    availabilities: Mapping[str, Availability]
    """Of the rollups whose data are not in the L1's calldata, by name."""
    copies: Mapping[str, PoolCopies]
    """Of the rollups on Anvil that post, by name; op-geth reads its blocks for next to nothing."""


def data_of(network: Network) -> Data:
    """See :class:`Data`."""
    kzg = Kzg()
    chains = [chain for chain in network.chains if posts_batches(chain.plan)]
    return Data(
        kzg,
        {
            chain.name: PostedData(network, chain, kzg)
            for chain in chains
            if chain.plan.da != "ethereum-calldata"
        },
        {chain.name: PoolCopies() for chain in chains if chain.plan.engine == "anvil"},
    )


def make_batchers(
    network: Network, keys: Keys, database: Database, hub: Hub, publish: Publish, place: Place
) -> Sequence[Agent]:
    """One for each rollup that posts its blocks, and before them the stand-ins where they keep
    them."""
    specs = [stand_in_program(place.root, type_) for type_ in stand_ins(network.plan)]
    keepers = program_agents(specs, place.programs)
    return [
        *keepers,
        *(
            DataWatcher(name, availability, publish, keepers)
            for name, availability in place.data.availabilities.items()
        ),
        *(
            _Batching(
                network,
                chain,
                keys,
                database,
                hub,
                publish,
                _carrying(place, chain),
                place.data.copies.get(chain.name, PoolCopies()),
            )
            for chain in network.chains
            if posts_batches(chain.plan)
        ),
    ]


def _carrying(place: Place, chain: Chain) -> Carries:
    keeper = keeper_of(place.root, chain.plan) if keeps_elsewhere(chain.plan) else None
    return carrying(chain.plan, keeper, place.data.kzg)


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
        carries: Carries,
        copies: PoolCopies,
    ) -> None:
        l1 = network.chain(network.plan.l1.name)
        account = batcher_account(keys, chain.plan.chain_id)
        time = l1.plan.block_time
        self._own = TransactionSender(
            connect, l1.ws_url, account, l1.plan.chain_id, block_time=time
        )
        self._carrying = carries
        means = Means(self._own, self._carrying, _compress, copies)
        super().__init__(network, chain, means, connect, database, hub, publish)

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            await self._carrying.close()
            await self._own.close()


def _compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_LEVEL).compress(data)
