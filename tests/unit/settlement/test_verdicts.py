"""When a guardian signs a verdict: on what it derived by itself, never on what it is told."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from control_plane.domain.calls import selector, word
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.da import DataUnavailable, DataWithheld
from control_plane.domain.settlement.disputes import Phase, game_address
from control_plane.domain.settlement.tracing import DerivedBlock, Reach, Step, Trace
from control_plane.domain.settlement.verdicts import DataQuestion, Question, StepQuestion
from control_plane.services.settlement.verdicts import follow_as_far, is_asked, why_not

COMMITMENT, LATER = b"\x01" * 32, b"\x02" * 32
CONTRACTS = {"create3Factory": "0x" + "0c" * 20}
GAME = game_address(CONTRACTS)
ORACLE = b"\x0b" * 20
STATES = tuple(Step(bytes([n]) * 32, 21_000 * n, bytes(32)) for n in range(3))


class Derived:
    """A rollup of five blocks, two transactions in each; what comes behind may be withheld."""

    def __init__(self, withheld: DataUnavailable | None = None, last: int = 5) -> None:
        self.withheld = withheld
        self.last = last

    async def follow(self) -> Reach:
        if self.withheld is not None:
            raise self.withheld
        return Reach(self.last)

    async def block(self, number: int) -> DerivedBlock | None:
        there = 0 <= number <= self.last
        return DerivedBlock(number, bytes([number]) * 32, b"", 2) if there else None

    async def trace(self, number: int) -> Trace | None:
        before, own = bytes([number - 1]) * 32, bytes([number]) * 32
        return Trace(number, before, own, STATES) if 0 < number <= self.last else None

    async def last_of(self, commitment: bytes) -> int | None:
        return {COMMITMENT: 7}.get(commitment)

    async def close(self) -> None: ...


def step(
    point: int, disputed: bytes, block: int = 3, transactions: int = 2, batches: bytes = COMMITMENT
) -> StepQuestion:
    hashes = bytes([block - 1]) * 32, bytes([block]) * 32
    agreed = b"\xaa" * 32
    return StepQuestion(
        GAME, 1, ORACLE, 901, batches, block, *hashes, transactions, point, agreed, disputed
    )


def data(first: int, last: int, batches: bytes = LATER) -> DataQuestion:
    return DataQuestion(GAME, 2, ORACLE, 901, batches, first, last)


async def answers(question: Question, derived: Derived) -> set[bool]:
    return {v for v in (True, False) if await why_not(question, v, derived) is None}


@pytest.mark.parametrize(
    ("question", "right"),
    [
        (step(1, STATES[0].claim), True),
        (step(3, STATES[2].claim), True),
        (step(3, STATES[1].claim), False),
        (step(4, b"\x03" * 32), True),
        (step(4, b"\x04" * 32), False),
        (step(4, STATES[2].claim, transactions=3), False),  # it has no third transaction
        (step(8, b"\x06" * 32, block=6, transactions=6), False),  # nor the rollup such a block
    ],
)
async def test_a_step_has_one_answer(question: StepQuestion, right: bool) -> None:
    assert await answers(question, Derived()) == {right}
    # also while somebody keeps back what was posted later
    assert await answers(question, Derived(DataWithheld("Data are withheld"))) == {right}


async def test_of_batches_that_never_were_nothing_is_said() -> None:
    assert await answers(step(1, STATES[0].claim, batches=LATER), Derived()) == set()
    assert await answers(step(1, STATES[0].claim, block=8), Derived()) == set()
    assert await answers(data(6, 9), Derived()) == set()


async def test_data_are_there_or_not() -> None:
    withheld = Derived(DataWithheld("Data are withheld"))
    assert await answers(data(1, 7, COMMITMENT), Derived()) == {True}
    assert await answers(data(1, 7, COMMITMENT), withheld) == {True}
    assert await answers(data(6, 9), withheld) == {False}
    assert await answers(data(1, 9), Derived(DataWithheld("gone"), last=-1)) == {False}
    # those of the blocks before are another question, of another output
    assert await answers(data(8, 9), withheld) == set()


async def test_what_lies_before_withheld_data_is_derived() -> None:
    assert await follow_as_far(Derived()) is None
    assert isinstance(await follow_as_far(Derived(DataWithheld("gone"))), DataWithheld)


class Asked:
    """An L1 with one game."""

    def __init__(self, question: Question, deadline: float) -> None:
        self.question = question
        self.deadline = int(deadline)

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        del timeout
        return [await self._call(method, params) for method, params in calls]

    async def _call(self, method: str, params: Sequence[Any]) -> Any:
        if method == "eth_getBlockByNumber":
            return {"timestamp": hex(int(time.time()))}
        called = params[0]["data"][2:10]
        if called == selector("game(uint256)").hex():
            return "0x" + (word(Phase.DATA_VERDICT) + word(self.deadline) + bytes(19 * 32)).hex()
        wanted = "stepOf" if isinstance(self.question, StepQuestion) else "questionOf"
        if called != selector(f"{wanted}(uint256)").hex():
            raise TemporaryFailure("WrongPhase")
        return "0x" + self.question.encode().hex()


async def test_only_what_a_game_asks_is_answered() -> None:
    asked, other = step(1, b"\x01" * 32), step(2, b"\x01" * 32)
    assert await is_asked(Asked(asked, 0), CONTRACTS, asked, True)
    assert not await is_asked(Asked(other, 0), CONTRACTS, asked, True)
    assert not await is_asked(Asked(data(1, 2), 0), CONTRACTS, asked, True)
    assert not await is_asked(Asked(asked, 0), {"create3Factory": "0x" + "0d" * 20}, asked, True)


async def test_data_may_come_until_their_window_has_ended() -> None:
    question = data(6, 9)
    early, late = Asked(question, time.time() + 60), Asked(question, time.time() - 60)
    assert [await is_asked(early, CONTRACTS, question, v) for v in (True, False)] == [True, False]
    assert [await is_asked(late, CONTRACTS, question, v) for v in (True, False)] == [True, True]
