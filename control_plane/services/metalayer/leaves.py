"""Leaves: read from a chain by the aggregator, checked against a chain by each guardian."""

import asyncio
import contextlib
from typing import Any, Final

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.formats import Leaf
from control_plane.domain.header import InvalidHeader, check_header
from control_plane.domain.hexes import hex_word
from control_plane.domain.ids import Domain
from control_plane.domain.rpc import RpcError
from control_plane.domain.trie import InvalidProof, proven_slots
from control_plane.services.metalayer.blocks import Caller

COUNT_SLOT: Final = 32
ROOT_SLOT: Final = 33
"""Storage of `MerkleTreeHook` (docs/formats.md, Message tree)."""

_SLOTS: Final = (COUNT_SLOT, ROOT_SLOT)
_SLOT_WORDS: Final = tuple(hex_word(slot) for slot in _SLOTS)
_TRIES: Final = 3
_PAUSE: Final = 0.005


class LeafRefused(Exception):
    """A leaf that does not say what the chain says; the reason in a sentence."""


async def read_leaf(rpc: Caller, domain: Domain, hook: str, block_hash: str | None) -> Leaf | None:
    """The leaf of block `block_hash`, of the latest block when None; None below block 1.

    Raises TemporaryFailure when the chain has no such block any more or can't be read.
    """
    if block_hash is None:
        block_hash = (await rpc.call("eth_getBlockByNumber", "latest", False))["hash"]
    for _ in range(_TRIES - 1):
        with contextlib.suppress(LeafRefused):
            return await _read_leaf(rpc, domain, hook, block_hash)
        await asyncio.sleep(_PAUSE)
    try:
        return await _read_leaf(rpc, domain, hook, block_hash)
    except LeafRefused as error:
        raise TemporaryFailure("A leaf can't be read", str(error)) from error


async def _read_leaf(rpc: Caller, domain: Domain, hook: str, block_hash: str) -> Leaf | None:
    """One try. The values come from a proof: a plain read at the head's hash can give the state
    of a block that the node is just making."""
    block, proof = await rpc.batch(
        [
            ("eth_getBlockByHash", (block_hash, False)),
            ("eth_getProof", (hook, _SLOT_WORDS, {"blockHash": block_hash})),
        ]
    )
    for answer in (block, proof):
        if answer is None or isinstance(answer, RpcError):
            raise TemporaryFailure("A leaf can't be read", f"block {block_hash}: {answer}")
    number = int(block["number"], 16)
    if number < 1:
        return None
    state_root = bytes.fromhex(block["stateRoot"][2:])
    count, root = _proven(state_root, hook, proof)
    return Leaf(
        domain=domain,
        block_number=number,
        block_hash=bytes.fromhex(block_hash[2:]),
        state_root=state_root,
        message_root=root.to_bytes(32),
        message_count=count,
    )


async def check_leaf(rpc: Caller, leaf: Leaf, hook: str) -> None:
    """Check `leaf` against the chain behind `rpc`, believing its proofs only, not its word.

    The header must hash to the leaf's block hash and hold its number and state root; the
    message tree's count and root must be proven under that state root; and the block must be
    the one that this node has at its height. Raises LeafRefused, TemporaryFailure.

    A refusal is looked at again before it stands: Anvil answers `eth_getProof` at its head with
    the state of the next block when it is just making that.
    """
    for _ in range(_TRIES - 1):
        with contextlib.suppress(LeafRefused):
            return await _check_leaf(rpc, leaf, hook)
        await asyncio.sleep(_PAUSE)
    return await _check_leaf(rpc, leaf, hook)


async def _check_leaf(rpc: Caller, leaf: Leaf, hook: str) -> None:
    block_hash = "0x" + leaf.block_hash.hex()
    block, proof, canonical = await rpc.batch(
        [
            ("eth_getBlockByHash", (block_hash, False)),
            ("eth_getProof", (hook, _SLOT_WORDS, {"blockHash": block_hash})),
            ("eth_getBlockByNumber", (hex(leaf.block_number), False)),
        ]
    )
    for answer in (block, proof, canonical):
        if answer is None or isinstance(answer, RpcError):
            raise LeafRefused(f"its node does not know block {leaf.block_number} {block_hash}")
    _check_header(leaf, block)
    _check_tree(leaf, proof, hook)
    if canonical["hash"] != block_hash:
        raise LeafRefused(f"its node has another block {leaf.block_number}: {canonical['hash']}")


def _check_header(leaf: Leaf, block: dict[str, Any]) -> None:
    try:
        header = check_header(block, leaf.block_hash)
    except InvalidHeader as error:
        raise LeafRefused(f"block {leaf.block_number}: {error}") from error
    if header.number != leaf.block_number:
        raise LeafRefused(f"the leaf says block {leaf.block_number}, its header {header.number}")
    if header.state_root != leaf.state_root:
        raise LeafRefused(f"the leaf's state root is not that of block {leaf.block_number}")


def _check_tree(leaf: Leaf, proof: dict[str, Any], hook: str) -> None:
    count, root = _proven(leaf.state_root, hook, proof)
    if count != leaf.message_count:
        raise LeafRefused(f"the leaf counts {leaf.message_count} messages, the chain {count}")
    if root.to_bytes(32) != leaf.message_root:
        raise LeafRefused("the leaf's message root is not the chain's")


def _proven(state_root: bytes, hook: str, proof: dict[str, Any]) -> tuple[int, int]:
    """Count and root of the message tree, proven under `state_root`."""
    try:
        count, root = proven_slots(state_root, bytes.fromhex(hook[2:]), _SLOTS, proof)
    except InvalidProof as error:
        raise LeafRefused(f"proof of the message tree: {error}") from error
    return count, root
