"""Data in blobs (EIP-4844): cut into field elements, and back.

Format: docs/formats.md, "Channels".
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

BLOB_BYTES: Final = 131_072
MOST_BLOBS: Final = 6
"""In one transaction: Prague's target for a block, so that their price does not rise by it."""
_ELEMENTS: Final = 4096
_ELEMENT_BYTES: Final = 31
"""Of each field element's 32: the first is zero, so that it is below the field's modulus."""
_ROOM: Final = _ELEMENTS * _ELEMENT_BYTES
_VERSION: Final = 0
_HEAD_BYTES: Final = 5
MOST_DATA: Final = MOST_BLOBS * _ROOM - _HEAD_BYTES
"""Bytes that go into one transaction's blobs."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """Blobs and what proves them, in the same order. Commitments and proofs have 48 bytes each."""

    blobs: tuple[bytes, ...]
    commitments: tuple[bytes, ...]
    proofs: tuple[bytes, ...]

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Versioned hashes: what the L1's transaction and contracts see."""
        return tuple(map(versioned_hash, self.commitments))


def versioned_hash(commitment: bytes) -> bytes:
    """Of a KZG commitment (EIP-4844, ``kzg_to_versioned_hash``)."""
    return b"\x01" + hashlib.sha256(commitment).digest()[1:]


def encode_blobs(data: bytes) -> list[bytes]:
    """The fewest blobs that hold `data`, each of :data:`BLOB_BYTES`."""
    whole = bytes((_VERSION,)) + len(data).to_bytes(4) + data
    return [_blob(whole[at : at + _ROOM]) for at in range(0, len(whole), _ROOM)]


def decode_blobs(blobs: Sequence[bytes]) -> bytes:
    """The data that `blobs` hold, in their order. ValueError for anything that
    :func:`encode_blobs` does not make."""
    whole = b"".join(map(_content, blobs))
    if whole[:1] != bytes((_VERSION,)):
        raise ValueError(f"blobs of version {whole[:1].hex() or 'none'} are not known")
    end = _HEAD_BYTES + int.from_bytes(whole[1:_HEAD_BYTES])
    if len(whole) - end not in range(_ROOM) or any(whole[end:]):
        raise ValueError("the blobs hold more or less than they say")
    return whole[_HEAD_BYTES:end]


def _blob(part: bytes) -> bytes:
    part = part.ljust(_ROOM, b"\0")
    steps = range(0, _ROOM, _ELEMENT_BYTES)
    return b"".join(b"\0" + part[at : at + _ELEMENT_BYTES] for at in steps)


def _content(blob: bytes) -> bytes:
    if len(blob) != BLOB_BYTES or any(blob[::32]):
        raise ValueError("a blob's field elements do not begin with zero")
    return b"".join(blob[at + 1 : at + 32] for at in range(0, BLOB_BYTES, 32))
