"""RFC 6962's tree and the namespaced one."""

from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.adapters.da.trees import (
    NAMESPACE_BYTES,
    PARITY,
    BadProof,
    leaf_digest,
    merkle_path,
    merkle_root,
    namespaced_leaf,
    namespaced_node,
    namespaced_path,
    namespaced_root,
    root_by_path,
    root_by_subtrees,
    subtrees,
)


def test_the_hashes_are_those_of_rfc_6962() -> None:
    """Vectors: certificate-transparency's rfc6962_test.go, as in celestiaorg/go-square."""
    assert merkle_root([]).hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert merkle_root([b""]).hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert leaf_digest(b"L123456").hex() == (
        "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    )


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_every_path_leads_to_the_root_and_to_no_other(
    items: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(items) - 1))
    path = merkle_path(items, index)
    root = merkle_root(items)
    assert root_by_path(items[index], index, len(items), path) == root
    assert root_by_path(items[index] + b"!", index, len(items), path) != root
    with pytest.raises(BadProof):
        root_by_path(items[index], index, len(items), [*path, bytes(32)])


@given(st.integers(1, 40), st.data())
def test_every_range_of_shares_leads_to_the_root(count: int, data: st.DataObject) -> None:
    nodes = [namespaced_leaf(_name(n // 3), bytes([n])) for n in range(count)]
    start = data.draw(st.integers(0, count - 1))
    end = data.draw(st.integers(start + 1, count))
    leaves = [(n, n + 1) for n in range(start, end)]
    path = namespaced_path(nodes, start, end)
    assert root_by_subtrees(leaves, nodes[start:end], path) == namespaced_root(nodes)


def test_a_range_is_proven_by_its_subtrees_as_by_its_leaves() -> None:
    nodes = [namespaced_leaf(_name(0), bytes([n])) for n in range(16)]
    parts = subtrees(4, 11, 4)
    assert parts == [(4, 8), (8, 10), (10, 11)]
    roots = [namespaced_root(nodes[start:end]) for start, end in parts]
    assert root_by_subtrees(parts, roots, namespaced_path(nodes, 4, 11)) == namespaced_root(nodes)
    with pytest.raises(BadProof):
        subtrees(3, 11, 4)


def test_a_node_carries_the_namespaces_under_it() -> None:
    left, right = namespaced_leaf(_name(1), b"a"), namespaced_leaf(_name(2), b"b")
    node = namespaced_node(left, right)
    assert node == _name(1) + _name(2) + sha256(b"\1" + left + right).digest()
    parity = namespaced_leaf(PARITY, b"c")
    assert namespaced_node(left, parity)[: 2 * NAMESPACE_BYTES] == 2 * _name(1)
    with pytest.raises(BadProof, match="order"):
        namespaced_node(right, left)


@pytest.mark.parametrize("path", [[], [b"short"], [bytes(90)] * 9])
def test_a_path_of_another_form_is_refused(path: list[bytes]) -> None:
    nodes = [namespaced_leaf(_name(n), bytes([n])) for n in range(8)]
    with suppress(BadProof):
        assert root_by_subtrees([(3, 4)], nodes[3:4], path) != namespaced_root(nodes)


def _name(number: int) -> bytes:
    return bytes([number + 1]).rjust(NAMESPACE_BYTES, b"\0")
