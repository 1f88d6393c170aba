"""Labs for the tests: two or three real chains, the agents, and what they have in common."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from control_plane.adapters.evm.bootstrap import ChainBootstrap
from control_plane.adapters.evm.revert import decode_error
from control_plane.adapters.evm.sealing import anvil_seal
from control_plane.adapters.evm.sender import TransactionSender, one_sender
from control_plane.adapters.persistence.database import open_database
from control_plane.agents.aggregator import Aggregator
from control_plane.agents.guardian import Guardian
from control_plane.agents.indexer import Indexer
from control_plane.agents.relayer import Relayer
from control_plane.agents.rotation import Means, Rotation
from control_plane.agents.sequencer import SequencerAgent
from control_plane.domain.formats import network_id
from control_plane.domain.hub import EpochCertified, Hub, Wanted
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.plan import Plan
from control_plane.domain.ports.agent import Agent
from control_plane.domain.ports.metalayer import SetSigner
from control_plane.domain.ports.node import Account, NodeSpec
from control_plane.services.metalayer.rounds import make_roster
from tests.integration.metalayer.lab import (
    DEVNET,
    STAKE,
    Lab,
    Node,
    genesis_for,
    make_keys,
    make_plan,
)

MakeLab = Callable[..., Awaitable[Lab]]
_ROOT = Path(__file__).parents[3]
_DEVNET_ID = bytes(range(32))


def find_anvil() -> Path:
    from control_plane.adapters.engine.anvil_binary import resolve_anvil

    return resolve_anvil().path


async def start_nodes(plan: Plan, keys: Keys, directory: Path) -> dict[str, Node]:
    manifest = orjson.loads((_ROOT / "contracts/genesis/manifest.json").read_bytes())
    program = find_anvil()
    nodes = {}
    for chain in plan.chains:
        home = directory / chain.name
        home.mkdir(parents=True)
        spec = NodeSpec(DEVNET, chain, plan, home, home / "genesis.json", restore=False)
        spec.genesis.write_bytes(genesis_for(spec, keys, manifest))
        nodes[str(chain.name)] = Node(spec, program)
    await asyncio.gather(*(node.start() for node in nodes.values()))
    return nodes


async def make_network(plan: Plan, keys: Keys, nodes: Mapping[str, Node]) -> Network:
    manifest = orjson.loads((_ROOT / "contracts/genesis/manifest.json").read_bytes())
    contracts = {key: Hex(address.lower()) for key, address in manifest["addresses"].items()}
    genesis = await nodes["l1"].call("eth_getBlockByNumber", "0x0", False)
    registry = bytes.fromhex(contracts["guardianRegistry"][2:])
    identity = network_id(bytes.fromhex(genesis["hash"][2:]), registry, _DEVNET_ID)
    chains = tuple(nodes[chain.name].chain for chain in plan.chains)
    return Network(DEVNET, _DEVNET_ID, identity, plan, chains, contracts)


async def boot(node: Node, network: Network, keys: Keys) -> None:
    """Block 1."""
    assert node.rpc is not None
    await ChainBootstrap()(node.spec.chain, node.rpc, network, keys, anvil_seal(node.rpc))


def make_agents(lab: Lab) -> list[Agent]:
    network, keys, hub = lab.network, lab.keys, lab.hub
    connect = lab.connect
    guardians = [Guardian(network, g, connect, lab.database, hub) for g in keys.guardians]
    lab.guardians = list(guardians)
    roster = make_roster(1, keys.guardians, STAKE)
    senders = {
        str(chain.name): TransactionSender(
            connect,
            chain.ws_url,
            keys.relayer,
            chain.plan.chain_id,
            block_time=chain.plan.block_time,
        )
        for chain in network.chains
    }
    lab.senders += senders.values()
    common = (connect, lab.database, hub, lab.publish, time.time)
    return [
        *(
            SequencerAgent(chain, connect, hub=hub, decides=[chain.name])
            for chain in network.chains
        ),
        Indexer(network, *common),
        *guardians,
        Aggregator(network, roster, lab.guardians, *common),
        Relayer(network, senders, decode_error, *common),
        Rotation(network, roster, rotation_means(lab, lab.guardians), *common),
    ]


def rotation_means(lab: Lab, guardians: Sequence[SetSigner]) -> Means:
    def pay_from(chain: Chain, account: Account) -> AbstractAsyncContextManager[TransactionSender]:
        return one_sender(lab.connect, chain.ws_url, account, chain.plan.chain_id)

    return Means(guardians, lab.keys.rotation, lab.keys.governor, pay_from)


@asynccontextmanager
async def running_lab(plan: Plan, directory: Path) -> AsyncIterator[Lab]:
    keys = make_keys(plan.metalayer.guardians.count)
    nodes = await start_nodes(plan, keys, directory)
    database = await open_database(f"sqlite:///{directory}/lab.db")
    lab = None
    try:
        network = await make_network(plan, keys, nodes)
        await asyncio.gather(*(boot(node, network, keys) for node in nodes.values()))
        lab = Lab(network, keys, nodes, database)
        await lab.supervisor.start(make_agents(lab))
        await lab.supervisor.wait_ready(10)
        await first_epoch(lab.hub)
        yield lab
    finally:
        if lab is not None:
            await lab.stop_agents()
        for node in nodes.values():
            await node.kill()
        await database.close()


async def first_epoch(hub: Hub) -> None:
    async with hub.listen() as news, asyncio.timeout(10):
        hub.tell(Wanted("the lab is ready"))
        while not isinstance(await news.get(), EpochCertified):
            pass


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """An L1 and two rollups at block time 0, four guardians."""
    async with running_lab(make_plan(), tmp_path) as found:
        yield found


@pytest.fixture
async def make_lab(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Labs with plans of the test's choice."""
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:

        async def make(rollups: Sequence[str] = ("op", "arb"), **wanted: Any) -> Lab:
            plan = make_plan(rollups, **wanted)
            return await stack.enter_async_context(running_lab(plan, tmp_path))

        yield make
