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


class ReadsView(Model):
    """Results of a message's reads, as its recipient gets them."""

    message: Hash
    results: tuple[HexData, ...] = Field(
        description="In order: what the calls returned, or why they failed (docs/formats.md)."
    )


class ShardView(Model):
    """A group of chains whose leaves have a root of their own."""

    id: int = Field(description="In proofs: the first four bytes of the name's keccak, or 0.")
    name: str | None = Field(
        default=None, description="As in the spec; null for 0, and when no rollup has it any more."
    )
    root: Hash
    leaves: int = Field(description="How many leaves are under the root.")


class EpochSyncView(Model):
    """What a light client that trusts one epoch checks to believe the newest."""

    since: int = Field(description="Epoch that is trusted.")
    newest: int = Field(description="Last certified epoch, believed now.")
    header_hash: Hash = Field(description="Of the newest.")
    aggregate_root: Hash = Field(description="Of the newest.")
    set_id: int = Field(description="Guardian set that signed it.")
    certificates_checked: int = Field(description="One, however many epochs were skipped.")
    set_changes_checked: int = Field(description="One signature each.")
    headers_linked: int = Field(description="Epochs between, believed by their hashes.")


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
    reads: tuple[ReadsView, ...] = Field(
        default=(), description="What was read for messages; only where one epoch is shown."
    )
