"""Both trees against plain recursive ones, and against what contracts accept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.domain.hashing import ZERO, hash_pair, keccak256
from control_plane.domain.merkle import (
    DEPTH,
    ZERO_SUBTREES,
    ArrayTree,
    MessageTree,
    message_root,
    process_multiproof,
    process_proof,
    shared_root,
)
from tests.unit.metalayer.vectors import load, raw


def leaves(count: int) -> list[bytes]:
    return [keccak256(b"%d" % index) for index in range(count)]


def plain_root(nodes: list[bytes]) -> bytes:
    """All 2^32 leaves, the empty ones by their subtrees."""
    for height in range(DEPTH):
        if len(nodes) % 2:
            nodes = [*nodes, ZERO_SUBTREES[height]]
        nodes = [hash_pair(*nodes[i : i + 2]) for i in range(0, len(nodes), 2)]
    return nodes[0] if nodes else ZERO_SUBTREES[DEPTH]


class TestMessageTree:
    def test_known_empty_root(self) -> None:
        # the initial root of Hyperlane's tree and of the beacon chain's deposit tree's shape
        known = "27ae5ba08d7291c96c8cbddcc148bf48a6d68c7974b94356f53754ef6171d757"
        assert MessageTree().root().hex() == known
        assert ZERO_SUBTREES[0] == ZERO

    @given(st.integers(min_value=0, max_value=70))
    def test_root_of_every_size(self, count: int) -> None:
        tree = MessageTree(leaves(70))
        assert tree.root(count) == plain_root(leaves(count))
        assert MessageTree(leaves(count)).root() == plain_root(leaves(count))

    @given(st.data())
    def test_path_leads_to_the_root_of_any_size(self, data: st.DataObject) -> None:
        total = data.draw(st.integers(1, 80))
        size = data.draw(st.integers(1, total))
        index = data.draw(st.integers(0, size - 1))
        tree = MessageTree(leaves(total))
        path = tree.path(index, size)
        assert message_root(tree.leaf(index), index, size, path) == tree.root(size)
        assert len(path) <= (size - 1).bit_length()

    @given(st.data())
    def test_shared_path_leads_to_the_root_of_any_size(self, data: st.DataObject) -> None:
        total = data.draw(st.integers(1, 80))
        size = data.draw(st.integers(1, total))
        indices = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
        tree = MessageTree(leaves(total))
        path = tree.shared_path(indices, size)
        given_ = [tree.leaf(index) for index in indices]
        assert shared_root(given_, indices, size, path) == tree.root(size)
        assert len(path) <= sum(len(tree.path(index, size)) for index in indices)
        with pytest.raises(ValueError, match="too long"):
            shared_root(given_, indices, size, [*path, ZERO])
        if path:
            with pytest.raises(ValueError, match="too short"):
                shared_root(given_, indices, size, path[:-1])

    def test_shared_path_of_one_leaf_is_its_own(self) -> None:
        tree = MessageTree(leaves(33))
        assert all(tree.shared_path([index]) == tree.path(index) for index in range(33))

    @pytest.mark.parametrize("indices", [[], [1, 1], [2, 1]])
    def test_shared_path_wants_ascending_indices(self, indices: list[int]) -> None:
        with pytest.raises(ValueError, match="ascending"):
            MessageTree(leaves(3)).shared_path(indices)

    @given(st.data())
    def test_truncate_is_as_if_never_appended(self, data: st.DataObject) -> None:
        total = data.draw(st.integers(0, 50))
        kept = data.draw(st.integers(0, total))
        tree = MessageTree(leaves(total))
        tree.root()
        tree.truncate(kept)
        assert len(tree) == kept
        assert tree.root() == plain_root(leaves(kept))
        other = [keccak256(b"other %d" % index) for index in range(5)]
        for position, leaf in enumerate(other):
            assert tree.append(leaf) == kept + position
        assert tree.root() == plain_root(leaves(kept) + other)

    def test_old_roots_are_forgotten_in_time(self) -> None:
        tree = MessageTree(leaves(200))
        roots = [tree.root(size) for size in range(201)]
        assert [tree.root(size) for size in range(201)] == roots

    def test_refuses(self) -> None:
        tree = MessageTree(leaves(3))
        with pytest.raises(IndexError):
            tree.path(3)
        with pytest.raises(IndexError):
            tree.shared_path([1, 3])
        with pytest.raises(IndexError):
            tree.path(0, 4)
        with pytest.raises(IndexError):
            tree.path(2, 2)
        with pytest.raises(IndexError):
            tree.root(4)
        with pytest.raises(IndexError):
            tree.leaf(-1)
        with pytest.raises(ValueError, match="32 bytes"):
            tree.append(b"short")
        with pytest.raises(ValueError, match="cannot cut"):
            tree.truncate(4)

    def test_paths_of_wrong_length(self) -> None:
        tree = MessageTree(leaves(3))
        path = tree.path(0)
        with pytest.raises(ValueError, match="too long"):
            message_root(tree.leaf(0), 0, 3, [*path, ZERO])
        with pytest.raises(ValueError, match="too short"):
            message_root(tree.leaf(0), 0, 3, path[:-1])
        with pytest.raises(ValueError, match="no leaf"):
            message_root(tree.leaf(0), 3, 3, path)

    def test_vectors(self) -> None:
        vector = load("metalayer")["messageTree"]
        tree = MessageTree(raw(leaf) for leaf in vector["leaves"])
        assert [tree.root(size) for size in range(41)] == [raw(root) for root in vector["roots"]]
        for case in vector["paths"]:
            path = [raw(node) for node in case["path"]]
            leaf = tree.leaf(case["index"])
            assert message_root(leaf, case["index"], case["count"], path) == tree.root(
                case["count"]
            )


class TestArrayTree:
    @settings(max_examples=60)
    @given(st.data())
    def test_every_proof_holds(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(1, 40))
        nodes = leaves(size)
        tree = ArrayTree(nodes)
        for index in range(size):
            assert process_proof(nodes[index], tree.proof(index)) == tree.root
        indices = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
        proof, flags = tree.multiproof(indices)
        chosen = [nodes[index] for index in indices]
        assert process_multiproof(chosen, proof, flags) == tree.root
        assert len(chosen) + len(proof) == len(flags) + 1

    def test_one_leaf_is_the_root(self) -> None:
        tree = ArrayTree(leaves(1))
        assert tree.root == leaves(1)[0]
        assert tree.proof(0) == ()
        assert tree.multiproof([0]) == ((), ())
        assert len(tree) == 1

    def test_order_of_leaves_counts(self) -> None:
        # a node sorts its two children; the tree does not sort its leaves
        assert ArrayTree(leaves(3)).root != ArrayTree(leaves(3)[::-1]).root
        assert ArrayTree(leaves(2)).root == ArrayTree(leaves(2)[::-1]).root

    def test_refuses(self) -> None:
        with pytest.raises(ValueError, match="at least one"):
            ArrayTree([])
        tree = ArrayTree(leaves(3))
        with pytest.raises(IndexError):
            tree.proof(3)
        with pytest.raises(IndexError):
            tree.multiproof([-1])
        with pytest.raises(ValueError, match="at least one"):
            tree.multiproof([])

    def test_multiproofs_that_do_not_fit(self) -> None:
        nodes = leaves(4)
        proof, flags = ArrayTree(nodes).multiproof([0, 2])
        chosen = [nodes[0], nodes[2]]
        with pytest.raises(ValueError, match="do not fit"):
            process_multiproof(chosen, proof[:-1], flags)
        with pytest.raises(ValueError, match="do not fit"):
            process_multiproof([], proof, flags)
        with pytest.raises(ValueError, match="more nodes"):
            process_multiproof(chosen, proof, [True] * len(flags))
        with pytest.raises(ValueError, match="too short"):
            process_multiproof(chosen, proof, [False] * len(flags))

    def test_vectors(self) -> None:
        for vector in load("metalayer")["arrayTrees"]:
            nodes = [raw(leaf) for leaf in vector["leaves"]]
            tree = ArrayTree(nodes)
            assert tree.root == raw(vector["root"])
            for index, case in enumerate(vector["proofs"]):
                assert process_proof(nodes[index], [raw(one) for one in case["proof"]]) == tree.root
            for case in vector["multiproofs"]:
                proof, flags = tree.multiproof(case["indices"])
                assert [raw(one) for one in case["proof"]] == list(proof)
                assert case["flags"] == list(flags)
