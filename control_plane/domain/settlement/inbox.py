"""The ``BatchInbox`` on the L1: where it is and how it is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from control_plane.domain.calls import encode_call, selector, word
from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.op_stack import create3_address

INBOX: Final = "BatchInbox"
APPEND: Final = "append(uint256,uint64,uint64,uint16,bool,bytes)"
APPEND_BLOBS: Final = "appendBlobs(uint256,uint64,uint64,uint16,bool)"
APPEND_COMMITMENT: Final = "appendCommitment(uint256,uint64,uint64,uint16,bool,bytes)"
FRAME_POSTED: Final = keccak256(b"FramePosted(uint256,uint64,uint16,uint64,uint64,bool,bytes32)")
"""First topic of the event; then the rollup's chain id and the channel's number."""
_HEAD_WORDS: Final = 5
"""Chain id, first and last block, number, whether it is the last; then the offset of bytes."""
_HASH_BYTES: Final = 32


class Carrier(Enum):
    """What brings a frame's data; its number is the third word of the frame's hash."""

    CALLDATA = 0
    BLOBS = 1
    COMMITMENT = 2


_CALLS: Final = {
    Carrier.CALLDATA: APPEND,
    Carrier.BLOBS: APPEND_BLOBS,
    Carrier.COMMITMENT: APPEND_COMMITMENT,
}


@dataclass(frozen=True, slots=True)
class InboxState:
    """What ``BatchInbox.rollup(uint256)`` says."""

    batcher: bytes
    next_block: int
    """First block that is missing."""
    channels: int
    accumulator: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """Arguments of one of ``BatchInbox``'s three ways to append."""

    chain_id: int
    first: int
    last: int
    number: int
    is_last: bool
    data: bytes
    """What the L1 has of it: the data, or versioned hashes one after the other, or a commitment."""
    carrier: Carrier = Carrier.CALLDATA

    def encode(self) -> bytes:
        """The call's data."""
        head = (self.chain_id, self.first, self.last, self.number, int(self.is_last))
        tail = () if self.carrier is Carrier.BLOBS else (self.data,)
        return encode_call(_CALLS[self.carrier], *head, *tail)

    @property
    def blob_hashes(self) -> tuple[bytes, ...]:
        """Versioned hashes of a frame in blobs."""
        return tuple(
            self.data[at : at + _HASH_BYTES] for at in range(0, len(self.data), _HASH_BYTES)
        )


def inbox_salt(*, implementation: bool = False) -> bytes:
    """With which the L1's Create3Factory makes the inbox, or the code behind its proxy."""
    return keccak256(f"caldera.v1.{INBOX}{'.implementation' if implementation else ''}".encode())


def inbox_address(contracts: Mapping[str, str]) -> bytes:
    """The inbox of all rollups of an L1; `contracts` by JSON key."""
    factory = from_hex(contracts["create3Factory"])
    return create3_address(factory, inbox_salt())


def rollup_call(chain_id: int) -> bytes:
    """Calldata of ``BatchInbox.rollup(uint256)``."""
    return encode_call("rollup(uint256)", chain_id)


def decode_rollup(data: bytes) -> InboxState:
    """Its answer. ValueError for anything else."""
    words = [data[at : at + 32] for at in range(0, len(data), 32)]
    if len(data) != 7 * 32:
        raise ValueError(f"{len(data)} bytes are no answer of a BatchInbox")
    return InboxState(
        batcher=words[0][12:],
        next_block=int.from_bytes(words[1]),
        channels=int.from_bytes(words[3]),
        accumulator=words[6],
    )


def decode_append(data: bytes, blob_hashes: Sequence[bytes] = ()) -> Frame:
    """The frame of a transaction with `data` as calldata, and blobs of those versioned hashes.
    ValueError where it is another call."""
    carrier = next((c for c, call in _CALLS.items() if data[:4] == selector(call)), None)
    if carrier is None or len(data) < 4 + _HEAD_WORDS * 32:
        raise ValueError("the transaction does not append to the inbox")
    words = [int.from_bytes(data[4 + at * 32 : 36 + at * 32]) for at in range(_HEAD_WORDS + 1)]
    chain_id, first, last, number, is_last, offset = words
    if carrier is Carrier.BLOBS:
        content = b"".join(blob_hashes)
    else:
        start = 4 + offset
        length = int.from_bytes(data[start : start + 32])
        content = data[start + 32 : start + 32 + length]
        if offset != (_HEAD_WORDS + 1) * 32 or len(content) != length:
            raise ValueError("the transaction's data are cut off")
    if not content:
        raise ValueError("the transaction appends nothing")
    return Frame(chain_id, first, last, number, bool(is_last), content, carrier)


def accumulate(accumulator: bytes, frames: Sequence[Frame]) -> bytes:
    """``BatchInbox``'s accumulator after a channel of `frames`, at least one, where it was
    `accumulator` before."""
    state = bytes(32)
    for frame in frames:
        kind = frame.carrier.value
        state = keccak256(state + keccak256(frame.data) + (word(kind) if kind else b""))
    return keccak256(accumulator + word(frames[0].first) + word(frames[0].last) + state)
