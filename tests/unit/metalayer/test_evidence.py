"""Evidence: what a block refutes, and what a certificate shows of a guardian."""

from dataclasses import replace

import pytest

from control_plane.domain.aggregate import Aggregate
from control_plane.domain.evidence import Vote, refute
from control_plane.domain.formats import Certificate, Leaf
from control_plane.domain.hashing import keccak256
from control_plane.domain.header import InvalidHeader, encode_header
from control_plane.domain.ids import Domain
from control_plane.domain.merkle import process_multiproof
from control_plane.domain.quorum import Tally
from tests.unit.metalayer.test_vectors import script

made = script("slashing_vectors")
BLOCK, ANSWER, ROOT = made._chain()
TRUE = Leaf(
    domain=Domain(901),
    block_number=int(BLOCK["number"], 16),
    block_hash=keccak256(encode_header(BLOCK)),
    state_root=bytes.fromhex(BLOCK["stateRoot"][2:]),
    message_root=ROOT,
    message_count=made.COUNT,
)


def proof_of(leaf: Leaf) -> bytes:
    return Aggregate.of([leaf]).prove_leaf(1, leaf).encode()


def test_a_true_leaf_is_not_refuted() -> None:
    assert refute(TRUE, proof_of(TRUE), made.HOOK, BLOCK, ANSWER) is None


@pytest.mark.parametrize(
    "lie",
    [{"block_number": 1000}, {"state_root": bytes(32)}],
    ids=["number", "state root"],
)
def test_the_header_alone_refutes(lie: dict[str, object]) -> None:
    leaf = replace(TRUE, **lie)  # type: ignore[arg-type]
    found = refute(leaf, proof_of(leaf), made.HOOK, BLOCK, None)
    assert found is not None
    assert found.nodes == ()
    assert keccak256(found.block_header) == leaf.block_hash


@pytest.mark.parametrize(
    "lie", [{"message_count": 4}, {"message_root": bytes(32)}], ids=["count", "root"]
)
def test_the_state_refutes(lie: dict[str, object]) -> None:
    leaf = replace(TRUE, **lie)  # type: ignore[arg-type]
    found = refute(leaf, proof_of(leaf), made.HOOK, BLOCK, ANSWER)
    assert found is not None
    assert found.nodes
    assert found.count_path
    assert found.root_path


def test_another_block_refutes_nothing() -> None:
    with pytest.raises(InvalidHeader):
        refute(TRUE, proof_of(TRUE), made.HOOK, BLOCK | {"number": "0x1"}, ANSWER)


def test_a_state_is_asked_for_when_the_header_agrees() -> None:
    with pytest.raises(ValueError, match="proof of its state"):
        refute(TRUE, proof_of(TRUE), made.HOOK, BLOCK, None)


def test_a_certificate_accuses_those_who_are_there() -> None:
    header = made._header(bytes(32))
    tally = Tally(made.ROSTER, header.hash(made.NETWORK))
    for index in (0, 1, 2):
        tally.add(index, made.secret_of(index).sign(tally.digest))
    certificate = Certificate(header, tally.proof())
    seat = Vote.among(certificate, made.ROSTER, 1).seat
    assert seat is not None
    member = made.ROSTER.members[1]
    flags = (False,) * len(seat.proof)
    assert process_multiproof([member.hash], seat.proof, flags) == seat.guardian_set.root
    with pytest.raises(ValueError, match="absent"):
        Vote.among(certificate, made.ROSTER, 3)
