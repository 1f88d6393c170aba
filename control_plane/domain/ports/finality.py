"""Which block of a chain is final, wherever that is decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class FinalBlock:
    number: int
    hash: str
    """0x-hex."""


class Asks(Protocol):
    """What of an Rpc is needed to ask."""

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any: ...

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]: ...


class FinalityView(Protocol):
    """Whoever attests a block as FINALIZED, or waits until it can be, asks here.

    What a chain's own node says is one answer; an output on the L1 that nobody can dispute any
    more is another, of rollups that settle there.
    """

    async def final_block(self, rpc: Asks, domain: int) -> FinalBlock | None:
        """The highest final block of chain `domain`, whose node `rpc` asks; None while it has
        none above its genesis. Raises TemporaryFailure when the node does not answer."""
        ...
