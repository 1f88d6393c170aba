"""Guardians: who attests."""

from datetime import datetime

from pydantic import Field

from control_plane.schemas.common import Address, Hash, HexData, Model, Request

_ERA = r"^[0-9]{1,12}(\.[0-9]{1,18})?$"


class GuardianView(Model):
    """A guardian: in the set in force, about to be, or about to leave."""

    index: int | None = Field(
        description="Its number, from which its keys follow; null for somebody else's guardian."
    )
    name: str = Field(examples=["guardian-0"], description="Its service.")
    seat: int | None = Field(
        default=None, description="Its place in the set in force; null when it is in none."
    )
    address: Address = Field(description="Holds the stake on L1.")
    bls_key: HexData | None = Field(default=None, description="G1 point, EIP-2537 form, 128 bytes.")
    stake: str = Field(description="ERA, whole units.", examples=["100000"])
    share: float = Field(description="Of the total stake, 0 to 1.")
    slashed: str = Field(
        default="0", description="ERA that it lost by slashing, whole units.", examples=["25000"]
    )
    state: str = Field(examples=["ready"], description="State of its service.")
    problem: str | None = None
    last_signed_epoch: int | None = None
    embedded: bool = Field(
        default=True, description="Runs inside the daemon: checks, no independence."
    )


class AddGuardian(Request):
    """A new guardian of the daemon's."""

    stake: str | None = Field(
        default=None, pattern=_ERA, description="ERA, whole units; by default the devnet's."
    )
    wait: bool = Field(default=False, description="Answer when a set with it is in force.")


class ChangeStake(Request):
    """More or less stake."""

    amount: str = Field(pattern=_ERA, description="ERA, whole units.", examples=["5000"])
    wait: bool = Field(
        default=False, description="Answer when a set in which it counts is in force."
    )


class SlashGuardian(Request):
    """What a guardian signed in a dispute that governance holds to be false."""

    verdict: Hash = Field(description="The transaction on the L1 that brought the verdict.")
    share: float = Field(
        default=25,
        ge=10,
        le=50,
        description="Of all that it has staked, in per cent.",
        examples=[25],
    )


class StakeView(Model):
    """What a guardian has staked, as the L1's registry says."""

    name: str = Field(examples=["guardian-0"])
    address: Address
    staked: str = Field(description="ERA that counts in sets sealed from now on, whole units.")
    unbonding: str = Field(description="ERA taken out, still held and slashable, whole units.")
    withdrawable_at: int | None = Field(
        description="Unix seconds; null when nothing unbonds, or it still counts in a set."
    )
    jailed_until: int | None = Field(description="Unix seconds from which it may come back.")
    in_next_set: bool = Field(description="Whether a set that is sealed now has it.")


class GuardianSetView(Model):
    """A guardian set that was handed over to."""

    set_id: int
    outgoing: int = Field(description="The set that handed over; 0 for the first.")
    by: str = Field(description="`founding`, `guardians` or `governor`.")
    size: int
    total_stake: str = Field(description="ERA, whole units.")
    members: tuple[str, ...] = Field(description="Names, by seat.")
    made_at: datetime
    active_at: datetime | None = Field(description="When epochs began to be made with it.")


class RewardView(Model):
    """What a guardian earned in all sets."""

    name: str = Field(examples=["guardian-0"])
    earned: str = Field(description="ERA, whole units.")
    due: str = Field(description="ERA that was not paid yet, whole units.")


class RewardsView(Model):
    """Guardians' rewards, as the L1's contract says."""

    rate: float = Field(description="Of the stake, a year.", examples=[0.1])
    pot: str = Field(description="ERA to pay from, whole units.")
    guardians: tuple[RewardView, ...]
