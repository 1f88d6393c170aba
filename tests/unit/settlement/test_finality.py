"""What is final on a rollup that settles: what a final output covers; promises held against it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from control_plane.domain.calls import selector, word
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.formats import EpochHeader, Finality, Leaf
from control_plane.domain.hub import Votes
from control_plane.domain.ids import Domain
from control_plane.domain.network import Network
from control_plane.domain.ports.finality import FinalBlock
from control_plane.domain.settlement import outputs
from control_plane.domain.settlement.outputs import output_call
from control_plane.services.metalayer.finality import OutputFinality
from control_plane.services.metalayer.promises import Promise, Promises
from control_plane.services.metalayer.reports import Reports

_ORACLE = "0x" + "0a" * 20
_HASH = b"\x07" * 32


class FakeNode:
    """An L1 with one oracle, or a rollup's node, by what it is asked."""

    def __init__(self, final: int | None, blocks: Mapping[int, bytes]) -> None:
        self.final = final
        self.blocks = dict(blocks)

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        if method == "eth_getBlockByNumber":
            number = 3 if params[0] == "finalized" else int(params[0], 16)
            found = self.blocks.get(number)
            return {"number": hex(number), "hash": "0x" + found.hex()} if found else None
        call, at = params
        assert (method, call["to"], at) == ("eth_call", _ORACLE, "pending")
        return "0x" + self._view(bytes.fromhex(call["data"][2:])).hex()

    def _view(self, data: bytes) -> bytes:
        if data == selector("latestFinalIndex()"):
            return word(self.final is not None) + word(4)
        assert data == output_call(4)
        words = [word(n) for n in range(outputs._WORDS)]
        words[1], words[5] = _HASH, word(self.final or 0)
        return b"".join(words)

    async def batch(self, calls: Any, timeout: float | None = None) -> list[Any]:
        raise NotImplementedError


def view(l1: FakeNode) -> OutputFinality:
    return OutputFinality(l1, {901: _ORACLE})


async def test_a_final_output_covers_its_block_and_all_before() -> None:
    l1, rollup = FakeNode(None, {}), FakeNode(None, {12: _HASH, 3: b"\x03" * 32})
    assert await view(l1).final_block(rollup, 901) is None
    l1.final = 12
    assert await view(l1).final_block(rollup, 901) == FinalBlock(12, "0x" + _HASH.hex())


async def test_a_node_of_another_chain_has_no_final_block() -> None:
    l1 = FakeNode(12, {})
    for blocks in ({}, {12: b"\x08" * 32}):
        with pytest.raises(TemporaryFailure, match="Block 12 is another one"):
            await view(l1).final_block(FakeNode(None, blocks), 901)


async def test_a_rollup_that_does_not_settle_is_asked_itself() -> None:
    rollup = FakeNode(None, {3: b"\x03" * 32})
    final = await view(FakeNode(12, {})).final_block(rollup, 902)
    assert final == FinalBlock(3, "0x" + "03" * 32)


class FakeReports:
    final: tuple[bytes, bytes] | None = None

    async def final_block(self, domain: int, number: int) -> tuple[bytes, bytes] | None:
        assert (domain, number) == (901, 12)
        return self.final


class FakeChain:
    def __init__(self, domain: int, proof: str | None) -> None:
        self.plan = self
        self.domain, self.proof = domain, proof
        self.services, self.da = "caldera", "ethereum-calldata"


class FakeNetwork:
    chains = (FakeChain(901, "fraud"), FakeChain(902, None))


_LEAF = Leaf(Domain(901), 12, _HASH, b"\x01" * 32, bytes(32), 0, Finality.FINALIZED)


def promise(leaf: Leaf = _LEAF) -> Promise:
    header = EpochHeader(1, 7, 0, bytes(32), bytes(32))
    return Promise(header, Votes(header.to_json(), (leaf.to_json(),), ()), leaf, b"proof", None)


def promises() -> tuple[Promises, FakeReports]:
    reports = FakeReports()
    return Promises(cast("Network", FakeNetwork()), cast("Reports", reports)), reports


async def test_a_promise_waits_for_its_output() -> None:
    found, reports = promises()
    assert not await found.is_broken(promise())
    assert found
    assert await found.broken() == []
    reports.final = (b"\x08" * 32, _LEAF.state_root)
    assert await found.broken() == [promise()]
    assert not found


@pytest.mark.parametrize(
    "final", [(_HASH, b"\x02" * 32), (b"\x08" * 32, b"\x01" * 32)], ids=["state", "block"]
)
async def test_an_output_that_says_otherwise_breaks_it(final: tuple[bytes, bytes]) -> None:
    found, reports = promises()
    reports.final = final
    assert await found.is_broken(promise())
    assert not found


async def test_a_promise_that_holds_or_that_none_tells_of_breaks_nothing() -> None:
    found, reports = promises()
    reports.final = (_HASH, _LEAF.state_root)
    assert not await found.is_broken(promise())
    assert not await found.is_broken(promise(replace(_LEAF, finality=Finality.INSTANT)))
    reports.final = None
    for number in range(100):
        await found.is_broken(promise(replace(_LEAF, message_count=number)))
    for _ in range(300):
        await found.broken()
    assert not found
