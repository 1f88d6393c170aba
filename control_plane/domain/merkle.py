"""The two Merkle trees of docs/formats.md.

:class:`MessageTree` is Hyperlane's incremental tree over message ids, kept whole so that a path
can be given for any earlier size; :class:`ArrayTree` is OpenZeppelin's, over leaves, shards
and guardians. Nodes are 32 bytes everywhere.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from control_plane.domain.hashing import ZERO, hash_pair, hash_sorted_pair

DEPTH: Final = 32
"""Height of the message tree."""


def _zero_subtrees() -> tuple[bytes, ...]:
    nodes = [ZERO]
    for _ in range(DEPTH):
        nodes.append(hash_pair(nodes[-1], nodes[-1]))
    return tuple(nodes)


ZERO_SUBTREES: Final = _zero_subtrees()
"""Root of the empty subtree of each height, 0 to 32; the last is the empty tree's root."""


class MessageTree:
    """Append-only tree of message ids that answers for every size it ever had.

    Appending costs one hash on average, a path or a root of a size asked for the first time 32.
    `truncate` undoes appends after a reorg.
    """

    __slots__ = ("_edges", "_levels")

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[] for _ in range(DEPTH + 1)]
        """Complete subtrees only, by height: a node never changes once it is here."""
        self._edges: dict[int, tuple[bytes, ...]] = {}
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def leaf(self, index: int) -> bytes:
        """The message id at `index`; IndexError if there is none."""
        if index < 0:
            raise IndexError(index)
        return self._levels[0][index]

    def append(self, leaf: bytes) -> int:
        """Add a message id; its index."""
        if len(leaf) != 32:
            raise ValueError("a message id has 32 bytes")
        levels = self._levels
        levels[0].append(leaf)
        height = 0
        while not len(levels[height]) & 1:
            left, right = levels[height][-2:]
            height += 1
            levels[height].append(hash_pair(left, right))
        return len(levels[0]) - 1

    def truncate(self, size: int) -> None:
        """Forget all leaves from index `size` on."""
        if not 0 <= size <= len(self):
            raise ValueError(f"cannot cut a tree of {len(self)} leaves to {size}")
        for height, nodes in enumerate(self._levels):
            del nodes[size >> height :]
        for known in [count for count in self._edges if count > size]:
            del self._edges[known]

    def root(self, size: int | None = None) -> bytes:
        """Root of the tree when it had `size` leaves; of now without it."""
        size = len(self) if size is None else size
        return self._edge(size)[DEPTH] if size else ZERO_SUBTREES[DEPTH]

    def path(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Siblings from leaf `index` up in the tree of `size` leaves, empty ones left out."""
        size = len(self) if size is None else size
        if not 0 <= index < size:
            raise IndexError(f"no leaf {index} in a tree of {size}")
        edge = self._edge(size)
        siblings = []
        for height in range(DEPTH):
            sibling = (index >> height) ^ 1
            if sibling << height >= size:
                continue
            on_edge = sibling == (size - 1) >> height
            siblings.append(edge[height] if on_edge else self._levels[height][sibling])
        return tuple(siblings)

    def shared_path(self, indices: Sequence[int], size: int | None = None) -> tuple[bytes, ...]:
        """Siblings that lead from all of `indices` up, in the tree of `size` leaves: of each
        height, from left to right, those that are neither empty nor above one of the leaves.

        IndexError for an index outside the tree, ValueError unless they are strictly ascending.
        """
        size = len(self) if size is None else size
        positions = _ascending(indices, size)
        edge = self._edge(size)
        siblings = []
        for height in range(DEPTH):
            above: list[int] = []
            known = set(positions)
            for position in positions:
                sibling = position ^ 1
                if sibling not in known and sibling << height < size:
                    on_edge = sibling == (size - 1) >> height
                    siblings.append(edge[height] if on_edge else self._levels[height][sibling])
                if not above or above[-1] != position >> 1:
                    above.append(position >> 1)
            positions = above
        return tuple(siblings)

    def _edge(self, size: int) -> tuple[bytes, ...]:
        """Of each height, the node over the last leaf of the tree of `size` leaves, root last."""
        if not 0 < size <= len(self):
            raise IndexError(f"the tree has {len(self)} leaves, not {size}")
        known = self._edges.get(size)
        if known is not None:
            return known
        last = size - 1
        nodes = [self._levels[0][last]]
        for height in range(DEPTH):
            position = last >> height
            if position & 1:
                node = hash_pair(self._levels[height][position - 1], nodes[-1])
            else:
                node = hash_pair(nodes[-1], ZERO_SUBTREES[height])
            nodes.append(node)
        if len(self._edges) >= 64:
            del self._edges[next(iter(self._edges))]
        edge = tuple(nodes)
        self._edges[size] = edge
        return edge


def message_root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Root of the tree of `size` leaves with `leaf` at `index`, from a path as `path` gives it.

    ValueError if the path's length is not what index and size ask for.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    siblings = iter(path)
    node = leaf
    for height in range(DEPTH):
        position = index >> height
        if (position ^ 1) << height >= size:
            sibling = ZERO_SUBTREES[height]
        else:
            given = next(siblings, None)
            if given is None:
                raise ValueError("the path is too short")
            sibling = given
        node = hash_pair(sibling, node) if position & 1 else hash_pair(node, sibling)
    if next(siblings, None) is not None:
        raise ValueError("the path is too long")
    return node


def shared_root(
    leaves: Sequence[bytes], indices: Sequence[int], size: int, path: Sequence[bytes]
) -> bytes:
    """Root of the tree of `size` leaves with `leaves` at `indices`, from a path as `shared_path`
    gives it.

    IndexError for an index outside the tree; ValueError unless the indices are strictly ascending,
    one for each leaf, and the path is as long as they ask for.
    """
    nodes = list(zip(_ascending(indices, size), leaves, strict=True))
    siblings = iter(path)
    for height in range(DEPTH):
        above: list[tuple[int, bytes]] = []
        known = dict(nodes)
        for position, node in nodes:
            if above and above[-1][0] == position >> 1:
                continue  # the right one of two, taken with the left one
            sibling = known.get(position ^ 1)
            if sibling is None and (position ^ 1) << height >= size:
                sibling = ZERO_SUBTREES[height]
            if sibling is None and (sibling := next(siblings, None)) is None:
                raise ValueError("the path is too short")
            pair = (sibling, node) if position & 1 else (node, sibling)
            above.append((position >> 1, hash_pair(*pair)))
        nodes = above
    if next(siblings, None) is not None:
        raise ValueError("the path is too long")
    return nodes[0][1]


def _ascending(indices: Sequence[int], size: int) -> list[int]:
    """`indices`, checked: at least one, strictly ascending, within a tree of `size` leaves."""
    given = list(indices)
    if not given or any(b <= a for a, b in pairwise(given)):
        raise ValueError("indices are strictly ascending, and there is at least one")
    if given[0] < 0 or given[-1] >= size:
        raise IndexError(f"no leaves {given[0]} to {given[-1]} in a tree of {size}")
    return given


class ArrayTree:
    """OpenZeppelin's complete binary tree in an array, leaves in the order given.

    Node = keccak of the children in ascending order; leaf `i` of `n` stands at `2n - 2 - i`.
    """

    __slots__ = ("_nodes", "_size")

    def __init__(self, leaves: Sequence[bytes]) -> None:
        size = len(leaves)
        if not size:
            raise ValueError("a tree has at least one leaf")
        nodes = [b""] * (size - 1) + list(reversed(leaves))
        for position in range(size - 2, -1, -1):
            nodes[position] = hash_sorted_pair(nodes[2 * position + 1], nodes[2 * position + 2])
        self._nodes = nodes
        self._size = size

    def __len__(self) -> int:
        return self._size

    @property
    def root(self) -> bytes:
        """32 bytes; of a tree of one leaf, the leaf."""
        return self._nodes[0]

    def proof(self, index: int) -> tuple[bytes, ...]:
        """Siblings from leaf `index` up, as `MerkleProof.processProof` takes them."""
        position = self._position(index)
        siblings = []
        while position:
            siblings.append(self._nodes[_sibling(position)])
            position = (position - 1) // 2
        return tuple(siblings)

    def multiproof(self, indices: Iterable[int]) -> tuple[tuple[bytes, ...], tuple[bool, ...]]:
        """Proof and flags for several leaves, as `MerkleProof.processMultiProof` takes them.

        The leaves are to be given to it in ascending order of their indices. No index: ValueError.
        """
        queue = [self._position(index) for index in sorted(set(indices))]
        if not queue:
            raise ValueError("a multi-proof is of at least one leaf")
        proof: list[bytes] = []
        flags: list[bool] = []
        head = 0
        while queue[head]:
            position = queue[head]
            head += 1
            paired = head < len(queue) and queue[head] == _sibling(position)
            flags.append(paired)
            if paired:
                head += 1
            else:
                proof.append(self._nodes[_sibling(position)])
            queue.append((position - 1) // 2)
        return tuple(proof), tuple(flags)

    def _position(self, index: int) -> int:
        if not 0 <= index < self._size:
            raise IndexError(f"no leaf {index} in a tree of {self._size}")
        return 2 * self._size - 2 - index


def _sibling(position: int) -> int:
    return position - 1 if position % 2 == 0 else position + 1


def process_proof(leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Root to which `proof` leads from `leaf` (`MerkleProof.processProof`)."""
    node = leaf
    for sibling in proof:
        node = hash_sorted_pair(node, sibling)
    return node


def process_multiproof(
    leaves: Sequence[bytes], proof: Sequence[bytes], flags: Sequence[bool]
) -> bytes:
    """Root to which a multi-proof leads (`MerkleProof.processMultiProof`).

    ValueError if the proof's parts do not fit together or no leaf is given.
    """
    if not leaves or len(leaves) + len(proof) != len(flags) + 1:
        raise ValueError("leaves, proof and flags do not fit together")
    queue = list(leaves)
    head = 0
    siblings = iter(proof)
    for paired in flags:
        if head + (2 if paired else 1) > len(queue):
            raise ValueError("the flags ask for more nodes than there are")
        node = queue[head]
        if paired:
            other = queue[head + 1]
        else:
            given = next(siblings, None)
            if given is None:
                raise ValueError("the proof is too short")
            other = given
        head += 2 if paired else 1
        queue.append(hash_sorted_pair(node, other))
    if next(siblings, None) is not None:
        raise ValueError("the proof is too long")
    return queue[-1]
