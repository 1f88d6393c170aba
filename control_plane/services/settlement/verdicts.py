"""How a guardian answers the last step of a dispute, and how a verdict is agreed on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from control_plane.domain.errors import Conflict, TemporaryFailure
from control_plane.domain.formats import QuorumProof
from control_plane.domain.ports.derivation import Derivation
from control_plane.domain.ports.metalayer import Refusal
from control_plane.domain.quorum import Tally
from control_plane.domain.settlement.disputes import game_address
from control_plane.domain.settlement.verdicts import StepQuestion
from control_plane.services.metalayer.lineup import Lineup
from control_plane.services.settlement.games import Asks, Board

_DEADLINE: Final = 120.0
"""Seconds for a guardian, which may have to derive the whole rollup first."""

Agree = Callable[[StepQuestion, bool], Awaitable[QuorumProof]]
"""A quorum's word that a step's value is right, or that it is wrong. Conflict names who does not
sign and why."""


class VerdictSigner(Protocol):
    """A guardian as it is asked for its signature under a verdict."""

    name: str
    index: int

    @property
    def available(self) -> bool: ...

    async def sign_verdict(self, step: StepQuestion, right: bool) -> bytes | Refusal:
        """Execute the step, record the verdict durably, sign its digest (256 bytes)."""
        ...


async def why_not(step: StepQuestion, right: bool, derivation: Derivation) -> str | None:
    """Why a verdict is not to be signed; None when executing the block says the same.

    What the answer is depends on the step alone: on the batches that its commitment names.
    TemporaryFailure when it can't be told just now.
    """
    await derivation.follow()
    last = await derivation.last_of(step.batch_commitment)
    if last is None:
        return "the inbox on the L1 never held the batches that the output is about"
    if last < step.block_number:
        return f"the output's batches end with block {last}"
    trace = await derivation.trace(step.block_number)
    found = None if trace is None else trace.at(step.point, step.transactions)
    if (found == step.disputed) is right:
        return None
    told = "no such point" if found is None else "0x" + found.hex()
    return f"executing block {step.block_number} gives {told} at point {step.point}"


async def is_asked(l1: Asks, contracts: Mapping[str, str], step: StepQuestion) -> bool:
    """Whether the devnet's ``DisputeGame`` awaits a verdict on exactly that step."""
    if step.game != game_address(contracts):
        return False
    try:
        return await Board(l1, step.game, step.oracle).step(step.game_id) == step
    except TemporaryFailure:  # the game is over, or there is none
        return False


async def agree(
    step: StepQuestion,
    right: bool,
    current: Lineup,
    signers: Sequence[VerdictSigner],
    network_id: bytes,
) -> QuorumProof:
    """A quorum of the set in force for the verdict. Conflict names who did not sign and why."""
    tally = Tally(current.roster, step.digest(network_id, right))
    reasons: dict[str, str] = {}
    asked = [(s, current.seats[s.index]) for s in signers if s.index in current.seats]
    answers = await asyncio.gather(*(_ask(signer, step, right) for signer, _ in asked))
    for (signer, seat), answer in zip(asked, answers, strict=True):
        if isinstance(answer, Refusal):
            reasons[signer.name] = answer.reason
        else:
            tally.add(seat, answer)
    if tally.reached:
        tally.drop_invalid()
    if not tally.reached:
        told = "; ".join(f"{name}: {why}" for name, why in sorted(reasons.items()))
        word = "right" if right else "wrong"
        raise Conflict(f"The guardians do not say that game {step.game_id} is {word}", told)
    return tally.proof()


async def _ask(signer: VerdictSigner, step: StepQuestion, right: bool) -> bytes | Refusal:
    if not signer.available:
        return Refusal("it does not run")
    try:
        async with asyncio.timeout(_DEADLINE):
            return await signer.sign_verdict(step, right)
    except TimeoutError:
        return Refusal("it did not answer in time")
