"""Challenger and defender against each other and against the unwilling, over a made-up rollup."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from control_plane.agents.challenger import Challenger
from control_plane.agents.defender import Defender
from control_plane.agents.disputing import Disputing, Seat
from control_plane.domain.errors import Conflict
from control_plane.domain.formats import QuorumProof
from control_plane.domain.hashing import keccak256
from control_plane.domain.hub import Head, Hub
from control_plane.domain.ports.derivation import Derivation
from control_plane.domain.settlement.disputes import Phase
from control_plane.domain.settlement.tracing import DerivedBlock, Trace
from control_plane.domain.settlement.verdicts import Question, StepQuestion
from control_plane.services.settlement.verdicts import why_not
from tests.unit.settlement.dispute_model import (
    BOND,
    CHALLENGER,
    ORACLE,
    PROPOSER,
    SIGNED,
    TRANSACTIONS,
    WINDOW,
    Derived,
    Model,
    Wallet,
    header,
    network,
)

_BLOCKS = 1_000
_FORGED = b"a header that nobody sealed"


class Contrary(Derived):
    """Finds everything wrong."""

    async def block(self, number: int) -> DerivedBlock | None:
        return DerivedBlock(number, keccak256(b"no"), b"", 0)

    async def trace(self, number: int) -> Trace | None:
        del number
        return None


def seat(model: Model, account: bytes, derivation: Derivation, told: list[str]) -> Seat:
    async def agree(step: Question, right: bool) -> QuorumProof:
        why = await why_not(step, right, Derived(model.blocks))
        if why:
            raise Conflict("The guardians do not say so", why)
        return SIGNED

    async def publish(type: str, data: Any = None, *, service: str | None = None) -> None:
        del data, service
        told.append(type)

    net = network()
    wallet = Wallet(model, account)
    return Seat(
        net, net.chain("op"), ORACLE, account, wallet, derivation, agree, model.connect,
        model.hub, publish,
    )  # fmt: skip


def parties(model: Model, told: list[str]) -> list[Disputing]:
    truth = Derived(model.blocks)
    return [
        Challenger(seat(model, CHALLENGER, truth, told)),
        Defender(seat(model, PROPOSER, truth, told)),
    ]


@asynccontextmanager
async def playing(agents: Sequence[Disputing]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(agent.run()) for agent in agents]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def reached(model: Model, there: Callable[[], bool]) -> None:
    async with asyncio.timeout(10), model.hub.listen() as news:
        while not there():
            await news.get()


def over(model: Model) -> Callable[[], bool]:
    return lambda: bool(model.games) and not any(g.phase.is_open for g in model.games.values())


async def test_a_forged_output_goes_and_its_bond_with_it() -> None:
    model, told = Model(Hub(), _BLOCKS), list[str]()
    model.propose(500, header(500))
    model.propose(_BLOCKS, _FORGED)
    async with playing(parties(model, told)):
        await reached(model, lambda: over(model)() and model.balances.get(CHALLENGER) == BOND)
    (game,) = model.games.values()
    assert game.phase is Phase.CHALLENGER_WON
    assert game.high == TRANSACTIONS + 2, "its end alone is false"
    assert [output.block_number for output in model.outputs] == [500]
    assert not [move for move in model.moves if "refused" in move]
    assert told == ["output.disputed", "dispute.decided", "output.removed"]


@pytest.mark.parametrize("blocks", [1, 2, 3, 7, _BLOCKS])
async def test_an_honest_output_stands_against_who_denies_all(blocks: int) -> None:
    model = Model(Hub(), blocks)
    model.propose(blocks, header(blocks))
    rival = b"\x03" * 20
    denier = Challenger(seat(model, rival, Contrary(blocks), []), limit=1)
    async with playing([*parties(model, []), denier]):
        await reached(model, lambda: over(model)() and model.balances.get(PROPOSER) == BOND)
    (game,) = model.games.values()
    assert game.phase is Phase.PROPOSER_WON
    assert model.balances == {rival: -BOND, PROPOSER: BOND}
    assert len(model.outputs) == 1


async def test_honest_outputs_are_left_alone() -> None:
    model = Model(Hub(), _BLOCKS)
    for number in (1, 10, _BLOCKS):
        model.propose(number, header(number))
    agents = parties(model, [])
    async with playing(agents):
        async with asyncio.timeout(5):
            await asyncio.gather(*(agent.ready.wait() for agent in agents))
        assert not model.moves


@pytest.mark.parametrize("after", range(0, 24, 3))
async def test_one_that_is_killed_at_any_move_goes_on(after: int) -> None:
    model = Model(Hub(), _BLOCKS)
    model.propose(_BLOCKS, _FORGED)
    told: list[str] = []
    challenger, defender = parties(model, told)
    async with playing([defender]):
        async with playing([challenger]):
            await reached(model, lambda: len(model.moves) > after)
        again, _ = parties(model, told)
        async with playing([again]):
            await reached(model, lambda: model.balances.get(CHALLENGER) == BOND)
    assert model.moves.count("challenge") == 1
    assert not model.outputs


async def test_who_does_not_move_loses_by_the_clock() -> None:
    model = Model(Hub(), _BLOCKS)
    model.propose(_BLOCKS, _FORGED)
    challenger, _ = parties(model, [])
    async with playing([challenger]):
        await reached(model, lambda: bool(model.games))
        model.time += WINDOW + 2
        model.hub.tell(Head("l1", 99, "0x", model.time))
        await reached(model, over(model))
    assert model.games[1].phase is Phase.CHALLENGER_WON
    assert "timeout" in model.moves


async def test_a_game_that_was_lost_by_verdict_is_not_begun_again() -> None:
    """Guardians who err take one bond, not one after the other."""
    model = Model(Hub(), 4)
    model.propose(4, header(4))
    denier = Challenger(seat(model, CHALLENGER, Contrary(4), []))
    _, defender = parties(model, [])
    async with playing([denier, defender]):
        await reached(model, lambda: model.balances.get(PROPOSER) == BOND)
        model.hub.tell(Head("l1", 99, "0x", model.time))
        await asyncio.sleep(0.05)
    assert model.moves.count("challenge") == 1


async def test_what_is_asked_of_guardians_depends_on_the_step_alone() -> None:
    truth = Derived(10)
    trace = await truth.trace(7)
    assert trace is not None
    model = Model(Hub(), 10)
    model.propose(10, header(10))
    step = StepQuestion(
        b"", 1, ORACLE, 901, model.outputs[0].batch_commitment, 7, trace.parent_hash, trace.hash,
        TRANSACTIONS, TRANSACTIONS + 2, bytes(32), trace.hash,
    )  # fmt: skip
    assert await why_not(step, True, truth) is None
    assert "point 7" in (await why_not(step, False, truth) or "")
    claimed = trace.steps[2].claim
    assert await why_not(replace(step, point=3, disputed=claimed), True, truth) is None
    assert await why_not(replace(step, point=4, disputed=claimed), False, truth) is None
    more = replace(step, transactions=90, point=80, disputed=claimed)
    assert "no such point" in (await why_not(more, True, truth) or "")
    assert await why_not(more, False, truth) is None
    strange = replace(step, batch_commitment=bytes(32))
    for right in (True, False):
        assert "never held" in (await why_not(strange, right, truth) or "")
        assert "end with" in (await why_not(replace(step, block_number=11), right, truth) or "")
