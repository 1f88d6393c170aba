"""The database as the services see it: a unit of work with one repository per record.

::

    async with database.begin() as unit:      # commits at the end, rolls back on an error
        await unit.devnets.put(record)

A commit is durable against a kill -9 of this process. Adapters translate every driver error
into ``StorageFailed`` (disk, permissions) or ``TemporaryFailure`` (locked).
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from control_plane.domain.records import (
    CursorRecord,
    DevnetRecord,
    EpochRecord,
    EventRecord,
    FaultRecord,
    GuardianRecord,
    GuardianSetRecord,
    IdempotencyRecord,
    Json,
    MessageRecord,
    OffenceRecord,
    ServiceRecord,
    StepRecord,
    SwitchRecord,
)
from control_plane.domain.states import MessageState


class Devnets(Protocol):
    async def get(self, name: str) -> DevnetRecord | None: ...
    async def list(self) -> Sequence[DevnetRecord]: ...
    async def add(self, record: DevnetRecord) -> None:
        """Insert; Conflict if the name is taken."""
        ...

    async def put(self, record: DevnetRecord) -> None:
        """Insert or replace."""
        ...

    async def remove(self, name: str) -> None:
        """Delete the devnet and every record of it in all tables; no error if absent."""
        ...


class Steps(Protocol):
    async def list(self, devnet: str) -> Sequence[StepRecord]: ...
    async def put(self, record: StepRecord) -> None: ...
    async def clear(self, devnet: str) -> None: ...


class Services(Protocol):
    async def get(self, devnet: str, service: str) -> ServiceRecord | None: ...
    async def list(self, devnet: str) -> Sequence[ServiceRecord]: ...
    async def put(self, record: ServiceRecord) -> None: ...
    async def remove(self, devnet: str, service: str) -> None: ...


class Events(Protocol):
    async def append(
        self, devnet: str, at: float, type: str, service: str | None, data: Json
    ) -> EventRecord:
        """Store and return it with its id; ids rise strictly over all devnets, never reused."""
        ...

    async def since(
        self, devnet: str | None, after_id: int, limit: int = 1000
    ) -> Sequence[EventRecord]:
        """Events with id > `after_id`, ascending; of every devnet when `devnet` is None."""
        ...

    async def before_last(self, devnet: str | None, count: int) -> int:
        """The id after which `count` events come, or all when there are fewer: the id of the
        newest for `count` 0, 0 where nothing precedes them."""
        ...

    async def prune(self, keep: int, gone_before: float) -> int:
        """Delete all but the newest `keep` events of each devnet, and those of devnets that do
        not exist (their removal, told after it) from before the Unix time `gone_before`; how
        many."""
        ...


class Messages(Protocol):
    async def get(self, devnet: str, id: str) -> MessageRecord | None: ...
    async def get_many(self, devnet: str, ids: Sequence[str]) -> Sequence[MessageRecord]:
        """Those of `ids` that exist, in any order; any number of ids."""
        ...

    async def find(self, devnet: str, prefix: str) -> Sequence[MessageRecord]:
        """Messages whose id begins with `prefix`, at most ten."""
        ...

    async def list(
        self,
        devnet: str,
        *,
        states: Sequence[MessageState] | None = None,
        origin: int | None = None,
        destination: int | None = None,
        limit: int = 100,
        before: float | None = None,
    ) -> Sequence[MessageRecord]:
        """Newest first."""
        ...

    async def put_many(self, records: Sequence[MessageRecord]) -> None:
        """Insert or replace, in one statement."""
        ...

    async def attest(
        self,
        devnet: str,
        origin: int,
        below: int,
        epoch: int,
        at: float,
        *,
        finality: int = 0,
        answered: Sequence[str] = (),
    ) -> int:
        """DISPATCHED messages of `origin` with a tree index below `below` become ATTESTED, in one
        statement; how many. Without those that demand more than `finality`, and those with reads
        that are not `answered`."""
        ...

    async def tree(self, devnet: str, origin: int) -> Sequence[str]:
        """Ids of `origin`'s surviving messages in tree order (states other than REORGED)."""
        ...

    async def from_block(self, devnet: str, origin: int, block: int) -> Sequence[MessageRecord]:
        """Messages dispatched on `origin` at or above `block`, in tree order, not REORGED."""
        ...

    async def delivered_from_block(
        self, devnet: str, destination: int, block: int
    ) -> Sequence[MessageRecord]:
        """Messages delivered on `destination` at or above `block`."""
        ...

    async def counts(self, devnet: str) -> dict[MessageState, int]: ...


