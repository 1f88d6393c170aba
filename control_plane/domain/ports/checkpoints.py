"""Where validators keep what they sign, and relayers look for it."""

from collections.abc import Callable
from typing import Protocol

from control_plane.domain.hyperlane import Announcement, SignedCheckpoint


class CheckpointJournal(Protocol):
    """One validator's checkpoints of one origin. What stands in it is public: an entry is the
    record of the signature and the signature itself, so it is never replaced."""

    locations: tuple[str, ...]
    """URLs under which others read it, as they are announced; agents prefer the last."""

    async def announce(self, announcement: Announcement, signature: bytes) -> None:
        """Write down the validator's own announcement. StorageFailed."""
        ...

    async def read(self, index: int) -> SignedCheckpoint | None:
        """What was signed for `index`. StorageFailed when that can't be told."""
        ...

    async def add(self, signed: SignedCheckpoint) -> SignedCheckpoint:
        """Keep `signed` unless its index is taken; what stands there now. StorageFailed."""
        ...

    async def reach(self, index: int) -> None:
        """Everything up to `index` was looked at: tell readers the highest one. StorageFailed."""
        ...


OpenJournal = Callable[[str], CheckpointJournal]
"""A validator's journal of the chain of that name."""


class Checkpoints(Protocol):
    """Checkpoints as a relayer sees them."""

    async def find(self, validator: str, origin: int, index: int) -> SignedCheckpoint | None:
        """What the validator with that address (0x-hex, lower case) signed for a message of the
        domain `origin`, None when it is not known or did not sign. Nothing is checked.
        StorageFailed."""
        ...
