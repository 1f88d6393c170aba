"""Merkle–Patricia proofs as `eth_getProof` gives them, checked against a state root.

Source: Ethereum yellow paper, appendix D; EIP-1186. Nothing that the node says besides the proof
is believed: accounts and slots are read from the proven nodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from control_plane.domain import rlp
from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.rlp import Decoded

EMPTY_TRIE: Final = keccak256(b"\x80")
"""Root of a trie without entries."""


class InvalidProof(ValueError):
    """A proof that does not lead from the root to the key."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the state trie holds it."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


Known: TypeAlias = dict[bytes, tuple[bytes, list[Decoded]]]
"""Nodes that were looked at before: hash and items by their RLP. Proofs of one trie share some."""


def prove(
    root: bytes, key: bytes, proof: Sequence[bytes], known: Known | None = None
) -> bytes | None:
    """Value at `key` in the trie with `root`; None if the proof shows that there is none.

    `key` is the trie's own key (keccak of an address or slot), `proof` the nodes from the root
    down. InvalidProof if it shows neither, or holds a node too many.
    """
    known = {} if known is None else known
    if root == EMPTY_TRIE and tuple(proof) in {(), (b"\x80",)}:
        return None
    path: str | None = key.hex()
    found: Decoded | None = root
    used = 0
    while found is not None and path is not None:
        if isinstance(found, bytes):
            items = _items(proof[used], found, known) if used < len(proof) else None
            if items is None:
                raise InvalidProof(f"node {used} of the proof is missing or another one")
            found = items
            used += 1
        found, path = _step(found, path)
    if used != len(proof):
        raise InvalidProof("nodes follow the end of the path")
    if isinstance(found, list):
        raise InvalidProof("a value is a byte string")
    return found


def prove_account(state_root: bytes, address: bytes, proof: Sequence[bytes]) -> Account | None:
    """The account at `address` (20 bytes); None if it is proven not to exist. InvalidProof."""
    value = prove(state_root, keccak256(address), proof)
    if value is None:
        return None
    try:
        fields = rlp.decode_list(value)
    except rlp.InvalidRlp as error:
        raise InvalidProof("an account is a list") from error
    strings = [field for field in fields if isinstance(field, bytes)]
    if len(fields) != 4 or len(strings) != 4:
        raise InvalidProof("an account has four fields")
    nonce, balance, storage_root, code_hash = strings
    return Account(int.from_bytes(nonce), int.from_bytes(balance), storage_root, code_hash)


def prove_slot(
    storage_root: bytes, slot: int, proof: Sequence[bytes], known: Known | None = None
) -> int:
    """Value of a storage slot; 0 if it is proven to be unset. InvalidProof."""
    value = prove(storage_root, keccak256(slot.to_bytes(32)), proof, known)
    if value is None:
        return 0
    try:
        number = rlp.decode(value)
    except ValueError as error:
        raise InvalidProof("a slot's value is not RLP") from error
    # Anvil keeps an entry for a slot that was written with zero; geth removes it
    if not isinstance(number, bytes) or len(number) > 32:
        raise InvalidProof("a slot's value is a number of 32 bytes at most")
    return int.from_bytes(number)


def proven_slots(
    state_root: bytes, address: bytes, slots: Sequence[int], answer: Mapping[str, Any]
) -> tuple[int, ...]:
    """Values of `slots` of the contract at `address`, from the answer of `eth_getProof`.

    `slots` in the order in which they were asked for. InvalidProof, also for an answer that is not
    of that form, and for an account that does not exist.
    """
    try:
        account_proof = _nodes(answer["accountProof"])
        storage = [_nodes(entry["proof"]) for entry in answer["storageProof"]]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidProof("the answer of eth_getProof is malformed") from error
    if len(storage) != len(slots):
        raise InvalidProof(f"{len(slots)} slots were asked for, {len(storage)} answered")
    account = prove_account(state_root, address, account_proof)
    if account is None:
        raise InvalidProof(f"there is no account 0x{address.hex()}")
    known: Known = {}
    return tuple(
        prove_slot(account.storage_root, slot, proof, known)
        for slot, proof in zip(slots, storage, strict=True)
    )


def _nodes(given: Sequence[str]) -> list[bytes]:
    return [from_hex(node) for node in given]


def _items(node: bytes, digest: bytes, known: Known) -> list[Decoded] | None:
    """Items of a node; None if `digest` is not its hash."""
    found = known.get(node)
    if found is not None:
        return found[1] if found[0] == digest else None
    if keccak256(node) != digest:
        return None
    try:
        items = rlp.decode_list(node)
    except rlp.InvalidRlp as error:
        raise InvalidProof(f"a node is not RLP: {error}") from error
    known[node] = digest, items
    return items


def _step(node: list[Decoded], path: str) -> "tuple[Decoded | None, str | None]":
    """What `node` has on `path` (nibbles as hex digits), and what is left of the path there.

    Nothing found: None and the path. No path left: None, and what was found is the value.
    """
    if len(node) == 17:
        child = node[int(path[0], 16)] if path else node[16]
        return (child or None), (path[1:] if path else None)
    if len(node) != 2 or not isinstance(node[0], bytes):
        raise InvalidProof("a node has 2 or 17 items")
    is_leaf, segment = _segment(node[0])
    if is_leaf:
        return (node[1], None) if path == segment else (None, path)
    if not path.startswith(segment):
        return None, path
    return node[1], path[len(segment) :]


def _segment(prefixed: bytes) -> tuple[bool, str]:
    """Whether it is a leaf's, and the nibbles, of a path in hex-prefix encoding."""
    digits = prefixed.hex()
    flag = digits[:1]
    if flag in {"1", "3"}:
        return flag == "3", digits[1:]
    if digits[:2] in {"00", "20"}:
        return flag == "2", digits[2:]
    raise InvalidProof("a path is not in hex-prefix encoding")
