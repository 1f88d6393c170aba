"""What a rollup's data give: blocks, and the states between the transactions of one.

The values are what a dispute is about (``IDisputeGame``, ``IStepDecider``): block hashes first,
then points of one block.
"""

from dataclasses import dataclass

from control_plane.domain.calls import word
from control_plane.domain.hashing import keccak256


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a rollup is derived."""

    last: int
    """Block; 0 before the first one."""
    stuck: str | None = None
    """Why what follows the last block is no block of any chain."""
    wrong: str | None = None
    """Which block is the first that is not what its batch claims, and what of it."""
    seconds: float = 0.0
    """That executing took in all."""
    transactions: int = 0
    """Of all blocks."""


@dataclass(frozen=True, slots=True)
class DerivedBlock:
    """A block as its transactions give it."""

    number: int
    hash: bytes
    header: bytes
    """RLP; empty for block 0, of which only the hash is known."""
    transactions: int


@dataclass(frozen=True, slots=True)
class Step:
    """A state between two transactions of a block."""

    state_root: bytes
    gas_used: int
    """Of all transactions so far."""
    logs_hash: bytes
    """0 before the first one, then keccak(logs hash ‖ keccak(RLP of the transaction's logs))."""

    @property
    def claim(self) -> bytes:
        """``IDisputeGame.stateClaim``."""
        return keccak256(self.state_root + word(self.gas_used) + self.logs_hash)


@dataclass(frozen=True, slots=True)
class Trace:
    """A block executed step by step."""

    number: int
    parent_hash: bytes
    hash: bytes
    steps: tuple[Step, ...]
    """The state in which the first transaction runs, then that after each."""

    @property
    def transactions(self) -> int:
        """How many it has."""
        return len(self.steps) - 1

    def at(self, point: int, transactions: int) -> bytes | None:
        """The value at a point (``IStepDecider``) of this block as somebody says that has so many
        transactions: the parent's hash, a claim, the block's hash; None where it has none."""
        if point == 0:
            return self.parent_hash
        if point == transactions + 2:
            return self.hash
        return self.steps[point - 1].claim if 0 < point <= len(self.steps) else None
