"""What a decider is asked about a dispute, and the digests that guardians sign as its answer
(docs/formats.md, "Verdicts").

Addresses are 20 bytes, hashes and claims 32.
"""

from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar, Final, Self

from control_plane.domain.abi_formats import frame, quorum_part
from control_plane.domain.calls import word
from control_plane.domain.formats import QuorumProof
from control_plane.domain.hashing import keccak256

STEP_TYPE: Final = (
    "(address,uint256,address,uint256,bytes32,uint64,bytes32,bytes32,uint32,uint32,bytes32,bytes32)"
)
_ADDRESSES: Final = frozenset({"game", "oracle"})


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every question begins with. Its fields are in the order of their words."""

    what: ClassVar[str]
    prefix: ClassVar[bytes]
    """Version and kind."""

    game: bytes
    """Address of the ``DisputeGame`` that asks."""
    game_id: int
    oracle: bytes
    chain_id: int
    batch_commitment: bytes

    def encode(self) -> bytes:
        """``abi.encode`` of the question."""
        return b"".join(word(getattr(self, field.name)) for field in fields(self))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From what `encode` gave, as the contracts' getters and events do; ValueError."""
        known = fields(cls)
        at = words_of(data, len(known), cls.what)
        return cls(*(_value(field, each) for field, each in zip(known, at, strict=True)))

    def digest(self, network_id: bytes, right: bool) -> bytes:
        """The 32 bytes that guardians sign when what is asked is so, or when not."""
        return keccak256(self.prefix + network_id + keccak256(self.encode()) + bytes([right]))


@dataclass(frozen=True, slots=True)
class StepQuestion(_Asked):
    """The one step that a bisection came to (``IStepDecider``'s ``Step``): whether the disputed
    value is right."""

    what = "step"
    prefix = b"\x01\x09"

    block_number: int
    parent_hash: bytes
    block_hash: bytes
    transactions: int
    """By the proposer's word."""
    point: int
    """The disputed one, 1 to ``transactions + 2``; that before it is agreed."""
    agreed: bytes
    disputed: bytes


@dataclass(frozen=True, slots=True)
class DataQuestion(_Asked):
    """Whether data can be had (``IStepDecider``'s ``DataQuestion``)."""

    what = "question about data"
    prefix = b"\x01\x0a"

    first_block: int
    last_block: int


Question = StepQuestion | DataQuestion


def encode_quorum(quorum: QuorumProof) -> bytes:
    """``abi.encode(quorum)``: the proof that ``GuardianVerdicts`` takes."""
    return frame([], [quorum_part(quorum)])


def words_of(data: bytes, count: int, what: str) -> list[bytes]:
    """`data`, which `what` is made of, as its words. ValueError unless it has `count` of them."""
    if len(data) != count * 32:
        raise ValueError(f"{len(data)} bytes are no {what} of a DisputeGame")
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def _value(field: "Field[Any]", data: bytes) -> Any:
    if field.name in _ADDRESSES:
        return data[12:]
    return number_of(data) if field.type is int else data


def number_of(data: bytes) -> int:
    """A word as a number."""
    return int.from_bytes(data)
