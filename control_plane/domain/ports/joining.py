"""Bringing the Metalayer's contracts onto a chain that somebody else runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from control_plane.domain.ids import Hex


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chain that is to join, as it answers."""

    chain_id: int
    head: int
    """Number of its newest block."""
    head_hash: str
    domain: int | None
    """Domain of the mailbox that stands there already; None: none does."""
    network_id: bytes | None
    """What the root verifier there is bound to; None: nothing, or there is none."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is to stand on the chain."""

    root: Path
    """The devnet's directory, with the baked contracts."""
    chain_id: int
    domain: int
    governor: str
    """Address."""
    grants: Mapping[str, int]
    """Wei that each account is to have at the least, by address."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What a deployment was."""

    payer: Hex
    unlocked: bool
    """It is an account of that node; otherwise one whose key the user gave."""
    contracts: Sequence[str]
    """What was deployed, by name; what stood there already is not among them."""


class Join(Protocol):
    """Talks to the chain. All raise TemporaryFailure when it does not answer."""

    async def inspect(self, rpc: str, ws: str, root: Path) -> Candidate:
        """Whether it can take part: Conflict says that it can't be reached, or names what it lacks
        (proofs, precompiles)."""
        ...

    async def deploy(self, ws: str, wanted: Deployment, key: bytes | None) -> Paid:
        """Deploy what is missing by ordinary transactions, paid from `key` or, without one, from an
        unlocked account of the node. Idempotent. Raises Conflict (nobody can pay), InvalidInput
        (no key), PermanentFailure (a transaction is refused or reverted), DeadlineExceeded."""
        ...
