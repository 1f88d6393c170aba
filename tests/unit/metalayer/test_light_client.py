"""A light client believes what the set it trusts signed, over any gap, and nothing else."""

from dataclasses import replace

import pytest

from control_plane.domain import bls
from control_plane.domain.abi_formats import decode_rotation, rotate_calldata
from control_plane.domain.formats import NO_PARENT, Certificate, EpochHeader, Member, QuorumProof
from control_plane.domain.hashing import keccak256
from control_plane.domain.light_client import LightClient, NotLinked, NotNewer, UnknownSet
from control_plane.domain.quorum import InvalidSignature, QuorumNotReached, Roster

NETWORK = keccak256(b"network")


def secrets(set_id: int, size: int = 4) -> list[bls.SecretKey]:
    return [bls.SecretKey(keccak256(b"%d of %d" % (index, set_id))) for index in range(size)]


def roster(set_id: int) -> Roster:
    members = [
        Member(index, bytes([index]) * 20, 10**18, secret.key)
        for index, secret in enumerate(secrets(set_id))
    ]
    return Roster(set_id, members)


def signed(set_id: int, digest: bytes, absent: tuple[int, ...] = ()) -> QuorumProof:
    votes = [s.sign(digest) for i, s in enumerate(secrets(set_id)) if i not in absent]
    return roster(set_id).proof(absent, bls.aggregate(votes))


def chain(count: int, set_id: int = 1, step: int = 3) -> list[EpochHeader]:
    """Headers from the oldest to the newest; numbers are skipped."""
    headers: list[EpochHeader] = []
    parent = NO_PARENT
    for index in range(count):
        header = EpochHeader(
            set_id, 1 + step * index, 100 + index, parent, keccak256(b"%d" % index)
        )
        headers.append(header)
        parent = header.hash(NETWORK)
    return headers


def certificate(header: EpochHeader, absent: tuple[int, ...] = ()) -> Certificate:
    return Certificate(header, signed(header.set_id, header.hash(NETWORK), absent))


def trusting(header: EpochHeader | None, set_id: int = 1) -> LightClient:
    return LightClient(NETWORK, roster(set_id).guardian_set, header)


def test_one_certificate_leads_over_any_gap() -> None:
    headers = chain(200)
    client = trusting(headers[0]).follow(certificate(headers[-1]))
    assert client.header == headers[-1]
    assert client.header_hash == headers[-1].hash(NETWORK)
    assert client.check_links(reversed(headers[:-1])) == 199


def test_a_set_alone_is_enough_to_begin_with() -> None:
    (header,) = chain(1)
    assert trusting(None).follow(certificate(header, (2,))).header == header
    assert trusting(None).header_hash is None
    with pytest.raises(NotLinked):
        trusting(None).check_links([header])


def test_set_changes_are_followed_one_by_one() -> None:
    client = trusting(chain(1)[0])
    for set_id in (2, 3):
        following = roster(set_id).guardian_set
        quorum = signed(set_id - 1, following.commitment(NETWORK))
        call = rotate_calldata(following, quorum)
        assert decode_rotation(call) == (following, quorum)
        client = client.take_over(*decode_rotation(call))
    newest = chain(5, set_id=3)[-1]
    assert client.follow(certificate(newest)).header == newest

    jumped = roster(3).guardian_set
    with pytest.raises(InvalidSignature):
        trusting(None).take_over(jumped, signed(2, jumped.commitment(NETWORK)))


def test_what_the_set_did_not_sign_is_not_believed() -> None:
    first, *_, last = chain(5)
    client = trusting(first)
    with pytest.raises(QuorumNotReached):
        client.follow(certificate(last, (0, 1)))
    forged = replace(certificate(last), header=replace(last, aggregate_root=bytes(32)))
    with pytest.raises(InvalidSignature):
        client.follow(forged)
    with pytest.raises(UnknownSet):
        client.follow(certificate(replace(last, set_id=2)))
    with pytest.raises(NotNewer):
        client.follow(certificate(first))
    with pytest.raises(NotNewer):
        client.take_over(roster(1).guardian_set, signed(1, bytes(32)))


def test_links_show_a_header_that_was_changed_left_out_or_moved() -> None:
    headers = chain(6)
    client = trusting(headers[0]).follow(certificate(headers[-1]))
    below = headers[-2::-1]
    assert client.check_links(below) == 5
    for wrong in (
        [*below[:2], replace(below[2], timestamp=1), *below[3:]],
        [*below[:2], *below[3:]],
        [below[1], below[0], *below[2:]],
    ):
        with pytest.raises(NotLinked):
            client.check_links(wrong)


def test_no_call_of_rotate_is_refused() -> None:
    with pytest.raises(ValueError, match="not a call"):
        decode_rotation(b"1234")
    following = roster(2).guardian_set
    call = rotate_calldata(following, signed(1, following.commitment(NETWORK)))
    with pytest.raises(ValueError, match="not a call"):
        decode_rotation(call[:200])
