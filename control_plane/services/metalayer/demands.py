"""What messages demand of an epoch beyond a leaf of their origin: final blocks, answers to reads.

While no message demands any of it, nothing here asks a node or the database.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.formats import Finality, Leaf
from control_plane.domain.hub import FinalityWanted, Hub
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.finality import FinalBlock, FinalityView
from control_plane.domain.ports.store import Database
from control_plane.domain.reads import Answer, demands
from control_plane.domain.records import MessageRecord
from control_plane.domain.states import MessageState
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.blocks import Caller
from control_plane.services.metalayer.book import MessageBook
from control_plane.services.metalayer.coverage import Trees
from control_plane.services.metalayer.finality import Awaited
from control_plane.services.metalayer.leaves import read_leaf
from control_plane.services.metalayer.reading import (
    MOST_ANSWERS,
    Leaves,
    leaves_by_chain,
    read_all,
    unanswerable,
)

_REFUSED_PAUSE: Final = 1.0
"""Seconds for which epochs are made without what the guardians refused."""
_TOLD_EVERY: Final = 2.0
"""Seconds after which sequencers are told again what is waited for: one may have just started."""


@dataclass(frozen=True, slots=True)
class Extra:
    """What an epoch has beside the INSTANT leaves of its chains."""

    leaves: tuple[Leaf, ...] = ()
    """FINALIZED ones."""
    answers: tuple[Answer, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.leaves or self.answers)

    @property
    def reads(self) -> dict[bytes, tuple[bytes, ...]]:
        """Results by message id."""
        return {answer.id: answer.results for answer in self.answers}

    def also_fresh(self, fresh: Sequence[Leaf], leaves: Iterable[Leaf]) -> list[Leaf]:
        """Leaves under which messages may be that no epoch attested: `fresh`, these, and those of
        `leaves` whose messages' reads are answered now."""
        origins = {answer.origin for answer in self.answers}
        late = [leaf for leaf in leaves if leaf.domain in origins and leaf not in fresh]
        return [*fresh, *late, *self.leaves]


NOTHING: Final = Extra()


