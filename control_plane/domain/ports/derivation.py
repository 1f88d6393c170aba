"""A rollup rebuilt from its L1 and its genesis alone, for those who dispute, defend and decide."""

from typing import Protocol

from control_plane.domain.ports.proving import Proves
from control_plane.domain.settlement.tracing import DerivedBlock, Reach, Trace


class Derivation(Protocol):
    """One rollup. Every question is about what was derived at the last `follow`. All raise
    TemporaryFailure when the work can't be done just now, DeadlineExceeded, PermanentFailure."""

    async def follow(self) -> Reach:
        """Derive all that the L1 has now; how far that is. DataUnavailable when somebody does not
        give what the L1 commits to: what lies before it is derived."""
        ...

    async def block(self, number: int) -> DerivedBlock | None:
        """A block; None when the L1's data do not give it."""
        ...

    async def trace(self, number: int) -> Trace | None:
        """A block's execution; None when the L1's data do not give the block."""
        ...

    async def last_of(self, commitment: bytes) -> int | None:
        """Last block of the channel after which the inbox held `commitment`; None for none."""
        ...

    async def close(self) -> None:
        """Give up what runs for it. It starts anew with the next question."""
        ...


class ProvingDerivation(Derivation, Proves, Protocol):
    """A derivation that proves what it derived."""
