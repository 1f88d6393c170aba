"""The blocks of a derived rollup that are kept: those behind one that nobody disputes any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.adapters.derivation.deposits import Taken
from control_plane.adapters.derivation.l1 import START, Position
from control_plane.domain.channels import ChannelBlock

HASHES: Final = 256
"""Of earlier blocks, which BLOCKHASH reaches."""


class NotDerived(ValueError):
    """A block that the L1's data do not give (yet): which, and why."""


class Forgotten(NotDerived):
    """A block from before a final output, which is not kept any more."""


@dataclass(frozen=True, slots=True)
class Base:
    """The block behind which all are kept."""

    number: int
    hash: bytes
    header: bytes
    """RLP; empty for block 0."""
    root: bytes
    """Of the state after it."""
    transactions: int
    """It has."""
    total: int
    """Transactions of all blocks up to it."""


@dataclass(frozen=True, slots=True)
class KeptBlock:
    """A block that was executed."""

    block: ChannelBlock
    hash: bytes
    header: bytes
    root: bytes
    taken: Taken | None
    """The L1's deposits after it; None where the rollup has none."""


@dataclass(frozen=True, slots=True)
class End:
    """Where a channel ended."""

    last: int
    """Its last block."""
    after: Position


class Kept:
    """`base`, and what follows it. `hashes`: of at most 256 blocks before the base, the newest
    first."""

    def __init__(self, base: Base, hashes: Sequence[bytes] = (), ends: Sequence[End] = ()) -> None:
        self.base = base
        self._earlier = list(hashes[: HASHES - 1])
        self._blocks: list[KeptBlock] = []
        self._ends = list(ends)
        self._commitments = {end.after.accumulator: end.last for end in ends}
        self.total = base.total
        """Transactions of all blocks."""

    @property
    def last(self) -> int:
        """Number of the newest block."""
        return self.base.number + len(self._blocks)

    @property
    def position(self) -> Position:
        """Where reading goes on."""
        return self._ends[-1].after if self._ends else START

    @property
    def ends(self) -> Sequence[End]:
        """Of channels, in order, from the last one on that has no block behind the base."""
        return self._ends

    def add(self, block: KeptBlock) -> None:
        """The next block."""
        self._blocks.append(block)
        self.total += len(block.block.transactions)

    def end(self, end: End) -> None:
        """A channel ended."""
        self._ends.append(end)
        self._commitments[end.after.accumulator] = end.last

    def last_of(self, commitment: bytes) -> int | None:
        """See ``Chronicle``."""
        return self._commitments.get(commitment)

    def commitment(self, last: int) -> bytes | None:
        """See ``Chronicle``."""
        return next((e.after.accumulator for e in reversed(self._ends) if e.last == last), None)

    def end_before(self, number: int) -> End | None:
        """End of the last channel without blocks behind `number`; None before the first one."""
        return next((end for end in reversed(self._ends) if end.last <= number), None)

    # ------------------------------------------------------------------ blocks

    def has(self, number: int) -> bool:
        """Whether the block is kept, the base included."""
        return self.base.number <= number <= self.last

    def at(self, number: int) -> KeptBlock:
        """A block behind the base. Forgotten; it must be derived."""
        if number <= self.base.number:
            raise Forgotten(f"block {number} is from before a final output")
        return self._blocks[number - self.base.number - 1]

    def hash(self, number: int) -> bytes:
        """Of a kept block. Forgotten."""
        return self.base.hash if number == self.base.number else self.at(number).hash

    def root(self, number: int) -> bytes:
        """Of the state after a kept block. Forgotten."""
        return self.base.root if number == self.base.number else self.at(number).root

    def base_at(self, number: int) -> Base:
        """The kept block `number` as it would be the base. Forgotten."""
        if number == self.base.number:
            return self.base
        one = self.at(number)
        behind = self._blocks[number - self.base.number :]
        total = self.total - sum(len(each.block.transactions) for each in behind)
        count = len(one.block.transactions)
        return Base(number, one.hash, one.header, one.root, count, total)

    def hashes(self, number: int) -> list[bytes]:
        """Of at most 256 blocks before a block behind the base, the newest first."""
        base = self.base.number
        first = max(0, number - HASHES - base - 1)
        found = [each.hash for each in self._blocks[first : number - base - 1]][::-1]
        return [*found, self.base.hash, *self._earlier][:HASHES]

    def roots(self) -> list[bytes]:
        """Of the states after all kept blocks, the base first."""
        return [self.base.root, *(each.root for each in self._blocks)]

    def drop(self, number: int) -> None:
        """Make block `number` the base, unless a later one is."""
        if number <= self.base.number:
            return
        base, hashes = self.base_at(number), self.hashes(number)[: HASHES - 1]
        del self._blocks[: number - self.base.number]
        self.base, self._earlier = base, hashes
        first = self.end_before(number)
        self._ends = [end for end in self._ends if end.last > number or end == first]
        self._commitments = {end.after.accumulator: end.last for end in self._ends}
