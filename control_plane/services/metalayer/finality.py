"""Which blocks are final, and which chains' messages wait for that.

Leaves of finality FINALIZED cost nothing while nobody needs one: a chain is asked for its final
block only while a message of it waits for that.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.finality import Asks, FinalBlock, FinalityView
from control_plane.domain.rpc import RpcError

DEPTH: Final = 2
"""Blocks upon a block of Anvil until it is final: two epochs of one slot each."""


class TaggedFinality(FinalityView):
    """What the chain's own node calls `finalized`: on Anvil the block two below the latest, on an
    OP Stack rollup the last one whose origin is final on the L1."""

    async def final_block(self, rpc: Asks, domain: int) -> FinalBlock | None:  # noqa: ARG002
        try:
            block = await rpc.call("eth_getBlockByNumber", "finalized", False)
        except RpcError:  # op-geth's answer before there is one
            return None
        number = int(block["number"], 16) if block else 0
        return FinalBlock(number, str(block["hash"])) if number else None


class Awaited:
    """Blocks that messages wait to see final, by chain.

    `links` by chain name. Nothing is asked while nothing is awaited, nor again before a new head:
    the L1's may make blocks of its rollups final.
    """

    def __init__(self, links: Mapping[str, Asks], view: FinalityView) -> None:
        self._links = links
        self._view = view
        self._blocks: dict[str, set[int]] = {}
        self._domains: dict[str, int] = {}
        self._moved = False

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def want(self, chain: str, domain: int, blocks: Iterable[int], *, look: bool = True) -> None:
        """Messages of these blocks wait; without `look`, only the next head is a reason to ask."""
        self._domains[chain] = domain
        self._blocks.setdefault(chain, set()).update(blocks)
        self._moved |= look

    def clear(self) -> None:
        """Nothing waits."""
        self._blocks.clear()

    def blocks(self) -> dict[str, tuple[int, ...]]:
        """What is awaited, by chain."""
        return {chain: tuple(sorted(blocks)) for chain, blocks in self._blocks.items()}

    def forget(self, chain: str, from_block: int = 0) -> None:
        """Blocks from `from_block` on went."""
        left = {block for block in self._blocks.pop(chain, ()) if block < from_block}
        if left:
            self._blocks[chain] = left

    def note_head(self) -> None:
        """Some chain has a new head."""
        self._moved = bool(self._blocks)

    def served(self, chain: str, number: int) -> None:
        """Block `number` was attested as final."""
        left = {block for block in self._blocks.pop(chain, ()) if block > number}
        if left:
            self._blocks[chain] = left

    async def due(self) -> dict[str, FinalBlock]:
        """Chains of which an awaited block is final, with their highest final block."""
        if not self._moved:
            return {}
        self._moved = False
        found = {}
        for chain, blocks in list(self._blocks.items()):
            try:
                final = await self._view.final_block(self._links[chain], self._domains[chain])
            except TemporaryFailure:
                self._moved = True
                continue
            if final is not None and final.number >= min(blocks):
                found[chain] = final
        return found
