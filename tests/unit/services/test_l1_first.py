"""A rollup is saved only with what an L1 that is killed would keep."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import DEPOSITED_TOPIC, NO_ORIGIN, Origin, deposit_of_log
from control_plane.domain.ports.node import Rpc
from control_plane.domain.settlement.deposits import bare
from control_plane.domain.settlement.taken import Taken
from control_plane.services.l1_first import rests_on_disk

HASH, OTHER = "0x" + "11" * 32, "0x" + "22" * 32


def deposited(block: int) -> dict[str, Any]:
    """The log of a deposit in that L1 block, which mints and sends nothing."""
    opaque = bytes(32) + bytes(32) + (100_000).to_bytes(8) + bytes(1)
    data = (32).to_bytes(32) + len(opaque).to_bytes(32) + opaque + bytes(-len(opaque) % 32)
    return {
        "topics": ["0x" + DEPOSITED_TOPIC.hex(), *["0x" + "00" * 32] * 3],
        "data": "0x" + data.hex(),
        "blockNumber": hex(block),
        "blockHash": "0x" + block.to_bytes(32).hex(),
        "logIndex": "0x0",
    }


def hash_of(block: int) -> Hex:
    return Hex(deposit_of_log(deposited(block)).hash)


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
        foreign = deposited(first) | {"data": "0x"}
        return [foreign, *(deposited(block) for block in self.deposits if block >= first)]


def taken(origin: int, *since: int, hash_: str = HASH) -> Taken:
    """Deposits of the L1 blocks `since` came after the block that told of `origin`."""
    place = Origin(origin, bytes.fromhex(hash_[2:]), 0)
    return Taken(place, tuple(hash_of(block) for block in since))


async def rests(l1: L1 | None, taken: Taken, saved: int) -> bool:
    return await rests_on_disk(cast(Rpc, l1), taken, saved)


async def test_what_the_l1_saved_it_keeps() -> None:
    assert await rests(L1(head=9, deposits=(3, 5)), taken(5), 5)
    assert await rests(L1(head=9, deposits=(3, 5, 7)), taken(3, 5), 5)


async def test_a_deposit_after_the_last_save_could_go() -> None:
    """Whether the rollup has told of its block by now or not."""
    assert not await rests(L1(head=9, deposits=(6, 7)), taken(5, 6, 7), 6)
    assert not await rests(L1(head=9, deposits=(7,)), taken(7), 5)


async def test_one_that_the_rollup_has_not_taken_yet_is_no_concern() -> None:
    l1 = L1(head=9, deposits=(7,))
    assert await rests(l1, taken(5), 5)
    assert "eth_getLogs" not in l1.asked


async def test_a_rollup_that_knows_of_no_l1_block_took_nothing() -> None:
    assert await rests(L1(head=0), Taken(NO_ORIGIN), -1)
    assert await rests(L1(head=0), Taken(NO_ORIGIN), 0)
    assert not await rests(L1(head=2, deposits=(1,)), Taken(NO_ORIGIN, (hash_of(1),)), 0)


async def test_what_the_l1_lost_is_given_back_first() -> None:
    for hash_ in (OTHER, None):
        with pytest.raises(TemporaryFailure, match="its block 5, from which"):
            await rests(L1(head=9, hash=hash_), taken(5), 9)


@pytest.mark.parametrize("head", [5, 6, 9])
async def test_nor_is_a_deposit_kept_that_the_l1_lost_with_a_later_block(head: int) -> None:
    """Its own block is told of by none of the rollup's yet."""
    with pytest.raises(TemporaryFailure, match="a deposit of a block after 5"):
        await rests(L1(head=head), taken(5, 6), 5)


async def test_what_is_left_of_a_deposit_that_cannot_be_executed_is_known() -> None:
    left = Hex(bare(deposit_of_log(deposited(6))).hash)
    assert await rests(L1(head=9, deposits=(6,)), Taken(taken(5).origin, (left,)), 6)


async def test_without_the_l1_its_record_is_asked() -> None:
    assert await rests(None, taken(5), 5)
    assert not await rests(None, taken(6), 5)
    assert not await rests(None, taken(5, 6), 9), "it may be one that the L1 lost"
