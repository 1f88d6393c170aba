"""Messages on their way to one destination, and how they are put into batches. In memory only: the
database and the chains tell the same after a restart."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.domain.abi_formats import (
    BatchGroup,
    BatchItem,
    process_batch_calldata,
    process_groups_calldata,
)
from control_plane.domain.formats import Finality
from control_plane.domain.records import MessageRecord
from control_plane.services.metalayer.coverage import CertifiedEpoch, Choice, Coverage
from control_plane.services.metalayer.gas import BATCH_GAS, CERTIFICATE_GAS, ITEM_OVERHEAD, Need

MOST_ITEMS: Final = 100
"""Messages in a batch; with more, little is saved any more."""


@dataclass(slots=True)
class Waiting:
    """A message that is to be delivered."""

    record: MessageRecord
    kind: Hashable
    due: float
    """Not before this time, by the agent's clock."""
    busy: bool = False
    """In a simulation or a transaction under way."""
    suspect: bool = False
    """Failed before: tried out by itself before it is sent again."""
    cleared: Need | None = None
    """What it needs, as found by trying out just this message; used up by sending it."""
    proof: bytes | None = None
    """What its recipient's own module wants; None: a meta-proof."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A message that can be sent now, with the epoch that proves it."""

    waiting: Waiting
    epoch: CertifiedEpoch
    choice: Choice

    @property
    def id(self) -> str:
        return self.waiting.record.id

    def item(self, gas_limit: int) -> BatchItem:
        """For the batch processor."""
        record = self.waiting.record
        metadata = self.waiting.proof
        if metadata is None:
            metadata = self.choice.metadata(self.epoch, record.tree_index, record.origin)
        if record.reads:
            id_ = bytes.fromhex(record.id[2:])
            metadata = self.epoch.aggregate.prove_reads(self.epoch.number, id_).around(metadata)
        return BatchItem(gas_limit, metadata, bytes.fromhex(record.raw[2:]))


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes into one transaction."""

    certificates: tuple[CertifiedEpoch, ...]
    ready: tuple[Ready, ...]
    needs: tuple[Need, ...]

    module: str | None = None
    """Messages that it guards are proven together; None: each by itself."""
    others: frozenset[str] = frozenset()
    """Modules that ask it, so that it proves theirs, too."""

    def gas(self, calldata: bytes) -> int:
        """The transaction's gas limit: every item's limit must be there when its turn comes."""
        floor = 21_000 + 40 * len(calldata)  # EIP-7623: at most 40 gas a byte
        items = sum(need.limit * 64 // 63 + ITEM_OVERHEAD for need in self.needs)
        work = BATCH_GAS + 16 * len(calldata) + CERTIFICATE_GAS * len(self.certificates) + items
        return max(floor, work)

    def calldata(self) -> bytes:
        """Call of `BatchProcessor.processGroups`, or of `processBatch` if nothing is shared."""
        certificates = [epoch.certificate for epoch in self.certificates]
        groups, items = [], []
        for limit, ready in self._arranged():
            if len(ready) > 1 and self.module is not None:
                groups.append(_group(ready, limit, self.module))
            else:
                items += [one.item(limit) for one in ready]
        if groups:
            return process_groups_calldata(certificates, groups, items)
        return process_batch_calldata(certificates, items)

    def _arranged(self) -> Iterator[tuple[int, list[Ready]]]:
        """Messages with their gas limit, those that share a proof together."""
        shared: dict[tuple[int, int, int, int], list[Ready]] = {}
        for ready, need in zip(self.ready, self.needs, strict=True):
            record = ready.waiting.record
            if not record.reads and (need.module == self.module or need.module in self.others):
                key = (record.origin, ready.epoch.number, record.finality, need.limit)
                shared.setdefault(key, []).append(ready)
            else:
                yield need.limit, [ready]
        for (*_, limit), group in shared.items():
            yield limit, sorted(group, key=lambda one: one.waiting.record.tree_index)

    @property
    def ids(self) -> list[str]:
        return [ready.id for ready in self.ready]


def _group(ready: Sequence[Ready], limit: int, module: str) -> BatchGroup:
    first = ready[0]
    records = [one.waiting.record for one in ready]
    indices = [record.tree_index for record in records]
    return BatchGroup(
        module=bytes.fromhex(module[2:]),
        gas_limit=limit,
        proof=first.choice.shared_proof(first.epoch, indices, records[0].origin),
        messages=tuple(bytes.fromhex(record.raw[2:]) for record in records),
    )


class Outbox:
    """The messages that wait for one destination."""

    def __init__(self, kind_of: Callable[[MessageRecord], Hashable]) -> None:
        """`kind_of`: messages of the same kind need about the same gas."""
        self._kind_of = kind_of
        self._waiting: dict[str, Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, records: Iterable[MessageRecord]) -> None:
        """Add messages; those that are there already stay as they are."""
        for record in records:
            if record.id not in self._waiting:
                due = record.next_attempt_at or 0.0
                suspect = record.attempts > 0
                kind = self._kind_of(record)
                self._waiting[record.id] = Waiting(record, kind, due, suspect=suspect)

    def replace(self, records: Sequence[MessageRecord]) -> None:
        """Hold exactly `records`; what is under way among them stays under way."""
        old = self._waiting
        self._waiting = {}
        self.put(records)
        for id_, waiting in self._waiting.items():
            if id_ in old and old[id_].busy:
                old[id_].record = waiting.record
                self._waiting[id_] = old[id_]

    def drop(self, ids: Iterable[str]) -> None:
        """They are delivered, or never will be."""
        for id_ in ids:
            self._waiting.pop(id_, None)

    def get(self, id_: str) -> Waiting | None:
        return self._waiting.get(id_)

    def hasten(self, ids: Iterable[str], now: float) -> None:
        """Those of `ids` that wait for their time are due, and tried out before they are sent."""
        for id_ in ids:
            waiting = self._waiting.get(id_)
            if waiting is not None and not waiting.busy:
                waiting.due, waiting.suspect = min(waiting.due, now), True

    def release(self, ids: Iterable[str]) -> None:
        """What those of `ids` waited for may be there: they are due."""
        for id_ in ids:
            waiting = self._waiting.get(id_)
            if waiting is not None and not waiting.suspect:
                waiting.due = 0.0

    def next_due(self, now: float) -> float | None:
        """When the next message that waits for its time is due."""
        times = [w.due for w in self._waiting.values() if not w.busy and w.due > now]
        return min(times, default=None)

    def records(self) -> Iterator[MessageRecord]:
        return (waiting.record for waiting in self._waiting.values())

    def ready(self, coverage: Coverage, there: Collection[int], now: float) -> list[Ready]:
        """Messages that are due and proven by some epoch, oldest first."""
        choices: dict[tuple[int, int], Choice] = {}
        found = []
        for waiting in self._waiting.values():
            record = waiting.record
            if waiting.busy or waiting.due > now:
                continue
            key = (record.origin, record.finality)
            choice = choices.get(key)
            if choice is None:
                finality = Finality(record.finality)
                choice = choices[key] = coverage.choose(record.origin, there, finality)
            if record.reads:
                epoch = coverage.answered(record)
            else:
                epoch = choice.epoch_for(record.tree_index)
            if epoch is not None:
                found.append(Ready(waiting, epoch, choice))
        return found


def pack(
    ready: Sequence[tuple[Ready, Need]],
    there: Collection[int],
    most_gas: int,
    module: str | None = None,
    others: frozenset[str] = frozenset(),
) -> Iterator[Batch]:
    """Batches of at most `most_gas` each, in order; certificates ride with the first batch that
    needs them. Messages that `module` guards, or `others` that ask it, share proofs."""
    known = set(there)
    part: list[tuple[Ready, Need]] = []
    gas = 0
    for entry in ready:
        size = entry[1].limit + ITEM_OVERHEAD
        if part and (gas + size > most_gas or len(part) == MOST_ITEMS):
            yield _batch(part, known, module, others)
            part, gas = [], 0
        part.append(entry)
        gas += size
    if part:
        yield _batch(part, known, module, others)


def _batch(
    part: Sequence[tuple[Ready, Need]],
    known: set[int],
    module: str | None,
    others: frozenset[str],
) -> Batch:
    fresh = {r.epoch.number: r.epoch for r, _ in part if r.epoch.number not in known}
    known.update(fresh)
    return Batch(
        tuple(fresh[number] for number in sorted(fresh)),
        tuple(r for r, _ in part),
        tuple(need for _, need in part),
        module,
        others,
    )
