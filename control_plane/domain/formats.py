"""Records that are hashed, signed or carried between chains, byte by byte as docs/formats.md says.

Hashes, roots and addresses are `bytes` here (32, 32 and 20 of them), keys and signatures in the
form of EIP-2537 (128 and 256). ABI encodings of the same records: `abi_formats`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Self

from control_plane.domain import bls
from control_plane.domain.hashing import ZERO, keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Domain
from control_plane.domain.merkle import ArrayTree

VERSION: Final = 1
LEAF_BYTES: Final = 114
HEADER_BYTES: Final = 122

COUNT_SLOT: Final = 32
"""Slot of `MerkleTreeHook` with the number of messages."""
ROOT_SLOT: Final = 33
"""Slot of `MerkleTreeHook` with the root of its tree."""

_HEADER_KIND: Final = 1
_SET_KIND: Final = 2
_POSSESSION_KIND: Final = 3
_SHARD_KIND: Final = 4
_MEMBER_KIND: Final = 5


class Finality(IntEnum):
    """What a leaf claims of its block."""

    INSTANT = 0
    """Sealed; may be reorganised yet."""
    FINALIZED = 1


def _prefix(kind: int) -> bytes:
    return bytes((VERSION, kind))


def _fixed(value: bytes, size: int, name: str) -> bytes:
    if len(value) != size:
        raise ValueError(f"{name} has {size} bytes, not {len(value)}")
    return value


def _hex(value: str, size: int, name: str) -> bytes:
    return _fixed(from_hex(value), size, name)


@dataclass(frozen=True, slots=True)
class Leaf:
    """What an epoch says of one chain at one block."""

    domain: Domain
    block_number: int
    block_hash: bytes
    state_root: bytes
    message_root: bytes
    """Root of the chain's message tree after the block."""
    message_count: int
    finality: Finality = Finality.INSTANT

    def encode(self) -> bytes:
        """114 bytes. ValueError for block 0, whose state root Anvil does not tell truly."""
        if self.block_number < 1:
            raise ValueError("a leaf speaks of block 1 or a later one")
        return b"".join(
            (
                b"\x01",
                self.domain.to_bytes(4),
                self.block_number.to_bytes(8),
                _fixed(self.block_hash, 32, "block hash"),
                _fixed(self.state_root, 32, "state root"),
                _fixed(self.message_root, 32, "message root"),
                self.message_count.to_bytes(4),
                self.finality.to_bytes(1),
            )
        )

    @property
    def hash(self) -> bytes:
        """keccak of the 114 bytes."""
        return keccak256(self.encode())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From 114 bytes; ValueError if they are no leaf of this version."""
        _fixed(data, LEAF_BYTES, "leaf")
        if data[0] != VERSION:
            raise ValueError(f"leaf of unknown version {data[0]}")
        return cls(
            domain=Domain(int.from_bytes(data[1:5])),
            block_number=int.from_bytes(data[5:13]),
            block_hash=data[13:45],
            state_root=data[45:77],
            message_root=data[77:109],
            message_count=int.from_bytes(data[109:113]),
            finality=Finality(data[113]),
        )

    def to_json(self) -> dict[str, Any]:
        """As epochs are recorded and shown; bytes are 0x-hex."""
        return {
            "domain": self.domain,
            "blockNumber": self.block_number,
            "blockHash": "0x" + self.block_hash.hex(),
            "stateRoot": "0x" + self.state_root.hex(),
            "messageRoot": "0x" + self.message_root.hex(),
            "messageCount": self.message_count,
            "finality": int(self.finality),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From what `to_json` gave; ValueError or KeyError if it is no leaf."""
        return cls(
            domain=Domain(int(data["domain"])),
            block_number=int(data["blockNumber"]),
            block_hash=_hex(data["blockHash"], 32, "block hash"),
            state_root=_hex(data["stateRoot"], 32, "state root"),
            message_root=_hex(data["messageRoot"], 32, "message root"),
            message_count=int(data["messageCount"]),
            finality=Finality(int(data["finality"])),
        )


