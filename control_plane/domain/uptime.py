"""Uptime reports of guardian sets, and calls of `GuardianRewards` (docs/formats.md)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from control_plane.domain.abi_formats import (
    MEMBER_TYPE,
    QUORUM_TYPE,
    SET_TYPE,
    frame,
    guardian_set_part,
    member_part,
    members_part,
    quorum_part,
    words_part,
)
from control_plane.domain.calls import selector, word
from control_plane.domain.formats import Member, QuorumProof
from control_plane.domain.hashing import keccak256
from control_plane.domain.quorum import Roster
from control_plane.domain.records import EpochRecord

_PREFIX: Final = b"\x01\x08"
"""Version and kind."""
_REPORT_TYPE: Final = "(uint64,uint64,uint64,uint32,uint48,uint32[])"
_ABSENCES_TYPE: Final = f"({SET_TYPE},{MEMBER_TYPE}[],bytes32[],bool[])"
_REPORT: Final = selector(f"report({_REPORT_TYPE},{_ABSENCES_TYPE},{QUORUM_TYPE})")
_PAY: Final = selector(f"pay({SET_TYPE},{MEMBER_TYPE},bytes32[])")


@dataclass(frozen=True, slots=True)
class UptimeReport:
    """How many certificates of a set each of its members missed."""

    set_id: int
    first_epoch: int
    last_epoch: int
    epochs: int
    """Certificates of the set among them."""
    until: int
    """End of the time that is paid for, Unix seconds."""
    missed: tuple[tuple[int, int], ...]
    """(index, certificates that name it absent), ascending; nobody who missed none."""

    @classmethod
    def count(cls, set_id: int, records: Iterable[EpochRecord], until: int) -> Self | None:
        """From the certified epochs among `records`; None when none is of the set."""
        mine = [r for r in records if r.certificate and r.header["setId"] == set_id]
        if not mine:
            return None
        missed: dict[int, int] = {}
        for record in mine:
            for index in record.absent:
                missed[index] = missed.get(index, 0) + 1
        numbers = [record.epoch for record in mine]
        counts = tuple(sorted(missed.items()))
        return cls(set_id, min(numbers), max(numbers), len(mine), until, counts)

    def digest(self, network_id: bytes) -> bytes:
        """The 32 bytes that guardians sign."""
        pairs = b"".join(index.to_bytes(4) + count.to_bytes(4) for index, count in self.missed)
        return keccak256(
            b"".join(
                (
                    _PREFIX,
                    network_id,
                    self.set_id.to_bytes(8),
                    self.first_epoch.to_bytes(8),
                    self.last_epoch.to_bytes(8),
                    self.epochs.to_bytes(4),
                    self.until.to_bytes(6),
                    keccak256(pairs),
                )
            )
        )


def report_calldata(report: UptimeReport, of: Roster, quorum: QuorumProof) -> bytes:
    """Call of `GuardianRewards.report`. `of` is the set that is reported on, `quorum` that of the
    set in force."""
    absences = of.proof([index for index, _ in report.missed], b"")
    numbers = (report.set_id, report.first_epoch, report.last_epoch, report.epochs, report.until)
    uptime = frame(
        [word(number) for number in numbers], [words_part([word(m) for _, m in report.missed])]
    )
    shown = frame(
        [],
        [
            guardian_set_part(of.guardian_set),
            members_part(absences.absent),
            words_part(absences.proof),
            words_part([word(int(flag)) for flag in absences.proof_flags]),
        ],
    )
    return _REPORT + frame([], [uptime, shown, quorum_part(quorum)])


def pay_calldata(of: Roster, member: Member) -> bytes:
    """Call of `GuardianRewards.pay` for a member of a set."""
    path: Sequence[bytes] = of.proof([member.index], b"").proof
    parts = [guardian_set_part(of.guardian_set), member_part(member), words_part(path)]
    return _PAY + frame([], parts)
