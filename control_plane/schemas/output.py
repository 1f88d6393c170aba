"""Outputs: what a rollup's proposer says of its blocks on the L1."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from control_plane.schemas.common import Address, Hash, Model


class OutputView(Model):
    """An output (docs/concepts/outputs.md)."""

    index: int
    state: Literal["proposed", "disputed", "final"] = Field(
        description="`disputed`: a dispute is open over it. Whatever follows it waits too."
    )
    block: int = Field(description="Number of the rollup's block.")
    block_hash: Hash
    state_root: Hash
    message_passer_storage_root: Hash
    output_root: Hash = Field(description="The OP Stack's, version 0.")
    batch_commitment: Hash = Field(description="What the inbox holds once the block is posted.")
    proposed_at: datetime
    final_at: datetime | None = Field(
        default=None, description="When it is final unless disputed; null while it is disputed."
    )
    disputes: int = Field(description="How many are open over it.")
    proposer: Address
    bond: str = Field(description="Wei; 0 once it is back.", examples=["1000000000000000000"])


class OutputsView(Model):
    """Outputs of a rollup, newest first."""

    oracle: Address = Field(description="Its L2OutputOracle on the L1.")
    total: int = Field(description="How many there are.")
    last_final: int | None = Field(default=None, description="Index of the last final one.")
    outputs: tuple[OutputView, ...]
