from dataclasses import replace

import pytest

from control_plane.domain.formats import (
    HEADER_BYTES,
    LEAF_BYTES,
    NO_PARENT,
    EpochHeader,
    Finality,
    GuardianSet,
    Leaf,
    Member,
    member_tree,
    network_id,
    possession_digest,
    shard_node,
)
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Domain
from tests.unit.metalayer.vectors import load, raw

LEAF = Leaf(
    Domain(901), 7, b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, 5, finality=Finality.FINALIZED
)
HEADER = EpochHeader(3, 9, 1_767_225_600, NO_PARENT, b"\x04" * 32)
NETWORK = b"\x05" * 32


def test_leaf_byte_by_byte() -> None:
    expected = "01000003850000000000000007" + "01" * 32 + "02" * 32 + "03" * 32 + "0000000501"
    assert LEAF.encode().hex() == expected
    assert len(LEAF.encode()) == LEAF_BYTES
    assert LEAF.hash == keccak256(LEAF.encode())


def test_leaf_round_trips() -> None:
    assert Leaf.decode(LEAF.encode()) == LEAF
    assert Leaf.from_json(LEAF.to_json()) == LEAF


@pytest.mark.parametrize(
    "data",
    [
        b"\x02" + LEAF.encode()[1:],
        LEAF.encode()[:-1] + b"\x02",
        LEAF.encode()[:-1],
        LEAF.encode() + b"\x00",
    ],
)
def test_leaf_decode_refuses(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - length, version or finality
        Leaf.decode(data)


def test_leaf_of_block_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="block 1"):
        replace(LEAF, block_number=0).encode()


def test_numbers_and_hashes_must_fit() -> None:
    with pytest.raises(OverflowError):
        replace(LEAF, domain=Domain(2**32)).encode()
    with pytest.raises(ValueError, match="state root"):
        replace(LEAF, state_root=b"short").encode()
    with pytest.raises(ValueError, match="aggregate root"):
        replace(HEADER, aggregate_root=b"").encode(NETWORK)


def test_header_byte_by_byte() -> None:
    expected = (
        "0101" + "05" * 32 + "0000000000000003"
        "0000000000000009"
        "000000006955b900" + "00" * 32 + "04" * 32
    )
    assert HEADER.encode(NETWORK).hex() == expected
    assert len(HEADER.encode(NETWORK)) == HEADER_BYTES
    assert HEADER.hash(NETWORK) == keccak256(HEADER.encode(NETWORK))
    assert HEADER.hash(NETWORK) != HEADER.hash(b"\x06" * 32)
    assert EpochHeader.from_json(HEADER.to_json()) == HEADER


def test_member_and_set_byte_by_byte() -> None:
    member = Member(1, b"\x0a" * 20, 2**90, b"\x0b" * 128)
    packed = b"\x01\x05" + (1).to_bytes(4) + b"\x0a" * 20 + (2**90).to_bytes(12) + b"\x0b" * 128
    assert member.hash == keccak256(packed)
    one = GuardianSet(2, 3, 2**80, b"\x0c" * 32, b"\x0d" * 128)
    packed = b"\x01\x02" + NETWORK + (2).to_bytes(8) + (3).to_bytes(4) + (2**80).to_bytes(12)
    assert one.commitment(NETWORK) == keccak256(packed + b"\x0c" * 32 + b"\x0d" * 128)


def test_members_are_dense() -> None:
    members = [Member(index, b"\x0a" * 20, 1, b"\x0b" * 128) for index in (0, 2)]
    with pytest.raises(ValueError, match="without gaps"):
        member_tree(members)


def test_network_id_is_abi_encoded() -> None:
    vector = load("metalayer")["network"]
    parts = [raw(vector[name]) for name in ("l1GenesisHash", "guardianRegistry", "devnetId")]
    assert network_id(*parts) == raw(vector["networkId"])
    assert network_id(*parts) == keccak256(parts[0] + bytes(12) + parts[1] + parts[2])


def test_shard_node_byte_by_byte() -> None:
    assert shard_node(7, b"\x01" * 32) == keccak256(b"\x01\x04\x00\x00\x00\x07" + b"\x01" * 32)


def test_possession_is_bound_to_chain_registry_and_account() -> None:
    registry, guardian, key = b"\x01" * 20, b"\x02" * 20, b"\x03" * 128
    packed = b"\x01\x03" + (900).to_bytes(32) + registry + guardian + key
    assert possession_digest(900, registry, guardian, key) == keccak256(packed)


def test_vectors_of_leaves_and_headers() -> None:
    for vector in load("metalayer")["leaves"]:
        leaf = Leaf.from_json(vector)
        assert leaf.encode() == raw(vector["encoded"])
        assert leaf.hash == raw(vector["hash"])
    network = raw(load("metalayer")["network"]["networkId"])
    for vector in load("metalayer")["headers"]:
        header = EpochHeader.from_json(vector)
        assert header.encode(network) == raw(vector["encoded"])
        assert header.hash(network) == raw(vector["hash"])
