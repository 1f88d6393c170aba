"""Which nodes the tries of some states have: whatever else was made on the way can go."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from control_plane.domain import rlp
from control_plane.domain.hashing import keccak256
from control_plane.domain.trie import EMPTY_TRIE

_HASH: Final = 32
_LEAF: Final = 0x20
"""From it on, the first byte of a two-item node's path is a leaf's (yellow paper, appendix C)."""
_NO_CODE: Final = keccak256(b"")


class IncompleteState(ValueError):
    """A node or code that is missing, or is none: which."""


def living(nodes: Mapping[bytes, bytes], roots: Iterable[bytes]) -> dict[bytes, bytes]:
    """Those of `nodes` (of Merkle–Patricia tries, and code, by their hashes) that the states with
    these `roots` have. IncompleteState when one is missing.

    A node below 32 bytes stands in its parent and leads to no other.
    """
    found: dict[bytes, bytes] = {}
    storage: dict[bytes, None] = {}
    codes: dict[bytes, None] = {}
    for root in roots:
        for leaf in _leaves(nodes, root, found):
            storage_root, code = _account(leaf)
            storage[storage_root] = codes[code] = None
    for root in storage:
        for _ in _leaves(nodes, root, found):
            pass
    for code in codes:
        if code != _NO_CODE:
            found[code] = _node(nodes, code)
    return found


def _leaves(
    nodes: Mapping[bytes, bytes], root: bytes, found: dict[bytes, bytes]
) -> Iterator[bytes]:
    """Values of the trie with that root, below nodes that were not found yet; `found` gets these.
    Values of nodes that stand in their parent are left out."""
    waiting = [root] if root != EMPTY_TRIE else []
    while waiting:
        hash_ = waiting.pop()
        if hash_ in found:
            continue
        node = found[hash_] = _node(nodes, hash_)
        items = rlp.decode_list(node)
        if len(items) > 2:
            waiting += [each for each in items if isinstance(each, bytes) and len(each) == _HASH]
            continue
        path, value = items
        if not isinstance(path, bytes) or not isinstance(value, bytes):
            continue  # an extension to a short branch
        if path[0] >= _LEAF:
            yield value
        else:
            waiting.append(value)


def _account(leaf: bytes) -> tuple[bytes, bytes]:
    """Storage root and code hash."""
    fields = rlp.decode_list(leaf)
    storage_root, code = fields[2], fields[3]
    if not isinstance(storage_root, bytes) or not isinstance(code, bytes):
        raise IncompleteState("a leaf of the state is no account")
    return storage_root, code


def _node(nodes: Mapping[bytes, bytes], hash_: bytes) -> bytes:
    found = nodes.get(hash_)
    if found is None:
        raise IncompleteState(f"0x{hash_.hex()} is missing")
    return found
