"""Makes a devnet's agents, for the daemon and for processes in which one agent runs alone.

Beside ``bootstrap`` the one place that knows adapters and agents; it imports no web framework, so
that an agent alone starts quickly.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from control_plane.adapters.alone.attest import (
    PATH,
    SET_PATH,
    EitherAttester,
    RemoteAttester,
    signing,
    signing_sets,
)
from control_plane.adapters.alone.hosting import guardian_address, token_of
from control_plane.adapters.alone.http import AgentApp, Handle, Health, serving
from control_plane.adapters.evm.revert import decode_error
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sender import TransactionSender, one_sender
from control_plane.agents.aggregator import Aggregator
from control_plane.agents.around import Around
from control_plane.agents.guardian import Guardian
from control_plane.agents.indexer import Indexer
from control_plane.agents.pool_copier import PoolCopier
from control_plane.agents.relayer import Relayer
from control_plane.agents.sequencer import SequencerAgent
from control_plane.domain.errors import CalderaError
from control_plane.domain.formats import Member
from control_plane.domain.hub import Hub, News, Standing
from control_plane.domain.network import Chain, GuardianKeys, Keys, Network
from control_plane.domain.pool_copies import PoolCopies
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.metalayer import SetSigner
from control_plane.domain.ports.node import Account, Connect
from control_plane.domain.ports.store import Database
from control_plane.domain.quorum import Roster
from control_plane.domain.records import EpochRecord
from control_plane.domain.seams import SeamAttester, Seams, WrapEngine
from control_plane.domain.settlement import settles
from control_plane.domain.settlement.deposits import has_portal

if TYPE_CHECKING:
    from control_plane.domain.ports.checkpoints import Checkpoints

Listening = RemoteAttester | EitherAttester | SeamAttester
"""Those whom an aggregator asks, and who want to hear how guardians elsewhere are."""

log = logging.getLogger(__name__)


def make_sequencer(
    chain: Chain,
    connect: Connect = connect,
    *,
    network: Network | None = None,
    publish: Publish | None = None,
    hub: Hub | None = None,
    engine: WrapEngine | None = None,
    copies: PoolCopies | None = None,
) -> Agent:
    """The agent that seals `chain`'s blocks. One that takes deposits needs the `network`: it
    follows the L1; what happens to it there is told by `publish`. On the `hub` others say what
    shall be final; `engine` stands before the engine that builds for it. `copies`: where an Anvil's
    transactions are left for the batcher."""
    deposits = has_portal(chain.plan)
    copier = None if copies is None else PoolCopier(chain, connect, copies, deposits=deposits)
    if not deposits:
        decides = [chain.name, *(_following(network) if network and chain.plan.is_l1 else ())]
        return SequencerAgent(chain, connect, hub=hub, decides=decides, copier=copier)
    if network is None:
        raise ValueError("a sequencer that takes deposits follows the L1 of its network")
    from control_plane.adapters.engine.building import builder_of, deposit_builder_of
    from control_plane.agents.deposit_sequencer import DepositSequencer
    from control_plane.agents.engine_sequencer import EngineSequencer

    l1 = network.chain(network.plan.l1.name)
    if chain.plan.engine == "anvil":
        lag = network.plan.save_interval
        opened = deposit_builder_of(chain, network.contracts, lag, copier)
        return DepositSequencer(chain, l1, connect, opened, publish, copier=copier)
    opened = builder_of(chain, network.contracts, engine)
    return EngineSequencer(chain, l1, connect, opened, publish)


def _following(network: Network) -> list[str]:
    """Rollups whose blocks are final when their origin on the L1 is: those without outputs."""
    plans = [chain.plan for chain in network.chains if chain.plan.engine == "op-geth"]
    return [plan.name for plan in plans if not settles(plan)]


def make_indexer(
    network: Network, database: Database, hub: Hub, publish: Publish, connect: Connect = connect
) -> Agent:
    """Reads every chain into `database`."""
    return Indexer(network, connect, database, hub, publish, time.time)


def make_guardian(
    network: Network, key: GuardianKeys, journal: Database, hub: Hub, connect: Connect = connect
) -> Guardian:
    """Signs with `key` what it has checked; its votes stand in `journal`."""
    return Guardian(network, key, connect, journal, hub)


def make_aggregator(
    network: Network,
    roster: Roster,
    attesters: Sequence[Listening],
    database: Database,
    hub: Hub,
    publish: Publish,
    connect: Connect = connect,
) -> Agent:
    """Has epochs signed by `attesters`, who are the members of `roster`."""
    aggregator = Aggregator(network, roster, attesters, connect, database, hub, publish, time.time)
    return _Informed(aggregator, attesters, hub)


def make_relayer(
    network: Network,
    account: Account,
    database: Database,
    hub: Hub,
    publish: Publish,
    seams: Seams | None = None,
    checkpoints: "Checkpoints | None" = None,
) -> Agent:
    """Delivers with `account`'s transactions. `checkpoints`: what validators sign, if there are
    any."""
    between = seams or Seams()
    through = between.connecting(connect)
    senders = {str(chain.name): _sender(chain, account, through) for chain in network.chains}
    relayer = Relayer(
        network,
        {name: between.sender(name, sender) for name, sender in senders.items()},
        decode_error,
        through,
        database,
        hub,
        publish,
        time.time,
        between.withheld,
        checkpoints,
    )
    return _Owning(relayer, senders.values())


def _sender(chain: Chain, account: Account, connect: Connect) -> TransactionSender:
    return TransactionSender(
        connect, chain.ws_url, account, chain.plan.chain_id, block_time=chain.plan.block_time
    )


def guardian_routes(guardian: Guardian) -> dict[str, Handle]:
    """What a guardian's server answers."""
    return {PATH: signing(guardian), SET_PATH: signing_sets(guardian)}


