"""What a rollup takes from its L1, and where its own blocks come from: on one branch, in bounds."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from control_plane.adapters.engine.origins import Mark, Origins
from control_plane.adapters.evm.l1_view import L1View
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import (
    DEPOSITED_TOPIC,
    NO_ORIGIN,
    Fees,
    L1Block,
    Origin,
    l1_attributes,
)

PORTAL = b"\x99" * 20
MILLION = 10**6


def hash_of(number: int, branch: str = "a") -> str:
    return "0x" + (branch * 8 + f"{number:x}").rjust(64, "0")


def header(number: int, branch: str = "a") -> dict[str, str]:
    return {
        "number": hex(number),
        "hash": hash_of(number, branch),
        "timestamp": hex(1_700_000_000 + number),
        "baseFeePerGas": "0x7",
        "mixHash": hash_of(0),
    }


def deposit(number: int, gas: int, index: int = 0) -> dict[str, Any]:
    opaque = bytes(64) + gas.to_bytes(8) + bytes(1)
    data = (32).to_bytes(32) + len(opaque).to_bytes(32) + opaque + bytes(-len(opaque) % 32)
    word = "0x" + "00" * 32
    return {
        "topics": ["0x" + DEPOSITED_TOPIC.hex(), word, word, word],
        "data": "0x" + data.hex(),
        "blockHash": hash_of(number),
        "blockNumber": hex(number),
        "logIndex": hex(index),
    }


class FakeNode:
    """A chain of headers, its logs, and the first transaction of each block."""

    def __init__(self, height: int) -> None:
        self.headers = [header(number) for number in range(height + 1)]
        self.logs: list[dict[str, Any]] = []
        self.inputs: dict[int, str] = {}
        self.asked: list[Any] = []
        self.inbox = "0x"
        """What ``BatchInbox.rollup`` answers."""

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        self.asked.append((method, *params))
        if method == "eth_getLogs":
            first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
            return [log for log in self.logs if first <= int(log["blockNumber"], 16) <= last]
        if method == "eth_call":
            return self.inbox
        if method == "eth_getTransactionByBlockNumberAndIndex":
            found = self.inputs.get(int(params[0], 16))
            return None if found is None else {"input": found}
        height = len(self.headers) - 1
        tags = {"latest": height, "safe": height - 1, "finalized": height - 2}
        number = tags[params[0]] if params[0] in tags else int(params[0], 16)
        return self.headers[number] if number <= height else None

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        return [await self.call(method, *params) for method, params in calls]

    def subscribe(self, kind: str, *params: Any) -> AsyncIterator[Any]:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


def block(number: int, branch: str = "a") -> L1Block:
    return L1Block.of_header(header(number, branch))


async def test_heads_are_the_l1s_tags() -> None:
    heads = await L1View(FakeNode(7), PORTAL).heads()
    assert (heads.head, heads.safe, heads.finalized) == (block(7), 6, 5)


async def test_heads_tell_what_is_posted() -> None:
    l1 = FakeNode(7)
    assert (await L1View(l1, PORTAL).heads()).posted is None
    view = L1View(FakeNode(9), PORTAL, (b"\x88" * 20, 901)).over(l1)
    assert (await view.heads()).posted == 0  # there is no inbox yet
    l1.inbox = "0x" + b"".join(n.to_bytes(32) for n in (1, 6, 0, 3, 0, 0, 0)).hex()
    assert (await view.heads()).posted == 5


async def test_all_deposits_up_to_the_head_come_with_it() -> None:
    l1 = FakeNode(9)
    l1.logs = [deposit(n, MILLION) for n in (3, 4, 4, 8)]
    intake = await L1View(l1, PORTAL).intake(block(3), block(9), 40 * MILLION)
    assert (intake.origin, len(intake.deposits)) == (block(9), 3)
    whole = await L1View(l1, PORTAL).intake(None, block(9), 40 * MILLION)
    assert len(whole.deposits) == 4
    wanted = next(asked[1] for asked in l1.asked if asked[0] == "eth_getLogs")
    assert wanted["address"] == "0x" + PORTAL.hex()
    assert wanted["topics"] == ["0x" + DEPOSITED_TOPIC.hex()]


async def test_deposits_that_want_too_much_gas_wait_for_the_next_block() -> None:
    l1 = FakeNode(9)
    l1.logs = [deposit(n, 15 * MILLION, i) for n in (2, 5, 7) for i in range(1)]
    view = L1View(l1, PORTAL)
    first = await view.intake(block(1), block(9), 40 * MILLION)
    assert (first.origin, first.gas) == (block(5), 30 * MILLION)
    second = await view.intake(first.origin, block(9), 40 * MILLION)
    assert (second.origin, second.gas) == (block(9), 15 * MILLION)


async def test_one_l1_block_comes_whole_whatever_it_wants() -> None:
    l1 = FakeNode(4)
    l1.logs = [deposit(2, 20 * MILLION, i) for i in range(3)]
    intake = await L1View(l1, PORTAL).intake(block(1), block(4), 40 * MILLION)
    assert (intake.origin, intake.gas) == (block(4), 60 * MILLION)


@pytest.mark.parametrize(("base", "head"), [(block(3, "b"), block(9)), (block(3), block(9, "b"))])
async def test_deposits_of_two_branches_are_never_mixed(base: L1Block, head: L1Block) -> None:
    with pytest.raises(TemporaryFailure, match="moved"):
        await L1View(FakeNode(9), PORTAL).intake(base, head, 40 * MILLION)


# ---------------------------------------------------------------------- origins


def rollup(origins: Sequence[int]) -> FakeNode:
    """A rollup whose blocks, from the first, have these L1 blocks as their origins."""
    node = FakeNode(len(origins))
    for number, origin in enumerate(origins, 1):
        sequence = origins[: number - 1].count(origin)
        attributes = l1_attributes(block(origin), sequence, Fees(), jovian=True)
        node.inputs[number] = "0x" + attributes.data.hex()
    return node


async def opened(origins: Sequence[int]) -> tuple[Origins, FakeNode]:
    node = rollup(origins)
    found = Origins(node)
    found.put(await found.read(len(origins)))
    node.asked.clear()
    return found, node


async def test_the_last_block_of_an_origin_is_found_by_one_look_for_each() -> None:
    origins, node = await opened([1, 1, 1, 2, 4, 4])
    assert (await origins.at_most(3)) == Mark(Origin(2, block(2).hash, 0), 4, Hex(hash_of(4)))
    assert (await origins.at_most(1)) == Mark(Origin(1, block(1).hash, 2), 3, Hex(hash_of(3)))
    assert len(node.asked) == 4, "two calls for each origin below the head's"
    assert (await origins.at_most(0)) == Mark(NO_ORIGIN, 0, Hex(hash_of(0)))


async def test_the_newest_origin_that_stands() -> None:
    origins, _ = await opened([1, 2, 2, 5, 6])

    async def stands(origin: Origin) -> bool:
        return origin.number <= 2

    assert (await origins.last(stands)).number == 3

    async def nothing(_: Origin) -> bool:
        return False

    assert (await origins.last(nothing)).number == 0


async def test_blocks_built_anew_take_the_place_of_the_old() -> None:
    origins, _ = await opened([1, 2, 3, 4])
    await origins.at_most(0)
    other = Mark(Origin(9, bytes(32), 0), 3, Hex("0x9"))
    origins.put(other)
    assert await origins.at_most(9) == other
    below = await origins.at_most(8)
    assert below is not None
    assert (below.number, below.origin.number) == (2, 2)
