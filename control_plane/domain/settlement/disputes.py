"""Disputes about outputs: calls of ``DisputeGame``, what it answers and tells
(docs/concepts/disputes.md).

Addresses are 20 bytes, hashes and claims 32, amounts wei, times seconds of the L1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from control_plane.domain.abi_formats import decode_quorum
from control_plane.domain.calls import encode_call, selector
from control_plane.domain.formats import QuorumProof
from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement.places import address_of
from control_plane.domain.settlement.verdicts import (
    STEP_TYPE,
    StepQuestion,
    encode_quorum,
    number_of,
    words_of,
)

GAME: Final = "DisputeGame"

_OPENED_TYPES: Final = "uint256,address,uint256,uint256,address,address,uint64,uint64,bool,uint64"
CHALLENGE_OPENED: Final = keccak256(f"ChallengeOpened({_OPENED_TYPES})".encode())
"""First topic; then game, oracle and index."""
CLAIMED: Final = keccak256(b"Claimed(uint256,uint64,bytes32,uint64)")
"""First topic, as below; then the game."""
ANSWERED: Final = keccak256(b"Answered(uint256,uint64,bool,uint64)")
REVEALED: Final = keccak256(b"Revealed(uint256,uint64,uint32,bytes,uint64)")
VERDICT_AWAITED: Final = keccak256(f"VerdictAwaited(uint256,{STEP_TYPE})".encode())
DATA_SHOWN: Final = keccak256(b"DataShown(uint256,bytes32)")
GAME_CLOSED: Final = keccak256(b"GameClosed(uint256,uint8,address,uint256,bool)")
"""First topic; then game and winner."""

_SHOW_DATA: Final = "showData(uint256,bytes)"
_DECIDE: Final = "decide(uint256,bool,bytes)"
_DECIDE_DATA: Final = "decideData(uint256,bool,bytes)"
_VERDICTS: Final = frozenset({selector(_DECIDE), selector(_DECIDE_DATA)})
_GAME_WORDS: Final = 21


class Phase(IntEnum):
    """As ``IDisputeGame`` numbers them."""

    NONE = 0
    BLOCK_CLAIM = 1
    BLOCK_ANSWER = 2
    REVEAL = 3
    STEP_CLAIM = 4
    STEP_ANSWER = 5
    STEP_VERDICT = 6
    DATA_VERDICT = 7
    PROPOSER_WON = 8
    CHALLENGER_WON = 9
    VOIDED = 10

    @property
    def is_open(self) -> bool:
        """Whether the game goes on."""
        return Phase.NONE < self < Phase.PROPOSER_WON

    @property
    def is_proposers(self) -> bool:
        """Whether the proposer has to move."""
        return self in (Phase.BLOCK_CLAIM, Phase.REVEAL, Phase.STEP_CLAIM)

    @property
    def is_challengers(self) -> bool:
        """Whether the challenger has to move."""
        return self in (Phase.BLOCK_ANSWER, Phase.STEP_ANSWER)


@dataclass(frozen=True, slots=True)
class Game:
    """What ``DisputeGame.game(uint256)`` says."""

    phase: Phase
    deadline: int
    """Last second for the move that is due; 0 when no clock runs."""
    move_window: int
    low: int
    """Block, or point of the single block, that both agree on."""
    high: int
    oracle: bytes
    serial: int
    index: int
    """Of the output."""
    chain_id: int
    """Of the rollup."""
    proposer: bytes
    block_number: int
    """The single block that remained; 0 before it is revealed."""
    transactions: int
    challenger: bytes
    bond: int
    decider: bytes
    agreed: bytes
    """Value at `low`."""
    disputed: bytes
    """Value at `high`."""
    claimed: bytes
    """The last value claimed in between; waits for an answer in a phase for answers."""
    batch_commitment: bytes
    parent_hash: bytes
    block_hash: bytes

    @property
    def middle(self) -> int:
        """Where the next claim has to be made."""
        return (self.low + self.high) // 2

    @property
    def in_block(self) -> bool:
        """Whether positions are points of the single block, not blocks."""
        return self.block_number != 0


def game_address(contracts: Mapping[str, str]) -> bytes:
    """The game of all rollups of an L1; `contracts` by JSON key."""
    return address_of(contracts, GAME)


# ---------------------------------------------------------------- moves


def challenge_call(oracle: bytes, index: int, block_hash: bytes) -> bytes:
    """Calldata of ``challenge``, which is sent with the bond. `block_hash` is the output's."""
    return encode_call("challenge(address,uint256,bytes32)", oracle, index, block_hash)