class Demands:
    """Of the messages of one devnet that no epoch attests yet."""

    def __init__(
        self,
        network: Network,
        links: Mapping[str, Caller],
        view: FinalityView,
        database: Database,
        clock: Callable[[], float],
        hub: Hub,
    ) -> None:
        """`links` by chain name."""
        self._network = network
        self._links = links
        self._view = view
        self._clock = clock
        self._hub = hub
        self._awaited = Awaited(links, view)
        self._book = MessageBook(database, network.devnet)
        self._trees = Trees(database, network.devnet)
        self._router = bytes.fromhex(network.contracts["metalayerRouter"][2:])
        self._hook = network.contracts["merkleTreeHook"]
        self._reading: dict[str, MessageRecord] = {}
        """Messages whose reads are to be answered, by id."""
        self._final: dict[str, FinalBlock] = {}
        self._reasons: dict[str, str] = {}
        self._not_before = 0.0
        self._told_at = 0.0

    # ------------------------------------------------------------------ what is demanded

    def load(self, waiting: Iterable[MessageRecord]) -> set[str]:
        """Exactly these wait; the chains that an epoch is to be made for."""
        self._reading.clear()
        self._awaited.clear()
        return self.take_up(waiting)

    def take_up(self, messages: Iterable[MessageRecord]) -> set[str]:
        """These were dispatched; the chains that an epoch is to be made for."""
        hot: set[str] = set()
        for message in messages:
            chain = self._network.by_domain(message.origin)
            if chain is None or message.state is not MessageState.DISPATCHED:
                continue
            if message.reads:
                self._reading[message.id] = message
            if message.finality:
                self._await(chain, message)
            else:
                hot.add(chain.name)
        return hot

    def _await(self, chain: Chain, message: MessageRecord) -> None:
        """Its block must be final, and the chains that it reads must have a final block."""
        self._awaited.want(chain.name, chain.domain, [message.origin_block])
        for source in self._sources(message):
            self._awaited.want(source.name, source.domain, [1])
        self._tell()

    def _sources(self, message: MessageRecord) -> list[Chain]:
        if not message.reads:
            return []
        domains = {read.domain for read in demands(_raw(message), self._router).reads}
        found = (self._network.by_domain(domain) for domain in sorted(domains))
        return [chain for chain in found if chain is not None]

    async def again(self) -> set[str]:
        """Another guardian set signs from now on: reads that are not delivered yet are made anew.
        The chains that an epoch is to be made for."""
        answered = [m.id for m in await self._book.open() if m.reads and m.epoch is not None]
        return self.take_up(await self._book.change(answered, moves.unanswered))

    def want(self, item: FinalityWanted) -> None:
        """Somebody else waits for these blocks."""
        self._awaited.want(item.chain, self._network.chain(item.chain).domain, item.blocks)

    def forget(self, chain: str, from_block: int) -> None:
        """Blocks of `chain` from `from_block` on went."""
        self._awaited.forget(chain, from_block)
        origin = self._network.chain(chain).domain
        for id_, message in list(self._reading.items()):
            if message.origin == origin and message.origin_block >= from_block:
                del self._reading[id_]

    def note_head(self) -> None:
        """Some chain has a new head."""
        self._awaited.note_head()

    def _tell(self) -> None:
        self._told_at = self._clock()
        for chain, blocks in self._awaited.blocks().items():
            self._hub.tell(FinalityWanted(chain, blocks))

    # ------------------------------------------------------------------ what an epoch gives

    @property
    def awaits_finality(self) -> bool:
        """Whether anything waits until a block is final."""
        return bool(self._awaited)

    async def due(self) -> bool:
        """Whether an epoch could call something final that is waited for."""
        now = self._clock()
        if now < self._not_before or not self._awaited:
            return False
        self._final = await self._awaited.due()
        if not self._final and now - self._told_at > _TOLD_EVERY:
            self._tell()
        return bool(self._final)

    async def answer(self, leaves: Iterable[Leaf]) -> Extra:
        """What the next epoch, which has `leaves`, shall have besides."""
        if self._clock() < self._not_before or not (self._final or self._reading):
            return NOTHING
        finals = await self._final_leaves()
        given = leaves_by_chain([*leaves, *finals])
        return Extra(tuple(finals), tuple(await self._answers(given)))

    async def _final_leaves(self) -> list[Leaf]:
        final, self._final = self._final, {}
        if not final:
            return []
        for message in self._reading.values():
            if message.finality:
                for source in self._sources(message):
                    if source.name not in final:
                        final |= await self._final_of(source)
        found = await asyncio.gather(*(self._final_leaf(name, final[name]) for name in final))
        return [leaf for leaf in found if leaf is not None]

    async def _final_of(self, chain: Chain) -> dict[str, FinalBlock]:
        try:
            block = await self._view.final_block(self._links[chain.name], chain.domain)
        except TemporaryFailure:
            return {}
        return {chain.name: block} if block else {}

    async def _final_leaf(self, name: str, block: FinalBlock) -> Leaf | None:
        domain = self._network.chain(name).domain
        try:
            leaf = await read_leaf(self._links[name], domain, self._hook, block.hash)
        except TemporaryFailure:
            self._awaited.note_head()
            return None
        return leaf and replace(leaf, finality=Finality.FINALIZED)

    async def _answers(self, given: Leaves) -> list[Answer]:
        found: list[Answer] = []
        reasons: dict[str, str] = {}
        for id_, message in self._reading.items():
            if len(found) == MOST_ANSWERS:
                break
            why = unanswerable(_raw(message), message.tree_index, self._router, given)
            answer = None
            if why is None:
                try:
                    answer = await self._answer(message, given)
                except TemporaryFailure as error:
                    why = f"its reads: {error}"
            if answer is not None:
                found.append(answer)
            elif why is not None:
                reasons[id_] = why
        await self._note(reasons)
        return found

    async def _answer(self, message: MessageRecord, given: Leaves) -> Answer | None:
        """None while the indexer is behind the leaf."""
        leaf = given[message.origin, Finality(message.finality)]
        tree = self._trees.of(message.origin)
        count = leaf.message_count
        if count > len(tree) or tree.root(count) != leaf.message_root:
            await self._trees.load(message.origin)
            tree = self._trees.of(message.origin)
            if count > len(tree) or tree.root(count) != leaf.message_root:
                return None
        callers = {int(c.domain): self._links[c.name] for c in self._network.chains}
        raw = _raw(message)
        results = await read_all(raw, self._router, given, callers, self._hook)
        path = tuple(tree.path(message.tree_index, count))
        return Answer(raw, message.tree_index, path, results)

    async def _note(self, reasons: Mapping[str, str]) -> None:
        """Let the messages say what their reads wait for."""
        news = {id_: why for id_, why in reasons.items() if self._reasons.get(id_) != why}
        self._reasons |= news
        now = self._clock()
        await self._book.change(list(news), lambda m: moves.waiting(m, news[m.id], now))

    # ------------------------------------------------------------------ what became of it

    def served(self, extra: Extra) -> None:
        """An epoch with `extra` is certified."""
        for answer in extra.answers:
            self._reading.pop("0x" + answer.id.hex(), None)
            self._reasons.pop("0x" + answer.id.hex(), None)
        for leaf in extra.leaves:
            chain = self._network.by_domain(leaf.domain)
            if chain is not None:
                self._awaited.served(chain.name, leaf.block_number)
        for message in self._reading.values():
            chain = self._network.by_domain(message.origin)
            if message.finality and chain is not None:
                self._awaited.want(chain.name, chain.domain, [message.origin_block], look=False)

    def refused(self, extra: Extra) -> None:
        """An epoch with `extra` is not certified: the next one goes without, so that what only
        some nodes say holds up nothing else."""
        if extra:
            self._not_before = self._clock() + _REFUSED_PAUSE
            self._awaited.note_head()


def _raw(message: MessageRecord) -> bytes:
    return bytes.fromhex(message.raw[2:])
