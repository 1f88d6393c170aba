from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.domain import bls
from control_plane.domain.abi_formats import decode_certificate
from control_plane.domain.formats import GuardianSet, Member, QuorumProof
from control_plane.domain.quorum import (
    AbsentNotAscending,
    InvalidSetProof,
    InvalidSignature,
    QuorumNotReached,
    Roster,
    Tally,
    check_quorum,
    is_quorum,
)
from tests.unit.metalayer.vectors import load, raw

DIGEST = b"\x09" * 32
SECRETS = [bls.SecretKey(bytes([number + 1]) * 32) for number in range(7)]


def roster(*stakes: int) -> Roster:
    return Roster(
        1,
        [
            Member(index, bytes([index]) * 20, stake, SECRETS[index].key)
            for index, stake in enumerate(stakes)
        ],
    )


def tally(members: Roster, signers: list[int], digest: bytes = DIGEST) -> Tally:
    made = Tally(members, digest)
    for index in signers:
        assert made.add(index, SECRETS[index].sign(digest))
    return made


@given(st.integers(1, 10**30))
def test_two_thirds_are_not_enough(third: int) -> None:
    assert not is_quorum(2 * third, 3 * third)
    assert is_quorum(2 * third + 1, 3 * third)


def test_one_of_four_may_be_absent() -> None:
    members = roster(10, 10, 10, 10)
    with pytest.raises(QuorumNotReached):
        tally(members, [0, 1]).proof()
    made = tally(members, [0, 1, 3])
    assert made.reached
    assert not made.complete
    assert [one.index for one in made.missing] == [2]
    assert made.signers == (0, 1, 3)
    proof = made.proof()
    assert [one.index for one in proof.absent] == [2]
    check_quorum(members.guardian_set, DIGEST, proof)


def test_all_present_needs_no_multiproof() -> None:
    members = roster(1, 1, 1)
    made = tally(members, [0, 1, 2])
    proof = made.proof()
    assert made.complete
    assert (proof.absent, proof.proof, proof.proof_flags) == ((), (), ())
    check_quorum(members.guardian_set, DIGEST, proof)


def test_exactly_two_thirds_do_not_reach() -> None:
    assert not tally(roster(1, 1, 1), [0, 1]).reached
    assert tally(roster(10, 11, 10), [0, 1]).reached


def test_a_vote_counts_once() -> None:
    made = tally(roster(5, 5), [0])
    assert not made.add(0, SECRETS[0].sign(DIGEST))
    assert made.signed_stake == 5
    assert made.total_stake == 10
    with pytest.raises(IndexError):
        made.add(2, b"")
    with pytest.raises(IndexError):
        made.add(-1, b"")


def test_bad_votes_are_dropped_and_may_be_given_again() -> None:
    members = roster(1, 1, 1, 1)
    made = tally(members, [0, 2])
    made.add(1, SECRETS[1].sign(b"\x0a" * 32))
    made.add(3, b"junk")
    assert made.drop_invalid() == (1, 3)
    assert made.signers == (0, 2)
    assert made.signed_stake == 2
    assert made.add(1, SECRETS[1].sign(DIGEST))
    assert made.drop_invalid() == ()
    check_quorum(members.guardian_set, DIGEST, made.proof())


def test_roster_wants_dense_indices() -> None:
    with pytest.raises(ValueError, match="without gaps"):
        Roster(1, [Member(1, bytes(20), 1, SECRETS[0].key)])


class TestCheck:
    members = roster(1, 1, 1, 1, 1, 1, 1)

    @property
    def guardian_set(self) -> GuardianSet:
        return self.members.guardian_set

    def proof(self) -> QuorumProof:
        return tally(self.members, [0, 2, 3, 5, 6]).proof()

    def test_holds(self) -> None:
        check_quorum(self.guardian_set, DIGEST, self.proof())

    def test_below_the_quorum(self) -> None:
        weak = self.members.proof(
            [0, 1, 2], bls.aggregate(SECRETS[i].sign(DIGEST) for i in range(4))
        )
        with pytest.raises(QuorumNotReached):
            check_quorum(self.guardian_set, DIGEST, weak)

    def test_order(self) -> None:
        proof = self.proof()
        for absent in (proof.absent[::-1], proof.absent[:1] * 2):
            with pytest.raises(AbsentNotAscending):
                check_quorum(self.guardian_set, DIGEST, replace(proof, absent=absent))

    def test_strangers(self) -> None:
        proof = self.proof()
        lied = replace(proof.absent[0], stake=0)
        for changed in (
            replace(proof, absent=(lied, proof.absent[1])),
            replace(proof, proof_flags=proof.proof_flags[:-1]),
            replace(proof, proof=(bytes(32), *proof.proof[1:])),
            replace(proof, absent=(replace(lied, stake=2**96), proof.absent[1])),
        ):
            with pytest.raises(InvalidSetProof):
                check_quorum(self.guardian_set, DIGEST, changed)

    def test_signature(self) -> None:
        with pytest.raises(InvalidSignature):
            check_quorum(self.guardian_set, b"\x0b" * 32, self.proof())
        with pytest.raises(InvalidSignature):
            check_quorum(self.guardian_set, DIGEST, replace(self.proof(), signature=b""))

    def test_vectors(self) -> None:
        network = raw(load("metalayer")["network"]["networkId"])
        for vector in load("metalayer")["certificates"]:
            certificate = decode_certificate(raw(vector["abi"]))
            digest = certificate.header.hash(network)
            assert digest == raw(vector["headerHash"])
            guardians = load("metalayer")["guardians"][: vector["size"]]
            members = [
                Member(one["index"], raw(one["guardian"]), int(one["stake"]), raw(one["key"]))
                for one in guardians
            ]
            guardian_set = Roster(vector["size"], members).guardian_set
            check_quorum(guardian_set, digest, certificate.quorum)
