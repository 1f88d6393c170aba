"""The L1's deposits, taken up again where a snapshot left them: none twice, none left out."""

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from control_plane.adapters.derivation.deposits import DepositsDiffer, Taken
from control_plane.adapters.derivation.kept import Base
from control_plane.adapters.derivation.ordered import Ordered
from control_plane.adapters.derivation.snapshot import Deposited, Snapshot, _document, _snapshot
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.op_stack import (
    DEPOSITED_TOPIC,
    Deposit,
    Fees,
    L1Block,
    deposit_of_log,
    l1_attributes,
)
from control_plane.domain.ports.node import Rpc

_HEAD = 20
_AT = {3: 2, 7: 1, 8: 3, 15: 2}
"""Deposits by the L1's blocks."""

_TOPICS = ["0x" + DEPOSITED_TOPIC.hex(), *("0x" + each * 32 for each in ("cc", "ea", "00"))]


class FakeL1:
    """Has the deposits of `_AT`; `fork` tells one chain from another."""

    fork = 0

    def logs(self, first: int, last: int) -> list[dict[str, Any]]:
        return [
            {
                "topics": _TOPICS,
                "data": "0x" + _opaque(number).hex(),
                "blockHash": self._hash(number),
                "blockNumber": hex(number),
                "logIndex": hex(at),
            }
            for number, count in _AT.items()
            if first <= number <= last
            for at in range(count)
        ]

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        del timeout
        if method == "eth_getLogs":
            span = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
            return self.logs(*span)
        assert method == "eth_getBlockByNumber"
        return self.header(int(params[0], 16))

    def header(self, number: int) -> dict[str, Any]:
        zero = "0x" + "00" * 32
        fields = {"number": hex(number), "hash": self._hash(number), "timestamp": hex(12 * number)}
        fees = {"baseFeePerGas": "0x7", "excessBlobGas": "0x0", "mixHash": zero}
        return {**fields, **fees, "parentBeaconBlockRoot": zero}

    def _hash(self, number: int) -> str:
        return f"0x{self.fork:02x}{number:062x}"

    def deposits(self) -> list[tuple[int, Deposit]]:
        return [(int(log["blockNumber"], 16), deposit_of_log(log)) for log in self.logs(0, _HEAD)]

    def attributes(self, number: int) -> Deposit:
        return l1_attributes(L1Block.of_header(self.header(number)), 0, Fees(0, 0), jovian=False)


def _opaque(number: int) -> bytes:
    body = number.to_bytes(32) + bytes(32) + (100_000).to_bytes(8) + b"\0"
    return (32).to_bytes(32) + len(body).to_bytes(32) + body + bytes(-len(body) % 32)


def _block(number: int, deposits: list[Deposit]) -> ChannelBlock:
    raws = tuple(each.encode() for each in deposits)
    head = (number, 100, bytes(20), 1, 1, bytes(32), bytes(32), b"", bytes(32), bytes(32))
    return ChannelBlock(*head, raws)


def _blocks(l1: FakeL1) -> list[ChannelBlock]:
    """One deposit each, with the attributes behind the last one of an L1 block."""
    found = l1.deposits()
    blocks = []
    for at, (number, deposit) in enumerate(found):
        is_last = at + 1 == len(found) or found[at + 1][0] > number
        told = [l1.attributes(number)] if is_last else []
        blocks.append(_block(at + 1, [*told, deposit]))
    return blocks


async def _read(l1: FakeL1, until: int = _HEAD) -> Ordered:
    ordered = Ordered("0x", 1_000.0)
    assert await ordered.read(cast("Rpc", l1), until)
    return ordered


def _through_the_file(at: Taken, ordered: Ordered, until: int) -> Deposited:
    base = Base(1, bytes(32), b"", bytes(32), 0, 0)
    made = Deposited(at, ordered.waiting(at, until))
    snapshot = Snapshot("it", 0, base, (bytes(32),), None, (until, "0x"), made, (1, "a lie"), {})
    read = _snapshot(json.loads(_document(snapshot)), {})
    assert read == snapshot
    assert read.deposited is not None
    return read.deposited


@pytest.mark.parametrize("drops", [False, True])
async def test_every_place_can_be_gone_on_from(drops: bool) -> None:
    l1 = FakeL1()
    blocks = _blocks(l1)
    for stop in range(len(blocks) + 1):
        before = await _read(l1)
        for block in blocks[:stop]:
            await before.check(block, lambda _: 0)
            if drops:
                before.drop(before.taken)
        at = before.taken
        for until in range(max(at.order, at.origin, 0), _HEAD + 1):
            kept = _through_the_file(at, before, until)
            after = Ordered("0x", 1_000.0)
            hash_ = l1.header(until)["hash"]
            after.resume(stop, kept.taken, kept.waiting, (until, hash_))
            assert await after.read(cast("Rpc", l1), _HEAD)
            for block in blocks[stop:]:
                await after.check(block, lambda _: 0)
            assert after.taken == Taken(len(blocks), 15, 15)
            again = _block(len(blocks) + 1, [l1.deposits()[-1][1]])
            with pytest.raises(DepositsDiffer, match="orders no further one"):
                await after.check(again, lambda _: 0)


async def test_one_left_out_is_found_behind_a_snapshot_too() -> None:
    l1 = FakeL1()
    blocks = _blocks(l1)
    before = await _read(l1)
    for block in blocks[:3]:
        await before.check(block, lambda _: 0)
    kept = _through_the_file(before.taken, before, 9)
    after = Ordered("0x", 1_000.0)
    after.resume(3, kept.taken, kept.waiting, (9, l1.header(9)["hash"]))
    assert await after.read(cast("Rpc", l1), _HEAD)
    with pytest.raises(DepositsDiffer, match="the L1 orders deposit"):
        await after.check(replace(blocks[4], number=4), lambda _: 0)


async def test_another_l1_is_noticed() -> None:
    l1 = FakeL1()
    before = await _read(l1)
    kept = _through_the_file(before.taken, before, 9)
    after = Ordered("0x", 1_000.0)
    after.resume(0, kept.taken, kept.waiting, (9, l1.header(9)["hash"]))
    l1.fork = 1
    assert not await after.read(cast("Rpc", l1), _HEAD)