@dataclass(frozen=True, slots=True)
class EpochHeader:
    """What the guardians sign of an epoch."""

    set_id: int
    epoch: int
    timestamp: int
    """Seconds."""
    parent_hash: bytes
    """Header hash of the certified epoch before; 32 zero bytes for the first."""
    aggregate_root: bytes

    def encode(self, network_id: bytes) -> bytes:
        """122 bytes, bound to the network."""
        return b"".join(
            (
                _prefix(_HEADER_KIND),
                _fixed(network_id, 32, "network id"),
                self.set_id.to_bytes(8),
                self.epoch.to_bytes(8),
                self.timestamp.to_bytes(8),
                _fixed(self.parent_hash, 32, "parent hash"),
                _fixed(self.aggregate_root, 32, "aggregate root"),
            )
        )

    def hash(self, network_id: bytes) -> bytes:
        """The 32 bytes that guardians sign."""
        return keccak256(self.encode(network_id))

    def to_json(self) -> dict[str, Any]:
        """As epochs are recorded and shown; bytes are 0x-hex."""
        return {
            "setId": self.set_id,
            "epoch": self.epoch,
            "timestamp": self.timestamp,
            "parentHash": "0x" + self.parent_hash.hex(),
            "aggregateRoot": "0x" + self.aggregate_root.hex(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From what `to_json` gave; ValueError or KeyError if it is no header."""
        return cls(
            set_id=int(data["setId"]),
            epoch=int(data["epoch"]),
            timestamp=int(data["timestamp"]),
            parent_hash=_hex(data["parentHash"], 32, "parent hash"),
            aggregate_root=_hex(data["aggregateRoot"], 32, "aggregate root"),
        )


@dataclass(frozen=True, slots=True)
class Member:
    """A guardian in a set; named in a certificate when it is absent."""

    index: int
    guardian: bytes
    """Account that holds the stake on L1."""
    stake: int
    """ERA, in wei."""
    key: bytes

    @property
    def hash(self) -> bytes:
        """Leaf of the set's tree."""
        return keccak256(
            b"".join(
                (
                    _prefix(_MEMBER_KIND),
                    self.index.to_bytes(4),
                    _fixed(self.guardian, 20, "guardian"),
                    self.stake.to_bytes(12),
                    _fixed(self.key, bls.KEY_BYTES, "key"),
                )
            )
        )

    def to_json(self) -> dict[str, Any]:
        """As sets are recorded and shown; bytes are 0x-hex, the stake is a decimal text."""
        return {
            "index": self.index,
            "guardian": "0x" + self.guardian.hex(),
            "stake": str(self.stake),
            "key": "0x" + self.key.hex(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From what `to_json` gave; ValueError or KeyError if it is no member."""
        return cls(
            index=int(data["index"]),
            guardian=_hex(data["guardian"], 20, "guardian"),
            stake=int(data["stake"]),
            key=_hex(data["key"], bls.KEY_BYTES, "key"),
        )


@dataclass(frozen=True, slots=True)
class GuardianSet:
    """What a chain stores of a set."""

    set_id: int
    size: int
    total_stake: int
    """ERA, in wei."""
    root: bytes
    aggregate_key: bytes
    """Sum of the members' keys."""

    @classmethod
    def of(cls, set_id: int, members: Sequence[Member]) -> Self:
        """The set of `members`, whose indices must be 0, 1, 2 … in this order. ValueError."""
        return cls(
            set_id=set_id,
            size=len(members),
            total_stake=sum(member.stake for member in members),
            root=member_tree(members).root,
            aggregate_key=bls.sum_keys(member.key for member in members),
        )

    def commitment(self, network_id: bytes) -> bytes:
        """The 32 bytes that the outgoing set signs to hand over to this one."""
        return keccak256(
            b"".join(
                (
                    _prefix(_SET_KIND),
                    _fixed(network_id, 32, "network id"),
                    self.set_id.to_bytes(8),
                    self.size.to_bytes(4),
                    self.total_stake.to_bytes(12),
                    _fixed(self.root, 32, "set root"),
                    _fixed(self.aggregate_key, bls.KEY_BYTES, "aggregate key"),
                )
            )
        )


@dataclass(frozen=True, slots=True)
class QuorumProof:
    """One signature of all guardians of a set but the absent ones."""

    absent: tuple[Member, ...]
    """Strictly ascending by index."""
    proof: tuple[bytes, ...]
    proof_flags: tuple[bool, ...]
    """Multi-proof of `absent` against the set's root; empty when nobody is absent."""
    signature: bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    header: EpochHeader
    quorum: QuorumProof


def member_tree(members: Sequence[Member]) -> ArrayTree:
    """Tree over the members' hashes. ValueError unless their indices are 0, 1, 2 … in order."""
    if any(member.index != position for position, member in enumerate(members)):
        raise ValueError("members are listed by index, from 0 on without gaps")
    return ArrayTree([member.hash for member in members])


def network_id(l1_genesis_hash: bytes, guardian_registry: bytes, devnet_id: bytes) -> bytes:
    """What everything signed on a devnet commits to, 32 bytes."""
    return keccak256(
        _fixed(l1_genesis_hash, 32, "L1 genesis hash")
        + _fixed(guardian_registry, 20, "guardian registry").rjust(32, b"\0")
        + _fixed(devnet_id, 32, "devnet id")
    )


def possession_digest(chain_id: int, registry: bytes, guardian: bytes, key: bytes) -> bytes:
    """What a proof of possession signs, 32 bytes; bound to chain, registry and account."""
    return keccak256(
        b"".join(
            (
                _prefix(_POSSESSION_KIND),
                chain_id.to_bytes(32),
                _fixed(registry, 20, "registry"),
                _fixed(guardian, 20, "guardian"),
                _fixed(key, bls.KEY_BYTES, "key"),
            )
        )
    )


def shard_node(shard_id: int, shard_root: bytes) -> bytes:
    """Leaf of the tree over shards."""
    return keccak256(
        _prefix(_SHARD_KIND) + shard_id.to_bytes(4) + _fixed(shard_root, 32, "shard root")
    )


NO_PARENT: Final = ZERO
"""`parent_hash` of the first epoch."""
