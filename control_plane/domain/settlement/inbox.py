"""The ``BatchInbox`` on the L1: where it is and how it is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from control_plane.domain.calls import encode_call, selector, word
from control_plane.domain.hashing import keccak256
from control_plane.domain.op_stack import create3_address

INBOX: Final = "BatchInbox"
APPEND: Final = "append(uint256,uint64,uint64,uint16,bool,bytes)"
FRAME_POSTED: Final = keccak256(b"FramePosted(uint256,uint64,uint16,uint64,uint64,bool,bytes32)")
"""First topic of the event; then the rollup's chain id and the channel's number."""
_APPEND_HEAD: Final = 4 + 6 * 32


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
    """Arguments of ``BatchInbox.append``."""

    chain_id: int
    first: int
    last: int
    number: int
    is_last: bool
    data: bytes

    def encode(self) -> bytes:
        """The call's data."""
        head = (self.chain_id, self.first, self.last, self.number, int(self.is_last))
        return encode_call(APPEND, *head, self.data)


def inbox_salt(*, implementation: bool = False) -> bytes:
    """With which the L1's Create3Factory makes the inbox, or the code behind its proxy."""
    return keccak256(f"caldera.v1.{INBOX}{'.implementation' if implementation else ''}".encode())


def inbox_address(contracts: Mapping[str, str]) -> bytes:
    """The inbox of all rollups of an L1; `contracts` by JSON key."""
    factory = bytes.fromhex(contracts["create3Factory"].removeprefix("0x"))
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


def decode_append(data: bytes) -> Frame:
    """The frame in a transaction's data. ValueError where it is another call."""
    if data[:4] != selector(APPEND) or len(data) < _APPEND_HEAD + 32:
        raise ValueError("the transaction does not call append")
    chain_id, first, last, number, is_last, offset = (
        int.from_bytes(data[4 + at * 32 : 36 + at * 32]) for at in range(6)
    )
    start = 4 + offset
    length = int.from_bytes(data[start : start + 32])
    content = data[start + 32 : start + 32 + length]
    if offset != 6 * 32 or len(content) != length:
        raise ValueError("the transaction's data are cut off")
    return Frame(chain_id, first, last, number, bool(is_last), content)


def accumulate(accumulator: bytes, first: int, last: int, frames: list[bytes]) -> bytes:
    """``BatchInbox``'s accumulator after a channel whose frames hold `frames`."""
    state = bytes(32)
    for frame in frames:
        state = keccak256(state + keccak256(frame))
    return keccak256(accumulator + word(first) + word(last) + state)
