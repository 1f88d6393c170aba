"""Guardians and their sets as wire models, from records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Self

from control_plane.domain.network import GuardianKeys
from control_plane.domain.plan import Plan
from control_plane.domain.records import (
    EpochRecord,
    GuardianRecord,
    GuardianSetRecord,
    OffenceRecord,
)
from control_plane.domain.states import ServiceState
from control_plane.schemas.guardian import GuardianSetView, GuardianView
from control_plane.services.status import moment
from control_plane.services.supervisor import AgentView
from control_plane.services.units import whole


@dataclass(frozen=True, slots=True)
class Bench:
    """Who sits where in the sets of a devnet."""

    members: Sequence[Mapping[str, Any]]
    """Of the set in force."""
    seats: Mapping[int, Mapping[int, int]]
    """Seat by a guardian's number, by the id of the set."""
    seated: Mapping[int, Mapping[str, Any]]
    """Members of the set in force by their numbers."""
    left: frozenset[int]
    epochs: Sequence[EpochRecord]

    @classmethod
    def of(
        cls,
        plan: Plan,
        sets: Sequence[GuardianSetRecord],
        joined: Sequence[GuardianRecord],
        epochs: Sequence[EpochRecord],
    ) -> Self:
        """Before the first set is recorded, everybody sits where the number says."""
        seats = {
            record.set_id: {
                member["number"]: member["index"]
                for member in record.members
                if member.get("number") is not None
            }
            for record in sets
        }
        active = next((r.members for r in reversed(sets) if r.active_at is not None), None)
        if active is None:
            guardians = plan.metalayer.guardians
            active = tuple(
                {"number": number, "index": number, "stake": str(guardians.stake)}
                for number in range(guardians.count)
            )
        seated = {m["number"]: m for m in active if m.get("number") is not None}
        left = frozenset(r.number for r in joined if r.left_at is not None)
        return cls(active, seats, seated, left, epochs)

    def is_shown(self, number: int) -> bool:
        """Whether it serves: those that left are shown while the set in force has them."""
        return number in self.seated or number not in self.left

    @property
    def total(self) -> int:
        return sum(int(member["stake"]) for member in self.members)

    @property
    def strangers(self) -> Sequence[Mapping[str, Any]]:
        """Members whose keys are not ours."""
        return [member for member in self.members if member.get("number") is None]

    def last_signed(self, number: int) -> int | None:
        """The last epoch that a guardian signed."""
        for epoch in self.epochs:
            seats = self.seats.get(epoch.header["setId"])
            seat = number if seats is None else seats.get(number)
            if seat is not None and seat in epoch.signers:
                return epoch.epoch
        return None


def guardian_view(
    guardian: GuardianKeys, key: str, bench: Bench, agent: AgentView | None
) -> GuardianView:
    """A guardian whose keys are ours; `key` is its public BLS key, `agent` who signs for it."""
    number = guardian.index
    member = bench.seated.get(number)
    stake = int(member["stake"]) if member else 0
    return GuardianView(
        index=number,
        name=f"guardian-{number}",
        seat=member["index"] if member else None,
        address=guardian.account.address,
        bls_key=key,
        stake=whole(stake),
        share=stake / bench.total,
        state=(agent.state if agent else ServiceState.STOPPED).value,
        problem=agent.problem if agent else None,
        last_signed_epoch=bench.last_signed(number),
    )


def lost_by(offences: Sequence[OffenceRecord]) -> dict[str, int]:
    """Wei of ERA that each guardian was slashed of, by its account."""
    lost: dict[str, int] = {}
    for one in offences:
        if one.tx is not None:
            lost[one.guardian] = lost.get(one.guardian, 0) + (one.amount or 0)
    return lost


def stranger_view(member: Mapping[str, Any], bench: Bench) -> GuardianView:
    """A member of the set in force whose keys are somebody else's."""
    return GuardianView(
        index=None,
        name=member["guardian"],
        seat=member["index"],
        address=member["guardian"],
        bls_key=member["key"],
        stake=whole(int(member["stake"])),
        share=int(member["stake"]) / bench.total,
        state="elsewhere",
        problem="no process of this devnet signs for it",
        embedded=False,
    )


def set_view(record: GuardianSetRecord) -> GuardianSetView:
    """A set, and who handed over to it."""
    by = "guardians" if record.rotation else "governor"
    names = (
        m["guardian"] if m.get("number") is None else f"guardian-{m['number']}"
        for m in record.members
    )
    return GuardianSetView(
        set_id=record.set_id,
        outgoing=record.outgoing,
        by=by if record.outgoing else "founding",
        size=len(record.members),
        total_stake=whole(sum(int(member["stake"]) for member in record.members)),
        members=tuple(names),
        made_at=datetime.fromtimestamp(record.made_at, UTC),
        active_at=moment(record.active_at),
    )


@lru_cache(maxsize=1024)
def bls_key(seed: bytes) -> str:
    """The public BLS key of a guardian's seed, 0x-hex."""
    from control_plane.domain.bls import SecretKey

    return "0x" + SecretKey(seed).key.hex()
