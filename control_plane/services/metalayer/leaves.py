"""Leaves: read from a chain by the aggregator, checked against a chain by each guardian."""

from typing import Any, Final

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.formats import Leaf
from control_plane.domain.header import InvalidHeader, check_header
from control_plane.domain.ids import Domain
from control_plane.domain.rpc import RpcError
from control_plane.domain.trie import InvalidProof, proven_slots
from control_plane.services.metalayer.blocks import Caller

COUNT_SLOT: Final = 32
ROOT_SLOT: Final = 33
"""Storage of `MerkleTreeHook` (docs/formats.md, Message tree)."""

_SLOTS: Final = (COUNT_SLOT, ROOT_SLOT)
_SLOT_WORDS: Final = tuple(f"0x{slot:064x}" for slot in _SLOTS)


class LeafRefused(Exception):
    """A leaf that does not say what the chain says; the reason in a sentence."""


async def read_leaf(rpc: Caller, domain: Domain, hook: str, block_hash: str | None) -> Leaf | None:
    """The leaf of block `block_hash`, of the latest block when None; None below block 1.

    Raises TemporaryFailure when the chain has no such block any more or can't be read.
    """
    if block_hash is None:
        block_hash = (await rpc.call("eth_getBlockByNumber", "latest", False))["hash"]
    block, count, root = await rpc.batch(
        [
            ("eth_getBlockByHash", (block_hash, False)),
            ("eth_getStorageAt", (hook, _SLOT_WORDS[0], block_hash)),
            ("eth_getStorageAt", (hook, _SLOT_WORDS[1], block_hash)),
        ]
    )
    for answer in (block, count, root):
        if answer is None or isinstance(answer, RpcError):
            raise TemporaryFailure("A leaf can't be read", f"block {block_hash}: {answer}")
    number = int(block["number"], 16)
    if number < 1:
        return None
    return Leaf(
        domain=domain,
        block_number=number,
        block_hash=_word(block_hash),
        state_root=_word(block["stateRoot"]),
        message_root=_word(root),
        message_count=int(count, 16),
    )


async def check_leaf(rpc: Caller, leaf: Leaf, hook: str) -> None:
    """Check `leaf` against the chain behind `rpc`, believing its proofs only, not its word.

    The header must hash to the leaf's block hash and hold its number and state root; the
    message tree's count and root must be proven under that state root; and the block must be
    the one that this node has at its height. Raises LeafRefused, TemporaryFailure.
    """
    block_hash = "0x" + leaf.block_hash.hex()
    block, proof, canonical = await rpc.batch(
        [
            ("eth_getBlockByHash", (block_hash, False)),
            ("eth_getProof", (hook, _SLOT_WORDS, block_hash)),
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
    try:
        count, root = proven_slots(leaf.state_root, bytes.fromhex(hook[2:]), _SLOTS, proof)
    except InvalidProof as error:
        raise LeafRefused(f"proof of the message tree: {error}") from error
    if count != leaf.message_count:
        raise LeafRefused(f"the leaf counts {leaf.message_count} messages, the chain {count}")
    if root.to_bytes(32) != leaf.message_root:
        raise LeafRefused("the leaf's message root is not the chain's")


def _word(value: str) -> bytes:
    return bytes.fromhex(value[2:].rjust(64, "0"))
