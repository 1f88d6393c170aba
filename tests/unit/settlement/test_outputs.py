"""Outputs: calls and answers of the oracle as eth_abi has them."""

from eth_abi import decode, encode  # type: ignore[attr-defined]
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement.outputs import (
    Proposal,
    decode_final,
    decode_output,
    decode_parent,
    output_root,
)

_HASH = st.binary(min_size=32, max_size=32)
_NUMBERS = "uint64,uint48,uint48,uint48,uint48"
_OUTPUT = f"(bytes32,bytes32,bytes32,bytes32,bytes32,{_NUMBERS},address,uint96)"


@settings(max_examples=50)
@given(st.binary(), st.lists(st.binary(), max_size=4), st.binary(max_size=100))
def test_a_proposal_is_encoded_as_the_abi_wants(
    header: bytes, nodes: list[bytes], proof: bytes
) -> None:
    made = Proposal(7, header, tuple(nodes)).encode(proof)
    assert made[:4] == keccak256(b"propose(bytes,bytes[],bytes)")[:4]
    assert made[4:] == encode(["bytes", "bytes[]", "bytes"], [header, nodes, proof])
    assert decode(["bytes", "bytes[]", "bytes"], made[4:]) == (header, tuple(nodes), proof)


def test_an_output_is_read() -> None:
    roots = [bytes([n]) * 32 for n in range(1, 6)]
    numbers = (9, 1_767_225_600, 1_767_225_601, 1_767_225_611, 4)
    values = (*roots, *numbers, "0x" + "ab" * 20, 10**18)
    found = decode_output(encode([_OUTPUT], [values]))
    assert (found.output_root, found.batch_commitment) == (roots[0], roots[4])
    assert (found.block_number, found.serial) == (9, 4)
    assert (found.proposed_at, found.final_at) == numbers[2:4]
    assert found.proposed_at - found.block_timestamp == 1
    assert (found.proposer, found.bond) == (b"\xab" * 20, 10**18)


def test_no_final_output_is_none() -> None:
    assert decode_final(encode(["bool", "uint256"], [False, 0])) is None
    assert decode_final(encode(["bool", "uint256"], [True, 0])) == 0


def test_a_parent_is_read() -> None:
    answer = encode(["bytes32", "bytes32", "uint64"], [b"\1" * 32, b"\2" * 32, 5])
    assert decode_parent(answer).number == 5


@settings(max_examples=20)
@given(_HASH, _HASH, _HASH)
def test_an_output_root_is_of_four_words(first: bytes, second: bytes, third: bytes) -> None:
    words = ["bytes32"] * 3
    assert output_root(first, second, third) == keccak256(
        encode(["uint256", *words], [0, first, second, third])
    )
