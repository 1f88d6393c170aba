"""Vectors of what guardians are asked about messages, reads and disputes."""

from collections.abc import Sequence

from control_plane.domain.aggregate import Aggregate
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Domain
from control_plane.domain.merkle import MessageTree
from control_plane.domain.quorum import Tally
from control_plane.domain.reads import (
    MOST_RESULT_BYTES,
    encode_results,
    is_failure,
    results_leaf,
    returned,
    reverted,
)
from control_plane.domain.settlement.verdicts import DataQuestion, StepQuestion, encode_quorum
from scripts.vector_values import (
    NETWORK,
    Json,
    fixed,
    hex_text,
    hex_texts,
    leaf_of,
    message_between,
    roster_of,
    secret_of,
)


def signed_by(size: int, absent: Sequence[int], digest: bytes) -> Tally:
    """A set's votes, but for those who are absent."""
    tally = Tally(roster_of(size), digest)
    for index in range(size):
        if index not in absent:
            tally.add(index, secret_of(index).sign(digest))
    return tally


def meta_proof_vectors() -> list[Json]:
    """Messages of several origins, in trees of several sizes, under one and under three shards."""
    trees = {
        domain: [message_between(nonce, domain, 900 + (domain - 899) % 4) for nonce in range(count)]
        for domain, count in ((900, 1), (901, 2), (902, 5), (903, 33))
    }
    grown = {domain: MessageTree(keccak256(one) for one in all_) for domain, all_ in trees.items()}
    leaves = [leaf_of(domain, tree=tree) for domain, tree in grown.items()]
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
                    "message": hex_text(trees[domain][index]),
                    "messageId": hex_text(grown[domain].leaf(index)),
                    "metadata": hex_text(proof.encode()),
                    "aggregateRoot": hex_text(aggregate.root),
                }
            )
    return vectors


def multi_proof_vectors() -> list[Json]:
    """Consecutive messages, single ones and scattered ones of one tree; one and three shards."""
    sent = [message_between(nonce, 901, 902) for nonce in range(37)]
    tree = MessageTree(keccak256(one) for one in sent)
    leaves = [leaf_of(domain, tree=tree if domain == 901 else None) for domain in (900, 901, 902)]
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
                    "messages": hex_texts(sent[index] for index in indices),
                    "messageIds": hex_texts(ids),
                    "proof": hex_text(proof.encode()),
                    "aggregateRoot": hex_text(aggregate.root),
                }
            )
    return vectors


def read_vectors() -> list[Json]:
    """Results of one to three messages' reads, beside one shard and beside three."""
    values = (
        (),
        (b"",),
        (fixed("word"),),
        (fixed("word"), reverted(b"\xde\xad\xbe\xef why it did so, at length"), reverted(b"")),
        (fixed("a") + fixed("b") + b"odd", returned(bytes(MOST_RESULT_BYTES + 1))),
    )
    leaves = [leaf_of(domain) for domain in (900, 901, 902)]
    vectors = []
    for epoch, shards in ((5, {0: leaves}), (6, {0: leaves[:1], 1: leaves[1:2], 9: leaves[2:]})):
        for count in (1, 3, len(values)):
            reads = {fixed(f"reading message {i}"): values[-1 - i] for i in range(count)}
            aggregate = Aggregate(shards, reads)
            for id_, results in reads.items():
                vectors.append(
                    {
                        "epoch": epoch,
                        "messageId": hex_text(id_),
                        "results": hex_text(encode_results(results)),
                        "failed": [is_failure(result) for result in results],
                        "leaf": hex_text(results_leaf(id_, results)),
                        "metadata": hex_text(aggregate.prove_reads(epoch, id_).around(b"\x02")),
                        "aggregateRoot": hex_text(aggregate.root),
                    }
                )
    return vectors


def _step_question(game_id: int, transactions: int, point: int) -> StepQuestion:
    return StepQuestion(
        game=fixed("dispute game", 20),
        game_id=game_id,
        oracle=fixed("oracle", 20),
        chain_id=901,
        batch_commitment=fixed("accumulator"),
        block_number=1000 + transactions,
        parent_hash=fixed("parent block"),
        block_hash=fixed("disputed block"),
        transactions=transactions,
        point=point,
        agreed=fixed("parent block" if point == 1 else f"state {point - 1}"),
        disputed=fixed("disputed block" if point == transactions + 2 else f"state {point}"),
    )


def verdict_vectors() -> list[Json]:
    """Steps at the beginning, in the middle and at the end of a block, and questions about data."""
    questions: list[tuple[str, StepQuestion | DataQuestion]] = [
        ("step", _step_question(*numbers))
        for numbers in ((1, 0, 1), (2, 3, 3), (3, 3, 5), (2**64, 2**20, 2**20 + 2))
    ]
    places = fixed("dispute game", 20), 5, fixed("oracle", 20), 2**63
    questions.append(("data", DataQuestion(*places, fixed("accumulator"), 1, 1)))
    questions.append(("data", DataQuestion(*places, fixed("accumulator"), 7, 2**64 - 1)))
    return [
        {
            "kind": kind,
            "question": hex_text(question.encode()),
            "verdict": verdict,
            "digest": hex_text(question.digest(NETWORK, verdict)),
            "absent": list(absent),
            "proof": hex_text(
                encode_quorum(signed_by(7, absent, question.digest(NETWORK, verdict)).proof())
            ),
        }
        for index, (kind, question) in enumerate(questions)
        for verdict, absent in ((True, ()), (False, (index,)))
    ]
