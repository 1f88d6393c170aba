"""Where a rollup's data are kept, when it is not the L1's calldata.

What :meth:`DataAvailability.put` answers is what goes to the L1 instead of the data: enough to get
them back, and to tell whether they are the same.
"""

from enum import IntEnum
from typing import Protocol

from control_plane.domain.errors import TemporaryFailure


class CommitmentType(IntEnum):
    """First byte of a commitment: who keeps the data (docs/formats.md, "Channels")."""

    CALLDATA = 0
    """The data themselves follow: what is left when a committee has no quorum."""
    BLOBS = 1
    """Ethereum's: versioned hashes follow, 32 bytes each."""
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
