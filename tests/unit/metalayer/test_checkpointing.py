"""Reading a chain's message tree as a validator does."""

from collections.abc import Sequence
from typing import Any

import pytest

from control_plane.domain.formats import Leaf
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Domain
from control_plane.domain.merkle import MessageTree
from control_plane.services.metalayer import checkpointing
from control_plane.services.metalayer.blocks import ChainMoved
from control_plane.services.metalayer.checkpointing import Branch, TreeReader

HOOK = "0x" + "0a" * 20
IDS = [keccak256(b"message %d" % i) for i in range(40)]


def test_the_branch_has_the_roots_of_the_tree() -> None:
    branch, tree = Branch(), MessageTree()
    assert branch.root == tree.root()
    for id_ in IDS:
        before = branch.copy()
        branch.append(id_)
        tree.append(id_)
        assert (branch.root, branch.count) == (tree.root(), len(tree))
        assert before.root == tree.root(len(tree) - 1), "a copy is its own"


class Chain:
    """Message ids by block, and the proven leaf of its head."""

    def __init__(self) -> None:
        self.blocks: list[list[bytes]] = [[], []]
        self.withheld = 0
        self.asked: list[tuple[int, int]] = []

    async def leaf(self, *_: object) -> Leaf:
        tree = MessageTree(id_ for block in self.blocks for id_ in block)
        return Leaf(
            domain=Domain(901),
            block_number=len(self.blocks) - 1,
            block_hash=bytes(32),
            state_root=bytes(32),
            message_root=tree.root(),
            message_count=len(tree),
        )

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        first, last = (int(params[0][key], 16) for key in ("fromBlock", "toBlock"))
        self.asked.append((first, last))
        assert 0 <= first <= last
        logs, index = [], 0
        for number, block in enumerate(self.blocks):
            for id_ in block:
                if first <= number <= last:
                    logs.append({"data": "0x" + (id_ + index.to_bytes(32)).hex()})
                index += 1
        return logs[: len(logs) - self.withheld]

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        raise NotImplementedError


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> Chain:
    made = Chain()
    monkeypatch.setattr(checkpointing, "read_leaf", made.leaf)
    return made


def reader() -> TreeReader:
    return TreeReader(Domain(901), HOOK)


async def test_each_message_is_told_once_with_its_own_root(chain: Chain) -> None:
    reading = reader()
    assert await reading.news(chain) == ()
    chain.blocks += [IDS[:2], [], IDS[2:3]]
    found = await reading.news(chain)
    tree = MessageTree(IDS[:3])
    assert [c.message_id for c in found] == IDS[:3]
    assert [c.root for c in found] == [tree.root(n) for n in (1, 2, 3)]
    assert [c.index for c in found] == [0, 1, 2]
    chain.blocks.append(IDS[3:4])
    (last,) = await reading.news(chain)
    assert (last.index, last.message_id) == (3, IDS[3])
    assert chain.asked[-1] == (5, 5), "what was read is not read again"


async def test_after_a_reorg_all_is_read_anew(chain: Chain) -> None:
    reading = reader()
    chain.blocks.append(IDS[:2])
    await reading.news(chain)
    chain.blocks[-1] = [IDS[0], IDS[5]]
    found = await reading.news(chain)
    assert [c.message_id for c in found] == [IDS[0], IDS[5]]


async def test_a_node_that_withholds_a_message_is_not_believed(chain: Chain) -> None:
    reading = reader()
    chain.blocks.append(IDS[:2])
    chain.withheld = 1
    with pytest.raises(ChainMoved):
        await reading.news(chain)
    chain.withheld = 0
    assert len(await reading.news(chain)) == 2
