"""Write tests/vectors/metalayer.json, which Solidity's and Python's tests both run.

    python scripts/vectors.py            write the file
    python scripts/vectors.py --check    exit 1 if it would change

Everything is derived from fixed labels, so the file is the same on every machine. Byte strings are
0x-hex; records are also given ABI-encoded, so that Solidity decodes them in one go.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from control_plane.domain import bls
from control_plane.domain.abi_formats import encode_certificate, encode_guardian_set
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.formats import (
    NO_PARENT,
    Certificate,
    EpochHeader,
    Finality,
    Leaf,
    Member,
    network_id,
    possession_digest,
    shard_node,
)
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Domain
from control_plane.domain.merkle import ArrayTree, MessageTree
from control_plane.domain.quorum import Roster, Tally
from control_plane.domain.reads import (
    MOST_RESULT_BYTES,
    encode_results,
    is_failure,
    results_leaf,
    returned,
    reverted,
)
from control_plane.domain.settlement.verdicts import DataQuestion, StepQuestion, encode_quorum

TARGET: Final = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "metalayer.json"
ERA: Final = 10**18
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

Json = dict[str, Any]


def _fixed(label: str, size: int = 32) -> bytes:
    """Bytes that stand for a hash, an address or a seed."""
    return keccak256(f"caldera vector: {label}".encode())[:size]


def _text(data: bytes) -> str:
    return "0x" + data.hex()


def _texts(data: Iterable[bytes]) -> list[str]:
    return [_text(one) for one in data]


NETWORK: Final = network_id(_fixed("l1 genesis"), _fixed("registry", 20), _fixed("devnet"))


@cache
def _secret(index: int) -> bls.SecretKey:
    return bls.SecretKey(_fixed(f"guardian seed {index}"))


@cache
def _roster(size: int) -> Roster:
    """Guardians of nearly equal stake, so that who is absent matters."""
    members = [
        Member(index, _fixed(f"guardian {index}", 20), 100_000 * ERA + index, _secret(index).key)
        for index in range(size)
    ]
    return Roster(size, members)


def _message(nonce: int, origin: int, destination: int) -> bytes:
    """A Hyperlane v3 message."""
    sender, recipient = _fixed(f"sender {origin}"), _fixed(f"recipient {destination}")
    head = b"\x03" + nonce.to_bytes(4) + origin.to_bytes(4) + sender
    return head + destination.to_bytes(4) + recipient + f"hello {nonce}".encode()


def _leaf(
    domain: int, finality: Finality = Finality.INSTANT, tree: MessageTree | None = None
) -> Leaf:
    tree = tree or MessageTree()
    name = f"{domain} {finality.name}"
    return Leaf(
        domain=Domain(domain),
        block_number=1000 + domain,
        block_hash=_fixed(f"block hash {name}"),
        state_root=_fixed(f"state root {name}"),
        message_root=tree.root(),
        message_count=len(tree),
        finality=finality,
    )


# ---------------------------------------------------------------- sections


def _network_vector() -> Json:
    return {
        "l1GenesisHash": _text(_fixed("l1 genesis")),
        "guardianRegistry": _text(_fixed("registry", 20)),
        "devnetId": _text(_fixed("devnet")),
        "networkId": _text(NETWORK),
    }


def _leaf_vectors() -> list[Json]:
    leaves = [_leaf(900), _leaf(901, Finality.FINALIZED), _leaf(2**32 - 1)]
    return [
        {**one.to_json(), "encoded": _text(one.encode()), "hash": _text(one.hash)} for one in leaves
    ]


def _message_tree_vector() -> Json:
    leaves = [_fixed(f"message {index}") for index in range(40)]
    tree = MessageTree(leaves)
    paths = [(0, 1), (0, 2), (1, 2), (2, 3), (0, 3), (4, 5), (7, 8), (6, 33), (32, 33), (39, 40)]
    return {
        "leaves": _texts(leaves),
        "roots": _texts(tree.root(size) for size in range(len(leaves) + 1)),
        "paths": [
            {"index": index, "count": count, "path": _texts(tree.path(index, count))}
            for index, count in paths
        ],
    }


def _array_tree_vector(size: int) -> Json:
    leaves = [_fixed(f"leaf {index} of {size}") for index in range(size)]
    tree = ArrayTree(leaves)
    choices: Sequence[Sequence[int]] = sorted(
        {(0,), (size - 1,), tuple(range(size)), tuple(range(0, size, 2)), (size // 3, size - 1)}
    )
    multiproofs = []
    for indices in choices:
        proof, flags = tree.multiproof(indices)
        multiproofs.append(
            {"indices": sorted(set(indices)), "proof": _texts(proof), "flags": list(flags)}
        )
    return {
        "leaves": _texts(leaves),
        "root": _text(tree.root),
        "proofs": [{"proof": _texts(tree.proof(index))} for index in range(size)],
        "multiproofs": multiproofs,
    }


def _aggregate_vector() -> Json:
    shards = {7: [_leaf(902), _leaf(901), _leaf(901, Finality.FINALIZED)], 0: [_leaf(900)]}
    aggregate = Aggregate(shards)
    trees = {
        shard: ArrayTree([one.hash for one in leaves]) for shard, leaves in aggregate.shards.items()
    }
    return {
        "shards": [
            {
                "id": shard,
                "leaves": _texts(one.encode() for one in leaves),
                "root": _text(trees[shard].root),
                "node": _text(shard_node(shard, trees[shard].root)),
            }
            for shard, leaves in aggregate.shards.items()
        ],
        "aggregateRoot": _text(aggregate.root),
    }


def _header(set_id: int, epoch: int) -> EpochHeader:
    parent = _fixed(f"parent {epoch}") if epoch > 1 else NO_PARENT
    return EpochHeader(set_id, epoch, 1_767_225_600 + epoch, parent, _fixed(f"aggregate {epoch}"))


def _header_vectors() -> list[Json]:
    headers = [_header(1, 1), _header(3, 2), _header(2**64 - 1, 2**63)]
    return [
        {
            **one.to_json(),
            "encoded": _text(one.encode(NETWORK)),
            "hash": _text(one.hash(NETWORK)),
        }
        for one in headers
    ]


def _set_vector(size: int) -> Json:
    members = _roster(size).members
    guardian_set = _roster(size).guardian_set
    return {
        "size": size,
        "setId": guardian_set.set_id,
        "totalStake": str(guardian_set.total_stake),
        "root": _text(guardian_set.root),
        "aggregateKey": _text(guardian_set.aggregate_key),
        "abi": _text(encode_guardian_set(guardian_set)),
        "commitment": _text(guardian_set.commitment(NETWORK)),
        "memberHashes": _texts(member.hash for member in members),
    }


def _guardian_vectors() -> list[Json]:
    return [
        {
            "index": member.index,
            "seed": _text(_fixed(f"guardian seed {member.index}")),
            "guardian": _text(member.guardian),
            "stake": str(member.stake),
            "key": _text(member.key),
        }
        for member in _roster(32).members
    ]


def _possession_vectors() -> list[Json]:
    registry = _fixed("registry", 20)
    vectors = []
    for member in _roster(4).members:
        digest = possession_digest(900, registry, member.guardian, member.key)
        vectors.append(
            {
                "chainId": 900,
                "registry": _text(registry),
                "guardian": _text(member.guardian),
                "key": _text(member.key),
                "digest": _text(digest),
                "proof": _text(_secret(member.index).prove_possession(digest)),
            }
        )
    return vectors


def _signature_vectors() -> list[Json]:
    digests = [_fixed("digest 0"), bytes(32), b"\xff" * 32]
    return [
        {
            "key": _text(_secret(index).key),
            "digest": _text(digest),
            "signature": _text(_secret(index).sign(digest)),
        }
        for index, digest in enumerate(digests)
    ]


def _hash_to_curve_vectors() -> list[Json]:
    messages = [
        _fixed("digest 0"),
        b"",
        b"\x00" * 32,
        b"a longer message than one block of SHA-256, to be sure",
    ]
    return [
        {"message": _text(one), "tag": tag.decode(), "point": _text(bls.hash_to_curve(one, tag))}
        for one in messages
        for tag in (bls.SIGNATURE_TAG, bls.POSSESSION_TAG)
    ]


def _signed(size: int, absent: Sequence[int], digest: bytes) -> Tally:
    tally = Tally(_roster(size), digest)
    for index in range(size):
        if index not in absent:
            tally.add(index, _secret(index).sign(digest))
    return tally


def _certificate_vector(epoch: int, size: int, absent: Sequence[int]) -> Json:
    one = _header(size, epoch)
    digest = one.hash(NETWORK)
    certificate = Certificate(one, _signed(size, absent, digest).proof())
    return {
        "size": size,
        "absent": list(absent),
        "epoch": epoch,
        "headerHash": _text(digest),
        "aggregateRoot": _text(one.aggregate_root),
        "abi": _text(encode_certificate(certificate)),
    }


def _meta_proof_vectors() -> list[Json]:
    """Messages of several origins, in trees of several sizes, under one and under three shards."""
    trees = {
        domain: [_message(nonce, domain, 900 + (domain - 899) % 4) for nonce in range(count)]
        for domain, count in ((900, 1), (901, 2), (902, 5), (903, 33))
    }
    grown = {domain: MessageTree(keccak256(one) for one in all_) for domain, all_ in trees.items()}
    leaves = [_leaf(domain, tree=tree) for domain, tree in grown.items()]
    flat = Aggregate.of(leaves)
    sharded = Aggregate({0: leaves[:1], 1: leaves[1:2], 9: leaves[2:]})
    vectors = []
    for epoch, aggregate in ((5, flat), (6, sharded)):
        for domain, index in (
            (900, 0),
            (901, 1),
            (902, 0),
            (902, 4),
            (903, 0),
            (903, 31),
            (903, 32),
        ):
            one = aggregate.leaf(Domain(domain))
            assert one is not None
            proof = aggregate.prove(epoch, grown[domain], index, one)
            vectors.append(
                {
                    "epoch": epoch,
                    "domain": domain,
                    "messageIndex": index,
                    "messageCount": one.message_count,
                    "message": _text(trees[domain][index]),
                    "messageId": _text(grown[domain].leaf(index)),
                    "metadata": _text(proof.encode()),
                    "aggregateRoot": _text(aggregate.root),
                }
            )
    return vectors


def _multi_proof_vectors() -> list[Json]:
    """Consecutive messages, single ones and scattered ones of one tree; one and three shards."""
    sent = [_message(nonce, 901, 902) for nonce in range(37)]
    tree = MessageTree(keccak256(one) for one in sent)
    leaves = [_leaf(domain, tree=tree if domain == 901 else None) for domain in (900, 901, 902)]
    leaf = leaves[1]
    flat = Aggregate.of(leaves)
    sharded = Aggregate({0: leaves[:1], 1: leaves[1:2], 9: leaves[2:]})
    vectors = []
    for epoch, aggregate in ((5, flat), (6, sharded)):
        for indices in ([36], range(37), range(5, 21), [0, 36], [3, 4, 8, 31, 32], range(1, 37, 2)):
            proof = aggregate.prove_many(epoch, tree, tuple(indices), leaf)
            ids = [tree.leaf(index) for index in indices]
            assert proof.aggregate_root(ids) == aggregate.root
            vectors.append(
                {
                    "epoch": epoch,
                    "domain": 901,
                    "indices": list(indices),
                    "messageCount": leaf.message_count,
                    "messages": _texts(sent[index] for index in indices),
                    "messageIds": _texts(ids),
                    "proof": _text(proof.encode()),
                    "aggregateRoot": _text(aggregate.root),
                }
            )
    return vectors


def _read_vectors() -> list[Json]:
    """Results of one to three messages' reads, beside one shard and beside three."""
    values = (
        (),
        (b"",),
        (_fixed("word"),),
        (_fixed("word"), reverted(b"\xde\xad\xbe\xef why it did so, at length"), reverted(b"")),
        (_fixed("a") + _fixed("b") + b"odd", returned(bytes(MOST_RESULT_BYTES + 1))),
    )
    leaves = [_leaf(domain) for domain in (900, 901, 902)]
    vectors = []
    for epoch, shards in ((5, {0: leaves}), (6, {0: leaves[:1], 1: leaves[1:2], 9: leaves[2:]})):
        for count in (1, 3, len(values)):
            reads = {_fixed(f"reading message {i}"): values[-1 - i] for i in range(count)}
            aggregate = Aggregate(shards, reads)
            for id_, results in reads.items():
                vectors.append(
                    {
                        "epoch": epoch,
                        "messageId": _text(id_),
                        "results": _text(encode_results(results)),
                        "failed": [is_failure(result) for result in results],
                        "leaf": _text(results_leaf(id_, results)),
                        "metadata": _text(aggregate.prove_reads(epoch, id_).around(b"\x02")),
                        "aggregateRoot": _text(aggregate.root),
                    }
                )
    return vectors


