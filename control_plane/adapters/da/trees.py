"""Celestia's two hash trees: RFC 6962's, and the namespaced one.

Both split where the largest power of two below their size lies, and hash with SHA-256. A node of
the namespaced tree carries the least and the greatest namespace under it before its digest
(90 bytes), so that a proof of a range is also one that nothing of that namespace lies outside.

Sources: RFC 6962 section 2.1; the namespaced Merkle tree's specification in celestiaorg/nmt,
docs/spec/nmt.md, with the greatest namespace ignored as Celestia's squares have it.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

NAMESPACE_BYTES: Final = 29
NODE_BYTES: Final = 2 * NAMESPACE_BYTES + 32
PARITY: Final = b"\xff" * NAMESPACE_BYTES
"""The greatest namespace, that of erasure-coded shares."""

Range = tuple[int, int]
"""Leaves from the first number up to before the second."""


class BadProof(ValueError):
    """A proof that proves nothing: of the wrong form, or of something else."""


# ------------------------------------------------------------------- RFC 6962


def merkle_root(items: Sequence[bytes]) -> bytes:
    """Root over `items` in their order."""
    if not items:
        return sha256().digest()
    if len(items) == 1:
        return leaf_digest(items[0])
    half = _split(len(items))
    return sha256(b"\1" + merkle_root(items[:half]) + merkle_root(items[half:])).digest()


def leaf_digest(item: bytes) -> bytes:
    """RFC 6962's hash of a leaf."""
    return sha256(b"\0" + item).digest()


def merkle_path(items: Sequence[bytes], index: int) -> list[bytes]:
    """Siblings on the way from the item at `index` to the root, the lowest first."""
    if len(items) == 1:
        return []
    half = _split(len(items))
    if index < half:
        return [*merkle_path(items[:half], index), merkle_root(items[half:])]
    return [*merkle_path(items[half:], index - half), merkle_root(items[:half])]


def root_by_path(item: bytes, index: int, total: int, path: Sequence[bytes]) -> bytes:
    """Root of the tree of `total` items that has `item` at `index`. Raises BadProof."""
    if not 0 <= index < total:
        raise BadProof(f"there is no item {index} among {total}")
    if total == 1:
        if path:
            raise BadProof("the path is longer than the tree is high")
        return leaf_digest(item)
    if not path:
        raise BadProof("the path is shorter than the tree is high")
    half = _split(total)
    if index < half:
        return sha256(b"\1" + root_by_path(item, index, half, path[:-1]) + path[-1]).digest()
    right = root_by_path(item, index - half, total - half, path[:-1])
    return sha256(b"\1" + path[-1] + right).digest()


# ------------------------------------------------------------------- namespaced


def namespaced_leaf(namespace: bytes, share: bytes) -> bytes:
    """Node of one share, 90 bytes."""
    return namespace + namespace + sha256(b"\0" + namespace + share).digest()


def namespaced_node(left: bytes, right: bytes) -> bytes:
    """Node over two others. Raises BadProof when their namespaces are out of order."""
    for node in (left, right):
        if len(node) != NODE_BYTES or _most(node) < _least(node):
            raise BadProof("that is no node of a namespaced tree")
    if _least(right) < _most(left):
        raise BadProof("namespaces are out of order")
    most = _most(left) if _least(right) == PARITY else _most(right)
    return _least(left) + most + sha256(b"\1" + left + right).digest()


def namespaced_root(nodes: Sequence[bytes]) -> bytes:
    """Root over at least one leaf's node."""
    if len(nodes) == 1:
        return nodes[0]
    half = _split(len(nodes))
    return namespaced_node(namespaced_root(nodes[:half]), namespaced_root(nodes[half:]))


def namespaced_path(nodes: Sequence[bytes], start: int, end: int) -> list[bytes]:
    """What has to be known besides the leaves from `start` to `end`, from left to right."""
    if end <= 0 or start >= len(nodes):
        return [namespaced_root(nodes)]
    if len(nodes) == 1:
        return []
    half = _split(len(nodes))
    left = namespaced_path(nodes[:half], start, end)
    return left + namespaced_path(nodes[half:], start - half, end - half)


def subtrees(start: int, end: int, width: int) -> list[Range]:
    """The subtrees of at most `width` leaves that the leaves from `start` to `end` fall into.

    Raises BadProof when `start` begins no such subtree.
    """
    if not 0 <= start < end or width < 1:
        raise BadProof(f"there are no leaves from {start} to {end}")
    found = []
    while start < end:
        size = 1 << (min(end - start, width).bit_length() - 1)
        if start % size:
            raise BadProof(f"no subtree of {size} leaves begins at {start}")
        found.append((start, start + size))
        start += size
    return found


def root_by_subtrees(
    ranges: Sequence[Range], roots: Sequence[bytes], path: Sequence[bytes]
) -> bytes:
    """Root of the tree in which `roots` stand over `ranges`, that follow one another.

    `path` is what :func:`namespaced_path` of them all gives. Raises BadProof.
    """
    if not ranges or len(ranges) != len(roots):
        raise BadProof(f"{len(roots)} roots for {len(ranges)} subtrees")
    start, end = ranges[0][0], ranges[-1][1]
    known = dict(zip(ranges, roots, strict=True))
    rest = list(reversed(path))

    def over(low: int, high: int) -> bytes | None:
        """None: the tree ends before."""
        if high <= start or low >= end:
            return rest.pop() if rest else None
        if (low, high) in known:
            return known[low, high]
        if high - low == 1:
            raise BadProof(f"nothing stands over leaf {low}")
        half = _split(high - low)
        left, right = over(low, low + half), over(low + half, high)
        if left is None:
            raise BadProof("the path is too short")
        return left if right is None else namespaced_node(left, right)

    root = over(0, 1 << (end - 1).bit_length())
    while rest and root is not None:
        root = namespaced_node(root, rest.pop())
    if root is None:
        raise BadProof("the path is too short")
    return root


def _least(node: bytes) -> bytes:
    return node[:NAMESPACE_BYTES]


def _most(node: bytes) -> bytes:
    return node[NAMESPACE_BYTES : 2 * NAMESPACE_BYTES]


def _split(size: int) -> int:
    """The largest power of two below `size`, which is at least two."""
    return 1 << ((size - 1).bit_length() - 1)
