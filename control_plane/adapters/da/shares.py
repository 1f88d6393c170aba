"""Celestia's namespaces, shares and share commitments.

A blob is cut into shares of 512 bytes; its commitment is the root over the roots of the subtrees
that its shares always make, wherever in a square they come to lie: it can be computed from the
blob alone, and be proven against any square.

Sources: celestiaorg/celestia-app, specs/src/shares.md, namespace.md and data_square_layout.md
("Blob share commitment rules").
"""

from collections.abc import Sequence
from math import isqrt
from typing import Final

from control_plane.adapters.da.trees import (
    NAMESPACE_BYTES,
    merkle_root,
    namespaced_leaf,
    namespaced_root,
)

SHARE_BYTES: Final = 512
THRESHOLD: Final = 64
"""Of subtree roots in a commitment: fewer shares each get one (SubtreeRootThreshold)."""
MAX_BYTES: Final = 8_388_608
"""No transaction with blobs is larger (MaxTxSize): what is near it is refused by the service."""
ID_BYTES: Final = 10
"""Of a version-0 namespace that its user chooses; 18 zeros and the version stand before."""
TAIL_PADDING: Final = b"\xff" * (NAMESPACE_BYTES - 1) + b"\xfe"
"""Namespace of the shares that fill a square."""

_FIRST: Final = SHARE_BYTES - NAMESPACE_BYTES - 1 - 4
_LATER: Final = SHARE_BYTES - NAMESPACE_BYTES - 1


def namespace(identity: bytes) -> bytes:
    """The version-0 namespace of at most ten bytes, 29 bytes. Raises ValueError when it is too
    long, or one that Celestia keeps for itself (the 256 smallest)."""
    if len(identity) > ID_BYTES:
        raise ValueError(f"a namespace has {ID_BYTES} bytes of its own at most")
    whole = identity.rjust(NAMESPACE_BYTES, b"\0")
    check_namespace(whole)
    return whole


def check_namespace(whole: bytes) -> None:
    """Raises ValueError for what no user's blob may have."""
    if len(whole) != NAMESPACE_BYTES:
        raise ValueError(f"a namespace has {NAMESPACE_BYTES} bytes, not {len(whole)}")
    if whole[0] or any(whole[1 : NAMESPACE_BYTES - ID_BYTES]):
        raise ValueError("only namespaces of version 0 are for users")
    if int.from_bytes(whole) <= 0xFF:
        raise ValueError("that namespace is reserved")


def split(whole: bytes, data: bytes) -> list[bytes]:
    """The version-0 shares of a blob of at least a byte in namespace `whole`."""
    if not data:
        raise ValueError("a blob has at least a byte")
    first = whole + b"\1" + len(data).to_bytes(4) + data[:_FIRST]
    shares = [first.ljust(SHARE_BYTES, b"\0")]
    shares += [
        (whole + b"\0" + data[at : at + _LATER]).ljust(SHARE_BYTES, b"\0")
        for at in range(_FIRST, len(data), _LATER)
    ]
    return shares


def padding(whole: bytes) -> bytes:
    """A share of namespace `whole` without data."""
    return (whole + b"\1").ljust(SHARE_BYTES, b"\0")


def subtree_width(count: int) -> int:
    """Of how many shares each of the largest subtrees of a blob of `count` shares is: a blob
    begins at a multiple of it in a square."""
    by_threshold = _power_up(-(-count // THRESHOLD))
    return min(by_threshold, _power_up(isqrt(count - 1) + 1))


def subtree_roots(whole: bytes, shares: Sequence[bytes]) -> list[bytes]:
    """Roots of the Merkle mountain range over a blob's shares."""
    width = subtree_width(len(shares))
    nodes = [namespaced_leaf(whole, share) for share in shares]
    roots = []
    at = 0
    while at < len(nodes):
        size = min(width, 1 << ((len(nodes) - at).bit_length() - 1))
        roots.append(namespaced_root(nodes[at : at + size]))
        at += size
    return roots


def share_commitment(whole: bytes, data: bytes) -> bytes:
    """Commitment of a blob, 32 bytes."""
    return merkle_root(subtree_roots(whole, split(whole, data)))


def _power_up(number: int) -> int:
    """The smallest power of two that is no less."""
    return 1 << (number - 1).bit_length() if number > 1 else 1
