"""Proofs of Anvil, and random tries of another implementation."""

from typing import Any

import pytest
import rlp as reference  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from control_plane.domain.hashing import keccak256
from control_plane.domain.trie import (
    EMPTY_TRIE,
    Account,
    InvalidProof,
    prove,
    prove_account,
    prove_slot,
    proven_slots,
)
from tests.unit.metalayer.vectors import load, raw

PRAGUE: dict[str, Any] = load("blocks")["blocks"]["prague"]
ROOT = raw(PRAGUE["block"]["stateRoot"])
ADDRESS = raw(PRAGUE["address"])
SLOTS = [int(entry["key"], 16) for entry in PRAGUE["proof"]["storageProof"]]


def nodes(proof: list[str]) -> list[bytes]:
    return [raw(node) for node in proof]


def test_slots_of_a_real_node() -> None:
    values = [int(entry["value"], 16) for entry in PRAGUE["proof"]["storageProof"]]
    assert proven_slots(ROOT, ADDRESS, SLOTS, PRAGUE["proof"]) == tuple(values)
    assert values[0] > 0


def test_account_of_a_real_node() -> None:
    account = prove_account(ROOT, ADDRESS, nodes(PRAGUE["proof"]["accountProof"]))
    assert account is not None
    assert account.storage_root == raw(PRAGUE["proof"]["storageHash"])
    assert account.code_hash == raw(PRAGUE["proof"]["codeHash"])


def test_an_account_that_does_not_exist() -> None:
    absent = PRAGUE["absent"]
    address = raw(absent["address"])
    assert prove_account(ROOT, address, nodes(absent["accountProof"])) is None
    with pytest.raises(InvalidProof, match="no account"):
        proven_slots(ROOT, address, [32], absent)


def test_what_the_node_says_beside_the_proof_is_not_believed() -> None:
    lying = {**PRAGUE["proof"], "storageHash": "0x" + "00" * 32, "balance": "0xffff"}
    lying["storageProof"] = [
        {**entry, "value": "0x1234"} for entry in PRAGUE["proof"]["storageProof"]
    ]
    assert proven_slots(ROOT, ADDRESS, SLOTS, lying) == proven_slots(
        ROOT, ADDRESS, SLOTS, PRAGUE["proof"]
    )


def test_slots_in_another_order_are_refused() -> None:
    with pytest.raises(InvalidProof):
        proven_slots(ROOT, ADDRESS, [SLOTS[1], SLOTS[0], *SLOTS[2:]], PRAGUE["proof"])


def test_another_state_root_is_refused() -> None:
    with pytest.raises(InvalidProof):
        proven_slots(keccak256(ROOT), ADDRESS, SLOTS, PRAGUE["proof"])


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"accountProof": [], "storageProof": []},
        {"accountProof": ["0xzz"], "storageProof": []},
        {"accountProof": None, "storageProof": []},
        {"accountProof": PRAGUE["proof"]["accountProof"], "storageProof": [{}]},
        {"accountProof": PRAGUE["proof"]["accountProof"], "storageProof": []},
    ],
)
def test_malformed_answers_are_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(InvalidProof):
        proven_slots(ROOT, ADDRESS, [32], answer)


def test_the_empty_trie_holds_nothing() -> None:
    assert prove(EMPTY_TRIE, keccak256(b""), []) is None
    assert prove(EMPTY_TRIE, keccak256(b""), [b"\x80"]) is None
    with pytest.raises(InvalidProof):
        prove(EMPTY_TRIE, keccak256(b""), [b"\x81\xff"])


def make_trie(entries: dict[bytes, bytes]) -> HexaryTrie:
    trie = HexaryTrie({})
    for key, value in entries.items():
        trie[key] = value
    return trie


def proof_of(trie: HexaryTrie, key: bytes) -> list[bytes]:
    """As eth_getProof gives it: without the nodes that lie inside their parents."""
    encoded = [reference.encode(node) for node in trie.get_proof(key)]  # type: ignore[no-untyped-call]
    return [node for place, node in enumerate(encoded) if place == 0 or len(node) >= 32]


