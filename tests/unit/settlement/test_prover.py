"""The prover agent: what it refuses it tells once, and it follows the L1 and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from control_plane.agents.prover import Prover
from control_plane.domain.errors import PermanentFailure, TemporaryFailure
from control_plane.domain.hub import Head, Hub
from control_plane.domain.ports.derivation import ProvingDerivation
from control_plane.domain.settlement.proofs import PublicInputs
from control_plane.domain.settlement.tracing import Reach

_INPUTS = PublicInputs(901, *(bytes([n]) * 32 for n in range(6)))


class FakeProving:
    def __init__(self) -> None:
        self.reach = Reach(3)
        self.follows = 0
        self.followed: asyncio.Queue[None] = asyncio.Queue()
        self.closed = False
        self.answer: bytes | Exception = b"proof"

    async def follow(self) -> Reach:
        self.follows += 1
        self.followed.put_nowait(None)
        return self.reach

    async def prove(self, inputs: PublicInputs, first: int, last: int) -> bytes:
        assert (inputs, first, last) == (_INPUTS, 4, 6)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        self.closed = True


class Told:
    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    async def __call__(
        self, type: str, data: Mapping[str, Any] | None = None, *, service: str | None = None
    ) -> None:
        assert service == "op/prover"
        self.events.append((type, data or {}))


@asynccontextmanager
async def running(proving: FakeProving, hub: Hub, told: Told) -> AsyncIterator[Prover]:
    prover = Prover("op", "l1", cast("ProvingDerivation", proving), hub, told)
    task = asyncio.create_task(prover.run())
    try:
        async with asyncio.timeout(5):
            await prover.ready.wait()
            yield prover
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert proving.closed
    assert not prover.ready.is_set()


async def test_it_follows_blocks_of_the_l1_alone() -> None:
    proving, hub = FakeProving(), Hub()
    async with running(proving, hub, Told()) as prover:
        await proving.followed.get()
        hub.tell(Head("op", 5, "0x", 0))
        for number in range(10):
            hub.tell(Head("l1", number, "0x", 0))
        await proving.followed.get()
        proving.reach = Reach(5, wrong="block 4: its state root is another")
        hub.tell(Head("l1", 11, "0x", 0))
        await proving.followed.get()
        await asyncio.sleep(0)
        assert proving.follows == 3
        assert prover.problem is not None
        assert "block 4" in prover.problem


async def test_a_proof_is_told() -> None:
    told = Told()
    async with running(FakeProving(), Hub(), told) as prover:
        assert await prover.prove(_INPUTS, 4, 6) == b"proof"
    ((kind, data),) = told.events
    assert kind == "batch.proven"
    assert (data["from"], data["to"], data["trusted"]) == (4, 6, "the prover's key")


async def test_what_is_refused_is_told_once() -> None:
    proving, told = FakeProving(), Told()
    proving.answer = PermanentFailure("Block 6 is not proven", "its state root is another")
    async with running(proving, Hub(), told) as prover:
        for _ in range(3):
            with pytest.raises(PermanentFailure):
                await prover.prove(_INPUTS, 4, 6)
        assert prover.problem == "Block 6 is not proven: its state root is another"
    data = {"block": 6, "reason": "its state root is another"}
    assert told.events == [("batch.not_proven", data)]


async def test_one_that_is_stopped_proves_nothing() -> None:
    proving = FakeProving()
    async with running(proving, Hub(), Told()) as prover:
        pass
    with pytest.raises(TemporaryFailure, match="op/prover is stopped"):
        await prover.prove(_INPUTS, 4, 6)
