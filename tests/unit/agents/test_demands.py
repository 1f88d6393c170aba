"""What is final is asked while somebody waits for it; nobody waits for a chain that is silent."""

import asyncio
from typing import Any

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.finality import Asks, FinalBlock
from control_plane.domain.rpc import RpcError
from control_plane.services.metalayer.finality import Awaited, TaggedFinality


class FakeNode:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = 0

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        assert (method, params) == ("eth_getBlockByNumber", ("finalized", False))
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            await asyncio.sleep(60)
        return self.answer

    async def batch(self, calls: Any, timeout: float | None = None) -> list[Any]:
        raise NotImplementedError


def block(number: int) -> dict[str, str]:
    return {"number": hex(number), "hash": f"0x{number:064x}"}


def final(number: int) -> FinalBlock:
    return FinalBlock(number, f"0x{number:064x}")


def awaited(**nodes: FakeNode) -> Awaited:
    links: dict[str, Asks] = dict(nodes)
    return Awaited(links, TaggedFinality())


def wants(waiting: Awaited, *blocks: int, chain: str = "op") -> None:
    for number in blocks:
        waiting.want(f"{chain}/{number}", {chain: (901, number)})


async def test_nobody_is_asked_while_nothing_is_awaited_or_no_block_came() -> None:
    node = FakeNode(block(3))
    waiting = awaited(op=node)
    waiting.note_head()
    assert await waiting.due() == (set(), {})
    assert node.asked == 0

    wants(waiting, 5)
    assert waiting.missing() == {"op": (5,)}
    assert await waiting.due() == (set(), {})
    assert await waiting.due() == (set(), {})
    assert node.asked == 1
    node.answer = block(5)
    waiting.note_head()
    assert await waiting.due() == ({"op/5"}, {"op": final(5)})
    waiting.drop("op/5")
    assert not waiting


async def test_what_is_final_serves_those_below_it_only() -> None:
    waiting = awaited(op=FakeNode(block(5)))
    wants(waiting, 4, 5, 9)
    assert await waiting.due() == ({"op/4", "op/5"}, {"op": final(5)})
    assert waiting.missing() == {"op": (9,)}


async def test_who_waits_for_several_chains_waits_for_all_of_them() -> None:
    op, l1 = FakeNode(block(5)), FakeNode(block(0))
    waiting = awaited(op=op, l1=l1)
    waiting.want("reads", {"op": (901, 5), "l1": (900, 1)})
    assert await waiting.due() == (set(), {})
    assert waiting.missing() == {"l1": (1,)}
    l1.answer = block(1)
    waiting.note_head()
    assert await waiting.due() == ({"reads"}, {"op": final(5), "l1": final(1)})


async def test_genesis_and_an_error_are_no_final_block() -> None:
    for answer in (block(0), RpcError("finalized block not found")):
        assert await TaggedFinality().final_block(FakeNode(answer), 901) is None


async def test_silent_chain_is_left_alone_and_holds_up_nobody() -> None:
    silent, gone, node = FakeNode(None), FakeNode(TemporaryFailure("gone")), FakeNode(block(7))
    waiting = awaited(silent=silent, gone=gone, op=node)
    for name in ("silent", "gone", "op"):
        wants(waiting, 7, chain=name)
    began = asyncio.get_running_loop().time()
    assert await waiting.due() == ({"op/7"}, {"op": final(7)})
    assert asyncio.get_running_loop().time() - began < 2
    waiting.note_head()
    assert await waiting.due() == ({"op/7"}, {"op": final(7)})
    assert (silent.asked, gone.asked, node.asked) == (1, 1, 2)
