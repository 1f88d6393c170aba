"""Makes challengers and defenders of rollups in fraud proof mode, and the guardians' judges:
beside ``making``, for most devnets have none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from control_plane.adapters.derivation.process import DerivingProcess
from control_plane.adapters.derivation.site import directory_of, site_of
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sender import TransactionSender
from control_plane.adapters.evm.settlement_contracts import agent_account
from control_plane.agents.challenger import Challenger
from control_plane.agents.defender import Defender
from control_plane.agents.disputing import Seat
from control_plane.agents.guardian import Guardian
from control_plane.agents.judge import Judge
from control_plane.domain.errors import Conflict
from control_plane.domain.formats import QuorumProof
from control_plane.domain.hub import Hub
from control_plane.domain.network import Chain, GuardianKeys, Keys, Network
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.derivation import Derivation
from control_plane.domain.ports.node import Connect
from control_plane.domain.ports.store import Database
from control_plane.domain.settlement.outputs import oracle_address
from control_plane.domain.settlement.verdicts import Question
from control_plane.domain.switching import was_ever
from control_plane.services.metalayer.lineup import Lineup
from control_plane.services.settlement.verdicts import VerdictSigner, agree


@dataclass(frozen=True, slots=True)
class Site:
    """What agents of one devnet are made with."""

    network: Network
    keys: Keys
    database: Database
    hub: Hub
    publish: Publish
    judges: Sequence[tuple[Guardian, GuardianKeys]]
    """Those of this process; more can join."""
    connect: Connect


def contesting(site: Site) -> Callable[[Chain, TransactionSender], Sequence[Agent]]:
    """Makes challenger and defender of one rollup after the other."""
    court = Court(site)
    return lambda chain, proposers: make_parties(site, chain, proposers, court)


class Court:
    """The guardians of one devnet as judges, and what they execute blocks with: one process for
    each rollup, that challenger, defender and judges share."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._derivations = {
            int(chain.plan.chain_id): DerivingProcess(
                site_of(site.network, chain, "deriving"), directory_of(chain) / "deriving.log"
            )
            for chain in site.network.chains
            if was_ever(chain.plan, "fraud")
        }

    def derivation(self, chain_id: int) -> Derivation | None:
        """Of a rollup that is or was in fraud proof mode; None for others."""
        return self._derivations.get(chain_id)

    async def agree(self, question: Question, right: bool) -> QuorumProof:
        """See ``services.settlement.verdicts.Agree``."""
        site = self._site
        async with site.database.begin() as unit:
            record = await unit.guardian_sets.active(site.network.devnet)
        if record is None:
            raise Conflict(f"{site.network.devnet} has no guardian set yet", "it is starting")
        return await agree(
            question, right, Lineup.of(record), self._judges(), site.network.network_id
        )

    def _judges(self) -> list[VerdictSigner]:
        site = self._site
        return [
            Judge(site.network, keys, one, self.derivation, site.connect, site.database)
            for one, keys in site.judges
        ]


def make_parties(
    site: Site, chain: Chain, proposers: TransactionSender, court: Court
) -> Sequence[Agent]:
    """Challenger and defender of one rollup. `proposers`: the sender of its proposer, whose
    account the defender moves with."""
    derivation = court.derivation(int(chain.plan.chain_id))
    if derivation is None:
        return ()
    l1 = site.network.chain(site.network.plan.l1.name)
    own = TransactionSender(
        connect,
        l1.ws_url,
        agent_account(site.keys, chain.plan.chain_id, "challenger"),
        l1.plan.chain_id,
        block_time=l1.plan.block_time,
    )

    def seat(sender: TransactionSender) -> Seat:
        return Seat(
            network=site.network,
            chain=chain,
            oracle=oracle_address(site.network.contracts, chain.plan.chain_id),
            account=bytes.fromhex(sender.account.address[2:]),
            sender=sender,
            derivation=derivation,
            agree=court.agree,
            connect=site.connect,
            hub=site.hub,
            publish=site.publish,
        )

    return _Challenging(seat(own), own), Defender(seat(proposers))


class _Challenging(Challenger):
    """A challenger with a sender of its own, which is closed when it ends."""

    def __init__(self, seat: Seat, own: TransactionSender) -> None:
        super().__init__(seat)
        self._own = own

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            await self._own.close()
