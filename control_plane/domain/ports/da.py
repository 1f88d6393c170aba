"""Where a rollup's data are kept, when it is not the L1's calldata.

What :meth:`DataAvailability.put` answers is what goes to the L1 instead of the data: enough to get
them back, and to tell whether they are the same. Batchers post through :class:`Carries`, whoever
derives a rollup reads through :class:`ReadsFrames`; both know every carrier.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from control_plane.domain.blobs import Sidecar
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.settlement.inbox import Carrier, Frame


class CommitmentType(IntEnum):
    """First byte of a commitment: who keeps the data (docs/formats.md, "Channels")."""

    CELESTIA = 2
    EIGENDA = 3
    ANYTRUST = 4
    ALT_DA = 5
    """Any server with the OP Stack's alt-DA REST: what it answered to ``PUT /put`` follows."""


class DataUnavailable(TemporaryFailure):
    """Data that a commitment promises can't be had. `title`, `detail`, `hint` say of whom."""


class DataWithheld(DataUnavailable):
    """Whoever should keep the data does not give them: not there, or not answering."""


class DataCorrupted(DataUnavailable):
    """What was given is not what the commitment promises."""


class DataExpired(DataUnavailable):
    """The data were kept for as long as they had to be, and are gone."""


class NoQuorum(TemporaryFailure):
    """A committee did not sign for the data: too few of its members keep them."""


class DataAvailability(Protocol):
    """One place where data are kept."""

    async def put(self, data: bytes) -> bytes:
        """Hand over `data` (at least a byte), return when they are kept: their commitment, whose
        first byte is a :class:`CommitmentType`. TemporaryFailure, NoQuorum."""
        ...

    async def get(self, commitment: bytes) -> bytes:
        """The data of `commitment`, checked against it. DataWithheld, DataCorrupted, DataExpired;
        ValueError for what is no commitment of this kind."""
        ...

    async def close(self) -> None:
        """Give up connections and processes; nothing is called afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Carried:
    """A frame's data, handed over, and what the L1 gets of it."""

    carrier: Carrier
    data: bytes
    """As in ``Frame.data``."""
    sidecar: Sidecar | None = None
    """Blobs that go with the transaction."""
    note: str = ""
    """Why it is not carried as the rollup's spec says; empty when it is."""


class Carries(Protocol):
    """How one rollup's frames get to where its data are kept."""

    frame_bytes: int
    """Most bytes of one frame."""

    async def carry(self, data: bytes) -> Carried:
        """Have `data` kept, or ready for the L1. TemporaryFailure."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Missing:
    """A channel whose data can't be had just now."""

    number: int
    first: int
    last: int
    error: DataUnavailable


class Availability(Protocol):
    """Whether what one rollup's batcher posted can be had."""

    async def look(self) -> Sequence[Missing]:
        """Ask for what is new, for what was missing, and for some of the rest: channels that are
        missing now, in order. TemporaryFailure when the L1 does not answer."""
        ...

    async def close(self) -> None: ...


class ReadsFrames(Protocol):
    """Gets back what frames promise."""

    async def read(self, frame: Frame, block: int) -> bytes:
        """The data of `frame`, posted in the L1's block number `block`, checked against what the L1
        holds of it. DataWithheld, DataCorrupted, DataExpired, TemporaryFailure; ValueError for
        what can't be read by anybody."""
        ...

    async def close(self) -> None: ...
