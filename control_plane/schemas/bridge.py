"""The bridge: deposits and withdrawals."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from control_plane.schemas.common import Address, Amount, Hash, Model, Name, Request

DepositStateName = Literal["sent", "credited", "failed"]
WithdrawalStateName = Literal[
    "initiated", "posted", "proposed", "proven", "final", "finalized", "failed"
]


class _Transfer(Request):
    rollup: Name
    token: str | None = Field(
        default=None,
        max_length=42,
        description="By default the rollup's own coin. `ETH`, `ERA`, the symbol of a gas token, or "
        "an ERC-20's address: on the L1, or, of a withdrawal, on the rollup.",
        examples=["ETH", "0x5fbdb2315678afecb367f032d93f642f64180aa3"],
    )
    amount: Amount = Field(
        description="In whole coins or tokens, with no more decimals than it has."
    )
    sender: Address | None = Field(
        default=None, description="A listed account; by default the first."
    )
    to: Address | None = Field(
        default=None, description="Who gets it on the other chain; by default the sender."
    )
    wait: bool = Field(default=False, description="Answer when it has arrived.")
    timeout: float = Field(default=60.0, gt=0, le=3600, description="Seconds to wait at most.")


class MakeDeposit(_Transfer):
    """Coins or tokens to bring from the L1 to a rollup."""


class MakeWithdrawal(_Transfer):
    """Coins or tokens to bring from a rollup to the L1."""


class ContinueWithdrawal(Request):
    """Who pays for a withdrawal's next step on the L1, and how long to wait for it."""

    sender: Address | None = Field(
        default=None, description="A listed account; by default the first."
    )
    wait: bool = Field(
        default=False, description="Answer when it has arrived, not after the next step."
    )
    timeout: float = Field(default=60.0, gt=0, le=3600, description="Seconds to wait at most.")


class BridgeStep(Model):
    """Something on the way from one chain to the other."""

    name: str = Field(examples=["initiated"])
    done: bool
    at: datetime | None = Field(
        default=None, description="Null where it is not known, or not done."
    )
    chain: str | None = Field(default=None, description="Name of the chain where it happens.")
    block: int | None = None
    tx: Hash | None = None
    detail: str = ""


class _Moved(Model):
    id: str
    rollup: str
    token: str = Field(description="`ETH`, or the token's address on the L1.")
    symbol: str = Field(
        description="What the token calls itself; its address where it does not.",
        examples=["ETH", "USDC"],
    )
    amount: str = Field(
        description="In whole coins or tokens; of a token that is not known here, in its units."
    )
    sender: Address
    to: Address
    reason: str | None = Field(default=None, description="What it waits for, or why it failed.")


class DepositView(_Moved):
    """A deposit, as both chains show it."""

    id: Hash = Field(description="Hash of the transaction that began it.")
    state: DepositStateName
    rollup_tx: Hash = Field(description="Its transaction on the rollup, known beforehand.")
    steps: tuple[BridgeStep, ...] = Field(description="Always two: `sent`, `credited`.")


class WithdrawalView(_Moved):
    """A withdrawal, as both chains show it."""

    id: str = Field(
        description="Hash of the transaction that began it; of a further one in it with `:1` …",
        pattern=r"^0x[0-9a-f]{64}(:[1-9][0-9]{0,3})?$",
    )
    state: WithdrawalStateName
    withdrawal_hash: Hash = Field(description="As the portal and the message passer name it.")
    output: int | None = Field(default=None, description="Index of the output that covers it.")
    final_at: datetime | None = Field(
        default=None, description="When that output is final if nobody disputes it."
    )
    steps: tuple[BridgeStep, ...] = Field(
        description="Always six: `initiated`, `posted`, `proposed`, `proven`, `final`, `finalized`."
    )
