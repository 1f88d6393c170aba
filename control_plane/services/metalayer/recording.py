"""What an indexer writes down: messages and the cursor, always in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from control_plane.domain.ids import node_service
from control_plane.domain.network import Chain
from control_plane.domain.ports.store import Database, UnitOfWork
from control_plane.domain.records import CursorRecord, MessageRecord
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.book import write_changed
from control_plane.services.metalayer.logs import Place, Seen

INDEXER = "indexer"
"""Name of the agent, and of its cursors."""
_MOST_EARLY = 10_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """Messages as they stand after a range of blocks was written down."""

    dispatched: tuple[MessageRecord, ...] = ()
    """New on this chain, in tree order."""
    delivered: tuple[MessageRecord, ...] = ()
    """Newly delivered: on this chain, or elsewhere before their dispatch was seen."""
    paid: tuple[str, ...] = ()
    """Ids of messages seen before that more gas was paid for."""


@dataclass(frozen=True, slots=True)
class Rewound:
    """What a reorg took away."""

    reorged: tuple[MessageRecord, ...]
    undelivered: tuple[MessageRecord, ...]


@dataclass(slots=True)
class Early:
    """Deliveries seen before the dispatch; shared by the recorders of all chains of a devnet."""

    places: dict[str, tuple[int, Place, float]] = field(default_factory=dict)
    """With the domain of the chain, and when it was seen."""

    def keep(self, id_: str, domain: int, place: Place, at: float) -> None:
        while len(self.places) >= _MOST_EARLY:
            del self.places[next(iter(self.places))]
        self.places[id_] = (domain, place, at)

    def rewind(self, domain: int, block: int) -> None:
        """Of that chain only the blocks up to `block` remain."""
        gone = [
            id_ for id_, (chain, place, _) in self.places.items()
            if chain == domain and place.block > block
        ]  # fmt: skip
        for id_ in gone:
            del self.places[id_]


class Recorder:
    """Writes what one chain says of messages."""

    def __init__(
        self, database: Database, devnet: str, chain: Chain, early: Early, router: str = ""
    ) -> None:
        """`router`: address of the `MetalayerRouter`, whose messages say what they demand."""
        self._database = database
        self._devnet = devnet
        self._chain = chain
        self._early = early
        self._router = router

    async def cursor(self) -> tuple[int, str] | None:
        """Number and hash of the last block written down."""
        async with self._database.begin() as unit:
            found = await unit.cursors.get(self._devnet, INDEXER, self._chain.name)
        return (found.block, found.block_hash) if found else None

    async def lost_blocks(self) -> tuple[int, int] | None:
        """First and last block that the chain's node lost when it was last restored."""
        async with self._database.begin() as unit:
            node = await unit.services.get(self._devnet, node_service(self._chain.name))
        return node.lost_blocks if node else None

    async def record(self, seen: Seen, block: int, block_hash: str, at: float) -> Recorded:
        """Write down `seen`, everything from the cursor to `block`, and move the cursor there."""
        async with self._database.begin() as unit:
            done = await self._messages(unit, seen, at) if _says_something(seen) else Recorded()
            await self._move_cursor(unit, block, block_hash)
        return done

    async def _messages(self, unit: UnitOfWork, seen: Seen, at: float) -> Recorded:
        new_ids = {message.id for message in seen.dispatches}
        ids = new_ids | seen.deliveries.keys() | seen.payments.keys()
        old = {m.id: m for m in await unit.messages.get_many(self._devnet, list(ids))}
        now = dict(old)
        for message in seen.dispatches:
            gas = seen.payments.get(message.id)
            record = moves.dispatched(
                self._devnet, message, old.get(message.id), gas, at, self._router
            )
            early = self._early.places.pop(message.id, None)
            now[message.id] = moves.delivered(record, *early[1:]) if early else record
        for id_, place in seen.deliveries.items():
            if id_ in now:
                now[id_] = moves.delivered(now[id_], place, at)
            else:
                self._early.keep(id_, self._chain.domain, place, at)
        for id_, gas in seen.payments.items():
            if id_ in old and id_ not in new_ids:
                now[id_] = moves.paid(now[id_], gas)
        changed = {id_: record for id_, record in now.items() if record is not old.get(id_)}
        if changed:
            await unit.messages.put_many(list(changed.values()))
        return _news(seen, old, now, changed)

    async def rewind(self, block: int, block_hash: str, why: str, at: float) -> Rewound:
        """Only the blocks up to `block` remain: mend the records of what came after."""
        self._early.rewind(self._chain.domain, block)
        async with self._database.begin() as unit:
            domain = self._chain.domain
            lost = await unit.messages.from_block(self._devnet, domain, block + 1)
            reorged = [moves.reorged(m, f"its origin block {_where(m)} {why}", at) for m in lost]
            await write_changed(unit, lost, reorged)
            back = await unit.messages.delivered_from_block(self._devnet, domain, block + 1)
            undelivered = [
                moves.undelivered(m, f"its delivery in block {m.delivered_block} {why}", at)
                for m in back
            ]
            await write_changed(unit, back, undelivered)
            await self._move_cursor(unit, block, block_hash)
        return Rewound(tuple(reorged), tuple(undelivered))

    async def known_blocks(self) -> dict[int, str]:
        """Hashes of all blocks that message records name, by number."""
        async with self._database.begin() as unit:
            domain = self._chain.domain
            sent = await unit.messages.from_block(self._devnet, domain, 0)
            got = await unit.messages.delivered_from_block(self._devnet, domain, 0)
        known = {m.origin_block: m.origin_block_hash for m in sent}
        for message in got:
            if message.delivered_block is not None and message.delivered_block_hash:
                known[message.delivered_block] = message.delivered_block_hash
        return known

    async def _move_cursor(self, unit: UnitOfWork, block: int, block_hash: str) -> None:
        name = self._chain.name
        await unit.cursors.put(CursorRecord(self._devnet, INDEXER, name, block, block_hash))


def _says_something(seen: Seen) -> bool:
    return bool(seen.dispatches or seen.deliveries or seen.payments)


def _news(
    seen: Seen,
    old: dict[str, MessageRecord],
    now: dict[str, MessageRecord],
    changed: dict[str, MessageRecord],
) -> Recorded:
    """Which records are news to the other agents. A delivery is when its block is read, also where
    the relayer, whom another one forestalled, has put it into the record before."""
    dispatched = tuple(changed[m.id] for m in seen.dispatches if m.id in changed)
    delivered = tuple(
        record
        for id_, record in now.items()
        if record.delivered_tx is not None
        and (
            id_ in seen.deliveries
            or (id_ in changed and (id_ not in old or old[id_].delivered_tx != record.delivered_tx))
        )
    )
    paid = tuple(id_ for id_ in seen.payments if id_ in old and id_ in changed)
    return Recorded(dispatched, delivered, paid)


def _where(message: MessageRecord) -> str:
    return f"{message.origin_block} ({message.origin_block_hash[:10]}…)"


def ids(messages: Sequence[MessageRecord]) -> list[str]:
    """Message ids, for events."""
    return [message.id for message in messages]
