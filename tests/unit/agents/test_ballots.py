"""Who signed two headers of one number, and whose signature is none."""

from dataclasses import replace

from control_plane.domain.abi_formats import BatchItem, process_batch_calldata, submit_calldata
from control_plane.domain.bls import SecretKey
from control_plane.domain.evidence import (
    Offence,
    Vote,
    certificates_in,
    equivocation_calldata,
    offence_id,
)
from control_plane.domain.formats import NO_PARENT, Certificate, EpochHeader, Member
from control_plane.domain.hashing import keccak256
from control_plane.domain.quorum import Roster, Tally
from control_plane.services.metalayer.ballots import (
    Ballot,
    Ballots,
    is_valid,
    member_of,
    signers_of,
)

NETWORK = b"\x0a" * 32
SECRETS = [SecretKey(keccak256(b"guardian %d" % index)) for index in range(4)]
ROSTER = Roster(
    1, [Member(i, bytes([i + 1]) * 20, 10**20, secret.key) for i, secret in enumerate(SECRETS)]
)
HEADER = EpochHeader(1, 7, 1_767_225_600, NO_PARENT, b"\x01" * 32)


def certificate(header: EpochHeader, absent: int) -> Certificate:
    tally = Tally(ROSTER, header.hash(NETWORK))
    for index, secret in enumerate(SECRETS):
        if index != absent:
            tally.add(index, secret.sign(tally.digest))
    return Certificate(header, tally.proof())


def test_two_headers_of_one_number_are_at_odds() -> None:
    ballots, guardian = Ballots(), ROSTER.members[2].guardian
    other = replace(HEADER, timestamp=HEADER.timestamp + 1)
    following = replace(HEADER, epoch=8)
    for header, odd in ((HEADER, False), (HEADER, False), (following, False), (other, True)):
        assert ballots.note(guardian, header.hash(NETWORK), Ballot(header, b"")) is odd
    assert not ballots.note(b"another guardian", other.hash(NETWORK), Ballot(other, b""))
    assert len(ballots.of(7, guardian)) == 2
    ballots.forget(7, guardian, other.hash(NETWORK))
    assert list(ballots.of(7, guardian)) == [HEADER.hash(NETWORK)]


def test_old_epochs_are_forgotten() -> None:
    ballots = Ballots()
    for epoch in range(1, 1_100):
        header = replace(HEADER, epoch=epoch)
        ballots.note(b"guardian", header.hash(NETWORK), Ballot(header, b""))
    assert not ballots.has(1)
    assert ballots.has(1_099)


def test_signatures_are_checked_before_anybody_is_accused() -> None:
    digest, member = HEADER.hash(NETWORK), ROSTER.members[2]
    assert member_of(ROSTER, member.guardian) == member
    assert member_of(ROSTER, b"\xff" * 20) is None
    assert is_valid(Ballot(HEADER, SECRETS[2].sign(digest)), member, ROSTER, digest)
    assert not is_valid(Ballot(HEADER, SECRETS[1].sign(digest)), member, ROSTER, digest)
    summed = certificate(HEADER, absent=1)
    assert [m.index for m in signers_of(summed, ROSTER, digest)] == [0, 2, 3]
    assert is_valid(Ballot(HEADER, b"", summed), member, ROSTER, digest)
    assert not is_valid(Ballot(HEADER, b"", summed), ROSTER.members[1], ROSTER, digest)
    other = replace(HEADER, epoch=8).hash(NETWORK)
    assert signers_of(summed, ROSTER, other) == []


def test_certificates_are_found_in_transactions() -> None:
    one = certificate(HEADER, absent=1)
    two = certificate(replace(HEADER, epoch=8), absent=3)
    item = BatchItem(100_000, b"proof", b"message")
    assert certificates_in(submit_calldata(one)) == [one]
    assert certificates_in(process_batch_calldata([one, two], [item])) == [one, two]
    assert certificates_in(process_batch_calldata([], [item])) == []
    for noise in (b"", b"\x01\x02\x03\x04", submit_calldata(one)[:100], b"\xff" * 500):
        assert certificates_in(noise) == []
    assert certificates_in(submit_calldata(one)[:4] + b"\xff" * 500) == []


def test_offence_ids_are_the_contract_s() -> None:
    """keccak256(abi.encode(offence, keccak256(key), what)), as in ISlasher's vectors."""
    key = SECRETS[0].key
    words = (0).to_bytes(32) + keccak256(key) + (7).to_bytes(32)
    assert offence_id(Offence.EQUIVOCATION, key, 7) == keccak256(words)
    leaf = b"\x05" * 32
    words = (1).to_bytes(32) + keccak256(key) + leaf
    assert offence_id(Offence.FALSE_LEAF, key, leaf) == keccak256(words)
    votes = [Vote.alone(HEADER, b"\x01" * 256)] * 2
    assert equivocation_calldata(b"\x01" * 20, *votes)
