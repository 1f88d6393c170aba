"""Why a block is not what it claims: compares what executing it gives with the sequencer's node."""

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from control_plane.adapters.derivation.replay import Replay
from control_plane.adapters.derivation.state_trie import EMPTY_CODE
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.errors import CalderaError
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError

_AT_ONCE: Final = 50
_DUMP_DEADLINE: Final = 30.0
_MOST_SLOTS: Final = 10_000
"""Of one account, that op-geth is asked for."""

_T = TypeVar("_T")


async def diagnose(sequencer: Rpc, replay: Replay, block: ChannelBlock) -> dict[str, Any]:
    """``{"transactions": [{index, hash, what, claimed, found}], "accounts": [{address, what,
    claimed, found, transactions}]}``; `claimed` is what the node says of the block, `found` what
    executing it gives, `transactions` those of the block that touched the account."""
    hashes = ["0x" + keccak256(raw).hex() for raw in block.transactions]
    return {
        "transactions": await _transactions(sequencer, replay, hashes),
        "accounts": await _accounts(sequencer, replay, block, hashes),
    }


async def _transactions(
    sequencer: Rpc, replay: Replay, hashes: Sequence[str]
) -> list[dict[str, Any]]:
    found = []
    receipts = await sequencer.batch([("eth_getTransactionReceipt", (each,)) for each in hashes])
    for at, (receipt, outcome) in enumerate(zip(receipts, replay.outcomes, strict=False)):
        if not isinstance(receipt, Mapping):
            continue
        pairs = {
            "status": (int(receipt["status"], 16), int(outcome.succeeded)),
            "gas used": (int(receipt["gasUsed"], 16), outcome.gas_used),
            "logs": (len(receipt["logs"]), len(outcome.logs)),
        }
        found += [
            {"index": at, "hash": hashes[at], "what": what, "claimed": claimed, "found": got}
            for what, (claimed, got) in pairs.items()
            if claimed != got
        ]
    return found


async def _accounts(
    sequencer: Rpc, replay: Replay, block: ChannelBlock, hashes: Sequence[str]
) -> list[dict[str, Any]]:
    found = []
    for part in _parts(sorted(replay.accounts())):
        asked: list[tuple[str, Sequence[Any]]] = [
            ("eth_getProof", ("0x" + at.hex(), [], hex(block.number))) for at in part
        ]
        for address, proof in zip(part, await sequencer.batch(asked), strict=True):
            if isinstance(proof, RpcError):
                raise proof
            for what, claimed, got in await _account(sequencer, replay, address, proof, block):
                touched = [
                    hashes[at] for at, o in enumerate(replay.outcomes) if address in o.touched
                ]
                entry = {"address": "0x" + address.hex(), "what": what, "claimed": claimed}
                found.append({**entry, "found": got, "transactions": touched})
    return found


async def _account(
    sequencer: Rpc, replay: Replay, address: bytes, proof: Mapping[str, Any], block: ChannelBlock
) -> list[tuple[str, Any, Any]]:
    nonce, balance, code = replay.evm.account(address)
    pairs: list[tuple[str, Any, Any]] = [
        ("nonce", int(proof["nonce"], 16), nonce),
        ("balance", int(proof["balance"], 16), balance),
        ("code hash", proof["codeHash"], "0x" + (code or EMPTY_CODE).hex()),
    ]
    differing = [pair for pair in pairs if pair[1] != pair[2]]
    root = "0x" + replay.storage_root(address).hex()
    if proof["storageHash"] == root:
        return differing
    slots = await _slots(sequencer, replay, address, block)
    return differing + (slots or [("storage root", proof["storageHash"], root)])


async def _slots(
    sequencer: Rpc, replay: Replay, address: bytes, block: ChannelBlock
) -> list[tuple[str, Any, Any]]:
    """Slots that executing the chain ever touched, and those that the node has beside them."""
    found = []
    at = "0x" + address.hex()
    for part in _parts(sorted(replay.slots(address) | await _listed(sequencer, at, block))):
        calls = [
            ("eth_getStorageAt", (at, "0x" + slot.to_bytes(32).hex(), hex(block.number)))
            for slot in part
        ]
        for slot, word in zip(part, await sequencer.batch(calls), strict=True):
            if isinstance(word, RpcError):
                raise word
            claimed, got = int(word, 16), replay.evm.storage(address, slot)
            if claimed != got:
                found.append((f"slot {slot:#x}", hex(claimed), hex(got)))
    return found


async def _listed(sequencer: Rpc, address: str, block: ChannelBlock) -> set[int]:
    """Slots of the account that the node names."""
    return await _dumped(sequencer, address) or await _ranged(sequencer, address, block)


async def _ranged(sequencer: Rpc, address: str, block: ChannelBlock) -> set[int]:
    """Before the last transaction of the block, on op-geth; nothing from another node."""
    last, start = len(block.transactions) - 1, "0x" + "00" * 32
    place = "0x" + block.hash.hex(), last, address
    try:
        found = await sequencer.call("debug_storageRangeAt", *place, start, _MOST_SLOTS)
        return {int(each["key"], 16) for each in (found["storage"] or {}).values() if each["key"]}
    except (CalderaError, RpcError, KeyError, ValueError, TypeError):
        return set()


async def _dumped(sequencer: Rpc, address: str) -> set[int]:
    """At the head of a node on Anvil; nothing where a node tells no dump."""
    try:
        packed = await sequencer.call("anvil_dumpState", timeout=_DUMP_DEADLINE)
        accounts = json.loads(gzip.decompress(bytes.fromhex(packed[2:])))["accounts"]
        return {int(slot, 16) for slot in accounts[address]["storage"]}
    except (CalderaError, RpcError, KeyError, ValueError, TypeError, OSError):
        return set()


def _parts(items: Sequence[_T]) -> Iterable[Sequence[_T]]:
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))
