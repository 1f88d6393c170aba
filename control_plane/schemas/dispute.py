"""Disputes: games on the L1 about outputs of rollups (docs/concepts/disputes.md)."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from control_plane.schemas.common import Address, Model

PhaseName = Literal[
    "block-claim",
    "block-answer",
    "reveal",
    "step-claim",
    "step-answer",
    "step-verdict",
    "data-verdict",
    "proposer-won",
    "challenger-won",
    "voided",
]


class DisputeView(Model):
    """A game about an output. Moves and ends are what `DisputeGame` on the L1 says."""

    id: int = Field(description="Among the games of the L1, all rollups' together; from 1 on.")
    rollup: str = Field(examples=["op"])
    output: int = Field(description="Index of the output.")
    about: Literal["blocks", "data"] = Field(
        description="What is disputed: what the blocks came to, or that their data can be had."
    )
    phase: PhaseName
    open: bool = Field(description="Whether it goes on.")
    to_move: Literal["proposer", "challenger", "guardians", "anybody"] | None = Field(
        default=None,
        description="Who is to move. `guardians`: a verdict is awaited; `anybody`: it can be ended,"
        " for a move was missed or the output is gone. Null: it is over.",
    )
    until: datetime | None = Field(
        default=None, description="Until when, by the L1's time; null where no clock runs."
    )
    output_stands: bool | None = Field(
        default=None, description="Whether the output is still there; null when the game is over."
    )
    block: int | None = Field(
        default=None, description="The single block that is left; null before it is known."
    )
    low: int = Field(description="Block, or point of the single block, that both agree on.")
    high: int = Field(description="Block, or point of the single block, that they disagree on.")
    challenger: Address
    proposer: Address
    bond: str = Field(description="The challenger's, in wei.", examples=["1000000000000000000"])
    proposer_bond: str | None = Field(
        default=None, description="In wei, with the output; null once that is gone, or the game is."
    )
    winner: Address | None = Field(
        default=None, description="Who was credited at its end; of a voided one the challenger."
    )
    amount: str | None = Field(default=None, description="With what, in wei.")
    by_timeout: bool | None = Field(
        default=None,
        description="Whether it ended because a move was missed; null while it goes on.",
    )


class DisputesView(Model):
    """Disputes, newest first."""

    game: Address | None = Field(
        default=None, description="`DisputeGame` on the L1; null where no rollup has disputes."
    )
    time: datetime | None = Field(default=None, description="What time it is on the L1.")
    total: int = Field(description="How many there are of these rollups, those not listed too.")
    disputes: tuple[DisputeView, ...]
