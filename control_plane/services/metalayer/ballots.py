"""What guardians were seen to sign: two different headers of one epoch number are an offence.

Signatures are noted as they are given and checked only when two of them are at odds: with honest
guardians that never happens, and noting costs nothing.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from control_plane.domain import bls
from control_plane.domain.formats import Certificate, EpochHeader, Member
from control_plane.domain.quorum import Roster

_EPOCHS: Final = 1_024
"""Epoch numbers that are remembered; what is older is looked up among the recorded epochs."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """A header that a guardian seems to have signed."""

    header: EpochHeader
    signature: bytes
    """Its own, 256 bytes; empty where it is part of a sum."""
    certificate: Certificate | None = None
    """The sum."""


class Ballots:
    """The ballots of the last epochs, by number and by the guardian's account."""

    def __init__(self) -> None:
        self._of: OrderedDict[int, dict[bytes, dict[bytes, Ballot]]] = OrderedDict()

    def note(self, guardian: bytes, digest: bytes, ballot: Ballot) -> bool:
        """Remember it; whether the guardian seems to have signed another header of that number."""
        epoch = ballot.header.epoch
        of_epoch = self._of.setdefault(epoch, {})
        if len(self._of) > _EPOCHS:
            self._of.popitem(last=False)
        known = of_epoch.setdefault(guardian, {})
        known[digest] = ballot
        return len(known) > 1

    def of(self, epoch: int, guardian: bytes) -> dict[bytes, Ballot]:
        """Ballots of one guardian by the hash of their headers."""
        return dict(self._of.get(epoch, {}).get(guardian, {}))

    def forget(self, epoch: int, guardian: bytes, digest: bytes) -> None:
        """It was no signature of that guardian."""
        self._of.get(epoch, {}).get(guardian, {}).pop(digest, None)

    def has(self, epoch: int) -> bool:
        """Whether anything is known of that number."""
        return epoch in self._of


def member_of(roster: Roster, guardian: bytes) -> Member | None:
    """The set's member with that account."""
    return next((one for one in roster.members if one.guardian == guardian), None)


def signers_of(certificate: Certificate, roster: Roster, digest: bytes) -> list[Member]:
    """Who signed a certificate: all of its set that it does not name absent, if the sum is theirs;
    nobody otherwise. No quorum is asked for. Takes some milliseconds."""
    absent = {member.index for member in certificate.quorum.absent}
    signers = [member for member in roster.members if member.index not in absent]
    keys = [member.key for member in roster.members if member.index in absent]
    if not signers or len(keys) != len(absent):
        return []
    try:
        key = bls.subtract_keys(roster.guardian_set.aggregate_key, keys)
    except bls.InvalidPoint:
        return []
    return signers if bls.verify(key, digest, certificate.quorum.signature) else []


def is_valid(ballot: Ballot, member: Member, roster: Roster, digest: bytes) -> bool:
    """Whether `member` signed it. Takes some milliseconds."""
    if ballot.certificate is None:
        return bls.verify(member.key, digest, ballot.signature)
    return any(one.index == member.index for one in signers_of(ballot.certificate, roster, digest))
