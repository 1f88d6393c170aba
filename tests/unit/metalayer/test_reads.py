import pytest
from eth_abi import decode, encode  # type: ignore[attr-defined]
from hypothesis import given
from hypothesis import strategies as st

from control_plane.domain.aggregate import Aggregate
from control_plane.domain.formats import Finality
from control_plane.domain.hashing import keccak256
from control_plane.domain.reads import (
    MOST_CALL_BYTES,
    MOST_READS,
    MOST_RESULT_BYTES,
    REVERTED,
    TOO_LONG,
    Answer,
    Demands,
    ReadOperation,
    RouterMessage,
    demands,
    encode_results,
    is_failure,
    returned,
    reverted,
)
from scripts.vectors import vectors
from tests.unit.metalayer.test_aggregate import leaf
from tests.unit.metalayer.vectors import load

ROUTER = b"\x0f" * 20
READS = (ReadOperation(901, b"\xaa" * 20, b"call"), ReadOperation(2**32 - 1, b"\xbb" * 20, b""))
_BODY = ["uint8", "uint8", "uint256", "bytes32", "bytes32", "(uint32,address,bytes)[]", "bytes"]


def message(body: bytes, recipient: bytes = ROUTER) -> bytes:
    head = b"\x03" + (5).to_bytes(4) + (901).to_bytes(4) + b"\x01" * 32 + (902).to_bytes(4)
    return head + recipient.rjust(32, b"\0") + body


def body(reads: tuple[ReadOperation, ...], finality: int = 0, version: int = 1) -> bytes:
    listed = [(read.domain, "0x" + read.contract.hex(), read.data) for read in reads]
    values = [version, finality, 7, b"\1" * 32, b"\2" * 32, listed, b"data"]
    return encode(_BODY, values)


def test_vectors_are_those_of_the_file() -> None:
    assert vectors()["reads"] == load("metalayer")["reads"]


@pytest.mark.parametrize("finality", list(Finality))
def test_demands_of_a_routers_message(finality: Finality) -> None:
    assert demands(message(body(READS, finality)), ROUTER) == Demands(finality, READS)
    assert demands(message(body((), finality)), ROUTER) == Demands(finality)


@pytest.mark.parametrize(
    "raw",
    [
        message(body(READS), b"\x0e" * 20),
        message(body(READS, version=2)),
        message(body(READS, finality=2)),
        message(body(READS)[:-100])[: 77 + 7 * 32],
        message(b""),
        message(body((READS[0],) * (MOST_READS + 1))),
        message(body((ReadOperation(1, b"\1" * 20, bytes(MOST_CALL_BYTES + 1)),))),
    ],
    ids=["others", "version", "finality", "cut", "empty", "too many", "too long"],
)
def test_no_demands_of_what_the_router_would_not_take(raw: bytes) -> None:
    assert demands(raw, ROUTER) == Demands()


@given(st.binary(max_size=600))
def test_any_body_is_survived(data: bytes) -> None:
    found = demands(message(body(())[: len(data) % 200] + data), ROUTER)
    assert len(found.reads) <= MOST_READS
    assert all(len(read.data) <= MOST_CALL_BYTES for read in found.reads)


@given(st.lists(st.binary(max_size=100), max_size=8))
def test_results_are_encoded_as_the_abi_has_it(results: list[bytes]) -> None:
    encoded = encode_results(results)
    assert encoded == encode(["bytes[]"], [results])
    assert list(decode(["bytes[]"], encoded)[0]) == results


@given(st.binary(max_size=2 * MOST_RESULT_BYTES))
def test_failures_are_shorter_than_any_value(data: bytes) -> None:
    failure = reverted(data)
    assert is_failure(failure)
    assert failure[:4] == REVERTED
    assert len(failure) < 32
    assert returned(data) == (data if len(data) <= MOST_RESULT_BYTES else TOO_LONG)


def test_answers_change_the_root_and_lead_to_it() -> None:
    leaves = [leaf(901), leaf(902)]
    ids = [keccak256(b"%d" % index) for index in range(5)]
    aggregate = Aggregate.of(leaves, {902: 3}, {id_: [id_] for id_ in ids})
    assert aggregate.root != Aggregate.of(leaves, {902: 3}).root
    again = Aggregate.from_json(aggregate.to_json(), aggregate.reads_json())
    assert again.root == aggregate.root
    for one in leaves:
        proof = aggregate.prove_leaf(7, one)
        assert proof.leaf_root() == aggregate.root
    with pytest.raises(KeyError):
        aggregate.prove_reads(7, b"\0" * 32)
    with pytest.raises(KeyError):
        Aggregate.of(leaves).prove_reads(7, ids[0])


def test_answer_round_trip() -> None:
    answer = Answer(message(body(READS)), 4, (b"\1" * 32,), (b"", b"\2" * 40))
    assert Answer.from_json(answer.to_json()) == answer
    assert answer.origin == 901


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=70)), max_size=8),
    st.binary(max_size=100),
    st.sampled_from(Finality),
)
def test_dispatch_is_encoded_as_the_abi_has_it(
    reads: list[tuple[int, bytes]], data: bytes, finality: Finality
) -> None:
    operations = tuple(ReadOperation(domain, b"\xcc" * 20, call) for domain, call in reads)
    wanted = Demands(finality, operations)
    calldata = RouterMessage(902, b"\x0a" * 20, data, wanted, 9).calldata("dispatch")
    types = "(uint32,bytes32,(uint32,address,bytes)[],bytes,uint8,uint256)"
    assert calldata[:4] == keccak256(f"dispatch{types}".encode())[:4]
    listed = [(read.domain, "0x" + "cc" * 20, read.data) for read in operations]
    values = [902, (b"\x0a" * 20).rjust(32, b"\0"), listed, data, finality, 9]
    kinds = ["uint32", "bytes32", "(uint32,address,bytes)[]", "bytes", "uint8", "uint256"]
    assert calldata[4:] == encode(kinds, values)
