from dataclasses import replace

import pytest

from control_plane.domain.aggregate import META_PROOF_FIXED_BYTES, Aggregate
from control_plane.domain.formats import Finality, Leaf, shard_node
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Domain
from control_plane.domain.merkle import ArrayTree, MessageTree
from tests.unit.metalayer.vectors import load, raw

TREE = MessageTree(keccak256(b"%d" % index) for index in range(9))


def leaf(domain: int, finality: Finality = Finality.INSTANT, count: int = 9) -> Leaf:
    return Leaf(
        Domain(domain), 5, b"\x01" * 32, b"\x02" * 32, TREE.root(count), count, finality=finality
    )


def test_leaves_are_ordered_by_domain_and_finality() -> None:
    one, two, three = leaf(901), leaf(901, Finality.FINALIZED), leaf(902)
    aggregate = Aggregate.of([three, two, one])
    assert aggregate.leaves == (one, two, three)
    root = ArrayTree([one.hash, two.hash, three.hash]).root
    assert aggregate.root == shard_node(0, root)


def test_leaves_are_grouped_by_shards_and_recorded_with_them() -> None:
    leaves = [leaf(900), leaf(901), leaf(901, Finality.FINALIZED), leaf(902), leaf(903)]
    aggregate = Aggregate.of(leaves, {901: 7, 902: 3, 903: 7})
    assert (
        aggregate.root
        == Aggregate({0: leaves[:1], 3: [leaves[3]], 7: leaves[1:3] + leaves[4:]}).root
    )
    assert aggregate.root != Aggregate.of(leaves).root
    nodes = [shard_node(shard, aggregate.shard_root(shard)) for shard in (0, 3, 7)]
    assert ArrayTree(nodes).root == aggregate.root
    again = Aggregate.from_json(aggregate.to_json())
    assert (again.root, again.shards) == (aggregate.root, aggregate.shards)
    assert Aggregate.from_json([one.to_json() for one in leaves]).root == Aggregate.of(leaves).root


def test_leaf_is_found() -> None:
    aggregate = Aggregate.of([leaf(901), leaf(902, Finality.FINALIZED)])
    assert aggregate.leaf(Domain(901)) == leaf(901)
    assert aggregate.leaf(Domain(902)) is None
    assert aggregate.leaf(Domain(902), Finality.FINALIZED) == leaf(902, Finality.FINALIZED)


def test_a_chain_has_one_leaf_of_each_finality() -> None:
    with pytest.raises(ValueError, match="two leaves"):
        Aggregate({0: [leaf(901)], 1: [leaf(901)]})
    with pytest.raises(ValueError, match="at least one"):
        Aggregate.of([])


@pytest.mark.parametrize("shards", [{0: 5}, {0: 1}, {3: 2, 9: 3}, {0: 1, 1: 1, 2: 1}])
def test_every_message_leads_to_the_root(shards: dict[int, int]) -> None:
    domains = iter(range(900, 950))
    aggregate = Aggregate(
        {shard: [leaf(next(domains)) for _ in range(count)] for shard, count in shards.items()}
    )
    for one in aggregate.leaves:
        for index in (0, 4, 8):
            proof = aggregate.prove(7, TREE, index, one)
            assert proof.aggregate_root(TREE.leaf(index)) == aggregate.root
            nodes = len(proof.leaf_path) + len(proof.shard_path) + len(proof.message_path)
            assert len(proof.encode()) == META_PROOF_FIXED_BYTES + 32 * nodes


def test_a_tree_that_has_grown_since_proves_the_leafs_size() -> None:
    old = leaf(901, count=4)
    aggregate = Aggregate.of([old])
    assert aggregate.prove(1, TREE, 3, old).aggregate_root(TREE.leaf(3)) == aggregate.root
    with pytest.raises(IndexError):
        aggregate.prove(1, TREE, 4, old)


def test_another_message_is_refused() -> None:
    aggregate = Aggregate.of([leaf(901)])
    proof = aggregate.prove(1, TREE, 3, leaf(901))
    with pytest.raises(ValueError, match="not in the tree"):
        proof.aggregate_root(keccak256(b"another"))
    changed = replace(proof, leaf_path=(bytes(32),))
    assert changed.aggregate_root(TREE.leaf(3)) != aggregate.root


def test_vectors() -> None:
    vector = load("metalayer")["aggregate"]
    aggregate = Aggregate(
        {
            shard["id"]: [Leaf.decode(raw(one)) for one in shard["leaves"]]
            for shard in vector["shards"]
        }
    )
    assert aggregate.root == raw(vector["aggregateRoot"])
