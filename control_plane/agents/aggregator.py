"""The aggregator: makes epochs and has them signed.

An epoch is made as soon as there is something to attest, when somebody wants one, and when its
timer ends. One is in flight at a time; what comes meanwhile waits for the next. An epoch made
for messages renews the leaves of their origins only, the timer's those of all chains whose head
moved; a leaf that did not change costs nobody anything.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from control_plane.agents.link import Link, keep
from control_plane.agents.pauses import Pauses
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.formats import NO_PARENT, EpochHeader, Leaf
from control_plane.domain.hub import (
    Dispatched,
    EpochCertified,
    FinalityWanted,
    Head,
    Hub,
    Missed,
    News,
    Reorged,
    SetChanged,
    Votes,
    Wanted,
)
from control_plane.domain.network import Network
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.finality import FinalityView
from control_plane.domain.ports.metalayer import Attester
from control_plane.domain.ports.node import Connect
from control_plane.domain.ports.store import Database
from control_plane.domain.quorum import Roster
from control_plane.domain.records import EpochRecord
from control_plane.domain.shards import shards_by_domain
from control_plane.services.metalayer.demands import Demands, Extra
from control_plane.services.metalayer.epoch_store import EpochStore
from control_plane.services.metalayer.finality import finality_of
from control_plane.services.metalayer.leaves import read_leaf
from control_plane.services.metalayer.lineup import Lineup, SetBook
from control_plane.services.metalayer.rounds import Outcome, Panel, Proposal

_IDLE_FACTOR = 10
"""While no head moves, the timer runs this many times slower: nothing gets stale."""
_FINALITY_LOOK = 0.5
"""Seconds after which it is asked again what is final, while a message waits for that."""
_READ_DEADLINE = 2.0
_SILENT_FOR = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0

log = logging.getLogger(__name__)


class Aggregator:
    """Implements ``ports.agent.Agent``."""

    def __init__(  # noqa: PLR0913, PLR0917 - its ports
        self,
        network: Network,
        roster: Roster,
        attesters: Sequence[Attester],
        connect: Connect,
        database: Database,
        hub: Hub,
        publish: Publish,
        clock: Callable[[], float],
        finality: FinalityView | None = None,
    ) -> None:
        """`finality` tells which blocks are final; by default the chains' own nodes do, and for
        rollups that settle the L1's outputs."""
        self.name = "aggregator"
        self.ready = asyncio.Event()
        self._network = network
        self._shards = shards_by_domain(network.plan.chains)
        self._panel = Panel(roster, attesters)
        self._attesters = attesters
        self._sets = SetBook(database, network.devnet, roster)
        self._set_changed = False
        self._links = {str(chain.name): Link(connect, chain) for chain in network.chains}
        self._store = EpochStore(database, network.devnet)
        self._hub = hub
        self._publish = publish
        self._clock = clock
        self._interval = network.plan.metalayer.epoch_interval
        self._missing: str | None = None
        self._leaves: dict[str, Leaf] = {}
        final = finality or finality_of(network, self._links[network.plan.l1.name])
        self._demands = Demands(network, self._links, final, database, clock, hub)
        self._heads: dict[str, str] = {}
        self._hot: set[str] = set()
        self._silent: dict[str, float] = {}
        """Chains that did not answer, and until when epochs are made without asking them."""
        self._wanted = False
        self._missed = False
        self._made_at = 0.0
        self._swept_at = 0.0

    @property
    def problem(self) -> str | None:
        """Who is missing for a quorum and why, and which chains no epoch can speak of."""
        found = [self._missing] if self._missing else []
        found += [link.problem for link in self._links.values() if link.problem]
        return "; ".join(found) or None

    async def run(self) -> None:
        """Make epochs until cancelled."""
        try:
            async with self._hub.listen() as news, keep(self._links.values()):
                await self._load()
                self.ready.set()
                pauses = Pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
                while True:
                    await self._wait(news)
                    if self._set_changed:
                        await self._line_up()
                        self._hot |= await self._demands.again()
                        self._wanted = True  # what the old set certified, some chains take no more
                    if self._missed:
                        await self._load()
                    elif await self._make():
                        pauses.reset()
                    else:
                        await pauses.wait()
        finally:
            self.ready.clear()

    async def _load(self) -> None:
        """Look at all that news would have told: every leaf is read anew, every message counts."""
        self._missed = False
        await self._line_up()
        self._leaves.clear()
        self._heads.clear()
        self._made_at = self._swept_at = asyncio.get_running_loop().time()
        waiting = await self._store.load()
        self._hot |= self._demands.load(waiting)

    async def _line_up(self) -> None:
        """Go over to the set that epochs are made with."""
        self._set_changed = False
        record = await self._sets.active(self._clock())
        if record.set_id != self._panel.roster.guardian_set.set_id:
            lineup = Lineup.of(record)
            self._panel = Panel(lineup.roster, self._attesters, lineup.seats)

    # ------------------------------------------------------------------ when

    async def _wait(self, news: asyncio.Queue[News]) -> None:
        """Until an epoch is due."""
        self._drain(news)
        while not (
            self._hot
            or self._wanted
            or self._missed
            or self._set_changed
            or await self._demands.due()
        ):
            left = self._made_at + self._period() - asyncio.get_running_loop().time()
            if left <= 0:
                return
            look = min(left, _FINALITY_LOOK) if self._demands.restless else left
            try:
                async with asyncio.timeout(look):
                    self._hear(await news.get())
            except TimeoutError:
                if look == left:
                    return
                self._demands.note_head()  # a block can become final without a new one
            self._drain(news)

    def _period(self) -> float:
        """Seconds from one epoch to the next when nothing asks for one."""
        return self._interval if self._moved() else self._interval * _IDLE_FACTOR

    def _moved(self) -> set[str]:
        """Chains whose head is not the one that their leaf speaks of."""
        return {
            name
            for name in self._links
            if name not in self._leaves
            or self._heads.get(name, "0x" + self._leaves[name].block_hash.hex())
            != "0x" + self._leaves[name].block_hash.hex()
        }

    def _drain(self, news: asyncio.Queue[News]) -> None:
        while not news.empty():
            self._hear(news.get_nowait())

    def _hear(self, item: News) -> None:
        if isinstance(item, Head):
            self._heads[item.chain] = item.hash
            self._demands.note_head()
        elif isinstance(item, Dispatched):
            self._hot |= self._demands.take_up(item.messages)
        elif isinstance(item, FinalityWanted):
            self._demands.want(item)
        elif isinstance(item, Wanted):
            self._wanted = True
        elif isinstance(item, SetChanged):
            self._set_changed = True
        elif isinstance(item, Missed):
            self._missed = True
        elif isinstance(item, Reorged):
            self._heads.pop(item.chain, None)
            self._leaves.pop(item.chain, None)
            self._demands.forget(item.chain, item.from_block)

    # ------------------------------------------------------------------ one epoch

    async def _make(self) -> bool:
        """Make one epoch; False if it was not certified, or could not be proposed."""
        lacking = self._panel.lacking()
        if lacking:
            self._missing = _no_quorum(lacking)
            return False
        now = asyncio.get_running_loop().time()
        hot, wanted = set(self._hot), self._wanted
        self._hot.clear()
        self._wanted = False
        sweep = wanted or now - self._swept_at >= self._interval
        stale = set(self._links) if wanted else hot | (self._moved() if sweep else set())
        fresh = await self._renew(
            {name for name in stale if name in hot or self._silent.get(name, 0.0) < now}, hot
        )
        if not self._leaves:
            self._hot |= hot
            self._missing = "no chain has a sealed block yet"
            return False
        if sweep:
            self._swept_at = now
        if await self._certify(fresh):
            self._made_at = now
            return True
        self._hot |= hot
        self._wanted = wanted
        self._leaves.clear()  # what was refused is read anew
        return False

    async def _renew(self, names: set[str], hot: set[str]) -> list[Leaf]:
        """Read the leaves of `names`, side by side. Returns those that may have messages under
        them that no epoch attested: the changed ones, and those of chains in `hot` (a leaf can be
        ahead of the indexer). A chain that can't be read is left out of the epoch."""
        before = dict(self._leaves)
        await asyncio.gather(*(self._read(name) for name in names))
        return [
            leaf for name, leaf in self._leaves.items() if name in hot or before.get(name) != leaf
        ]

    async def _read(self, name: str) -> None:
        link = self._links[name]
        hook = self._network.contracts["merkleTreeHook"]
        head = self._heads.get(name)
        try:
            async with asyncio.timeout(_READ_DEADLINE):
                try:
                    leaf = await read_leaf(link, link.chain.domain, hook, head)
                except TemporaryFailure:
                    if head is None:
                        raise
                    # the head that was told may be reorganised already
                    leaf = await read_leaf(link, link.chain.domain, hook, None)
        except (TemporaryFailure, TimeoutError) as error:
            log.info("no leaf of %s: %s", name, str(error) or "no answer in time")
            self._leaves.pop(name, None)
            if isinstance(error, TimeoutError):
                self._silent[name] = asyncio.get_running_loop().time() + _SILENT_FOR
            return
        if leaf is not None:
            self._leaves[name] = leaf

    async def _certify(self, fresh: Sequence[Leaf]) -> bool:
        extra = await self._demands.answer(self._leaves.values())
        fresh = extra.also_fresh(fresh, self._leaves.values())
        proposal = self._propose(extra)
        record = await self._store.propose(proposal, self._clock())
        outcome = await self._panel.hold(proposal)
        self._tell_votes(record, outcome)
        await self._tell_bad(outcome, record.epoch)
        if outcome.certificate is None:
            self._missing = _no_quorum(outcome.reasons)
            log.warning("epoch %d is not certified: %s", record.epoch, self._missing)
            self._demands.refused(extra)
            return False
        self._missing = None
        at = self._clock()
        certified, attested = await self._store.certify(record, proposal, outcome, fresh, at)
        self._demands.served(extra)
        self._hub.tell(EpochCertified(certified))
        if attested:
            data = {
                "epoch": certified.epoch,
                "aggregate_root": certified.header["aggregateRoot"],
                "messages": attested,
                "absent": list(outcome.absent),
            }
            await self._publish("epoch.certified", data, service=self.name)
        return True

    def _propose(self, extra: Extra) -> Proposal:
        leaves = (*self._leaves.values(), *extra.leaves)
        aggregate = Aggregate.of(leaves, self._shards, extra.reads)
        network_id = self._network.network_id
        parent = self._store.parent
        header = EpochHeader(
            set_id=self._panel.roster.guardian_set.set_id,
            epoch=self._store.last_number + 1,
            timestamp=int(self._clock()),
            parent_hash=parent.hash(network_id) if parent else NO_PARENT,
            aggregate_root=aggregate.root,
        )
        return Proposal(header, header.hash(network_id), aggregate, parent, extra.answers)

    def _tell_votes(self, record: EpochRecord, outcome: Outcome) -> None:
        """Who signs what is for everybody to see: watchers look for those who sign two things."""
        signed = (("0x" + m.guardian.hex(), "0x" + vote.hex()) for m, vote in outcome.votes)
        self._hub.tell(Votes(record.header, record.leaves, tuple(signed), record.reads))

    async def _tell_bad(self, outcome: Outcome, epoch: int) -> None:
        for index in outcome.bad:
            log.warning("guardian %d gave an invalid signature for epoch %d", index, epoch)
            data = {"guardian": index, "epoch": epoch}
            await self._publish("guardian.invalid_signature", data, service=f"guardian-{index}")


def _no_quorum(reasons: dict[str, str]) -> str:
    who = "; ".join(f"{name}: {why}" for name, why in sorted(reasons.items()))
    return f"no quorum of the guardians ({who})"
