"""Calldata of the contracts that this project calls by itself (Solidity ABI specification).

Only the types they need: static words, and `bytes` (alone or in an array of calls).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from control_plane.domain.hashing import keccak256

_WORD = 32


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `GovernanceExecutor.executeBatch`. `value` in wei."""

    target: bytes
    data: bytes
    value: int = 0


def selector(signature: str) -> bytes:
    """The first four bytes of the signature's hash, e.g. of ``transfer(address,uint256)``."""
    return keccak256(signature.encode())[:4]


def encode_call(signature: str, *arguments: int | bytes) -> bytes:
    """Calldata of a function whose parameters are words or `bytes`.

    A parameter named `bytes` in `signature` takes its argument as bytes of any length; every
    other one a number, or at most 32 bytes (addresses left-padded, bytes32 as they are).
    """
    types = signature[signature.index("(") + 1 : -1].split(",")
    heads, tails = [], bytearray()
    for kind, argument in zip([t for t in types if t], arguments, strict=True):
        if kind == "bytes" and isinstance(argument, bytes):
            heads.append(word(len(types) * _WORD + len(tails)))
            tails += tail(argument)
        else:
            heads.append(word(argument))
    return selector(signature) + b"".join(heads) + bytes(tails)


def execute_batch(calls: Sequence[Call]) -> bytes:
    """Calldata of ``GovernanceExecutor.executeBatch((address,uint256,bytes)[])``."""
    bodies = [
        word(call.target) + word(call.value) + word(3 * _WORD) + tail(call.data) for call in calls
    ]
    offset = len(bodies) * _WORD
    offsets = bytearray()
    for body in bodies:
        offsets += word(offset)
        offset += len(body)
    array = word(len(bodies)) + bytes(offsets) + b"".join(bodies)
    return selector("executeBatch((address,uint256,bytes)[])") + word(_WORD) + array


def word(value: int | bytes) -> bytes:
    """One 32-byte word: a number, or bytes right-aligned."""
    return value.to_bytes(_WORD) if isinstance(value, int) else value.rjust(_WORD, b"\0")


def tail(data: bytes) -> bytes:
    """Length and zero-padded data of a `bytes` value."""
    return word(len(data)) + data + bytes(-len(data) % _WORD)
