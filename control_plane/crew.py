"""Who works for a devnet: all of its agents, here or in containers."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from control_plane import making
from control_plane.adapters.alone.attest import EitherAttester
from control_plane.adapters.alone.hosting import with_those_alone
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.runtime.programs import ProcessPrograms
from control_plane.domain.hub import Hub
from control_plane.domain.network import Chain, GuardianKeys, Keys, Network
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.node import Connect
from control_plane.domain.ports.provision import JoinGuardian, MakeAgents
from control_plane.domain.ports.store import Database
from control_plane.domain.seams import SeamBook, Seams
from control_plane.domain.settlement import posts_batches, settles
from control_plane.on_demand import OnDemand
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.metalayer.rounds import founding_roster

if TYPE_CHECKING:
    from control_plane.agents.guardian import Guardian
    from control_plane.batching import Data
    from control_plane.services.switching.ruling import Ruling


@dataclass(frozen=True, slots=True)
class Bench:
    """Guardians of one devnet: the lists that its agents go through, who joins is put into them."""

    signers: "list[EitherAttester]"
    """Of sets."""
    attesters: "list[making.Listening]"
    """Of epochs."""
    judges: "list[tuple[Guardian, GuardianKeys]]"
    """Of disputes: those of this process, none that runs alone."""


Crews = dict[str, Bench]
"""By devnet."""


def agents_maker(
    database: Database,
    home: Path,
    programs: ProcessPrograms,
    native: OnDemand,
    seams: SeamBook,
    crews: Crews,
    ruling: "Ruling",
) -> MakeAgents:
    """Agents in the daemon; its guardians are left in `crews`."""

    def make(network: Network, keys: Keys, hub: Hub, publish: Publish) -> Sequence[Agent]:
        between = seams.of(network.devnet)
        through = between.connecting(connect)
        guardians = [
            making.make_guardian(network, key, database, hub, through) for key in keys.serving
        ]
        files = DevnetFiles(home, network.devnet)
        directory = files.agents
        checkpoints = making.find_checkpoints(network, files.root)
        signers = with_those_alone(guardians, directory)
        attesters: list[making.Listening] = [between.attester(one) for one in signers]
        judges = list(zip(guardians, keys.serving, strict=True))
        crews[network.devnet] = Bench(signers, attesters, judges)
        data = _data(network)
        roster = founding_roster(network, keys)
        payers = (keys.rotation, keys.governor)
        return [
            *_sealers(network, keys, native, hub, publish, between, data),
            making.make_indexer(network, database, hub, publish, through),
            *(making.make_open(guardian, hub, directory) for guardian in guardians),
            making.make_aggregator(network, roster, attesters, database, hub, publish, through),
            making.make_relayer(
                network, keys.relayer, database, hub, publish, between, checkpoints
            ),
            *making.make_watcher(network, keys, roster, database, hub, through),
            *_batchers(network, keys, database, hub, publish, files.root, programs, data),
            *_settling(network, keys, database, hub, publish, between, judges, data),
            making.make_rotation(network, roster, payers, signers, database, hub, publish, through),
            *_switchers(network, hub, through, ruling),
            *(
                making.make_validator(network, index, account, files.root, hub, publish)
                for index, account in enumerate(keys.validators)
            ),
        ]

    return make


def guardian_joiner(database: Database, home: Path, seams: SeamBook, crews: Crews) -> JoinGuardian:
    """Guardians that come to a devnet which has its agents."""

    def join(network: Network, guardian: GuardianKeys, hub: Hub) -> Agent:
        between, directory = seams.of(network.devnet), DevnetFiles(home, network.devnet).agents
        through = between.connecting(connect)
        joined = making.make_guardian(network, guardian, database, hub, through)
        (signer,) = with_those_alone([joined], directory)
        bench = crews[network.devnet]
        bench.signers.append(signer)
        bench.attesters.append(between.attester(signer))
        bench.judges.append((joined, guardian))
        return making.make_open(joined, hub, directory)

    return join


def outposts_maker(home: Path, database_url: str, containers: OnDemand) -> MakeAgents:
    """Agents in containers."""

    def make(network: Network, keys: Keys, hub: Hub, publish: Publish) -> Sequence[Agent]:  # noqa: ARG001
        from control_plane.agents.outpost import Outpost

        root = DevnetFiles(home, network.devnet).root
        crew = containers.crew(root, network, keys, database_url)
        return [Outpost(service, crew) for service in crew.services()]

    return make


def by_place(here: MakeAgents, outside: MakeAgents) -> MakeAgents:
    """Whichever makes agents where the plan wants them."""

    def make(network: Network, keys: Keys, hub: Hub, publish: Publish) -> Sequence[Agent]:
        place = outside if network.plan.agents == "containers" else here
        return place(network, keys, hub, publish)

    return make


def _sealers(
    network: Network,
    keys: Keys,
    native: OnDemand,
    hub: Hub,
    publish: Publish,
    between: Seams,
    data: "Data | None",
) -> list[Agent]:
    """Whoever makes each chain's blocks: our sequencer, or its framework's own services."""
    found: list[Agent] = []
    through = between.connecting(connect)
    for chain in network.chains:
        if chain.plan.is_external:
            continue
        if chain.plan.services == "native":
            found += _native_agents(chain, network, keys, native)
        else:
            seen = between.sequencing(chain.name, through)
            engine = between.building(chain.name)
            found.append(
                making.make_sequencer(
                    chain,
                    seen,
                    network=network,
                    publish=publish,
                    hub=hub,
                    engine=engine,
                    copies=data.copies.get(chain.name) if data else None,
                )
            )
    return found


def _native_agents(chain: Chain, network: Network, keys: Keys, native: OnDemand) -> Sequence[Agent]:
    """The programs beside a node that runs, and who writes down the blocks that they make."""
    specs = native.services(chain, network, keys)
    if not specs:
        return ()
    from control_plane.agents.block_keeper import BlockKeeper
    from control_plane.agents.program import program_agents

    keeper = BlockKeeper(chain, connect, functools.partial(native.journal, chain))
    return keeper, *program_agents(specs, native.programs)


def _switchers(network: Network, hub: Hub, through: Connect, ruling: "Ruling") -> Sequence[Agent]:
    """Of the rollups that switch by themselves."""
    ruled = [chain for chain in network.chains if chain.plan.rules]
    if not ruled:
        return ()
    from control_plane.agents.switcher import Switcher

    devnet = network.devnet
    ruling.keep(devnet, [chain.name for chain in ruled])
    up = functools.partial(ruling.up, devnet)
    return [
        Switcher(
            chain,
            through,
            hub,
            ruling.meter(devnet, chain.name),
            up,
            functools.partial(ruling.consider, devnet, chain.name),
        )
        for chain in ruled
    ]


def _data(network: Network) -> "Data | None":
    """What concerns the rollups' data; None where no rollup posts them."""
    if not any(posts_batches(chain) for chain in network.plan.rollups):
        return None
    from control_plane.batching import data_of

    return data_of(network)


def _batchers(
    network: Network,
    keys: Keys,
    database: Database,
    hub: Hub,
    publish: Publish,
    root: Path,
    programs: ProcessPrograms,
    data: "Data | None",
) -> Sequence[Agent]:
    if data is None:
        return ()
    from control_plane.batching import Place, make_batchers

    return make_batchers(network, keys, database, hub, publish, Place(root, programs, data))


def _settling(
    network: Network,
    keys: Keys,
    database: Database,
    hub: Hub,
    publish: Publish,
    seams: Seams,
    judges: "Sequence[tuple[Guardian, GuardianKeys]]",
    data: "Data | None",
) -> Sequence[Agent]:
    if data is None or not any(settles(chain) for chain in network.plan.rollups):
        return ()
    from control_plane.contesting import Site, contesting
    from control_plane.settling import make_settling

    through = seams.connecting(connect)
    site = Site(network, keys, database, hub, publish, judges, through)
    return make_settling(network, keys, hub, publish, seams, contesting(site), data.availabilities)
