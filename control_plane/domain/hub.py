"""What the agents of one devnet tell each other, in memory.

The hub carries news, never state: whoever misses an item finds the same in the database or on
a chain when it starts, or when it is told that it may have :class:`Missed` something. Subscribers
have unbounded queues and drain them in batches. Agents in other processes hear and tell the same
through ``adapters/alone/hub.py``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from control_plane.domain.records import EpochRecord, Json, MessageRecord


@dataclass(frozen=True, slots=True)
class Head:
    """A new head block of a chain (also after a reorg)."""

    chain: str
    number: int
    hash: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Dispatched:
    """Messages recorded from new blocks of one origin, in tree order."""

    chain: str
    messages: tuple[MessageRecord, ...]


@dataclass(frozen=True, slots=True)
class Delivered:
    chain: str
    messages: tuple[MessageRecord, ...]


@dataclass(frozen=True, slots=True)
class Reorged:
    """Blocks of `chain` from `from_block` on were replaced or lost; the records are mended."""

    chain: str
    from_block: int


@dataclass(frozen=True, slots=True)
class EpochCertified:
    epoch: EpochRecord


@dataclass(frozen=True, slots=True)
class Votes:
    """Signatures that guardians gave for a header, each as it was given: whether they are valid is
    for whoever uses them to find out. JSON as in an epoch's record."""

    header: Json
    leaves: tuple[Json, ...]
    signatures: tuple[tuple[str, str], ...]
    """Account of each guardian, and 256 bytes; both 0x-hex."""
    reads: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class SetChanged:
    """The L1 has another guardian set; epochs are made with it from now on."""

    set_id: int


@dataclass(frozen=True, slots=True)
class SetCarried:
    """The root verifier of `chain` has this guardian set."""

    chain: str
    set_id: int


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """A validator has signed what it can of a chain's first `count` messages."""

    chain: str
    validator: int
    count: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody wants an epoch now (a message that waits, a test, the user)."""

    why: str


@dataclass(frozen=True, slots=True)
class FinalityWanted:
    """Something waits until these blocks of `chain` are final."""

    chain: str
    blocks: tuple[int, ...]
    told_by_aggregator: bool = False
    """It waits already, and says so to the sequencers."""


@dataclass(frozen=True, slots=True)
class FlagSet:
    """The privacy flag of `rollup` is another than before."""

    rollup: str


@dataclass(frozen=True, slots=True)
class Retry:
    """The user wants undelivered messages tried again now, whatever their back-off says."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missed:
    """Between processes news got lost, or may have: look again at what they would have told."""

    why: str


@dataclass(frozen=True, slots=True)
class Published:
    """Another process recorded an event."""

    event: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How an agent in another process is, whenever that changes."""

    service: str
    alive: bool
    """False when its process is gone or out of reach."""
    ready: bool
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """The sequencer of `chain`, in whatever process it is, shall seal no block until
    :class:`Resume` with the same `number`: the chain is saved."""

    chain: str
    number: int


@dataclass(frozen=True, slots=True)
class Resting:
    """It seals none from now on."""

    chain: str
    number: int


@dataclass(frozen=True, slots=True)
class Resume:
    """It may go on."""

    chain: str
    number: int


News = (
    Head
    | Dispatched
    | Delivered
    | Reorged
    | EpochCertified
    | Votes
    | SetChanged
    | SetCarried
    | Checkpointed
    | Wanted
    | FinalityWanted
    | FlagSet
    | Retry
    | Missed
    | Published
    | Standing
    | Rest
    | Resting
    | Resume
)


class Hub:
    """Publish and subscribe within one devnet and one event loop."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[News]] = set()

    def tell(self, news: News, *, but: "asyncio.Queue[News] | None" = None) -> None:
        """Hand `news` to every subscriber except `but`, whom it came from; never blocks."""
        for queue in self._queues:
            if queue is not but:
                queue.put_nowait(news)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[asyncio.Queue[News]]:
        """A queue of all news from now on."""
        queue: asyncio.Queue[News] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
