"""Which blocks of a rollup on op-geth a batcher posts: those that its L1 can't lose."""

from collections.abc import Sequence
from typing import Any

import pytest

from control_plane.domain.channels import Channel, ChannelBlock
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.op_stack import Deposit, Fees, L1Block, l1_attributes
from control_plane.services.settlement.posting import last_upon, origin_behind


class Rollup:
    """A rollup's node, of whose blocks the L1 origins are known."""

    def __init__(self, origins: Sequence[int]) -> None:
        """Of block 1, block 2 …"""
        self._origins = origins
        self.asked = 0

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        self.asked += len(calls)
        return [self._first(int(params[0], 16)) for _, params in calls]

    def _first(self, number: int) -> dict[str, str] | None:
        if number > len(self._origins):
            return None
        return {"input": "0x" + attributes(self._origins[number - 1]).data.hex()}


def attributes(origin: int) -> Deposit:
    """First transaction of a block that came from that block of the L1."""
    l1 = L1Block(origin, origin.to_bytes(32), 0, 0, 0, bytes(32), bytes(32))
    return l1_attributes(l1, 0, Fees(), jovian=True)


@pytest.mark.parametrize(
    ("saved", "last"), [(0, 0), (1, 1), (2, 3), (4, 3), (5, 6), (6, 7), (7, 7), (100, 7)]
)
async def test_blocks_upon_l1_blocks_that_are_saved(saved: int, last: int) -> None:
    rollup = Rollup([1, 2, 2, 5, 5, 5, 6])
    assert await last_upon(rollup, 1, 7, saved) == last
    assert await last_upon(rollup, 4, 7, saved) == max(last, 3)


async def test_all_of_them_by_one_question() -> None:
    rollup = Rollup(range(1, 1_001))
    assert await last_upon(rollup, 1, 1_000, 1_000) == 1_000
    assert rollup.asked == 1
    assert await last_upon(rollup, 1, 1_000, 400) == 400
    assert rollup.asked < 14


async def test_a_block_that_went_meanwhile_is_looked_for_again() -> None:
    with pytest.raises(TemporaryFailure, match="block 2"):
        await last_upon(Rollup([1]), 1, 2, 1)


def channel(*firsts: bytes) -> Channel:
    """A block for each first transaction; none for an empty one."""
    word = bytes(32)
    head = (0, bytes(20), 60_000_000, 7, word, word, b"", word, word)
    return Channel(
        word,
        tuple(ChannelBlock(n, *head, (raw,) if raw else ()) for n, raw in enumerate(firsts, 1)),
    )


def test_a_channel_stands_with_the_origin_of_its_last_block() -> None:
    origin = origin_behind(channel(attributes(4).encode(), attributes(9).encode()))
    assert (origin.number, origin.hash) == (9, (9).to_bytes(32))
    with pytest.raises(TemporaryFailure, match="block 2"):
        origin_behind(channel(attributes(4).encode(), b""))
