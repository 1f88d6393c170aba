"""Write tests/vectors/metalayer.json, which Solidity's and Python's tests both run.

    python -m scripts.vectors            write the file
    python -m scripts.vectors --check    exit 1 if it would change

Everything is derived from fixed labels, so the file is the same on every machine. Byte strings are
0x-hex; records are also given ABI-encoded, so that Solidity decodes them in one go.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from control_plane.domain import bls
from control_plane.domain.abi_formats import encode_certificate, encode_guardian_set
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.formats import (
    NO_PARENT,
    Certificate,
    EpochHeader,
    Finality,
    possession_digest,
    shard_node,
)
from control_plane.domain.merkle import ArrayTree, MessageTree
from scripts.message_vectors import (
    meta_proof_vectors,
    multi_proof_vectors,
    read_vectors,
    signed_by,
    verdict_vectors,
)
from scripts.vector_values import (
    NETWORK,
    Json,
    fixed,
    hex_text,
    hex_texts,
    leaf_of,
    roster_of,
    secret_of,
    write_or_check,
)

TARGET: Final = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "metalayer.json"
SIZES: Final = (1, 2, 3, 4, 7, 32)
ABSENT: Final[tuple[tuple[int, tuple[int, ...]], ...]] = (
    (1, ()),
    (4, ()),
    (4, (0,)),
    (4, (3,)),
    (7, ()),
    (7, (2,)),
    (7, (1, 5)),
    (32, ()),
    (32, (31,)),
    (32, (0, 1, 2, 9, 16, 17, 30)),
)
"""Size of the set and who is absent, of each certificate; all reach the quorum."""


# ---------------------------------------------------------------- sections


def _network_vector() -> Json:
    return {
        "l1GenesisHash": hex_text(fixed("l1 genesis")),
        "guardianRegistry": hex_text(fixed("registry", 20)),
        "devnetId": hex_text(fixed("devnet")),
        "networkId": hex_text(NETWORK),
    }


def _leaf_vectors() -> list[Json]:
    leaves = [leaf_of(900), leaf_of(901, Finality.FINALIZED), leaf_of(2**32 - 1)]
    return [
        {**one.to_json(), "encoded": hex_text(one.encode()), "hash": hex_text(one.hash)}
        for one in leaves
    ]


def _message_tree_vector() -> Json:
    leaves = [fixed(f"message {index}") for index in range(40)]
    tree = MessageTree(leaves)
    paths = [(0, 1), (0, 2), (1, 2), (2, 3), (0, 3), (4, 5), (7, 8), (6, 33), (32, 33), (39, 40)]
    return {
        "leaves": hex_texts(leaves),
        "roots": hex_texts(tree.root(size) for size in range(len(leaves) + 1)),
        "paths": [
            {"index": index, "count": count, "path": hex_texts(tree.path(index, count))}
            for index, count in paths
        ],
    }


def _array_tree_vector(size: int) -> Json:
    leaves = [fixed(f"leaf {index} of {size}") for index in range(size)]
    tree = ArrayTree(leaves)
    choices: Sequence[Sequence[int]] = sorted(
        {(0,), (size - 1,), tuple(range(size)), tuple(range(0, size, 2)), (size // 3, size - 1)}
    )
    multiproofs = []
    for indices in choices:
        proof, flags = tree.multiproof(indices)
        multiproofs.append(
            {"indices": sorted(set(indices)), "proof": hex_texts(proof), "flags": list(flags)}
        )
    return {
        "leaves": hex_texts(leaves),
        "root": hex_text(tree.root),
        "proofs": [{"proof": hex_texts(tree.proof(index))} for index in range(size)],
        "multiproofs": multiproofs,
    }


def _aggregate_vector() -> Json:
    shards = {7: [leaf_of(902), leaf_of(901), leaf_of(901, Finality.FINALIZED)], 0: [leaf_of(900)]}
    aggregate = Aggregate(shards)
    trees = {
        shard: ArrayTree([one.hash for one in leaves]) for shard, leaves in aggregate.shards.items()
    }
    return {
        "shards": [
            {
                "id": shard,
                "leaves": hex_texts(one.encode() for one in leaves),
                "root": hex_text(trees[shard].root),
                "node": hex_text(shard_node(shard, trees[shard].root)),
            }
            for shard, leaves in aggregate.shards.items()
        ],
        "aggregateRoot": hex_text(aggregate.root),
    }


def _header(set_id: int, epoch: int) -> EpochHeader:
    parent = fixed(f"parent {epoch}") if epoch > 1 else NO_PARENT
    return EpochHeader(set_id, epoch, 1_767_225_600 + epoch, parent, fixed(f"aggregate {epoch}"))


def _header_vectors() -> list[Json]:
    headers = [_header(1, 1), _header(3, 2), _header(2**64 - 1, 2**63)]
    return [
        {
            **one.to_json(),
            "encoded": hex_text(one.encode(NETWORK)),
            "hash": hex_text(one.hash(NETWORK)),
        }
        for one in headers
    ]


def _set_vector(size: int) -> Json:
    members = roster_of(size).members
    guardian_set = roster_of(size).guardian_set
    return {
        "size": size,
        "setId": guardian_set.set_id,
        "totalStake": str(guardian_set.total_stake),
        "root": hex_text(guardian_set.root),
        "aggregateKey": hex_text(guardian_set.aggregate_key),
        "abi": hex_text(encode_guardian_set(guardian_set)),
        "commitment": hex_text(guardian_set.commitment(NETWORK)),
        "memberHashes": hex_texts(member.hash for member in members),
    }


def _guardian_vectors() -> list[Json]:
    return [
        {
            "index": member.index,
            "seed": hex_text(fixed(f"guardian seed {member.index}")),
            "guardian": hex_text(member.guardian),
            "stake": str(member.stake),
            "key": hex_text(member.key),
        }
        for member in roster_of(32).members
    ]


def _possession_vectors() -> list[Json]:
    registry = fixed("registry", 20)
    vectors = []
    for member in roster_of(4).members:
        digest = possession_digest(900, registry, member.guardian, member.key)
        vectors.append(
            {
                "chainId": 900,
                "registry": hex_text(registry),
                "guardian": hex_text(member.guardian),
                "key": hex_text(member.key),
                "digest": hex_text(digest),
                "proof": hex_text(secret_of(member.index).prove_possession(digest)),
            }
        )
    return vectors


def _signature_vectors() -> list[Json]:
    digests = [fixed("digest 0"), bytes(32), b"\xff" * 32]
    return [
        {
            "key": hex_text(secret_of(index).key),
            "digest": hex_text(digest),
            "signature": hex_text(secret_of(index).sign(digest)),
        }
        for index, digest in enumerate(digests)
    ]


def _hash_to_curve_vectors() -> list[Json]:
    messages = [
        fixed("digest 0"),
        b"",
        b"\x00" * 32,
        b"a longer message than one block of SHA-256, to be sure",
    ]
    return [
        {
            "message": hex_text(one),
            "tag": tag.decode(),
            "point": hex_text(bls.hash_to_curve(one, tag)),
        }
        for one in messages
        for tag in (bls.SIGNATURE_TAG, bls.POSSESSION_TAG)
    ]


def _certificate_vector(epoch: int, size: int, absent: Sequence[int]) -> Json:
    one = _header(size, epoch)
    digest = one.hash(NETWORK)
    certificate = Certificate(one, signed_by(size, absent, digest).proof())
    return {
        "size": size,
        "absent": list(absent),
        "epoch": epoch,
        "headerHash": hex_text(digest),
        "aggregateRoot": hex_text(one.aggregate_root),
        "abi": hex_text(encode_certificate(certificate)),
    }


def vectors() -> Json:
    """The whole file."""
    return {
        "about": "Made by scripts/vectors.py; not edited by hand. Formats: docs/formats.md.",
        "version": 1,
        "network": _network_vector(),
        "leaves": _leaf_vectors(),
        "messageTree": _message_tree_vector(),
        "arrayTrees": [_array_tree_vector(size) for size in SIZES],
        "aggregate": _aggregate_vector(),
        "headers": _header_vectors(),
        "guardians": _guardian_vectors(),
        "sets": [_set_vector(size) for size in SIZES],
        "possessions": _possession_vectors(),
        "signatures": _signature_vectors(),
        "hashToCurve": _hash_to_curve_vectors(),
        "certificates": [
            _certificate_vector(epoch, size, absent)
            for epoch, (size, absent) in enumerate(ABSENT, start=1)
        ],
        "verdicts": verdict_vectors(),
        "metaProofs": meta_proof_vectors(),
        "multiProofs": multi_proof_vectors(),
        "reads": read_vectors(),
    }


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, vectors(), sys.argv[1:]))
