"""A guardian gives one answer to a question, written down before it leaves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from control_plane.agents.judge import Judge
from control_plane.domain import bls
from control_plane.domain.hub import Hub
from control_plane.domain.ports.metalayer import Refusal
from control_plane.domain.settlement.disputes import Phase, challenge_call
from control_plane.domain.settlement.verdicts import StepQuestion
from tests.unit.settlement.dispute_model import (
    BOND,
    CHALLENGER,
    ORACLE,
    Derived,
    Model,
    header,
    network,
)

_SEED = bytes(range(32))


class Journal:
    """Implements what of a database a judge uses."""

    def __init__(self) -> None:
        self.verdicts: dict[tuple[str, int, str], str] = {}

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async def record(devnet: str, guardian: int, question: str, digest: str) -> bool:
            return self.verdicts.setdefault((devnet, guardian, question), digest) == digest

        yield SimpleNamespace(votes=SimpleNamespace(record_verdict=record))


def asked() -> tuple[Model, StepQuestion]:
    """A game that awaits a verdict on the end of block 3, which is right."""
    model = Model(Hub(), 3)
    model.propose(3, header(3))
    output = model.outputs[0].block_hash
    assert model.send(CHALLENGER, challenge_call(ORACLE, 0, output), BOND)
    model.games[1] = replace(
        model.games[1], phase=Phase.STEP_VERDICT, block_number=3, transactions=5, low=6, high=7
    )
    return model, model.step(1)


def judge(model: Model, journal: Journal, derived: Derived | None) -> Judge:
    guardian = SimpleNamespace(name="guardian-0", index=0, available=True)
    keys = SimpleNamespace(index=0, bls_seed=_SEED)
    return Judge(
        network(), cast(Any, keys), cast(Any, guardian), lambda _: derived, model.connect,
        cast(Any, journal),
    )  # fmt: skip


async def test_it_signs_what_executing_gives_and_not_the_opposite() -> None:
    model, step = asked()
    journal = Journal()
    one = judge(model, journal, Derived(3))
    signature = await one.sign_verdict(step, True)
    assert isinstance(signature, bytes)
    digest = step.digest(bytes(32), True)
    assert bls.verify(bls.SecretKey(_SEED).key, digest, signature)
    assert list(journal.verdicts.values()) == ["0x" + digest.hex()]
    assert isinstance(await one.sign_verdict(step, False), Refusal)


async def test_who_changes_its_mind_signs_nothing() -> None:
    model, step = asked()
    journal = Journal()
    assert isinstance(await judge(model, journal, Derived(3)).sign_verdict(step, True), bytes)

    class Otherwise(Derived):
        async def trace(self, number: int) -> Any:
            del number

    refused = await judge(model, journal, Otherwise(3)).sign_verdict(step, False)
    assert refused == Refusal("it gave the other answer before")


async def test_what_no_game_asks_is_not_signed() -> None:
    model, step = asked()
    one = judge(model, Journal(), Derived(3))
    others = replace(step, point=6), replace(step, game=bytes(20)), replace(step, game_id=2)
    for strange in others:
        assert await one.sign_verdict(strange, True) == Refusal("no game on the L1 asks that")
    nobody = judge(model, Journal(), None)
    assert await nobody.sign_verdict(step, True) == Refusal("it derives no such rollup")
