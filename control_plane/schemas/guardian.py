"""Guardians: who attests."""

from pydantic import Field

from control_plane.schemas.common import Address, HexData, Model


class GuardianView(Model):
    """A guardian of the current set."""

    index: int
    name: str = Field(examples=["guardian-0"], description="Its service.")
    address: Address = Field(description="Holds the stake on L1.")
    bls_key: HexData | None = Field(default=None, description="G1 point, EIP-2537 form, 128 bytes.")
    stake: str = Field(description="ERA, whole units.", examples=["100000"])
    share: float = Field(description="Of the total stake, 0 to 1.")
    state: str = Field(examples=["ready"], description="State of its service.")
    problem: str | None = None
    last_signed_epoch: int | None = None
    embedded: bool = Field(
        default=True, description="Runs inside the daemon: checks, no independence."
    )