def make_rotation(
    network: Network,
    founding: Roster,
    accounts: tuple[Account, Account],
    signers: Sequence[SetSigner],
    database: Database,
    hub: Hub,
    publish: Publish,
    connect: Connect = connect,
) -> Agent:
    """Takes every chain from one guardian set to the next. `accounts`: who pays, and the
    governor."""
    from control_plane.agents.rotation import Means, Rotation

    def pay_from(chain: Chain, account: Account) -> AbstractAsyncContextManager[TransactionSender]:
        block_time = chain.plan.block_time
        chain_id = chain.plan.chain_id
        return one_sender(connect, chain.ws_url, account, chain_id, block_time=block_time)

    means = Means(signers, *accounts, pay_from)
    return Rotation(network, founding, means, connect, database, hub, publish, time.time)


def make_watcher(
    network: Network,
    keys: Keys,
    founding: Roster,
    database: Database,
    hub: Hub,
    connect: Connect = connect,
) -> list[Agent]:
    """Who has guardians slashed for what they sign; nobody without a key for it. `founding`: the
    devnet's first guardian set."""
    account = keys.watcher
    if account is None:
        return []
    from control_plane.agents.watcher import Watcher

    async def epoch(number: int) -> EpochRecord | None:
        async with database.begin() as unit:
            return await unit.epochs.get(network.devnet, number)

    def make(news: "asyncio.Queue[News]") -> Agent:
        from control_plane.agents.link import Link
        from control_plane.agents.watching import Watching
        from control_plane.services.metalayer.reports import Reports, Site

        l1 = network.chain(network.plan.l1.name)
        links = {str(chain.name): Link(connect, chain) for chain in network.chains}
        sender = _sender(l1, account, connect)
        site = Site(
            devnet=network.devnet,
            l1=str(l1.name),
            slasher=network.contracts["slasher"],
            reporter=account.address,
            names={g.account.address.lower(): f"guardian-{g.index}" for g in keys.guardians},
        )
        reports = Reports(site, links[str(l1.name)], sender, database, hub, decode_error, time.time)
        ours = keys.relayer.address.lower()
        roster = functools.partial(_roster, database, network.devnet, founding)
        watching = Watching(network, links, reports, roster, epoch, ours, news)
        return _Owning(watching, [sender])

    return [Watcher(hub, make)]


