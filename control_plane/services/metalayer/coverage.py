"""Which certified epoch proves a message, and the trees that its proof is made from."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from control_plane.domain.aggregate import Aggregate
from control_plane.domain.formats import Finality, Leaf
from control_plane.domain.ids import Domain
from control_plane.domain.merkle import MessageTree
from control_plane.domain.ports.store import Database
from control_plane.domain.records import EpochRecord, MessageRecord

_EPOCHS: Final = 64
"""Epochs remembered; a message that waits is proven under a newer one."""


@dataclass(frozen=True, slots=True)
class CertifiedEpoch:
    number: int
    aggregate: Aggregate
    certificate: bytes
    """ABI-encoded."""

    @classmethod
    def of(cls, record: EpochRecord) -> Self:
        if record.certificate is None:
            raise ValueError(f"epoch {record.epoch} is not certified")
        return cls(
            number=record.epoch,
            aggregate=Aggregate.from_json(record.leaves, record.reads),
            certificate=bytes.fromhex(record.certificate[2:]),
        )


class Trees:
    """A copy of every origin's message tree, from the records of its messages."""

    def __init__(self, database: Database, devnet: str) -> None:
        self._database = database
        self._devnet = devnet
        self._trees: dict[int, MessageTree] = {}

    def of(self, origin: int) -> MessageTree:
        """The tree of `origin`; empty if nothing was dispatched there."""
        return self._trees.setdefault(origin, MessageTree())

    async def load(self, origin: int) -> None:
        """Read it anew, at the start and after a reorg."""
        async with self._database.begin() as unit:
            ids = await unit.messages.tree(self._devnet, origin)
        self._trees[origin] = MessageTree(bytes.fromhex(id_[2:]) for id_ in ids)

    async def append(self, origin: int, messages: Iterable[MessageRecord]) -> None:
        """Add newly dispatched messages; those that are in it already are passed over."""
        tree = self.of(origin)
        for message in messages:
            leaf = bytes.fromhex(message.id[2:])
            if message.tree_index == len(tree):
                tree.append(leaf)
            elif message.tree_index > len(tree) or tree.leaf(message.tree_index) != leaf:
                await self.load(origin)
                return


class Coverage:
    """The last certified epochs, by number."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._epochs: dict[int, CertifiedEpoch] = {}
        self._answers: dict[str, CertifiedEpoch] = {}
        """By message id, the last epoch that answers its reads."""

    def add(self, epoch: CertifiedEpoch) -> None:
        """Remember a certified epoch, forgetting the oldest."""
        self.add_answers(epoch)
        self._epochs[epoch.number] = epoch
        while len(self._epochs) > _EPOCHS:
            del self._epochs[min(self._epochs)]

    def add_answers(self, epoch: CertifiedEpoch) -> None:
        """Remember which reads an epoch answers, until :meth:`settle`."""
        self._answers |= dict.fromkeys(("0x" + id_.hex() for id_ in epoch.aggregate.reads), epoch)

    def settle(self, ids: Iterable[str]) -> None:
        """These messages need no answers any more."""
        for id_ in ids:
            self._answers.pop(id_, None)

    def numbers(self) -> list[int]:
        """Of the remembered epochs, ascending."""
        return sorted({*self._epochs, *(epoch.number for epoch in self._answers.values())})

    def answered(self, message: MessageRecord) -> CertifiedEpoch | None:
        """The epoch that answers the reads of `message` and proves it, if there is one."""
        epoch = self._answers.get(message.id)
        leaf = epoch and epoch.aggregate.leaf(Domain(message.origin), Finality(message.finality))
        if leaf and message.tree_index < leaf.message_count and self._agrees(leaf):
            return epoch
        return None

    def choose(
        self, origin: int, there: Collection[int], finality: Finality = Finality.INSTANT
    ) -> "Choice":
        """The epochs that can prove messages of `origin` on a chain that knows those in `there`,
        by leaves of `finality`."""
        newest = known = None
        for number in sorted(self._epochs, reverse=True):
            epoch = self._epochs[number]
            leaf = epoch.aggregate.leaf(Domain(origin), finality)
            if leaf is None or not self._agrees(leaf):
                continue
            newest = newest or (epoch, leaf)
            if number in there:
                known = (epoch, leaf)
                break
        return Choice(self._trees.of(origin), known, newest, finality)

    def _agrees(self, leaf: Leaf) -> bool:
        """Whether our tree is the one that the leaf speaks of; not so after a reorg of its block,
        or while the indexer is behind."""
        tree = self._trees.of(leaf.domain)
        count = leaf.message_count
        return count <= len(tree) and tree.root(count) == leaf.message_root


@dataclass(frozen=True, slots=True)
class Choice:
    """Of one origin: the newest epoch that the destination knows, and the newest of all."""

    tree: MessageTree
    known: tuple[CertifiedEpoch, Leaf] | None
    newest: tuple[CertifiedEpoch, Leaf] | None
    finality: Finality = Finality.INSTANT
    """Of the leaves."""

    def epoch_for(self, tree_index: int) -> CertifiedEpoch | None:
        """The epoch to prove a message under: a known one if it covers the message."""
        for found in (self.known, self.newest):
            if found and tree_index < found[1].message_count:
                return found[0]
        return None

    def metadata(self, epoch: CertifiedEpoch, tree_index: int, origin: int) -> bytes:
        """The meta-proof of the message at `tree_index` under `epoch`."""
        leaf = _leaf(epoch, origin, self.finality)
        return epoch.aggregate.prove(epoch.number, self.tree, tree_index, leaf).encode()

    def shared_proof(self, epoch: CertifiedEpoch, indices: Sequence[int], origin: int) -> bytes:
        """The multi-proof of the messages at ascending `indices` under `epoch`."""
        leaf = _leaf(epoch, origin, self.finality)
        return epoch.aggregate.prove_many(epoch.number, self.tree, indices, leaf).encode()


def _leaf(epoch: CertifiedEpoch, origin: int, finality: Finality) -> Leaf:
    leaf = epoch.aggregate.leaf(Domain(origin), finality)
    if leaf is None:
        raise KeyError(origin)
    return leaf
