"""Celestia's namespaces, shares and commitments."""

from base64 import b64decode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.adapters.da.servers.square import Square
from control_plane.adapters.da.shares import (
    SHARE_BYTES,
    check_namespace,
    namespace,
    share_commitment,
    split,
    subtree_roots,
    subtree_width,
)


def test_subtree_roots_are_the_published_ones() -> None:
    """Vector: celestiaorg/go-square, inclusion/commitment_test.go, TestCreateCommitment, "blob of
    2 shares succeeds"; that test folds the two roots with its own ``twoLeafMerkleRoot``."""
    own = namespace(b"\1" * 10)
    shares = split(own, b"\xff" * 960)
    assert len(shares) == 2
    folded = b"".join(sha256(root).digest() for root in subtree_roots(own, shares))
    assert sha256(folded).hexdigest() == (
        "31f5156d5db9a7f5b43b297a14c070c2cc4ef3d69d87ed08addd216d9b9fa118"
    )


@pytest.mark.parametrize(
    ("count", "width"), [(1, 1), (2, 1), (64, 1), (65, 2), (128, 2), (129, 4), (5_000, 64 * 2)]
)
def test_subtrees_are_as_wide_as_the_rules_say(count: int, width: int) -> None:
    """Source: celestia-app, specs/src/data_square_layout.md; a threshold of 64."""
    assert subtree_width(count) == width


def test_a_first_share_is_laid_out_as_specified() -> None:
    """Source: celestia-app, specs/src/shares.md: namespace, info byte, sequence length, data."""
    own = namespace(b"caldera")
    first, second = split(own, b"\xaa" * 479)
    assert first == own + b"\1" + (479).to_bytes(4) + b"\xaa" * 478
    assert second == (own + b"\0\xaa").ljust(SHARE_BYTES, b"\0")
    with pytest.raises(ValueError, match="at least a byte"):
        split(own, b"")


def test_only_a_users_namespaces_are_taken() -> None:
    """Source: celestia-app, specs/src/namespace.md, "Reserved namespaces"; the first is the
    example in celestia-node's OpenRPC document."""
    check_namespace(b64decode("AAAAAAAAAAAAAAAAAAAAAAAAAAECAwQFBgcICRA="))
    for wrong, why in [
        (b"\xff" * 29, "version 0"),
        (bytes(28) + b"\4", "reserved"),
        (b"\0\1" + bytes(26) + b"\1", "version 0"),
        (bytes(20), "29 bytes"),
    ]:
        with pytest.raises(ValueError, match=why):
            check_namespace(wrong)
    with pytest.raises(ValueError, match="10 bytes"):
        namespace(b"a" * 11)


@given(st.binary(min_size=1, max_size=3_000), st.binary(min_size=2, max_size=10))
def test_a_commitment_is_of_data_and_namespace(data: bytes, identity: bytes) -> None:
    own = namespace(b"\1" + identity[1:])
    commitment = share_commitment(own, data)
    assert commitment != share_commitment(own, data + b"\0")
    assert commitment != share_commitment(namespace(b"\2" + identity[1:]), data)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 60_000)), min_size=1, max_size=5))
def test_blobs_lie_in_a_square_where_their_subtrees_fit(sizes: list[tuple[int, int]]) -> None:
    blobs = [(namespace(bytes([1, number])), b"\7" * size) for number, size in sizes]
    square = Square.of(blobs)
    assert square.width**2 == len(square.shares)
    assert square.width & (square.width - 1) == 0
    for number, (own, data) in enumerate(blobs):
        start, count = square.starts[number], square.counts[number]
        assert square.shares[start : start + count] == split(own, data)
        assert start % subtree_width(count) == 0
    names = [share[:29] for share in square.shares]
    assert names == sorted(names)
