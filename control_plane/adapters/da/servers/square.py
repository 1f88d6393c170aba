"""A square of a stand-in's block, and proofs of what is in it.

As Celestia's, without what we have no use for: there are no transactions in the first shares, and
no erasure coding, so rows and columns are half as long as there. A proof has the same form and is
checked in the same way.

Source: celestiaorg/celestia-app, specs/src/data_square_layout.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isqrt

from control_plane.adapters.da.shares import (
    TAIL_PADDING,
    padding,
    split,
    subtree_roots,
    subtree_width,
)
from control_plane.adapters.da.trees import (
    NAMESPACE_BYTES,
    Range,
    leaf_digest,
    merkle_path,
    merkle_root,
    namespaced_leaf,
    namespaced_path,
    namespaced_root,
)


@dataclass(frozen=True)
class Square:
    """Shares in rows, each namespace's together."""

    shares: list[bytes]
    starts: list[int]
    """Number of each blob's first share, in the order in which the blobs were given."""
    counts: list[int]
    """Shares of each blob."""

    @classmethod
    def of(cls, blobs: Sequence[tuple[bytes, bytes]]) -> "Square":
        """Of (namespace, data), at least one."""
        shares: list[bytes] = []
        starts, counts = [0] * len(blobs), [0] * len(blobs)
        for index in sorted(range(len(blobs)), key=lambda number: blobs[number][0]):
            own = split(*blobs[index])
            width = subtree_width(len(own))
            gap = -len(shares) % width
            shares += [padding(shares[-1][:NAMESPACE_BYTES])] * gap if gap else []
            starts[index], counts[index] = len(shares), len(own)
            shares += own
        width = 1 << (isqrt(len(shares) - 1)).bit_length()
        shares += [padding(TAIL_PADDING)] * (width * width - len(shares))
        return cls(shares, starts, counts)

    @cached_property
    def width(self) -> int:
        """Shares of a row."""
        return isqrt(len(self.shares))

    @cached_property
    def rows(self) -> list[list[bytes]]:
        """Nodes of the shares."""
        nodes = [namespaced_leaf(share[:NAMESPACE_BYTES], share) for share in self.shares]
        return [nodes[at : at + self.width] for at in range(0, len(nodes), self.width)]

    @cached_property
    def row_roots(self) -> list[bytes]:
        return [namespaced_root(row) for row in self.rows]

    @cached_property
    def column_roots(self) -> list[bytes]:
        return [namespaced_root(column) for column in zip(*self.rows, strict=True)]

    @cached_property
    def data_root(self) -> bytes:
        """What the block's header commits to."""
        return merkle_root([*self.row_roots, *self.column_roots])

    def spans(self, start: int, end: int) -> list[tuple[int, Range]]:
        """The rows that the shares from `start` to `end` are in, and where in each."""
        found = []
        for row in range(start // self.width, (end - 1) // self.width + 1):
            first = row * self.width
            found.append((row, (max(start - first, 0), min(end - first, self.width))))
        return found

    def path(self, row: int, span: Range) -> list[bytes]:
        """Of the leaves in `span` of a row."""
        return namespaced_path(self.rows[row], *span)

    def row_path(self, row: int) -> list[bytes]:
        """From a row's root to the data root."""
        return merkle_path([*self.row_roots, *self.column_roots], row)

    def row_leaf(self, row: int) -> bytes:
        """Hash of a row's root, as it stands in the tree of roots."""
        return leaf_digest(self.row_roots[row])

    def namespace_span(self, namespace: bytes) -> Range:
        """Shares of `namespace`, padding included; they are there."""
        own = [n for n, share in enumerate(self.shares) if share.startswith(namespace)]
        return own[0], own[-1] + 1

    def roots_of(self, blob: int) -> list[bytes]:
        """Subtree roots of a blob."""
        start, count = self.starts[blob], self.counts[blob]
        own = self.shares[start : start + count]
        return subtree_roots(own[0][:NAMESPACE_BYTES], own)