class Epochs(Protocol):
    async def get(self, devnet: str, epoch: int) -> EpochRecord | None: ...
    async def put(self, record: EpochRecord) -> None: ...
    async def latest(self, devnet: str, *, certified: bool) -> EpochRecord | None:
        """The highest-numbered epoch: of the certified ones, or of all."""
        ...

    async def list(
        self, devnet: str, *, limit: int = 50, before: int | None = None
    ) -> Sequence[EpochRecord]:
        """Newest first."""
        ...

    async def prune(self, devnet: str, before: int) -> None:
        """Delete epochs numbered below `before` that no message refers to, and the votes of
        every epoch below `before`."""
        ...


class Votes(Protocol):
    """A guardian's own journal, written before a signature leaves it."""

    async def record(self, devnet: str, guardian: int, epoch: int, header_hash: str) -> bool:
        """True when stored or stored before with the same hash; False when this guardian has
        signed another header of this epoch (then nothing must be signed)."""
        ...

    async def record_set(self, devnet: str, guardian: int, set_id: int, commitment: str) -> bool:
        """The same of a guardian set's commitment, by the set's id."""
        ...

    async def record_verdict(self, devnet: str, guardian: int, question: str, digest: str) -> bool:
        """The same of the answer to a dispute's last step, by the hash of the question."""
        ...

    async def highest_epoch(self, devnet: str) -> int:
        """Highest epoch number that any guardian ever signed; 0 if none."""
        ...


class Cursors(Protocol):
    async def get(self, devnet: str, agent: str, chain: str) -> CursorRecord | None: ...
    async def put(self, record: CursorRecord) -> None: ...


class GuardianSets(Protocol):
    async def get(self, devnet: str, set_id: int) -> GuardianSetRecord | None: ...
    async def active(self, devnet: str) -> GuardianSetRecord | None:
        """The set that epochs are made with: the last active one; None before there is one."""
        ...

    async def list(self, devnet: str) -> Sequence[GuardianSetRecord]:
        """By id."""
        ...

    async def put(self, record: GuardianSetRecord) -> None: ...


class Guardians(Protocol):
    async def list(self, devnet: str) -> Sequence[GuardianRecord]:
        """By number."""
        ...

    async def add(self, record: GuardianRecord) -> bool:
        """Insert; False if there is one of that number."""
        ...

    async def put(self, record: GuardianRecord) -> None: ...


class Faults(Protocol):
    async def get(self, devnet: str, id: str) -> FaultRecord | None: ...
    async def list(self, devnet: str | None = None) -> Sequence[FaultRecord]:
        """Oldest first; of every devnet when `devnet` is None."""
        ...

    async def put(self, record: FaultRecord) -> None: ...


class Offences(Protocol):
    async def get(self, devnet: str, id: str) -> OffenceRecord | None: ...
    async def list(self, devnet: str) -> Sequence[OffenceRecord]:
        """Oldest first."""
        ...

    async def put(self, record: OffenceRecord) -> None: ...


class Switches(Protocol):
    async def get(self, devnet: str, rollup: str) -> SwitchRecord | None: ...
    async def list(self, devnet: str) -> Sequence[SwitchRecord]:
        """By rollup."""
        ...

    async def put(self, record: SwitchRecord) -> None: ...
    async def remove(self, devnet: str, rollup: str) -> None: ...


class IdempotencyKeys(Protocol):
    async def get(self, key: str) -> IdempotencyRecord | None: ...
    async def put(self, record: IdempotencyRecord) -> None: ...
    async def expire(self, before: float) -> None: ...


class UnitOfWork(Protocol):
    @property
    def devnets(self) -> Devnets: ...
    @property
    def steps(self) -> Steps: ...
    @property
    def services(self) -> Services: ...
    @property
    def events(self) -> Events: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def epochs(self) -> Epochs: ...
    @property
    def votes(self) -> Votes: ...
    @property
    def cursors(self) -> Cursors: ...
    @property
    def guardian_sets(self) -> GuardianSets: ...
    @property
    def guardians(self) -> Guardians: ...
    @property
    def faults(self) -> Faults: ...
    @property
    def offences(self) -> Offences: ...
    @property
    def switches(self) -> Switches: ...
    @property
    def idempotency(self) -> IdempotencyKeys: ...


class Database(Protocol):
    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]: ...
    async def close(self) -> None: ...
