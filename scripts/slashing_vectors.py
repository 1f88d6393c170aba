"""Write tests/vectors/slashing.json: evidence that Python makes and `Slasher` judges.

    python -m scripts.slashing_vectors            write the file
    python -m scripts.slashing_vectors --check    exit 1 if it would change

The guardians are the first four of metalayer.json; tries are made by another implementation
(py-trie); everything is derived from fixed labels.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import rlp  # type: ignore[import-untyped]
from trie.hexary import HexaryTrie

from control_plane.domain.abi_formats import encode_guardian_set
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.evidence import (
    Refutation,
    Vote,
    equivocation_calldata,
    false_leaf_calldata,
    refute,
)
from control_plane.domain.formats import Certificate, EpochHeader, Leaf, Member
from control_plane.domain.hashing import keccak256
from control_plane.domain.header import encode_header
from control_plane.domain.ids import Domain
from control_plane.domain.quorum import Roster, Tally
from scripts.vector_values import ERA, NETWORK, Json, fixed, hex_text, secret_of, write_or_check

TARGET: Final = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "slashing.json"
HOOK: Final = fixed("hook", 20)
EPOCH: Final = 6
COUNT: Final = 3
MEMBERS: Final = [
    Member(index, fixed(f"guardian {index}", 20), 100_000 * ERA + index, secret_of(index).key)
    for index in range(4)
]
ROSTER: Final = Roster(1, MEMBERS)
ACCUSED: Final = 2


def _minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _proof(trie: HexaryTrie, key: bytes) -> list[str]:
    nodes = trie.get_proof(keccak256(key))  # type: ignore[no-untyped-call]
    return [hex_text(rlp.encode(node)) for node in nodes if node != b""]


def _chain() -> tuple[Json, Json, bytes]:
    """A block, the proof of the message tree in its state, and the tree's root."""
    root = fixed("message root")
    inside = HexaryTrie({})
    for slot, value in {32: COUNT, 33: int.from_bytes(root), 0: 7}.items():
        inside[keccak256(slot.to_bytes(32))] = rlp.encode(_minimal(value))
    state = HexaryTrie({})
    for other in range(20):
        state[keccak256(fixed(f"account {other}", 20))] = rlp.encode([b"", b"", bytes(32), b""])
    state[keccak256(HOOK)] = rlp.encode([b"\x01", b"", inside.root_hash, keccak256(b"")])
    zero = hex_text(bytes(32))
    block: Json = {
        "parentHash": hex_text(fixed("parent")),
        "sha3Uncles": zero,
        "miner": hex_text(bytes(20)),
        "stateRoot": hex_text(state.root_hash),
        "transactionsRoot": zero,
        "receiptsRoot": zero,
        "logsBloom": hex_text(bytes(256)),
        "difficulty": "0x0",
        "number": "0x3e9",
        "gasLimit": "0x1c9c380",
        "gasUsed": "0x5208",
        "timestamp": "0x69558300",
        "extraData": "0x",
        "mixHash": zero,
        "nonce": "0x0000000000000000",
        "baseFeePerGas": "0x7",
        "withdrawalsRoot": zero,
    }
    slots = [{"proof": _proof(inside, slot.to_bytes(32))} for slot in (32, 33)]
    return block, {"accountProof": _proof(state, HOOK), "storageProof": slots}, root


def _header(aggregate_root: bytes, epoch: int = EPOCH) -> EpochHeader:
    return EpochHeader(1, epoch, 1_767_225_600, fixed("parent header"), aggregate_root)


def _alone(header: EpochHeader) -> Vote:
    return Vote.alone(header, secret_of(ACCUSED).sign(header.hash(NETWORK)))


def _among(header: EpochHeader, absent: int) -> Vote:
    tally = Tally(ROSTER, header.hash(NETWORK))
    for member in MEMBERS:
        if member.index != absent:
            tally.add(member.index, secret_of(member.index).sign(tally.digest))
    return Vote.among(Certificate(header, tally.proof()), ROSTER, ACCUSED)


def _false_leaf(name: str, leaf: Leaf, block: Json, answer: Json, *, summed: bool) -> Json:
    others = [
        Leaf(Domain(902 + i), 8, fixed(f"block {i}"), fixed(f"state {i}"), fixed("tree"), 0)
        for i in range(3)
    ]
    aggregate = Aggregate({0: [leaf, others[0]], 4: others[1:]})
    proof = aggregate.prove_leaf(EPOCH, leaf).encode()
    header = _header(aggregate.root)
    vote = _among(header, 0) if summed else _alone(header)
    found = refute(leaf, proof, HOOK, block, answer)
    if found is None:  # what somebody would send who accuses the honest
        lying = refute(replace(leaf, message_count=99), proof, HOOK, block, answer)
        assert lying is not None
        found = replace(lying, leaf_proof=proof)
    assert isinstance(found, Refutation)
    return {
        "name": name,
        "leafHash": hex_text(leaf.hash),
        "calldata": hex_text(false_leaf_calldata(MEMBERS[ACCUSED].guardian, vote, found)),
    }


def vectors() -> Json:
    """What the file holds."""
    block, answer, root = _chain()
    true = Leaf(
        domain=Domain(901),
        block_number=int(block["number"], 16),
        block_hash=keccak256(encode_header(block)),
        state_root=bytes.fromhex(block["stateRoot"][2:]),
        message_root=root,
        message_count=COUNT,
    )
    lies = {
        "number": replace(true, block_number=1000),
        "state root": replace(true, state_root=fixed("invented state")),
        "count": replace(true, message_count=COUNT + 1),
        "message root": replace(true, message_root=fixed("invented root")),
    }
    first, second = _header(fixed("root a")), _header(fixed("root b"))
    guardian = MEMBERS[ACCUSED].guardian
    votes = {
        "two signatures": (_alone(first), _alone(second)),
        "two certificates": (_among(first, 0), _among(second, 3)),
        "a certificate and a signature": (_among(first, 1), _alone(second)),
    }
    return {
        "about": "Made by scripts/slashing_vectors.py; not edited by hand.",
        "hook": hex_text(HOOK),
        "epoch": EPOCH,
        "accused": hex_text(guardian),
        "set": hex_text(encode_guardian_set(ROSTER.guardian_set)),
        "equivocations": [
            {"name": name, "calldata": hex_text(equivocation_calldata(guardian, *pair))}
            for name, pair in votes.items()
        ],
        "falseLeaves": [
            _false_leaf(name, leaf, block, answer, summed=name == "count")
            for name, leaf in lies.items()
        ],
        "trueLeaf": _false_leaf("true", true, block, answer, summed=False),
    }


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, vectors(), sys.argv[1:]))