def challenge_data_call(oracle: bytes, index: int, block_hash: bytes) -> bytes:
    """Calldata of ``challengeData``, which is sent with the bond. `block_hash` is the output's."""
    return encode_call("challengeData(address,uint256,bytes32)", oracle, index, block_hash)


def claim_call(game_id: int, position: int, value: bytes) -> bytes:
    """Calldata of ``claim``: the proposer's move."""
    return encode_call("claim(uint256,uint64,bytes32)", game_id, position, value)


def answer_call(game_id: int, value: bytes, agrees: bool) -> bytes:
    """Calldata of ``answer``: the challenger's move."""
    return encode_call("answer(uint256,bytes32,bool)", game_id, value, int(agrees))


def reveal_call(game_id: int, header: bytes, transactions: int) -> bytes:
    """Calldata of ``reveal``: the proposer's move. `header` is RLP."""
    return encode_call("reveal(uint256,bytes,uint32)", game_id, header, transactions)


def decide_call(game_id: int, right: bool, quorum: QuorumProof) -> bytes:
    """Calldata of ``decide``, with the guardians' verdict."""
    return encode_call(_DECIDE, game_id, int(right), encode_quorum(quorum))


def decide_data_call(game_id: int, available: bool, quorum: QuorumProof) -> bytes:
    """Calldata of ``decideData``, with the guardians' verdict."""
    proof = encode_quorum(quorum)
    return encode_call(_DECIDE_DATA, game_id, int(available), proof)


def show_data_call(game_id: int, data: bytes) -> bytes:
    """Calldata of ``showData``."""
    return encode_call(_SHOW_DATA, game_id, data)


def decode_verdict(data: bytes) -> QuorumProof:
    """Who signed the verdict that calldata of ``decide`` or ``decideData`` bring. ValueError."""
    if data[:4] not in _VERDICTS or len(data) < 4 + 4 * 32:
        raise ValueError("not a verdict's calldata")
    return decode_quorum(data[4 + 4 * 32 :])


def decode_shown(data: bytes) -> tuple[int, bytes]:
    """Game and data of a transaction that calls ``showData``; ValueError where it does not."""
    if data[:4] != selector(_SHOW_DATA) or len(data) < 4 + 3 * 32:
        raise ValueError("the transaction does not call showData")
    start = 4 + number_of(data[36:68])
    length = number_of(data[start : start + 32])
    shown = data[start + 32 : start + 32 + length]
    if len(shown) != length:
        raise ValueError("the transaction's data are cut off")
    return number_of(data[4:36]), shown


def timeout_call(game_id: int) -> bytes:
    """Calldata of ``timeout``: who missed a move loses."""
    return encode_call("timeout(uint256)", game_id)


def close_call(game_id: int) -> bytes:
    """Calldata of ``close``, for a game whose output is gone."""
    return encode_call("close(uint256)", game_id)


def withdraw_call(account: bytes) -> bytes:
    """Calldata of ``withdraw``: sends `account` what is credited to it."""
    return encode_call("withdraw(address)", account)


def set_rules_call(bond: int, move_window: int, data_window: int) -> bytes:
    """Calldata of ``setRules``, the governor's: wei, seconds, seconds."""
    return encode_call("setRules(uint96,uint32,uint32)", bond, move_window, data_window)


