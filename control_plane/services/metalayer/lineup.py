"""The guardian sets of a devnet, and who of the guardians that can be asked sits where in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from control_plane.domain.formats import Member
from control_plane.domain.ports.store import Database, UnitOfWork
from control_plane.domain.quorum import Roster
from control_plane.domain.records import GuardianSetRecord


@dataclass(frozen=True, slots=True)
class Lineup:
    """A set, and the seats of the guardians whose keys are ours."""

    roster: Roster
    seats: Mapping[int, int]
    """Index in the set by the guardian's number. A member without a number is somebody else's."""

    @classmethod
    def founding(cls, roster: Roster) -> Self:
        """Of a devnet's first set: everybody sits where its number says."""
        return cls(roster, {member.index: member.index for member in roster.members})

    @classmethod
    def of(cls, record: GuardianSetRecord) -> Self:
        members = [Member.from_json(member) for member in record.members]
        seats = {
            int(member["number"]): int(member["index"])
            for member in record.members
            if member.get("number") is not None
        }
        return cls(Roster(record.set_id, members), seats)

    @property
    def set_id(self) -> int:
        return self.roster.guardian_set.set_id

    def number_at(self, index: int) -> int | None:
        """Who sits there; None for somebody else's guardian."""
        return next((number for number, seat in self.seats.items() if seat == index), None)

    def name_at(self, index: int) -> str:
        """For people: ``guardian-2``, or the account of somebody else's guardian."""
        number = self.number_at(index)
        found = self.roster.members[index]
        return f"0x{found.guardian.hex()}" if number is None else f"guardian-{number}"


class SetBook:
    """The sets of one devnet in the database."""

    def __init__(self, database: Database, devnet: str, founding: Roster) -> None:
        """`founding`: the first set, of which nothing is recorded before somebody asks."""
        self._database = database
        self._devnet = devnet
        self._founding = founding

    async def active(self, at: float) -> GuardianSetRecord:
        """The set that epochs are made with; the first one is written down at time `at`."""
        async with self._database.begin() as unit:
            found = await unit.guardian_sets.active(self._devnet)
            if found is None:
                first = Lineup.founding(self._founding)
                found = _record(self._devnet, first, 0, None, at)
                found = replace(found, active_at=at)
                await unit.guardian_sets.put(found)
            return found

    async def get(self, set_id: int) -> GuardianSetRecord | None:
        async with self._database.begin() as unit:
            return await unit.guardian_sets.get(self._devnet, set_id)

    async def add(
        self,
        set_id: int,
        members: Sequence[Member],
        outgoing: int,
        rotation: bytes | None,
        at: float,
    ) -> GuardianSetRecord:
        """Write a set down before any chain is told of it."""
        async with self._database.begin() as unit:
            numbers = await self._numbers(unit)
            seats = {
                numbers[member.guardian]: member.index
                for member in members
                if member.guardian in numbers
            }
            lineup = Lineup(Roster(set_id, members), seats)
            record = _record(self._devnet, lineup, outgoing, rotation, at)
            await unit.guardian_sets.put(record)
            return record

    async def activate(self, record: GuardianSetRecord, at: float) -> GuardianSetRecord:
        """The L1 has it: epochs are made with it."""
        active = replace(record, active_at=at)
        async with self._database.begin() as unit:
            await unit.guardian_sets.put(active)
        return active

    async def way(self, from_set: int, to_set: int) -> list[GuardianSetRecord]:
        """The handovers that lead from one set to another, in order; empty when none do."""
        async with self._database.begin() as unit:
            records = await unit.guardian_sets.list(self._devnet)
        after = {r.outgoing: r for r in records if r.active_at is not None}
        way = []
        while from_set != to_set:
            record = after.get(from_set)
            if record is None:
                return []
            way.append(record)
            from_set = record.set_id
        return way

    async def _numbers(self, unit: UnitOfWork) -> dict[bytes, int]:
        """Numbers of all guardians whose keys are ours, by their accounts."""
        joined = await unit.guardians.list(self._devnet)
        return {member.guardian: member.index for member in self._founding.members} | {
            bytes.fromhex(record.address[2:]): record.number for record in joined
        }


def _record(
    devnet: str, lineup: Lineup, outgoing: int, rotation: bytes | None, at: float
) -> GuardianSetRecord:
    members = tuple(
        {**member.to_json(), "number": lineup.number_at(member.index)}
        for member in lineup.roster.members
    )
    call = None if rotation is None else "0x" + rotation.hex()
    return GuardianSetRecord(devnet, lineup.set_id, outgoing, members, call, at)