def _step_question(game_id: int, transactions: int, point: int) -> StepQuestion:
    return StepQuestion(
        game=_fixed("dispute game", 20),
        game_id=game_id,
        oracle=_fixed("oracle", 20),
        chain_id=901,
        batch_commitment=_fixed("accumulator"),
        block_number=1000 + transactions,
        parent_hash=_fixed("parent block"),
        block_hash=_fixed("disputed block"),
        transactions=transactions,
        point=point,
        agreed=_fixed("parent block" if point == 1 else f"state {point - 1}"),
        disputed=_fixed("disputed block" if point == transactions + 2 else f"state {point}"),
    )


def _verdict_vectors() -> list[Json]:
    """Steps at the beginning, in the middle and at the end of a block, and questions about data."""
    questions: list[tuple[str, StepQuestion | DataQuestion]] = [
        ("step", _step_question(*numbers))
        for numbers in ((1, 0, 1), (2, 3, 3), (3, 3, 5), (2**64, 2**20, 2**20 + 2))
    ]
    places = _fixed("dispute game", 20), 5, _fixed("oracle", 20), 2**63
    questions.append(("data", DataQuestion(*places, _fixed("accumulator"), 1, 1)))
    questions.append(("data", DataQuestion(*places, _fixed("accumulator"), 7, 2**64 - 1)))
    return [
        {
            "kind": kind,
            "question": _text(question.encode()),
            "verdict": verdict,
            "digest": _text(question.digest(NETWORK, verdict)),
            "absent": list(absent),
            "proof": _text(
                encode_quorum(_signed(7, absent, question.digest(NETWORK, verdict)).proof())
            ),
        }
        for index, (kind, question) in enumerate(questions)
        for verdict, absent in ((True, ()), (False, (index,)))
    ]


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
        "verdicts": _verdict_vectors(),
        "metaProofs": _meta_proof_vectors(),
        "multiProofs": _multi_proof_vectors(),
        "reads": _read_vectors(),
    }


def main(arguments: Sequence[str]) -> int:
    """Write or check the file; the exit code."""
    made = json.dumps(vectors(), indent=1) + "\n"
    if "--check" in arguments:
        same = TARGET.exists() and TARGET.read_text(encoding="utf-8") == made
        if not same:
            print(f"{TARGET.name} is out of date: run scripts/vectors.py", file=sys.stderr)
        return 0 if same else 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
