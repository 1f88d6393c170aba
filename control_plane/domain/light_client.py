"""Following the guardians from something trusted, over any number of epochs, by few signatures.

Whoever trusts one guardian set believes the newest epoch after one certificate, however many came
between: certificates stand alone, and each header names the hash of the one before, so that all
headers below a believed one are believed by their hashes. Changes of the set are followed one by
one, since each is signed by the set before. Formats: docs/formats.md; `RootVerifier` does the same
on chains.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from control_plane.domain.formats import Certificate, EpochHeader, GuardianSet, QuorumProof
from control_plane.domain.quorum import check_quorum


class NotFollowed(ValueError):
    """Base of why something is not believed."""


class NotNewer(NotFollowed):
    """What is offered is older than what is believed."""


class UnknownSet(NotFollowed):
    """It is signed by another set than the one that is believed."""


class NotLinked(NotFollowed):
    """A header is not the one that the header above it names."""


@dataclass(frozen=True, slots=True)
class LightClient:
    """What is believed. Nothing here is changed: following gives another."""

    network_id: bytes
    guardian_set: GuardianSet
    header: EpochHeader | None = None
    """Of the newest epoch believed; None where only the set is trusted."""

    @property
    def header_hash(self) -> bytes | None:
        """Of the newest header believed."""
        return self.header.hash(self.network_id) if self.header else None

    def take_over(self, following: GuardianSet, quorum: QuorumProof) -> Self:
        """Believe in the next set. NotNewer; QuorumError unless the present one signed it."""
        present = self.guardian_set.set_id
        if following.set_id <= present:
            raise NotNewer(f"guardian set {following.set_id} is not newer than {present}")
        check_quorum(self.guardian_set, following.commitment(self.network_id), quorum)
        return type(self)(self.network_id, following, self.header)

    def follow(self, certificate: Certificate) -> Self:
        """Believe in a newer epoch, whatever was skipped. NotNewer, UnknownSet, NotLinked,
        QuorumError."""
        header = certificate.header
        if header.set_id != self.guardian_set.set_id:
            raise UnknownSet(
                f"epoch {header.epoch} is signed by guardian set {header.set_id}, "
                f"believed is {self.guardian_set.set_id}"
            )
        if self.header is not None and header.epoch <= self.header.epoch:
            raise NotNewer(f"epoch {header.epoch} is not above {self.header.epoch}")
        check_quorum(self.guardian_set, header.hash(self.network_id), certificate.quorum)
        return type(self)(self.network_id, self.guardian_set, header)

    def check_links(self, below: Iterable[EpochHeader]) -> int:
        """Believe in headers below the newest one, given from the newest to the oldest, by their
        hashes alone; how many. NotLinked names the first that is not the one before."""
        if self.header is None:
            raise NotLinked("no epoch is believed yet")
        above, count = self.header, 0
        for header in below:
            if header.epoch >= above.epoch or header.hash(self.network_id) != above.parent_hash:
                raise NotLinked(f"epoch {header.epoch} is not the one that {above.epoch} stands on")
            above, count = header, count + 1
        return count
