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
_DEADLINE: Final = 2.0
_POSTPONED: Final = 3.0
"""Seconds for which reads that could not be made are not tried again."""
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
        self._clock = clock
        self._hub = hub
        self._awaited = Awaited(links, view)
        self._book = MessageBook(database, network.devnet)
        self._trees = Trees(database, network.devnet)
        self._router = bytes.fromhex(network.contracts["metalayerRouter"][2:])
        self._hook = network.contracts["merkleTreeHook"]
        self._reading: dict[str, MessageRecord] = {}
        """Messages whose reads are to be answered, by id."""
        self._blocks: dict[str, tuple[str, int]] = {}
        """Chain and number of the block that each waits for, by the key in `_awaited`."""
        self._final: dict[str, FinalBlock] = {}
        self._reasons: dict[str, str] = {}
        self._postponed: dict[str, float] = {}
        """Until when messages whose reads could not be made are passed over, by id."""
        self._not_before = 0.0
        self._told_at = 0.0

    # ------------------------------------------------------------------ what is demanded

    def load(self, waiting: Iterable[MessageRecord]) -> set[str]:
        """Exactly these wait; the chains that an epoch is to be made for."""
        self._reading.clear()
        self._postponed.clear()
        self._blocks.clear()
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
                hot |= {chain.name, *(source.name for source in self._sources(message))}
        if self._awaited:
            self._tell()
        return hot

    def _await(self, chain: Chain, message: MessageRecord) -> None:
        """Its block must be final, and the chains that it reads must have a final block."""
        blocks = {str(source.name): (int(source.domain), 1) for source in self._sources(message)}
        blocks[chain.name] = (chain.domain, message.origin_block)
        self._awaited.want(message.id, blocks)
        self._blocks[message.id] = (chain.name, message.origin_block)

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
        if item.told_by_aggregator:
            return
        domain = self._network.chain(item.chain).domain
        for block in item.blocks:
            key = f"{item.chain}/{block}"
            self._awaited.want(key, {item.chain: (domain, block)})
            self._blocks[key] = (item.chain, block)

    def forget(self, chain: str, from_block: int) -> None:
        """Blocks of `chain` from `from_block` on went."""
        for key, (name, block) in list(self._blocks.items()):
            if name == chain and block >= from_block:
                del self._blocks[key]
                self._awaited.drop(key)
        origin = self._network.chain(chain).domain
        for id_, message in list(self._reading.items()):
            if message.origin == origin and message.origin_block >= from_block:
                del self._reading[id_]
                self._postponed.pop(id_, None)

    def note_head(self) -> None:
        """Some chain has a new head."""
        self._awaited.note_head()

    def _tell(self) -> None:
        self._told_at = self._clock()
        for chain, blocks in self._awaited.missing().items():
            self._hub.tell(FinalityWanted(chain, blocks, told_by_aggregator=True))

    # ------------------------------------------------------------------ what an epoch gives

    @property
    def restless(self) -> bool:
        """Whether anything waits that no head need announce: a final block, reads to be tried
        again."""
        return bool(self._awaited or self._postponed)

    async def due(self) -> bool:
        """Whether an epoch could call something final that is waited for."""
        now = self._clock()
        if now < self._not_before:
            return False
        if any(at <= now for at in self._postponed.values()):
            return True
        if not self._awaited:
            return False
        _, self._final = await self._awaited.due()
        if now - self._told_at > _TOLD_EVERY:
            self._tell()
            await self._explain()
        return bool(self._final)

    async def _explain(self) -> None:
        """Let messages say which block they wait to see final."""
        reasons: dict[str, str] = {}
        for key, (chain, block) in self._blocks.items():
            final = self._awaited.final(chain)
            if key.startswith("0x") and final < block:
                last = f"so far block {final} is" if final else "so far none is"
                reasons[key] = f"block {block} of {chain} is not final yet: {last}"
        await self._note(reasons)

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
        found = await asyncio.gather(*(self._final_leaf(name, final[name]) for name in final))
        return [leaf for leaf in found if leaf is not None]

    async def _final_leaf(self, name: str, block: FinalBlock) -> Leaf | None:
        domain = self._network.chain(name).domain
        try:
            async with asyncio.timeout(_DEADLINE):
                leaf = await read_leaf(self._links[name], domain, self._hook, block.hash)
        except (TemporaryFailure, TimeoutError):
            self._not_before = self._clock() + _REFUSED_PAUSE
            self._awaited.note_head()
            return None
        return leaf and replace(leaf, finality=Finality.FINALIZED)

    async def _answers(self, given: Leaves) -> list[Answer]:
        now = self._clock()
        due = [m for m in self._reading.values() if self._postponed.get(m.id, 0.0) <= now]
        reasons: dict[str, str] = {}
        ready = []
        for message in due:
            self._postponed.pop(message.id, None)
            why = unanswerable(_raw(message), message.tree_index, self._router, given)
            if why is None:
                ready.append(message)
            else:
                reasons[message.id] = why
        found = await asyncio.gather(*(self._try(m, given) for m in ready[:MOST_ANSWERS]))
        for message, answer in zip(ready, found, strict=False):
            if isinstance(answer, str):
                self._postponed[message.id] = now + _POSTPONED
                reasons[message.id] = answer
        await self._note(reasons)
        return [answer for answer in found if isinstance(answer, Answer)]

    async def _try(self, message: MessageRecord, given: Leaves) -> Answer | str | None:
        """The answer, or why there is none now. A chain that does not answer does not hold up the
        epoch for long."""
        try:
            async with asyncio.timeout(_DEADLINE):
                return await self._answer(message, given)
        except TimeoutError:
            return "its reads: no answer in time"
        except TemporaryFailure as error:
            return f"its reads: {error}"

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
            self._postponed.pop("0x" + answer.id.hex(), None)
        final = {int(leaf.domain): leaf.block_number for leaf in extra.leaves}
        for key, (name, block) in list(self._blocks.items()):
            if key not in self._reading and final.get(self._network.chain(name).domain, 0) >= block:
                del self._blocks[key]
                self._awaited.drop(key)
                self._reasons.pop(key, None)

    def refused(self, extra: Extra) -> None:
        """An epoch with `extra` is not certified: the next one goes without, so that what only
        some nodes say holds up nothing else."""
        if extra:
            self._not_before = self._clock() + _REFUSED_PAUSE
            self._awaited.note_head()


def _raw(message: MessageRecord) -> bytes:
    return bytes.fromhex(message.raw[2:])
