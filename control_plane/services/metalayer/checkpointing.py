"""What a validator signs: the checkpoints of one chain's message tree, read from the chain itself.

Roots are computed from the tree hook's events and must come to the root that the head's storage
proof shows, so a node can withhold messages, but not make them up.
"""

from collections.abc import Sequence
from typing import Any, Final, Self

from control_plane.domain.formats import Leaf
from control_plane.domain.hashing import ZERO, hash_pair, keccak256
from control_plane.domain.hyperlane import Checkpoint
from control_plane.domain.ids import Domain
from control_plane.domain.merkle import DEPTH, ZERO_SUBTREES
from control_plane.services.metalayer.blocks import Caller, ChainMoved
from control_plane.services.metalayer.leaves import read_leaf

_INSERTED: Final = "0x" + keccak256(b"InsertedIntoTree(bytes32,uint32)").hex()
_LOGS_DEADLINE: Final = 30.0


class Branch:
    """Hyperlane's incremental tree, as its contract keeps it: enough for the root of now."""

    __slots__ = ("_nodes", "count")

    def __init__(self) -> None:
        self._nodes = [ZERO] * DEPTH
        """Left siblings on the way from the next leaf to the root, by height."""
        self.count = 0

    def copy(self) -> Self:
        twin = type(self)()
        twin._nodes, twin.count = list(self._nodes), self.count
        return twin

    def append(self, leaf: bytes) -> None:
        self.count += 1
        size, node = self.count, leaf
        for height in range(DEPTH):
            if size & 1:
                self._nodes[height] = node
                return
            node = hash_pair(self._nodes[height], node)
            size >>= 1
        raise OverflowError("the tree is full")

    @property
    def root(self) -> bytes:
        node = ZERO
        for height in range(DEPTH):
            if self.count >> height & 1:
                node = hash_pair(self._nodes[height], node)
            else:
                node = hash_pair(node, ZERO_SUBTREES[height])
        return node


class TreeReader:
    """Follows the message tree of one chain."""

    def __init__(self, domain: Domain, hook: str) -> None:
        self._domain = domain
        self._hook = hook
        self._branch = Branch()
        self._block = -1
        """Up to which everything was read."""

    async def news(self, rpc: Caller) -> Sequence[Checkpoint]:
        """Checkpoints of the messages that came since the last call; of all when a reorg took some
        back. Raises TemporaryFailure, RpcError."""
        leaf = await read_leaf(rpc, self._domain, self._hook, None)
        if leaf is None:
            return ()
        if (leaf.message_count, leaf.message_root) == (self._branch.count, self._branch.root):
            self._block = leaf.block_number
            return ()
        found = await self._extended(rpc, leaf)
        if found is None:
            self._branch, self._block = Branch(), -1
            found = await self._extended(rpc, leaf)
        if found is None:
            raise ChainMoved("The message tree changed while it was read")
        return found

    async def _extended(self, rpc: Caller, leaf: Leaf) -> Sequence[Checkpoint] | None:
        """Read on up to `leaf`; None, and nothing changed, when that leads to another root."""
        if leaf.block_number <= self._block:
            return None
        branch, found = self._branch.copy(), []
        for id_, index in await self._inserted(rpc, leaf.block_number):
            if index != branch.count:
                return None
            branch.append(id_)
            hook = bytes.fromhex(self._hook[2:])
            found.append(Checkpoint(hook, self._domain, branch.root, index, id_))
        if (branch.count, branch.root) != (leaf.message_count, leaf.message_root):
            return None
        self._branch, self._block = branch, leaf.block_number
        return found

    async def _inserted(self, rpc: Caller, last: int) -> list[tuple[bytes, int]]:
        logs = await rpc.call(
            "eth_getLogs",
            {
                "address": self._hook,
                "topics": [_INSERTED],
                "fromBlock": hex(self._block + 1),
                "toBlock": hex(last),
            },
            timeout=_LOGS_DEADLINE,
        )
        return [_entry(log) for log in logs]


def _entry(log: dict[str, Any]) -> tuple[bytes, int]:
    data = bytes.fromhex(log["data"][2:])
    return data[:32], int.from_bytes(data[32:64])
