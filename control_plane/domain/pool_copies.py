"""Transactions of a rollup as they waited in its pool: a batcher need not read them back.

Anvil recovers the sender of each transaction that is read out of a block, which costs as much as
taking and sealing it did; one that still waits it gives out as it came.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from control_plane.domain.ids import Hex

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of all copies; the oldest go first."""
_ENTRY: Final = 200
"""Bytes that an entry takes besides."""
_SEALED: Final = 20_000
"""Transactions in the newest blocks that are remembered."""


class Copier(Protocol):
    """Copies for whoever builds the blocks of a rollup that takes deposits."""

    async def before_block(self, tip: Hex) -> None:
        """Copy what waits: a block upon the one of hash `tip` is about to be sealed, and no
        deposit of the sequencer's own is in the pool yet."""
        ...

    def after_block(self, hashes: Sequence[str]) -> None:
        """They are in a block, whoever sealed it: nothing is to be copied any more."""
        ...

    def keep(self, hash_: str, raw: bytes) -> None:
        """A copy of what is about to be put into the pool."""
        ...


class PoolCopies:
    """Raw transactions by hash. What is missing here is in its block."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._size = 0
        self._raws: dict[str, bytes] = {}
        self._sealed: dict[str, None] = {}

    def __contains__(self, hash_: str) -> bool:
        return hash_ in self._raws

    def __len__(self) -> int:
        return len(self._raws)

    def keep(self, hash_: str, raw: bytes) -> None:
        """`raw`: the EIP-2718 envelope whose hash is `hash_` (0x…, small letters)."""
        self.drop(hash_)
        self._raws[hash_] = raw
        self._size += len(raw) + _ENTRY
        while self._size > self._most:
            self.drop(next(iter(self._raws)))

    def find(self, hash_: str) -> bytes | None:
        """The transaction's bytes, if they were copied."""
        return self._raws.get(hash_)

    def note_sealed(self, hashes: Iterable[str]) -> None:
        """They are in a block: nothing is to be copied any more."""
        self._sealed.update(dict.fromkeys(hashes))
        while len(self._sealed) > _SEALED:
            del self._sealed[next(iter(self._sealed))]

    def lacks(self, hash_: str) -> bool:
        """Whether it is to be copied: it was not yet, and is in no block that is known."""
        return hash_ not in self._raws and hash_ not in self._sealed

    def drop(self, hash_: str) -> None:
        """It is not needed any more."""
        raw = self._raws.pop(hash_, None)
        if raw is not None:
            self._size -= len(raw) + _ENTRY
