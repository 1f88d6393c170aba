"""Keccak-256, the one hash of everything that chains see.

Called straight from safe-pysha3: a call through a general front end costs as much as the hash.
"""

from typing import Final

from sha3 import keccak_256

ZERO: Final = bytes(32)
"""32 zero bytes: the empty leaf, and "none" wherever a hash may be missing."""


def keccak256(data: bytes) -> bytes:
    """Keccak-256 of `data`, 32 bytes."""
    digest: bytes = keccak_256(data).digest()
    return digest


def hash_pair(left: bytes, right: bytes) -> bytes:
    """Inner node of the message tree: the children in their order."""
    digest: bytes = keccak_256(left + right).digest()
    return digest


def hash_sorted_pair(a: bytes, b: bytes) -> bytes:
    """Inner node of OpenZeppelin's trees: the children in ascending order."""
    digest: bytes = keccak_256(a + b if a < b else b + a).digest()
    return digest