# ---------------------------------------------------------------- questions and answers


def game_call(game_id: int) -> bytes:
    """Calldata of ``game(uint256)``, for `decode_game`."""
    return encode_call("game(uint256)", game_id)


def games_call() -> bytes:
    """Calldata of ``games()``: a word, the id of the last game."""
    return encode_call("games()")


def step_call(game_id: int) -> bytes:
    """Calldata of ``stepOf(uint256)``, for `StepQuestion.decode`."""
    return encode_call("stepOf(uint256)", game_id)


def question_call(game_id: int) -> bytes:
    """Calldata of ``questionOf(uint256)``, for `DataQuestion.decode`."""
    return encode_call("questionOf(uint256)", game_id)


def credits_call(account: bytes) -> bytes:
    """Calldata of ``credits(address)``: a word, in wei."""
    return encode_call("credits(address)", account)


def bond_call() -> bytes:
    """Calldata of ``bond()``: a word, in wei."""
    return encode_call("bond()")


def decode_game(data: bytes) -> Game:
    """What ``game(uint256)`` answered. ValueError for anything else."""
    at = words_of(data, _GAME_WORDS, "game")
    return Game(
        phase=Phase(number_of(at[0])),
        deadline=number_of(at[1]),
        move_window=number_of(at[2]),
        low=number_of(at[3]),
        high=number_of(at[4]),
        oracle=at[5][12:],
        serial=number_of(at[6]),
        index=number_of(at[7]),
        chain_id=number_of(at[8]),
        proposer=at[9][12:],
        block_number=number_of(at[10]),
        transactions=number_of(at[11]),
        challenger=at[12][12:],
        bond=number_of(at[13]),
        decider=at[14][12:],
        agreed=at[15],
        disputed=at[16],
        claimed=at[17],
        batch_commitment=at[18],
        parent_hash=at[19],
        block_hash=at[20],
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """``ChallengeOpened``."""

    game_id: int
    oracle: bytes
    index: int
    chain_id: int
    proposer: bytes
    challenger: bytes
    low: int
    high: int
    data: bool
    """Whether it is about data."""
    deadline: int

    @classmethod
    def decode(cls, topics: list[bytes], data: bytes) -> Self:
        """From a log; ValueError."""
        _expect(topics, CHALLENGE_OPENED, 4, "ChallengeOpened")
        at = words_of(data, 7, "ChallengeOpened")
        return cls(
            game_id=number_of(topics[1]),
            oracle=topics[2][12:],
            index=number_of(topics[3]),
            chain_id=number_of(at[0]),
            proposer=at[1][12:],
            challenger=at[2][12:],
            low=number_of(at[3]),
            high=number_of(at[4]),
            data=bool(number_of(at[5])),
            deadline=number_of(at[6]),
        )


@dataclass(frozen=True, slots=True)
class Closed:
    """``GameClosed``."""

    game_id: int
    phase: Phase
    winner: bytes
    amount: int
    """Wei that the winner is credited with."""
    by_timeout: bool

    @classmethod
    def decode(cls, topics: list[bytes], data: bytes) -> Self:
        """From a log; ValueError."""
        _expect(topics, GAME_CLOSED, 3, "GameClosed")
        at = words_of(data, 3, "GameClosed")
        return cls(
            game_id=number_of(topics[1]),
            phase=Phase(number_of(at[0])),
            winner=topics[2][12:],
            amount=number_of(at[1]),
            by_timeout=bool(number_of(at[2])),
        )


def decode_awaited(topics: list[bytes], data: bytes) -> StepQuestion:
    """The step of ``VerdictAwaited``; ValueError."""
    _expect(topics, VERDICT_AWAITED, 2, "VerdictAwaited")
    return StepQuestion.decode(data)


def _expect(topics: list[bytes], first: bytes, count: int, name: str) -> None:
    if len(topics) != count or topics[0] != first:
        raise ValueError(f"the log is no {name}")
