"""What a copier asks a node for before a block, and what it never asks for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from control_plane.agents import pool_copier
from control_plane.agents.pool_copier import PoolCopier
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain
from control_plane.domain.pool_copies import PoolCopies
from control_plane.domain.ports.node import Rpc

TIP = Hex("0x" + "11" * 32)
PAYS = "0x1bcc: 5 wei + 21000 gas \u00d7 3000000000 wei"
DEPOSIT = "0x0808: 5 wei + 100000 gas \u00d7 0 wei"


@dataclass
class Node:
    head: str = TIP
    waiting: dict[str, dict[str, str]] = field(default_factory=lambda: {"0xaa": {"0": PAYS}})
    queued: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        self.asked.append(method)
        if method == "txpool_inspect":
            return {"pending": self.waiting, "queued": self.queued}
        return {"hash": self.head}

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        self.asked += [method for method, _ in calls]
        return ["0x02" + str(params[0])[2:] for _, params in calls]

    async def close(self) -> None: ...


def hashes(count: int) -> list[str]:
    return ["0x" + n.to_bytes(32).hex() for n in range(count)]


@dataclass
class Site:
    node: Node = field(default_factory=Node)
    copies: PoolCopies = field(default_factory=PoolCopies)

    def __post_init__(self) -> None:
        async def connect(url: str, *, deadline: float | None = None) -> Rpc:
            return cast(Rpc, self.node)

        chain = Chain(cast(Any, None), "http://x", "ws://x")
        self.copier = PoolCopier(chain, connect, self.copies, deposits=True)

    async def block(self, announced: Sequence[str]) -> None:
        """They are announced, and a block is sealed right after."""
        for hash_ in announced:
            self.copier.note(hash_)
        await self.copier.before_block(TIP)


async def test_many_are_copied_however_young() -> None:
    site = Site()
    await site.block(hashes(16))
    assert len(site.copies) == 16
    assert site.node.asked[:2] == ["txpool_inspect", "eth_getBlockByNumber"]


async def test_few_are_copied_when_they_wait_for_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()
    await site.block(hashes(15))
    assert not site.node.asked, "it would take longer than reading them back"
    monkeypatch.setattr(pool_copier, "_OLD", 0.0)
    await asyncio.sleep(0)
    await site.block(())
    assert len(site.copies) == 15


async def test_nothing_is_asked_for_while_a_deposit_waits() -> None:
    deposit = {"0xbb": {"0": DEPOSIT}}
    for node in (Node(waiting=deposit), Node(queued=deposit)):
        site = Site(node)
        await site.block(hashes(20))
        assert site.node.asked == ["txpool_inspect"]
        assert not site.copies


async def test_nor_when_somebody_else_sealed_a_block() -> None:
    site = Site(Node(head="0x" + "22" * 32))
    await site.block(hashes(20))
    assert "eth_getRawTransactionByHash" not in site.node.asked
    site.node.head = TIP
    await site.block(())
    assert not site.copies, "they are in that block, as far as anybody knows"


async def test_what_is_in_a_block_is_not_asked_for() -> None:
    site = Site()
    site.copier.after_block(hashes(10))
    await site.block(hashes(30))
    assert len(site.copies) == 20
    assert site.node.asked.count("eth_getRawTransactionByHash") == 20


async def test_own_deposits_are_known_already() -> None:
    site = Site()
    site.copier.keep(hashes(1)[0], b"deposit")
    await site.block(hashes(20))
    assert site.copies.find(hashes(1)[0]) == b"deposit"
    assert site.node.asked.count("eth_getRawTransactionByHash") == 19
