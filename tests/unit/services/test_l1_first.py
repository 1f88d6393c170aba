"""A rollup is saved only with what an L1 that is killed would keep."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.node import Rpc
from control_plane.services.l1_first import rests_on_disk

HASH, OTHER = "0x" + "11" * 32, "0x" + "22" * 32


@dataclass
class Rollup:
    """Its ``L1Block`` tells of a block of the L1."""

    origin: int
    hash: str = HASH

    async def batch(self, calls: Any) -> list[Any]:
        return [hex(self.origin), self.hash]


@dataclass
class L1:
    head: int
    deposits: tuple[int, ...] = ()
    """Blocks with deposits."""
    hash: str | None = HASH
    asked: list[str] = field(default_factory=list)

    async def call(self, method: str, *params: Any) -> Any:
        self.asked.append(method)
        if method == "eth_getBlockByNumber":
            return self.hash and {"hash": self.hash}
        if method == "eth_blockNumber":
            return hex(self.head)
        first = int(params[0]["fromBlock"], 16)
        assert first <= self.head, "Anvil refuses it"
        return [block for block in self.deposits if block >= first]


async def rests(l1: L1 | None, rollup: Rollup, saved: int) -> bool:
    return await rests_on_disk(cast(Rpc, l1), cast(Rpc, rollup), saved)


async def test_what_the_l1_saved_it_keeps() -> None:
    assert await rests(L1(head=9, deposits=(3, 5)), Rollup(5), 5)


async def test_a_deposit_after_the_last_save_could_go() -> None:
    """Whether the rollup has told of its block by now or not."""
    assert not await rests(L1(head=9, deposits=(7,)), Rollup(5), 5)
    assert not await rests(L1(head=9, deposits=(7,)), Rollup(7), 5)


async def test_an_l1_that_stands_still_is_asked_for_no_logs() -> None:
    l1 = L1(head=5)
    assert await rests(l1, Rollup(5), 5)
    assert "eth_getLogs" not in l1.asked


async def test_a_rollup_that_knows_of_no_l1_block_took_nothing() -> None:
    assert await rests(L1(head=0), Rollup(0, "0x" + "00" * 32), -1)
    assert await rests(L1(head=0), Rollup(0, "0x" + "00" * 32), 0)


async def test_what_the_l1_lost_is_given_back_first() -> None:
    for hash_ in (OTHER, None):
        with pytest.raises(TemporaryFailure, match="not saved yet"):
            await rests(L1(head=9, hash=hash_), Rollup(5), 9)


async def test_without_the_l1_its_record_is_asked() -> None:
    assert await rests(None, Rollup(5), 5)
    assert not await rests(None, Rollup(6), 5)