# short keys make extension nodes, embedded nodes and values on the way
ENTRIES = st.dictionaries(
    st.sampled_from([bytes([a, b, c]) for a in (0, 1, 16) for b in (0, 255) for c in (0, 1, 17)])
    | st.binary(min_size=3, max_size=3),
    st.binary(min_size=1, max_size=40),
    min_size=1,
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(ENTRIES, st.binary(min_size=3, max_size=3))
def test_random_tries(entries: dict[bytes, bytes], stranger: bytes) -> None:
    trie = make_trie(entries)
    for key in [*entries, stranger]:
        assert prove(trie.root_hash, key, proof_of(trie, key)) == entries.get(key)


@settings(max_examples=100, deadline=None)
@given(ENTRIES, st.data())
def test_tampered_proofs_never_prove_anything_else(
    entries: dict[bytes, bytes], data: st.DataObject
) -> None:
    trie = make_trie(entries)
    key = data.draw(st.sampled_from(sorted(entries)))
    proof = proof_of(trie, key)
    kind = data.draw(st.sampled_from(["flip", "drop", "repeat", "append"]))
    place = data.draw(st.integers(0, len(proof) - 1))
    if kind == "flip":
        changed = bytearray(proof[place])
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1
        proof[place] = bytes(changed)
    elif kind == "drop":
        del proof[place]
    elif kind == "repeat":
        proof.insert(place, proof[place])
    else:
        proof.append(b"\xc0")
    with pytest.raises(InvalidProof):
        prove(trie.root_hash, key, proof)


def test_secure_tries_as_storage() -> None:
    values = {slot: slot * 10**20 for slot in range(1, 60)}
    trie = make_trie(
        {keccak256(slot.to_bytes(32)): reference.encode(value) for slot, value in values.items()}
    )
    for slot in (1, 33, 59):
        proof = proof_of(trie, keccak256(slot.to_bytes(32)))
        assert prove_slot(trie.root_hash, slot, proof) == values[slot]
    missing = proof_of(trie, keccak256((99).to_bytes(32)))
    assert prove_slot(trie.root_hash, 99, missing) == 0


def test_accounts_as_state() -> None:
    account = Account(5, 10**18, keccak256(b"storage"), keccak256(b"code"))
    address = b"\x11" * 20
    encoded = reference.encode(
        [account.nonce, account.balance, account.storage_root, account.code_hash]
    )
    trie = make_trie({keccak256(address): encoded, keccak256(b"other"): b"x" * 40})
    proof = proof_of(trie, keccak256(address))
    assert prove_account(trie.root_hash, address, proof) == account


@pytest.mark.parametrize(
    "value",
    [b"\x05" * 40, reference.encode([b"\x01"] * 3), reference.encode([b"", b"", [], b""])],
)
def test_values_that_are_no_accounts(value: bytes) -> None:
    trie = make_trie({keccak256(b"\x11" * 20): value})
    with pytest.raises(InvalidProof):
        prove_account(trie.root_hash, b"\x11" * 20, proof_of(trie, keccak256(b"\x11" * 20)))


@pytest.mark.parametrize(
    "value", [reference.encode(b"\x01" * 33), reference.encode([b"\x01"]), b"ab"]
)
def test_values_that_are_no_slots(value: bytes) -> None:
    key = keccak256((1).to_bytes(32))
    trie = make_trie({key: value})
    with pytest.raises(InvalidProof):
        prove_slot(trie.root_hash, 1, proof_of(trie, key))


def test_a_slot_written_with_zero_as_anvil_keeps_it() -> None:
    key = keccak256((1).to_bytes(32))
    trie = make_trie({key: b"\x80"})
    assert prove_slot(trie.root_hash, 1, proof_of(trie, key)) == 0


@pytest.mark.parametrize(
    "node",
    [
        [b"a"] * 3,
        [b"\x41", b"value"],  # no such flag
        [b"\x05\x00", b"value"],  # the padding nibble is not zero
        [[], b"value"],
        [b"", b"value"],
    ],
)
def test_nodes_of_no_form(node: list[Any]) -> None:
    encoded = reference.encode(node)
    with pytest.raises(InvalidProof):
        prove(keccak256(encoded), b"\x12" * 32, [encoded])
