"""Leaves of an epoch, the aggregate root over them, and the proofs that lead up to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from control_plane.domain.formats import VERSION, Finality, Leaf, shard_node
from control_plane.domain.ids import Domain
from control_plane.domain.merkle import (
    ArrayTree,
    MessageTree,
    message_root,
    process_proof,
    shared_root,
)
from control_plane.domain.reads import ReadProof, reads_node, results_leaf

MULTI_VERSION: Final = 2
"""First byte of a multi-proof."""
META_PROOF_FIXED_BYTES: Final = 133
"""Bytes of a meta-proof before its three paths."""
_NO_SHARDS: Final[Mapping[int, int]] = {}
_NO_READS: Final[Mapping[bytes, Sequence[bytes]]] = {}


class Aggregate:
    """The trees of one epoch: leaves under shards, shards under the aggregate root."""

    __slots__ = (
        "_positions", "_reads_tree", "_shard_ids", "_shard_tree", "_trees", "reads", "shards"
    )  # fmt: skip

    def __init__(
        self,
        shards: Mapping[int, Iterable[Leaf]],
        reads: Mapping[bytes, Sequence[bytes]] = _NO_READS,
    ) -> None:
        """Leaves by shard id, results of reads by message id. ValueError for no leaf, or two of
        one chain and finality."""
        self.shards: Final[dict[int, tuple[Leaf, ...]]] = {
            shard: tuple(sorted(leaves, key=_order)) for shard, leaves in sorted(shards.items())
        }
        self._positions: dict[tuple[int, int], tuple[int, int]] = {}
        for shard, leaves in self.shards.items():
            for index, leaf in enumerate(leaves):
                if _order(leaf) in self._positions:
                    raise ValueError(f"two leaves of domain {leaf.domain} in one epoch")
                self._positions[_order(leaf)] = (shard, index)
        self._trees = {
            shard: ArrayTree([leaf.hash for leaf in leaves])
            for shard, leaves in self.shards.items()
        }
        self._shard_ids = tuple(self.shards)
        self.reads: Final = dict(sorted(reads.items()))
        """Results of the reads that the epoch answers, by message id."""
        leaves_of_reads = [results_leaf(id_, results) for id_, results in self.reads.items()]
        self._reads_tree = ArrayTree(leaves_of_reads) if leaves_of_reads else None
        nodes = [shard_node(shard, tree.root) for shard, tree in self._trees.items()]
        if self._reads_tree is not None:
            nodes.append(reads_node(self._reads_tree.root))
        self._shard_tree = ArrayTree(nodes)

    @classmethod
    def of(
        cls,
        leaves: Iterable[Leaf],
        shards: Mapping[int, int] = _NO_SHARDS,
        reads: Mapping[bytes, Sequence[bytes]] = _NO_READS,
    ) -> Self:
        """An epoch whose leaves are in the shards that `shards` gives by domain, in 0 the rest."""
        grouped: dict[int, list[Leaf]] = {}
        for leaf in leaves:
            grouped.setdefault(shards.get(leaf.domain, 0), []).append(leaf)
        return cls(grouped, reads)

    @classmethod
    def from_json(
        cls, leaves: Iterable[Mapping[str, Any]], reads: Iterable[Mapping[str, Any]] = ()
    ) -> Self:
        """From leaves and reads of an epoch's record. ValueError or KeyError if they are none."""
        grouped: dict[int, list[Leaf]] = {}
        for leaf in leaves:
            grouped.setdefault(int(leaf.get("shard", 0)), []).append(Leaf.from_json(leaf))
        return cls(
            grouped,
            {
                bytes.fromhex(read["messageId"][2:]): [
                    bytes.fromhex(result[2:]) for result in read["results"]
                ]
                for read in reads
            },
        )

    def to_json(self) -> tuple[dict[str, Any], ...]:
        """The leaves with their shards, as epochs are recorded."""
        return tuple(
            leaf.to_json() | {"shard": shard}
            for shard, leaves in self.shards.items()
            for leaf in leaves
        )

    def reads_json(self) -> tuple[dict[str, Any], ...]:
        """The answered reads, as epochs are recorded."""
        return tuple(
            {"messageId": "0x" + id_.hex(), "results": ["0x" + one.hex() for one in results]}
            for id_, results in self.reads.items()
        )

    @property
    def root(self) -> bytes:
        """The aggregate root, 32 bytes."""
        return self._shard_tree.root

    def shard_root(self, shard: int) -> bytes:
        """Root over the leaves of a shard, 32 bytes. KeyError if the epoch has no such shard."""
        return self._trees[shard].root

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """All leaves in the order of the trees."""
        return tuple(leaf for leaves in self.shards.values() for leaf in leaves)

    def leaf(self, domain: Domain, finality: Finality = Finality.INSTANT) -> Leaf | None:
        """What the epoch says of a chain, if it does."""
        position = self._positions.get((domain, finality))
        return None if position is None else self.shards[position[0]][position[1]]

    def prove(self, epoch: int, tree: MessageTree, message_index: int, leaf: Leaf) -> "MetaProof":
        """Proof of message `message_index` of the chain of `leaf`, whose messages are in `tree`.

        KeyError if the leaf is not of this epoch, IndexError if the message came after the leaf.
        """
        path = tree.path(message_index, leaf.message_count)
        return replace(self.prove_leaf(epoch, leaf), message_index=message_index, message_path=path)

    def prove_many(
        self, epoch: int, tree: MessageTree, indices: Sequence[int], leaf: Leaf
    ) -> "MultiProof":
        """Proof that the messages at ascending `indices` of the chain of `leaf` share.

        KeyError if the leaf is not of this epoch, IndexError if one came after the leaf, ValueError
        unless the indices are strictly ascending.
        """
        path = tree.shared_path(indices, leaf.message_count)
        return MultiProof(self.prove_leaf(epoch, leaf), tuple(indices), path)

    def prove_leaf(self, epoch: int, leaf: Leaf) -> "MetaProof":
        """Proof of a leaf alone: a meta-proof with message index 0 and no message path.

        KeyError if the leaf is not of this epoch.
        """
        shard, index = self._positions[_order(leaf)]
        return MetaProof(
            epoch=epoch,
            leaf=leaf,
            message_index=0,
            shard_id=shard,
            leaf_path=self._trees[shard].proof(index),
            shard_path=self._shard_tree.proof(self._shard_ids.index(shard)),
            message_path=(),
        )

    def prove_reads(self, epoch: int, message_id: bytes) -> ReadProof:
        """Proof of what was read for a message. KeyError if the epoch does not answer its reads."""
        if self._reads_tree is None or message_id not in self.reads:
            raise KeyError(message_id.hex())
        return ReadProof(
            epoch=epoch,
            reads_path=self._reads_tree.proof(list(self.reads).index(message_id)),
            top_path=self._shard_tree.proof(len(self._shard_ids)),
            results=self.reads[message_id],
        )


