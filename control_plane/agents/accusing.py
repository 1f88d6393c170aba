"""Who is accused of what: ballots into votes as evidence takes them, votes into offences."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from control_plane.domain.evidence import (
    Offence,
    Refutation,
    Vote,
    false_leaf_calldata,
    not_final_calldata,
    offence_id,
)
from control_plane.domain.formats import EpochHeader, Leaf, Member
from control_plane.domain.hub import Votes
from control_plane.domain.network import Network
from control_plane.domain.quorum import Roster
from control_plane.domain.records import EpochRecord, OffenceRecord
from control_plane.services.metalayer.ballots import Ballot, is_valid, member_of
from control_plane.services.metalayer.reports import KINDS, Reports

Rosters = Callable[[int], Awaitable[Roster | None]]
"""A guardian set's members, by its id."""

log = logging.getLogger(__name__)


class Accuser:
    """Of the guardians of one devnet."""

    def __init__(
        self, network: Network, reports: Reports, rosters: Rosters, filed: asyncio.Event
    ) -> None:
        """`filed` is set when there is something to report."""
        self._network = network
        self._reports = reports
        self._rosters = rosters
        self._filed = filed

    async def vote(
        self, guardian: bytes, digest: bytes, ballot: Ballot
    ) -> tuple[Vote, Member] | None:
        """The ballot as evidence takes it, if it is valid."""
        roster = await self._rosters(ballot.header.set_id)
        member = member_of(roster, guardian) if roster else None
        if roster is None or member is None:
            return None
        if not await asyncio.to_thread(is_valid, ballot, member, roster, digest):
            return None
        if ballot.certificate is None:
            return Vote.alone(ballot.header, ballot.signature), member
        return Vote.among(ballot.certificate, roster, member.index), member

    async def ballots_of(self, record: EpochRecord) -> dict[bytes, Ballot]:
        """What a certificate's signers signed."""
        from control_plane.domain.abi_formats import decode_certificate

        if record.certificate is None:
            return {}
        certificate = decode_certificate(bytes.fromhex(record.certificate[2:]))
        roster = await self._rosters(certificate.header.set_id)
        if roster is None:
            return {}
        absent = {member.index for member in certificate.quorum.absent}
        signers: Sequence[Member] = [m for m in roster.members if m.index not in absent]
        return {m.guardian: Ballot(certificate.header, b"", certificate) for m in signers}

    async def accuse(
        self,
        header: EpochHeader,
        votes: Votes,
        leaf: Leaf,
        against: Refutation | bytes,
        record: EpochRecord | None,
    ) -> None:
        """Whoever signed that epoch, of a leaf that `against` contradicts: a proof of the chain, or
        the leaf's own where a final output says otherwise."""
        digest = header.hash(self._network.network_id)
        ballots = {
            bytes.fromhex(who[2:]): Ballot(header, bytes.fromhex(signature[2:]))
            for who, signature in votes.signatures
        }
        if record is not None:
            ballots = await self.ballots_of(record)
        for guardian, ballot in ballots.items():
            found = await self.vote(guardian, digest, ballot)
            if found is not None:
                vote, member = found
                offence = Offence.FALSE_LEAF
                if isinstance(against, Refutation):
                    data = await asyncio.to_thread(false_leaf_calldata, guardian, vote, against)
                else:
                    offence = Offence.NOT_FINAL
                    data = await asyncio.to_thread(not_final_calldata, guardian, vote, against)
                await self.file(offence, member, leaf.hash, header.epoch, data)

    async def file(
        self, offence: Offence, member: Member, what: bytes | int, epoch: int, data: bytes
    ) -> None:
        """Report soon that `member` did that with `what`: a leaf's hash, or an epoch."""
        record = OffenceRecord(
            devnet=self._network.devnet,
            id="0x" + offence_id(offence, member.key, what).hex(),
            guardian="0x" + member.guardian.hex(),
            kind=KINDS[offence],
            epoch=epoch,
            found_at=time.time(),
            evidence="0x" + data.hex(),
        )
        if await self._reports.file(record):
            log.warning("guardian %s: %s in epoch %d", record.guardian, record.kind, epoch)
        self._filed.set()
