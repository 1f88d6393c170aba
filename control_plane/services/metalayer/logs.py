"""The Metalayer's events as they stand in JSON-RPC logs, decoded.

Hyperlane v3's events (`Mailbox`, `MerkleTreeHook`, `InterchainGasPaymaster`) have fixed layouts;
decoding them by position costs a few microseconds each, which is what lets one indexer follow
bursts of hundreds of messages a block. Values stay 0x-hex strings, lower case.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from control_plane.domain.hashing import keccak256

Log = Mapping[str, Any]

_SIGNATURES: Final = {
    "dispatch": "Dispatch(address,uint32,bytes32,bytes)",
    "inserted": "InsertedIntoTree(bytes32,uint32)",
    "paid": "GasPayment(bytes32,uint32,uint256,uint256)",
    "process": "ProcessId(bytes32)",
}


@cache
def topics() -> dict[str, str]:
    """First topic of each event that is followed, by its short name."""
    return {name: "0x" + keccak256(text.encode()).hex() for name, text in _SIGNATURES.items()}


def log_filter(contracts: Mapping[str, str]) -> dict[str, Any]:
    """`eth_getLogs` filter, without its blocks, for everything that :func:`decode` reads."""
    names = ("mailbox", "merkleTreeHook", "interchainGasPaymaster")
    return {
        "address": [contracts[name] for name in names],
        "topics": [list(topics().values())],
    }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a log stands."""

    block: int
    block_hash: str
    tx: str


@dataclass(frozen=True, slots=True)
class SeenDispatch:
    """A dispatched message with its place in the tree and the gas paid in the same range."""

    id: str
    raw: str
    nonce: int
    origin: int
    sender: str
    destination: int
    recipient: str
    tree_index: int
    place: Place


@dataclass(frozen=True, slots=True)
class Seen:
    """What a range of blocks of one chain says of messages."""

    dispatches: tuple[SeenDispatch, ...]
    """In tree order."""
    deliveries: Mapping[str, Place]
    """By message id."""
    payments: Mapping[str, int]
    """Gas units paid for, by message id."""


def decode(logs: Iterable[Log]) -> Seen:
    """All of `logs` that concern messages; logs of other events are passed over."""
    known = topics()
    raws: dict[str, tuple[str, Place]] = {}
    indices: dict[str, int] = {}
    deliveries: dict[str, Place] = {}
    payments: dict[str, int] = {}
    for log in logs:
        topic = log["topics"][0]
        if topic == known["dispatch"]:
            raw = _bytes_argument(log["data"])
            raws["0x" + keccak256(bytes.fromhex(raw)).hex()] = (raw, _place(log))
        elif topic == known["inserted"]:
            indices["0x" + log["data"][2:66]] = int(log["data"][66:130], 16)
        elif topic == known["paid"]:
            id_ = log["topics"][1]
            payments[id_] = payments.get(id_, 0) + int(log["data"][2:66], 16)
        elif topic == known["process"]:
            deliveries[log["topics"][1]] = _place(log)
    found = [_dispatch(id_, *raws[id_], index) for id_, index in indices.items() if id_ in raws]
    found.sort(key=lambda message: message.tree_index)
    return Seen(tuple(found), deliveries, payments)


def _place(log: Log) -> Place:
    return Place(int(log["blockNumber"], 16), log["blockHash"], log["transactionHash"])


def _bytes_argument(data: str) -> str:
    """The single `bytes` of ABI-encoded `data`, hex without prefix."""
    length = int(data[66:130], 16)
    return data[130 : 130 + 2 * length]


def _dispatch(id_: str, raw: str, place: Place, tree_index: int) -> SeenDispatch:
    """Fields by their place in the message bytes (docs/formats.md, Message)."""
    return SeenDispatch(
        id=id_,
        raw="0x" + raw,
        nonce=int(raw[2:10], 16),
        origin=int(raw[10:18], 16),
        sender="0x" + raw[18:82],
        destination=int(raw[82:90], 16),
        recipient="0x" + raw[90:154],
        tree_index=tree_index,
        place=place,
    )
