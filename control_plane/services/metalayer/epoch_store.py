"""Epochs in the database: numbers that are never used twice, certificates, what they attest."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from control_plane.domain.abi_formats import encode_certificate
from control_plane.domain.formats import EpochHeader, Leaf
from control_plane.domain.ports.store import Database
from control_plane.domain.records import EpochRecord, MessageRecord
from control_plane.domain.states import MessageState
from control_plane.services.metalayer.rounds import Outcome, Proposal

KEPT: Final = 2000
"""Epochs kept beside those that messages refer to."""
_PRUNE_EVERY: Final = 200


class EpochStore:
    """The epochs of one devnet."""

    def __init__(self, database: Database, devnet: str) -> None:
        self._database = database
        self._devnet = devnet
        self.parent: EpochHeader | None = None
        """Header of the last certified epoch."""
        self.last_number = 0
        """Highest number ever proposed or voted on."""

    async def load(self) -> tuple[MessageRecord, ...]:
        """Read where the epochs stand; the messages that are still to be attested."""
        async with self._database.begin() as unit:
            certified = await unit.epochs.latest(self._devnet, certified=True)
            latest = await unit.epochs.latest(self._devnet, certified=False)
            voted = await unit.votes.highest_epoch(self._devnet)
            waiting = await unit.messages.list(
                self._devnet, states=[MessageState.DISPATCHED], limit=1_000_000
            )
        self.parent = EpochHeader.from_json(certified.header) if certified else None
        numbers = [record.epoch for record in (certified, latest) if record]
        self.last_number = max([voted, *numbers])
        return tuple(waiting)

    async def propose(self, proposal: Proposal, at: float) -> EpochRecord:
        """Store the epoch before anybody is asked, so that its number is used up."""
        record = EpochRecord(
            devnet=self._devnet,
            epoch=proposal.header.epoch,
            header=proposal.header.to_json(),
            header_hash="0x" + proposal.digest.hex(),
            leaves=proposal.aggregate.to_json(),
            reads=proposal.aggregate.reads_json(),
            created_at=at,
        )
        async with self._database.begin() as unit:
            await unit.epochs.put(record)
        self.last_number = record.epoch
        return record

    async def certify(
        self,
        record: EpochRecord,
        proposal: Proposal,
        outcome: Outcome,
        fresh: Sequence[Leaf],
        at: float,
    ) -> tuple[EpochRecord, int]:
        """Store the certificate and mark the messages under its `fresh` leaves, those that no
        epoch had before; how many messages they are."""
        if outcome.certificate is None:
            raise ValueError("there is no certificate")
        certified = replace(
            record,
            certificate="0x" + encode_certificate(outcome.certificate).hex(),
            certified_at=at,
            signers=outcome.signers,
            absent=outcome.absent,
        )
        count = 0
        answered = [str(read["messageId"]) for read in record.reads]
        async with self._database.begin() as unit:
            await unit.epochs.put(certified)
            for leaf in fresh:
                count += await unit.messages.attest(
                    self._devnet,
                    leaf.domain,
                    leaf.message_count,
                    record.epoch,
                    at,
                    finality=leaf.finality,
                    answered=answered,
                )
            if record.epoch % _PRUNE_EVERY == 0:
                await unit.epochs.prune(self._devnet, record.epoch - KEPT)
        self.parent = proposal.header
        return certified, count
