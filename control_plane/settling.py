"""Makes the proposers of a devnet: beside ``making``, for most devnets have none."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sender import TransactionSender, one_sender
from control_plane.adapters.evm.settlement_contracts import agent_account
from control_plane.agents.proposer import Means, NameGenesis, Proposer
from control_plane.domain.calls import Call, encode_call, execute_batch
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.hub import Hub
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.da import Availability
from control_plane.domain.seams import Seams
from control_plane.domain.settlement import settles
from control_plane.domain.settlement.carried import carried_of
from control_plane.domain.settlement.outputs import oracle_address

if TYPE_CHECKING:
    from control_plane.agents.prover import Prover

_GENESIS_GAS = 200_000

MakeParties = Callable[[Chain, TransactionSender], Sequence[Agent]]
"""Of a rollup, whose proposer has that sender."""


def make_settling(
    network: Network,
    keys: Keys,
    hub: Hub,
    publish: Publish,
    seams: Seams,
    contest: MakeParties,
    data: Mapping[str, Availability],
) -> Sequence[Agent]:
    """The agents of each rollup that settles; `contest` makes those who dispute and defend, `data`
    tells of rollups by name whether their data can be had."""
    agents: list[Agent] = []
    turn = asyncio.Lock()
    for chain in network.chains:
        if settles(chain.plan):
            prover = _prover(network, chain, keys, hub, publish)
            sender = _sender(network, chain, keys)
            naming = _naming(network, chain, keys, turn)
            asks = seams.proposing(chain.name), data.get(chain.name), carried_of(chain.plan)
            means = Means(sender, naming, prover, *asks)
            proposing = _Proposing(network, chain, means, sender, hub, publish)
            agents += [proposing, *contest(chain, proposing.sender)]
            agents += [prover] if prover else []
    return agents


def _sender(network: Network, chain: Chain, keys: Keys) -> TransactionSender:
    """Of its proposer's account."""
    l1 = network.chain(network.plan.l1.name)
    account = agent_account(keys, chain.plan.chain_id, "proposer")
    time = l1.plan.block_time
    return TransactionSender(connect, l1.ws_url, account, l1.plan.chain_id, block_time=time)


def _prover(
    network: Network, chain: Chain, keys: Keys, hub: Hub, publish: Publish
) -> "Prover | None":
    if chain.plan.proof != "validity":
        return None
    from control_plane.proving import make_prover

    return make_prover(network, chain, keys, hub, publish)


class _Proposing(Proposer):
    """A proposer with a sender of its own, which is closed when it ends."""

    def __init__(
        self,
        network: Network,
        chain: Chain,
        means: Means,
        sender: TransactionSender,
        hub: Hub,
        publish: Publish,
    ) -> None:
        super().__init__(network, chain, means, connect, hub, publish)
        self.sender = sender

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            await self.sender.close()


def _naming(network: Network, chain: Chain, keys: Keys, turn: asyncio.Lock) -> NameGenesis:
    """The governor names a rollup's genesis when it is there: its contracts are made before. One
    at a `turn`, for an account has one sender at a time."""
    l1 = network.chain(network.plan.l1.name)
    oracle = oracle_address(network.contracts, chain.plan.chain_id)

    async def name(block_hash: bytes, state_root: bytes) -> None:
        call = encode_call("setGenesis(bytes32,bytes32)", block_hash, state_root)
        data = execute_batch([Call(oracle, call)])
        executor = network.contracts["governanceExecutor"]
        time = l1.plan.block_time
        async with (
            turn,
            one_sender(
                connect, l1.ws_url, keys.governor, l1.plan.chain_id, block_time=time
            ) as sender,
        ):
            pending = await sender.send(executor, data, gas=_GENESIS_GAS)
            receipt = await pending.receipt()
        if int(receipt["status"], 16) != 1:
            raise TemporaryFailure(
                f"The genesis of {chain.name} was refused by its oracle",
                f"transaction {pending.hash}",
                f"See it: cast run {pending.hash} --rpc-url {l1.http_url}",
            )

    return name
