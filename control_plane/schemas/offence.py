"""Offences: what guardians are slashed for."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from control_plane.schemas.common import Address, Hash, Model


class OffenceView(Model):
    """What a guardian signed that it must not sign, and what it lost for it."""

    id: Hash = Field(description="As `Slasher` computes it; each is punished once.")
    guardian: str = Field(examples=["guardian-2"], description="Its account, if it is not ours.")
    address: Address
    kind: Literal["equivocation", "false-leaf", "not-final", "false-verdict"]
    epoch: int
    state: Literal["found", "refused", "slashed"]
    found_at: datetime
    slashed_at: datetime | None = None
    amount: str | None = Field(default=None, description="ERA taken, in wei.")
    reward: str | None = Field(default=None, description="Of it, what the reporter got.")
    reporter: Address | None = None
    tx: Hash | None = None
    problem: str | None = Field(
        default=None, description="Why `Slasher` does not take the evidence."
    )
