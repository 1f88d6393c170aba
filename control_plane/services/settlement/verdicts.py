"""How a guardian answers the last step of a dispute, and how a verdict is agreed on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from control_plane.domain.errors import Conflict, TemporaryFailure
from control_plane.domain.formats import QuorumProof
from control_plane.domain.ids import Hex
from control_plane.domain.ports.da import DataUnavailable
from control_plane.domain.ports.derivation import Derivation
from control_plane.domain.ports.metalayer import Refusal
from control_plane.domain.ports.node import Rpc
from control_plane.domain.quorum import Tally
from control_plane.domain.settlement.disputes import decode_verdict, game_address
from control_plane.domain.settlement.verdicts import DataQuestion, Question, StepQuestion
from control_plane.services.metalayer.lineup import Lineup
from control_plane.services.metalayer.signatures import Signer, collect, quorum_of
from control_plane.services.settlement.games import Asks, Board

_DEADLINE: Final = 120.0
"""Seconds for a guardian, which may have to derive the whole rollup first."""

Agree = Callable[[Question, bool], Awaitable[QuorumProof]]
"""A quorum's word that a step's value is right, or that it is wrong; that data can be had, or that
they can't. Conflict names who does not sign and why."""


class VerdictSigner(Signer, Protocol):
    """A guardian as it is asked for its signature under a verdict."""

    async def sign_verdict(self, question: Question, right: bool) -> bytes | Refusal:
        """Execute the step, or get the data; record the verdict durably, sign its digest (256
        bytes)."""
        ...


async def why_not(question: Question, right: bool, derivation: Derivation) -> str | None:
    """Why a verdict is not to be signed; None when the derivation says the same. TemporaryFailure
    when it can't be told just now."""
    if isinstance(question, StepQuestion):
        return await _why_not_step(question, right, derivation)
    return await _why_not_data(question, right, derivation)


async def follow_as_far(derivation: Derivation) -> DataUnavailable | None:
    """Derive what can be derived; whose data are in the way of the rest. TemporaryFailure."""
    try:
        await derivation.follow()
    except DataUnavailable as error:
        return error
    return None


async def _why_not_step(step: StepQuestion, right: bool, derivation: Derivation) -> str | None:
    """What the answer is depends on the step alone: on the batches that its commitment names."""
    await follow_as_far(derivation)
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


async def _why_not_data(
    question: DataQuestion, available: bool, derivation: Derivation
) -> str | None:
    """Who derived a rollup up to a block had its data. Data of earlier blocks are another
    question."""
    withheld = await follow_as_far(derivation)
    if await derivation.last_of(question.batch_commitment) is not None:
        return None if available else f"it has the data up to block {question.last_block}"
    before = question.first_block - 1
    if withheld is None:
        return "the inbox on the L1 never held the batches that the output is about"
    if before and await derivation.block(before) is None:
        return f"it has not even block {before}: {withheld}"
    return str(withheld) if available else None


async def is_asked(l1: Asks, contracts: Mapping[str, str], question: Question, right: bool) -> bool:
    """Whether the devnet's ``DisputeGame`` awaits a verdict on exactly that question. That data
    can't be had is no answer before their window has ended: they may come until then."""
    if question.game != game_address(contracts):
        return False
    board = Board(l1, question.game, question.oracle)
    try:
        if isinstance(question, StepQuestion):
            return await board.step(question.game_id) == question
        asked = await board.question(question.game_id) == question
        late = asked and await board.deadline(question.game_id) < await board.time()
    except TemporaryFailure:  # the game is over, or there is none
        return False
    return asked and (right or late)


async def verdict_in(l1: Rpc, contracts: Mapping[str, str], transaction: Hex) -> QuorumProof:
    """Whose word a transaction on the L1 brought to ``DisputeGame``. Conflict if it did not."""
    calls = [(f"eth_getTransaction{what}", (transaction,)) for what in ("ByHash", "Receipt")]
    sent, receipt = await l1.batch(calls)
    done = isinstance(receipt, Mapping) and receipt["status"] == "0x1"
    to = sent["to"] if done and isinstance(sent, Mapping) else None
    why = "the L1 has no such transaction to the dispute game"
    if to and bytes.fromhex(to[2:]) == game_address(contracts):
        try:
            return decode_verdict(bytes.fromhex(sent["input"][2:]))
        except ValueError as error:
            why = str(error)
    raise Conflict(
        f"{transaction} brought no verdict",
        why,
        "The event `dispute.decided` names the transaction: `caldera events`.",
    )


async def agree(
    question: Question,
    right: bool,
    current: Lineup,
    signers: Sequence[VerdictSigner],
    network_id: bytes,
) -> QuorumProof:
    """A quorum of the set in force for the verdict. Conflict names who did not sign and why."""
    tally = Tally(current.roster, question.digest(network_id, right))
    reasons = await collect(
        tally, current, signers, lambda signer: signer.sign_verdict(question, right), _DEADLINE
    )
    title = f"The guardians do not say that {_words(question, right)}"
    return quorum_of(tally, reasons, title)


def _words(question: Question, right: bool) -> str:
    if isinstance(question, StepQuestion):
        return f"game {question.game_id} is {'right' if right else 'wrong'}"
    return f"the data of game {question.game_id} {'can' if right else 'can not'} be had"
