"""Write tests/vectors/state.json: state proofs that Solidity's and Python's tests both check.

    python -m scripts.state_vectors            write the file
    python -m scripts.state_vectors --check    exit 1 if it would change

Tries are made by another implementation (py-trie); everything is derived from fixed labels.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import rlp  # type: ignore[import-untyped]
from trie.hexary import HexaryTrie

from control_plane.domain.aggregate import Aggregate
from control_plane.domain.formats import Leaf
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Domain
from control_plane.domain.state_proof import make_state_proof
from scripts.vector_values import hex_text, write_or_check

TARGET: Final = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "state.json"
EPOCH: Final = 9
BORROWER: Final = keccak256(b"caldera state vector: borrower")[:20]
_LOCKED: Final = int.from_bytes(keccak256(BORROWER.rjust(32, b"\0") + bytes(32)))
"""Slot of the borrower's coins in the example's `Collateral`: the mapping at slot 0."""
CASES: Final[Mapping[str, tuple[dict[int, int], list[int]]]] = {
    "one slot": ({0: 1}, [0]),
    "small and large values": ({0: 127, 1: 128, 2: 2**256 - 1}, [0, 1, 2]),
    "many slots, shared nodes": ({i: i * i + 1 for i in range(500)}, [7, 8, 300, 499]),
    "unset beside set ones": (dict.fromkeys(range(40), 5), [3, 1000, 1001, 1002, 1003, 1004]),
    "unset beside a single one": ({0: 1}, [1]),
    "no storage at all": ({}, [0, 1]),
    "a mapping": ({_LOCKED: 10**18, 5: 5}, [5, _LOCKED]),
    "written with zero": ({0: 0, 1: 9}, [0, 1]),
}
"""Storage by slot, and which slots are proven."""


def _fixed(label: str, size: int = 32) -> bytes:
    return keccak256(f"caldera state vector: {label}".encode())[:size]


def _minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _proof(trie: HexaryTrie, key: bytes) -> list[str]:
    nodes = trie.get_proof(keccak256(key))  # type: ignore[no-untyped-call]
    return [hex_text(rlp.encode(node)) for node in nodes if node != b""]


def _vector(name: str, storage: Mapping[int, int], slots: Sequence[int]) -> dict[str, Any]:
    address = _fixed(f"{name}: account", 20)
    inside = HexaryTrie({})
    for slot, value in storage.items():
        inside[keccak256(slot.to_bytes(32))] = rlp.encode(_minimal(value))
    state = HexaryTrie({})
    for other in range(20):
        state[keccak256(_fixed(f"{name}: {other}", 20))] = rlp.encode([b"", b"", bytes(32), b""])
    account = [b"\x01", _minimal(10**18), inside.root_hash, keccak256(b"")]
    state[keccak256(address)] = rlp.encode(account)
    answer = {
        "accountProof": _proof(state, address),
        "storageProof": [{"proof": _proof(inside, slot.to_bytes(32))} for slot in slots],
    }
    leaf = Leaf(
        Domain(901), 7, _fixed(f"{name}: block"), state.root_hash, _fixed(f"{name}: tree"), 3
    )
    others = [
        Leaf(Domain(902 + i), 8, _fixed(f"block {i}"), _fixed(f"state {i}"), _fixed("tree"), 0)
        for i in range(3)
    ]
    aggregate = Aggregate({0: [leaf, others[0]], 4: others[1:]})
    leaf_proof = aggregate.prove_leaf(EPOCH, leaf).encode()
    proof = make_state_proof(leaf_proof, state.root_hash, [(address, slots)], [answer])
    return {
        "name": name,
        "aggregateRoot": hex_text(aggregate.root),
        "stateRoot": hex_text(state.root_hash),
        "account": hex_text(address),
        "slots": [hex_text(slot.to_bytes(32)) for slot in slots],
        "values": [hex_text(storage.get(slot, 0).to_bytes(32)) for slot in slots],
        "leaf": hex_text(leaf_proof),
        "proof": hex_text(proof.encode()),
    }


def vectors() -> dict[str, Any]:
    """What the file holds."""
    made = [_vector(name, *case) for name, case in CASES.items()]
    return {"epoch": EPOCH, "borrower": hex_text(BORROWER), "proofs": made}


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, vectors(), sys.argv[1:]))
