"""A guardian: looks at every chain through connections of its own and signs what it has checked.

Guardians of one process share nothing but the event loop: each has its own connections, its own
memory of what it checked and its own journal of votes. They are embedded guardians: the checks
are real, their independence is not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from control_plane.agents.link import Link, keep
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.bls import SecretKey
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.formats import EpochHeader, Finality, GuardianSet, Leaf
from control_plane.domain.hub import Hub, Missed, Reorged
from control_plane.domain.network import GuardianKeys, Network
from control_plane.domain.ports.finality import FinalityView
from control_plane.domain.ports.metalayer import Refusal
from control_plane.domain.ports.node import Connect
from control_plane.domain.ports.store import Database
from control_plane.domain.reads import Answer
from control_plane.domain.shards import shards_by_domain
from control_plane.services.metalayer.finality import finality_of
from control_plane.services.metalayer.leaves import LeafRefused, check_leaf
from control_plane.services.metalayer.reading import check_answer, leaves_by_chain
from control_plane.services.metalayer.registry import installed_id, is_sealed

if TYPE_CHECKING:
    from control_plane.domain.quorum import Roster
    from control_plane.domain.uptime import UptimeReport

log = logging.getLogger(__name__)


class Guardian:
    """Implements ``ports.agent.Agent`` and ``ports.metalayer.Attester``."""

    def __init__(
        self,
        network: Network,
        keys: GuardianKeys,
        connect: Connect,
        database: Database,
        hub: Hub,
        finality: FinalityView | None = None,
    ) -> None:
        """`finality` tells which blocks are final; by default the chains' own nodes do, and for
        rollups that settle the L1's outputs."""
        self.name = f"guardian-{keys.index}"
        self.index = keys.index
        self.ready = asyncio.Event()
        self._network = network
        self._key = SecretKey(keys.bls_seed)
        self._shards = shards_by_domain(network.plan.chains)
        self._database = database
        self._hub = hub
        self._links = {chain.domain: Link(connect, chain) for chain in network.chains}
        self._finality = finality or finality_of(network, self._l1)
        self._checked: dict[int, bytes] = {}
        """By domain, the hash of the last leaf found true."""
        self._highest_vote = 0
        self._set_id = 0
        """Of the set that the L1 has, when it was last looked."""
        self._running = False

    @property
    def problem(self) -> str | None:
        """Which chains it can't see."""
        found = [link.problem for link in self._links.values() if link.problem]
        return "; ".join(found) or None

    @property
    def available(self) -> bool:
        return self._running

    async def run(self) -> None:
        """Keep the connections and forget what reorgs made untrue, until cancelled."""
        try:
            async with self._hub.listen() as news, keep(self._links.values()):
                self._highest_vote = await self._recall()
                self._running = True
                self.ready.set()
                while True:
                    item = await news.get()
                    if isinstance(item, Reorged):
                        self._forget(item.chain)
                    elif isinstance(item, Missed):
                        self._checked.clear()
        finally:
            self._running = False
            self.ready.clear()
            self._checked.clear()

    async def _recall(self) -> int:
        """The epoch above which it signs: its last vote, or the last epoch proposed, which it may
        have voted on in another process that has a journal of its own."""
        async with self._database.begin() as unit:
            voted = await unit.votes.highest_epoch(self._network.devnet)
            proposed = await unit.epochs.latest(self._network.devnet, certified=False)
        return max(voted, proposed.epoch if proposed else 0)

    def _forget(self, chain: str) -> None:
        self._checked.pop(self._network.chain(chain).domain, None)

    # ------------------------------------------------------------------ signing

    async def check_and_sign(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[Answer] = (),
    ) -> bytes | Refusal:
        """The BLS signature of the header's hash when everything in it is found true.

        The vote is durable before the signature leaves; a header of an epoch number that is not
        above all earlier votes is never signed.
        """
        if not self._running:
            return Refusal(f"{self.name} is stopped")
        wrong = await self._check_set(header) or self._check_header(header, leaves, parent, answers)
        if wrong:
            return Refusal(wrong)
        checks = [*map(self._check, leaves), *self._checks_of(answers, leaves)]
        reasons = [reason for reason in await asyncio.gather(*checks) if reason]
        if reasons:
            log.warning("%s refuses epoch %d: %s", self.name, header.epoch, "; ".join(reasons))
            return Refusal("; ".join(reasons))
        return await self._vote(header)

    async def _check_set(self, header: EpochHeader) -> str | None:
        """Whether the header names the set that the L1's root verifier has."""
        if header.set_id == self._set_id:
            return None
        verifier = self._network.contracts["rootVerifier"]
        try:
            self._set_id = await installed_id(self._l1, verifier)
        except CalderaError as error:
            return f"{self._l1.chain.name}: {error}"
        if header.set_id == self._set_id:
            return None
        return f"guardian set {header.set_id} is not the current one, {self._set_id}"

    @property
    def _l1(self) -> Link:
        return self._links[self._network.chains[0].domain]

    def _check_header(
        self,
        header: EpochHeader,
        leaves: Sequence[Leaf],
        parent: EpochHeader | None,
        answers: Sequence[Answer],
    ) -> str | None:
        """What is wrong with the header, seen against its leaves and its parent."""
        if header.epoch <= self._highest_vote:
            return f"epoch {header.epoch} is not above {self._highest_vote}, which was voted on"
        expected = parent.hash(self._network.network_id) if parent else bytes(32)
        if header.parent_hash != expected or (parent and parent.epoch >= header.epoch):
            return "its parent is another epoch"
        try:
            reads = {answer.id: answer.results for answer in answers}
            root = Aggregate.of(leaves, self._shards, reads).root
        except ValueError as error:
            return str(error)
        return (
            None
            if root == header.aggregate_root
            else "its root is not that of its leaves in their shards"
        )

    async def _check(self, leaf: Leaf) -> str | None:
        """Why `leaf` is not to be signed; None when it is true."""
        if self._checked.get(leaf.domain) == leaf.hash:
            return None
        link = self._links.get(leaf.domain)
        if link is None:
            return f"domain {leaf.domain} is no chain of this devnet"
        try:
            await check_leaf(link, leaf, self._network.contracts["merkleTreeHook"])
            if leaf.finality is Finality.FINALIZED:
                return await self._check_final(link, leaf)
        except LeafRefused as error:
            return f"{link.chain.name}: {error}"
        except TemporaryFailure as error:
            return link.problem or f"{link.chain.name}: {error}"
        self._checked[leaf.domain] = leaf.hash
        return None

    async def _check_final(self, link: Link, leaf: Leaf) -> str | None:
        """Why a leaf that is true is not final; None when it is. The block is the one that its
        node has at that height, hence below the final one."""
        final = await self._finality.final_block(link, leaf.domain)
        if final is not None and leaf.block_number <= final.number:
            return None
        last = f"its last final block is {final.number}" if final else "it has no final block"
        return f"{link.chain.name}: block {leaf.block_number} is not final, {last}"

    def _checks_of(
        self, answers: Sequence[Answer], leaves: Sequence[Leaf]
    ) -> Sequence[Awaitable[str | None]]:
        """Each tells why an answer is not to be signed."""
        if not answers:
            return ()
        contracts = self._network.contracts
        router, hook = bytes.fromhex(contracts["metalayerRouter"][2:]), contracts["merkleTreeHook"]
        callers = {int(domain): link for domain, link in self._links.items()}
        given = leaves_by_chain(leaves)
        return [check_answer(answer, router, given, callers, hook) for answer in answers]

    async def _vote(self, header: EpochHeader) -> bytes | Refusal:
        digest = header.hash(self._network.network_id)
        async with self._database.begin() as unit:
            stored = await unit.votes.record(
                self._network.devnet, self.index, header.epoch, "0x" + digest.hex()
            )
        if not stored:
            return Refusal(f"it signed another header of epoch {header.epoch} before")
        self._highest_vote = max(self._highest_vote, header.epoch)
        return self._key.sign(digest)

    # ------------------------------------------------------------------ sets

    async def sign_set(self, following: GuardianSet) -> bytes | Refusal:
        """The BLS signature of the next set's commitment, when the registry sealed exactly that
        set. It votes for one set of each id, durably, before the signature leaves it."""
        if not self._running:
            return Refusal(f"{self.name} is stopped")
        registry = self._network.contracts["guardianRegistry"]
        try:
            sealed = await is_sealed(self._l1, registry, following)
        except CalderaError as error:
            return Refusal(f"{self._l1.chain.name}: {error}")
        if not sealed:
            return Refusal(f"the registry sealed no such guardian set {following.set_id}")
        commitment = following.commitment(self._network.network_id)
        async with self._database.begin() as unit:
            stored = await unit.votes.record_set(
                self._network.devnet, self.index, following.set_id, "0x" + commitment.hex()
            )
        if not stored:
            return Refusal(f"it voted for another guardian set {following.set_id} before")
        return self._key.sign(commitment)

    async def sign_uptime(self, report: "UptimeReport", of: "Roster") -> bytes | Refusal:
        """The BLS signature of an uptime report on the set `of`, when the certificates that this
        guardian knows say the same."""
        from control_plane.services.metalayer.uptime import why_not  # rarely needed

        if not self._running:
            return Refusal(f"{self.name} is stopped")
        network_id = self._network.network_id
        why = await why_not(report, of, self._database, self._network.devnet, network_id)
        return Refusal(why) if why else self._key.sign(report.digest(network_id))
