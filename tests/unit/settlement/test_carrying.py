"""What a proposer carries to the L1 besides outputs: once, against a final output that stands."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from eth_abi import decode  # type: ignore[attr-defined]

from control_plane.domain.calls import selector, word
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.carried import Carried, carried_of
from control_plane.services.settlement.carrying import Carrier
from control_plane.services.settlement.proposing import Asks, Oracle
from tests.nodes import make_plan

CARRIED = Carried("0x" + "a4" * 20, 1, "Roots", "last()", "prove(uint256,bytes[],bytes[])")


@dataclass
class World:
    """Outputs by index, each with the hash of its block, and the word in its state."""

    blocks: list[bytes] = field(default_factory=list)
    words: dict[bytes, int] = field(default_factory=dict)
    forgotten: set[bytes] = field(default_factory=set)
    known: int = 0
    is_there: bool = True
    is_down: bool = False

    def add(self, value: int) -> bytes:
        block = len(self.words).to_bytes(32)
        self.words[block] = value
        self.blocks.append(block)
        return block

    async def rollup(self, calls: Sequence[tuple[str, Any]]) -> list[Any]:
        if self.is_down:
            raise TemporaryFailure("The rollup does not answer")
        ((method, (address, slots, at)),) = calls
        assert (method, address, slots) == ("eth_getProof", CARRIED.address, (f"0x{1:064x}",))
        block = bytes.fromhex(at["blockHash"][2:])
        if block in self.forgotten:
            return [RpcError("no state")]
        proof = {"value": hex(self.words[block]), "proof": ["0x02" + block.hex()]}
        return [{"accountProof": ["0x01", "0x" + block.hex()], "storageProof": [proof]}]

    async def l1(self, calls: Sequence[tuple[str, Any]]) -> list[Any]:
        assert calls[0][1][0]["data"] == "0x" + selector(CARRIED.known).hex()
        return ["0x" + word(self.known).hex() if self.is_there else RpcError("reverted")]

    async def outputs(self, indices: Sequence[int]) -> list[Any]:
        return [SimpleNamespace(block_hash=self.blocks[index]) for index in indices]

    def carrier(self) -> Carrier:
        rollup, l1 = (cast(Asks, SimpleNamespace(batch=each)) for each in (self.rollup, self.l1))
        oracle = cast(Oracle, SimpleNamespace(outputs=self.outputs))
        return Carrier(CARRIED, Hex("0x" + "70" * 20), rollup, l1, oracle)


def due(carrier: Carrier, world: World, last_final: int) -> tuple[int, Any, Any] | None:
    data = asyncio.run(carrier.due(len(world.blocks), last_final))
    if data is None:
        return None
    assert data[:4] == selector(CARRIED.prove)
    index, account, slots = decode(("uint256", "bytes[]", "bytes[]"), data[4:])
    return index, account, slots


def test_the_newest_word_in_a_final_output() -> None:
    world = World()
    carrier = world.carrier()
    for value in (0, 5, 6, 7):
        asyncio.run(carrier.note(len(world.blocks), world.add(value)))
    block = world.blocks[2]
    world.forgotten = set(world.blocks)  # read when they were proposed
    assert due(carrier, world, 0) is None
    told = due(carrier, world, 2)
    assert told == (2, (b"\x01", block), (b"\x02" + block,))
    assert due(carrier, world, 2) == told  # until the L1 knows
    world.known = 6
    assert due(carrier, world, 2) is None
    told = due(carrier, world, 3)
    assert told is not None
    assert told[0] == 3


def test_after_a_start_the_last_outputs_are_looked_at() -> None:
    world = World()
    for value in (5, 6, 7):
        world.add(value)
    told = due(world.carrier(), world, 1)
    assert told is not None
    assert told[0] == 1
    world.known = 6
    carrier = world.carrier()
    assert due(carrier, world, 1) is None
    world.forgotten = set(world.blocks)
    told = due(carrier, world, 2)
    assert told is not None
    assert told[0] == 2


def test_what_stands_in_another_output_now_is_not_told() -> None:
    world = World()
    carrier = world.carrier()
    asyncio.run(carrier.note(0, world.add(5)))
    assert due(carrier, world, -1) is None
    world.blocks[0] = b"another".ljust(32)
    world.words[world.blocks[0]] = 0
    assert due(carrier, world, 0) is None


def test_what_is_refused_is_not_tried_again() -> None:
    world = World()
    carrier = world.carrier()
    asyncio.run(carrier.note(0, world.add(5)))
    assert due(carrier, world, 0) is not None
    carrier.forget(0)
    assert due(carrier, world, 0) is None


def test_what_was_missed_is_looked_at_again() -> None:
    world = World()
    carrier = world.carrier()
    asyncio.run(carrier.note(0, world.add(5)))
    world.known = 5
    assert due(carrier, world, 0) is None
    world.is_down = True
    with pytest.raises(TemporaryFailure):
        asyncio.run(carrier.note(1, world.add(6)))
    world.is_down = False
    told = due(carrier, world, 1)
    assert told is not None
    assert told[0] == 1


def test_an_l1_that_does_not_answer() -> None:
    world = World(is_there=False)
    carrier = world.carrier()
    asyncio.run(carrier.note(0, world.add(5)))
    with pytest.raises(TemporaryFailure, match="does not answer"):
        due(carrier, world, 0)


def test_only_frameworks_whose_contracts_want_it() -> None:

    chain = make_plan(2).chains[1]
    assert carried_of(replace(chain, framework="op-stack")) is None
    assert carried_of(replace(chain, framework="polygon-cdk")) is not None
    assert carried_of(replace(chain, framework="polygon-cdk", born="op-stack")) is None
