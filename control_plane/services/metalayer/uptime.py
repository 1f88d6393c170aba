"""How a guardian checks an uptime report, and how one is agreed on."""

import asyncio
import random
from collections.abc import Sequence
from typing import Final, Protocol

from control_plane.domain.abi_formats import decode_certificate
from control_plane.domain.formats import QuorumProof
from control_plane.domain.ports.metalayer import Refusal
from control_plane.domain.ports.store import Database
from control_plane.domain.quorum import QuorumError, Roster, Tally, check_quorum
from control_plane.domain.records import EpochRecord
from control_plane.domain.uptime import UptimeReport
from control_plane.services.metalayer.lineup import Lineup
from control_plane.services.metalayer.signatures import Signer, collect, quorum_of

_VERIFIED: Final = 20
"""Certificates of a report that are verified, drawn at random."""
_DEADLINE: Final = 10.0


class UptimeSigner(Signer, Protocol):
    """A guardian as it is asked for its signature under a report."""

    async def sign_uptime(self, report: UptimeReport, of: Roster) -> bytes | Refusal:
        """Check the counts by the certificates that it knows, sign the report's digest."""
        ...


async def known_epochs(database: Database, devnet: str, first: int) -> list[EpochRecord]:
    """The epochs from `first` on that the database still has, newest first."""
    async with database.begin() as unit:
        latest = await unit.epochs.latest(devnet, certified=True)
        count = latest.epoch - first + 1 if latest else 0
        return list(await unit.epochs.list(devnet, limit=max(count, 0))) if count > 0 else []


async def why_not(
    report: UptimeReport, of: Roster, database: Database, devnet: str, network_id: bytes
) -> str | None:
    """Why a report on the set `of` is not to be signed; None when it is true as far as `database`
    knows, and the certificates that are looked at hold."""
    if report.set_id != of.guardian_set.set_id:
        return "the report is on another set"
    found = await known_epochs(database, devnet, report.first_epoch)
    mine = [record for record in found if record.epoch <= report.last_epoch]
    if UptimeReport.count(report.set_id, mine, report.until) != report:
        return "the certificates that it knows say otherwise"
    counted = [r for r in mine if r.certificate and r.header["setId"] == report.set_id]
    sample = random.sample(counted, min(len(counted), _VERIFIED))
    holds = await asyncio.to_thread(_all_hold, sample, of, network_id)
    return None if holds else "a certificate does not hold"


def _all_hold(records: Sequence[EpochRecord], of: Roster, network_id: bytes) -> bool:
    """Whether the certificates are signed by all but those that are counted absent."""
    for record in records:
        certificate = decode_certificate(bytes.fromhex((record.certificate or "0x")[2:]))
        absent = tuple(member.index for member in certificate.quorum.absent)
        try:
            check_quorum(of.guardian_set, certificate.header.hash(network_id), certificate.quorum)
        except QuorumError:
            return False
        if absent != tuple(record.absent) or certificate.header.epoch != record.epoch:
            return False
    return True


async def agree(
    report: UptimeReport,
    of: Roster,
    current: Lineup,
    signers: Sequence[UptimeSigner],
    network_id: bytes,
) -> QuorumProof:
    """A quorum of the set in force under the report. Conflict names who did not sign and why."""
    tally = Tally(current.roster, report.digest(network_id))
    reasons = await collect(
        tally, current, signers, lambda signer: signer.sign_uptime(report, of), _DEADLINE
    )
    return quorum_of(tally, reasons, "The guardians do not agree on an uptime report")