async def _roster(database: Database, devnet: str, founding: Roster, set_id: int) -> Roster | None:
    """The members of a guardian set, as its record or as the devnet's beginning has it."""
    async with database.begin() as unit:
        found = await unit.guardian_sets.get(devnet, set_id)
    if found is not None:
        return Roster(set_id, [Member.from_json(member) for member in found.members])
    return founding if set_id == founding.guardian_set.set_id else None


def find_checkpoints(network: Network, root: Path) -> "Checkpoints | None":
    """What the devnet's validators sign, below `root`, its directory; None if it has none."""
    if not network.plan.metalayer.validators:
        return None
    from control_plane.adapters.checkpoints import CheckpointShelf

    chains = {int(chain.domain): str(chain.name) for chain in network.chains}
    return CheckpointShelf(root, chains)


def make_validator(
    network: Network, index: int, account: Account, root: Path, hub: Hub, publish: Publish
) -> Agent:
    """Signs checkpoints with `account`; its journals are below `root`, the devnet's directory."""
    from control_plane.adapters.checkpoints import CheckpointFiles
    from control_plane.adapters.evm.signer import sign_digest
    from control_plane.agents.validator import Signer, Validator

    signer = Signer(index, account.address, functools.partial(sign_digest, account.key))
    senders = {str(chain.name): _sender(chain, account, connect) for chain in network.chains}
    journal = functools.partial(CheckpointFiles, network.devnet, root, signer.name)
    validator = Validator(network, signer, senders, journal, connect, hub, publish)
    return _Owning(validator, senders.values())


def make_open(guardian: Guardian, hub: Hub, directory: Path) -> Agent:
    """A guardian of the daemon that an aggregator alone can ask, too."""
    return _Open(guardian, hub, directory)


class _Open(Around):
    """A guardian together with the server at which others ask it, and what they are told of it."""

    def __init__(self, guardian: Guardian, hub: Hub, directory: Path) -> None:
        super().__init__(guardian)
        self._hub = hub
        self._at = guardian_address(directory, guardian.index)
        self._app = AgentApp(self._health, token_of(directory), guardian_routes(guardian))

    def _health(self) -> Health:
        return Health(self.name, self.ready.is_set(), self.problem)

    async def run(self) -> None:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(serving(self._app, self._at))
            except (CalderaError, OSError) as error:  # a full disk, which is no reason to rest
                log.warning("%s can't be asked by other processes: %s", self.name, error)
            self._hub.tell(Standing(self.name, alive=True, ready=True))
            try:
                await self._agent.run()
            finally:
                self._hub.tell(Standing(self.name, alive=False, ready=False))


class _Informed(Around):
    """The aggregator together with those who ask guardians of other processes: they are told how
    these are."""

    def __init__(self, agent: Agent, attesters: Sequence[Listening], hub: Hub) -> None:
        super().__init__(agent)
        self._attesters = attesters
        self._hub = hub

    async def run(self) -> None:
        hearing = asyncio.create_task(self._hear(), name="guardians elsewhere")
        try:
            await self._agent.run()
        finally:
            hearing.cancel()

    async def _hear(self) -> None:
        async with self._hub.listen() as news:
            while True:
                item = await news.get()
                if isinstance(item, Standing):
                    for attester in self._attesters:
                        attester.hear(item)


class _Owning(Around):
    """An agent together with the senders that are its own: closed when it ends."""

    def __init__(self, agent: Agent, senders: Collection[TransactionSender]) -> None:
        super().__init__(agent)
        self._senders = senders

    async def run(self) -> None:
        try:
            await self._agent.run()
        finally:
            for sender in self._senders:
                await sender.close()
