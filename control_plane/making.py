"""Makes a devnet's agents, for the daemon and for processes in which one agent runs alone.

Beside ``bootstrap`` the one place that knows adapters and agents; it imports no web framework, so
that an agent alone starts quickly.
"""

import time
from collections.abc import Collection, Sequence

from control_plane.adapters.engine.building import builder_of
from control_plane.adapters.evm.revert import decode_error
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sender import TransactionSender
from control_plane.agents.aggregator import Aggregator
from control_plane.agents.engine_sequencer import EngineSequencer
from control_plane.agents.guardian import Guardian
from control_plane.agents.indexer import Indexer
from control_plane.agents.relayer import Relayer
from control_plane.agents.sequencer import SequencerAgent
from control_plane.domain.hub import Hub
from control_plane.domain.network import Chain, GuardianKeys, Network
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.metalayer import Attester
from control_plane.domain.ports.node import Account, Connect
from control_plane.domain.ports.store import Database
from control_plane.domain.quorum import Roster


def make_sequencer(
    chain: Chain,
    connect: Connect = connect,
    *,
    network: Network | None = None,
    publish: Publish | None = None,
) -> Agent:
    """The agent that seals `chain`'s blocks. One on op-geth needs the `network`: it follows the
    L1; what happens to it there is told by `publish`."""
    if chain.plan.engine != "op-geth":
        return SequencerAgent(chain, connect)
    if network is None:
        raise ValueError("a sequencer on op-geth follows the L1 of its network")
    l1 = network.chain(network.plan.l1.name)
    return EngineSequencer(chain, l1, connect, builder_of(chain, network.contracts), publish)


def make_indexer(network: Network, database: Database, hub: Hub, publish: Publish) -> Agent:
    """Reads every chain into `database`."""
    return Indexer(network, connect, database, hub, publish, time.time)


def make_guardian(network: Network, key: GuardianKeys, journal: Database, hub: Hub) -> Guardian:
    """Signs with `key` what it has checked; its votes stand in `journal`."""
    return Guardian(network, key, connect, journal, hub)


def make_aggregator(
    network: Network,
    roster: Roster,
    attesters: Sequence[Attester],
    database: Database,
    hub: Hub,
    publish: Publish,
) -> Agent:
    """Has epochs signed by `attesters`, who are the members of `roster`."""
    return Aggregator(network, roster, attesters, connect, database, hub, publish, time.time)


def make_relayer(
    network: Network, account: Account, database: Database, hub: Hub, publish: Publish
) -> Agent:
    """Delivers with `account`'s transactions."""
    senders = {str(chain.name): _sender(chain, account) for chain in network.chains}
    relayer = Relayer(network, senders, decode_error, connect, database, hub, publish, time.time)
    return _Owning(relayer, senders.values())


def _sender(chain: Chain, account: Account) -> TransactionSender:
    return TransactionSender(
        connect, chain.ws_url, account, chain.plan.chain_id, block_time=chain.plan.block_time
    )


class _Owning:
    """An agent together with the senders that are its own: closed when it ends."""

    def __init__(self, agent: Agent, senders: Collection[TransactionSender]) -> None:
        self._agent = agent
        self._senders = senders
        self.name = agent.name
        self.ready = agent.ready

    @property
    def problem(self) -> str | None:
        return self._agent.problem

    async def run(self) -> None:
        try:
            await self._agent.run()
        finally:
            for sender in self._senders:
                await sender.close()
