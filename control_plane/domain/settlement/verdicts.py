"""What a decider is asked about a dispute, and the digests that guardians sign as its answer
(docs/formats.md, "Verdicts").

Addresses are 20 bytes, hashes and claims 32.
"""

from dataclasses import dataclass
from typing import Final, Self

from control_plane.domain.abi_formats import frame, quorum_part
from control_plane.domain.calls import word
from control_plane.domain.formats import QuorumProof
from control_plane.domain.hashing import keccak256

STEP_TYPE: Final = (
    "(address,uint256,address,uint256,bytes32,uint64,bytes32,bytes32,uint32,uint32,bytes32,bytes32)"
)
_STEP_WORDS: Final = 12
_QUESTION_WORDS: Final = 7
_STEP_PREFIX: Final = b"\x01\x09"
"""Version and kind."""
_DATA_PREFIX: Final = b"\x01\x0a"


@dataclass(frozen=True, slots=True)
class StepQuestion:
    """The one step that a bisection came to (``IStepDecider``'s ``Step``)."""

    game: bytes
    """Address of the ``DisputeGame`` that asks."""
    game_id: int
    oracle: bytes
    chain_id: int
    batch_commitment: bytes
    block_number: int
    parent_hash: bytes
    block_hash: bytes
    transactions: int
    """By the proposer's word."""
    point: int
    """The disputed one, 1 to ``transactions + 2``; that before it is agreed."""
    agreed: bytes
    disputed: bytes

    def encode(self) -> bytes:
        """``abi.encode(step)``."""
        values: tuple[int | bytes, ...] = (
            self.game,
            self.game_id,
            self.oracle,
            self.chain_id,
            self.batch_commitment,
            self.block_number,
            self.parent_hash,
            self.block_hash,
            self.transactions,
            self.point,
            self.agreed,
            self.disputed,
        )
        return b"".join(word(value) for value in values)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From what `encode` gave, as ``stepOf`` and ``VerdictAwaited`` do; ValueError."""
        at = words_of(data, _STEP_WORDS, "step")
        return cls(
            game=at[0][12:],
            game_id=number_of(at[1]),
            oracle=at[2][12:],
            chain_id=number_of(at[3]),
            batch_commitment=at[4],
            block_number=number_of(at[5]),
            parent_hash=at[6],
            block_hash=at[7],
            transactions=number_of(at[8]),
            point=number_of(at[9]),
            agreed=at[10],
            disputed=at[11],
        )

    def digest(self, network_id: bytes, right: bool) -> bytes:
        """The 32 bytes that guardians sign when the disputed value is `right`, or when not."""
        return keccak256(_STEP_PREFIX + network_id + keccak256(self.encode()) + bytes([right]))


@dataclass(frozen=True, slots=True)
class DataQuestion:
    """Whether data can be had (``IStepDecider``'s ``DataQuestion``)."""

    game: bytes
    game_id: int
    oracle: bytes
    chain_id: int
    batch_commitment: bytes
    first_block: int
    last_block: int

    def encode(self) -> bytes:
        """``abi.encode(question)``."""
        values: tuple[int | bytes, ...] = (
            self.game,
            self.game_id,
            self.oracle,
            self.chain_id,
            self.batch_commitment,
            self.first_block,
            self.last_block,
        )
        return b"".join(word(value) for value in values)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From what `encode` gave, as ``questionOf`` does; ValueError."""
        at = words_of(data, _QUESTION_WORDS, "question about data")
        return cls(
            game=at[0][12:],
            game_id=number_of(at[1]),
            oracle=at[2][12:],
            chain_id=number_of(at[3]),
            batch_commitment=at[4],
            first_block=number_of(at[5]),
            last_block=number_of(at[6]),
        )

    def digest(self, network_id: bytes, available: bool) -> bytes:
        """The 32 bytes that guardians sign when the data are `available`, or when not."""
        return keccak256(_DATA_PREFIX + network_id + keccak256(self.encode()) + bytes([available]))


Question = StepQuestion | DataQuestion


def encode_quorum(quorum: QuorumProof) -> bytes:
    """``abi.encode(quorum)``: the proof that ``GuardianVerdicts`` takes."""
    return frame([], [quorum_part(quorum)])


def words_of(data: bytes, count: int, what: str) -> list[bytes]:
    """`data`, which `what` is made of, as its words. ValueError unless it has `count` of them."""
    if len(data) != count * 32:
        raise ValueError(f"{len(data)} bytes are no {what} of a DisputeGame")
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def number_of(data: bytes) -> int:
    """A word as a number."""
    return int.from_bytes(data)
