"""One guardian set hands over to the next: seats, quorums, and when it is the governor's."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.adapters.persistence.database import open_database
from control_plane.domain.bls import SecretKey
from control_plane.domain.formats import GuardianSet, Member
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.metalayer import Refusal
from control_plane.domain.quorum import Roster, check_quorum
from control_plane.domain.records import GuardianRecord
from control_plane.services.metalayer.handover import agree, changes
from control_plane.services.metalayer.lineup import Lineup, SetBook

NETWORK = bytes(range(32))
STAKE = 10**18


def secret(number: int) -> SecretKey:
    return SecretKey(keccak256(b"%d" % number))


def account(number: int) -> bytes:
    return bytes([number + 1]) * 20


def members(*numbers: int, stake: int = STAKE) -> list[Member]:
    return [Member(at, account(n), stake, secret(n).key) for at, n in enumerate(numbers)]


class Signer:
    available = True

    def __init__(self, number: int, *, refuses: bool = False, lies: bool = False) -> None:
        self.name = f"guardian-{number}"
        self.index = number
        self._refuses = refuses
        self._lies = lies

    async def sign_set(self, following: GuardianSet) -> bytes | Refusal:
        if self._refuses:
            return Refusal("it does not want to")
        digest = bytes(32) if self._lies else following.commitment(NETWORK)
        return secret(self.index).sign(digest)


OLD = Lineup.founding(Roster(1, members(0, 1, 2, 3)))


async def hand_over(signers: Sequence[Signer], *numbers: int):  # type: ignore[no-untyped-def]
    following = members(*numbers)
    return await agree(OLD, GuardianSet.of(2, following), following, signers, NETWORK), following


@pytest.mark.parametrize(
    "signers",
    [
        [Signer(0), Signer(1), Signer(2), Signer(3)],
        [Signer(0), Signer(1, refuses=True), Signer(2), Signer(3)],
        [Signer(0), Signer(1, lies=True), Signer(2), Signer(3), Signer(7)],
    ],
)
async def test_a_quorum_of_the_outgoing_set_hands_over(signers: list[Signer]) -> None:
    handover, following = await hand_over(signers, 0, 2, 3, 4)
    assert handover.quorum is not None
    commitment = GuardianSet.of(2, following).commitment(NETWORK)
    check_quorum(OLD.roster.guardian_set, commitment, handover.quorum)
    assert handover.rotate_call(GuardianSet.of(2, following)) is not None


async def test_it_waits_for_those_who_stay() -> None:
    signers = [Signer(0), Signer(1), Signer(2, refuses=True)]
    handover, _ = await hand_over(signers, 0, 1, 2, 3, 4)
    assert (handover.quorum, handover.is_governors) == (None, False)
    assert handover.told() == (
        "guardian-2: it does not want to; guardian-3: no process is known that signs for it"
    )


async def test_it_is_the_governors_when_too_many_left() -> None:
    handover, _ = await hand_over([Signer(0), Signer(1)], 0, 1)
    assert (handover.quorum, handover.is_governors) == (None, True)


async def test_seats_follow_the_numbers_and_the_way_leads_through_every_set(
    tmp_path: Path,
) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'sets.db'}")
    book = SetBook(database, "shop", OLD.roster)
    first = await book.active(1.0)
    assert (first.set_id, first.outgoing, first.active_at) == (1, 0, 1.0)
    joined = GuardianRecord("shop", 4, "0x" + account(4).hex(), 1.0)
    async with database.begin() as unit:
        await unit.guardians.add(joined)
    second = await book.add(2, members(0, 3, 4, 9), 1, b"\x01", 2.0)
    assert Lineup.of(second).seats == {0: 0, 3: 1, 4: 2}
    assert Lineup.of(second).name_at(3) == "0x" + account(9).hex()
    assert await book.active(3.0) == first  # not before the L1 has it
    second = await book.activate(second, 3.0)
    third = await book.activate(await book.add(5, members(0, 3, 4), 2, None, 4.0), 5.0)
    assert await book.active(6.0) == third
    assert await book.way(1, 5) == [second, third]
    assert await book.way(3, 5) == []
    more = replace(third, members=({**third.members[0], "stake": "7"}, *third.members[1:]))
    assert changes(first, second) == {
        "joined": ["0x" + account(9).hex(), "guardian-4"],
        "left": ["guardian-1", "guardian-2"],
        "stakes": [],
    }
    assert changes(third, more)["stakes"] == ["guardian-0"]
    await database.close()
