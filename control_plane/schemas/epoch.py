"""Epochs: what the guardians certified."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from control_plane.schemas.common import Hash, HexData, Model


class LeafView(Model):
    """What an epoch says of one chain (docs/formats.md)."""

    chain: str | None = Field(default=None, description="Name of the chain, if it still exists.")
    domain: int
    block_number: int
    block_hash: Hash
    state_root: Hash
    message_root: Hash
    message_count: int
    finality: Literal["instant", "finalized"] = "instant"
    shard: int = Field(default=0, description="Number of the chain's shard; 0: of no named one.")


class ShardView(Model):
    """A group of chains whose leaves have a root of their own."""

    id: int = Field(description="In proofs: the first four bytes of the name's keccak, or 0.")
    name: str | None = Field(
        default=None, description="As in the spec; null for 0, and when no rollup has it any more."
    )
    root: Hash
    leaves: int = Field(description="How many leaves are under the root.")


class EpochView(Model):
    """An epoch."""

    epoch: int
    certified: bool
    set_id: int
    timestamp: int = Field(description="Seconds.")
    header_hash: Hash
    parent_hash: Hash
    aggregate_root: Hash
    created_at: datetime
    certified_at: datetime | None = None
    signers: tuple[int, ...] = Field(
        default=(), description="Indices of the guardians that signed."
    )
    absent: tuple[int, ...] = Field(default=(), description="Indices of those that did not.")
    leaves: tuple[LeafView, ...] = ()
    shards: tuple[ShardView, ...] = Field(
        default=(),
        description="Roots that the aggregate root is over, by id; only where one epoch is shown.",
    )
    certificate: HexData | None = Field(
        default=None, description="ABI-encoded; only where one epoch is shown."
    )