def _order(leaf: Leaf) -> tuple[int, int]:
    return leaf.domain, leaf.finality


@dataclass(frozen=True, slots=True)
class MetaProof:
    """All that takes one message to a certified aggregate root."""

    epoch: int
    leaf: Leaf
    message_index: int
    shard_id: int
    leaf_path: Sequence[bytes]
    shard_path: Sequence[bytes]
    message_path: Sequence[bytes]

    def encode(self) -> bytes:
        """Metadata of `AggregateRootIsm`: 133 bytes and 32 for each node."""
        return self.encode_head(VERSION, self.message_index) + b"".join(self.message_path)

    def encode_head(self, version: int, number: int) -> bytes:
        """All before what is said of messages; `number` stands in the place of the index."""
        return b"".join(
            (
                version.to_bytes(1),
                self.epoch.to_bytes(8),
                self.leaf.encode(),
                number.to_bytes(4),
                self.shard_id.to_bytes(4),
                len(self.leaf_path).to_bytes(1),
                len(self.shard_path).to_bytes(1),
                *self.leaf_path,
                *self.shard_path,
            )
        )

    def aggregate_root(self, message_id: bytes) -> bytes:
        """Root to which the proof leads; ValueError if the message is not under the leaf."""
        leaf = self.leaf
        found = message_root(message_id, self.message_index, leaf.message_count, self.message_path)
        if found != leaf.message_root:
            raise ValueError("the message is not in the tree that the leaf names")
        return self.leaf_root()

    def leaf_root(self) -> bytes:
        """Root to which the leaf's own path leads."""
        leaf = self.leaf
        shard_root = process_proof(leaf.hash, self.leaf_path)
        return process_proof(shard_node(self.shard_id, shard_root), self.shard_path)


@dataclass(frozen=True, slots=True)
class MultiProof:
    """All that takes several messages of one chain to a certified aggregate root."""

    leaf_proof: MetaProof
    indices: tuple[int, ...]
    """Strictly ascending."""
    message_path: Sequence[bytes]

    def encode(self) -> bytes:
        """What `AggregateRootIsm.prove` takes: 133 bytes, 4 for each message, 32 for each node."""
        head = self.leaf_proof.encode_head(MULTI_VERSION, len(self.indices))
        return b"".join((head, *(i.to_bytes(4) for i in self.indices), *self.message_path))

    def aggregate_root(self, message_ids: Sequence[bytes]) -> bytes:
        """Root to which the proof leads; ValueError if the messages are not under the leaf."""
        leaf = self.leaf_proof.leaf
        found = shared_root(message_ids, self.indices, leaf.message_count, self.message_path)
        if found != leaf.message_root:
            raise ValueError("the messages are not in the tree that the leaf names")
        return self.leaf_proof.leaf_root()
