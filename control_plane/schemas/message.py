"""Messages: sending, listing, tracing."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from control_plane.schemas.common import Address, Hash, HexData, Model, Request

MessageStateName = Literal[
    "dispatched", "attested", "relayed", "delivered", "failing", "dead", "reorged"
]
StepName = Literal["dispatched", "attested", "certified", "relayed", "delivered"]
WaitsFor = Literal[
    "finality",
    "epoch",
    "quorum",
    "read",
    "certificate",
    "transaction",
    "gas",
    "recipient",
    "agent",
    "chain",
    "user",
]


class ReadRequest(Request):
    """A call on a chain, whose result goes with a message."""

    chain: str = Field(description="Chain to read.", examples=["l1"])
    contract: Address
    data: HexData = Field(default="0x", description="Call data.", max_length=2 + 2 * 1024)


class SendMessage(Request):
    """A message to dispatch through the origin's mailbox; with reads or `finalized` through its
    `MetalayerRouter`, which calls the recipient's `handle` of five parameters."""

    origin: str = Field(description="Chain it leaves.", examples=["op"])
    destination: str = Field(description="Chain it goes to.", examples=["arb"])
    to: Address | None = Field(
        default=None, description="Recipient; by default the destination's test recipient."
    )
    body: HexData = Field(default="0x", description="What it carries.", max_length=2 + 2 * 100_000)
    finality: Literal["instant", "finalized"] = Field(
        default="instant", description="`finalized`: not delivered before its block is final."
    )
    reads: list[ReadRequest] = Field(
        default_factory=list, max_length=8, description="Calls whose results go with it, in order."
    )
    wait: bool = Field(default=False, description="Answer when it is delivered.")
    timeout: float = Field(default=30.0, gt=0, le=3600, description="Seconds to wait at most.")


class MessageSent(Model):
    """A message that was dispatched."""

    id: Hash
    origin: int = Field(description="Domain.", examples=[901])
    destination: int = Field(description="Domain.", examples=[902])
    tx: Hash = Field(description="Transaction on the origin.")
    delivered_tx: Hash | None = Field(default=None, description="With `wait` only.")
    latency_ms: float | None = Field(
        default=None, description="Sent to delivered; with `wait` only."
    )


class PayMessage(Request):
    """Gas to pay for at the origin's gas paymaster."""

    gas: int | None = Field(
        default=None,
        ge=1,
        le=10**12,
        description="Units of the destination's gas; by default what the relayer found missing.",
    )


class MessagePaid(Model):
    """A payment for a message's gas."""

    id: Hash
    gas: int = Field(description="Units of the destination's gas.")
    price: str = Field(description="Wei of the origin, as a decimal number.", examples=["75000"])
    chain: str = Field(description="Where it was paid: the origin.")
    tx: Hash


class MessageView(Model):
    """A message in a list."""

    id: Hash
    state: MessageStateName
    reason: str | None = Field(default=None, description="Why it is not delivered, if it is not.")
    origin: int = Field(description="Domain.")
    destination: int = Field(description="Domain.")
    nonce: int
    sender: Hash = Field(description="As 32 bytes.")
    recipient: Hash = Field(description="As 32 bytes.")
    body: HexData
    tx: Hash = Field(description="Transaction on the origin.")
    block: int = Field(description="Block of the origin.")
    dispatched_at: datetime
    attempts: int = Field(default=0, description="Deliveries tried.")
    next_attempt_at: datetime | None = None
    epoch: int | None = Field(default=None, description="Epoch that covers it.")
    delivered_tx: Hash | None = None
    delivered_at: datetime | None = None
    latency_ms: float | None = None
    finality: Literal["instant", "finalized"] = Field(
        default="instant", description="What its delivery demands, as far as is known."
    )
    reads: int = Field(default=0, description="Calls on other chains whose results go with it.")
    reorged_after_delivery: bool = Field(
        default=False, description="Its origin has not the block any more that it came from."
    )


class TraceStep(Model):
    """One of the five steps of a message."""

    name: StepName
    at: datetime | None = Field(default=None, description="Null while it has not happened.")
    chain: str | None = Field(default=None, description="Name of the chain where it happened.")
    block: int | None = None
    tx: Hash | None = None
    detail: str = ""


class TraceView(Model):
    """How a message goes from origin to destination, and why it does not."""

    id: Hash
    state: MessageStateName
    reason: str | None = None
    waits_for: WaitsFor | None = Field(
        default=None,
        description="What is missing: `finality` of its block, an `epoch` that covers it, a "
        "`quorum` of guardians, a `read` on another chain, the `certificate` on its destination, a "
        "`transaction` to be mined, `gas` to be paid, a `recipient` that takes it, an `agent` that "
        "does not work, a `chain` that is none of the devnet, the `user`'s word (a dead letter). "
        "Null when it is delivered or never will be.",
    )
    since: datetime | None = Field(default=None, description="Since when it waits for that.")
    steps: tuple[TraceStep, ...] = Field(description="Always five, in order.")
    message: MessageView | None = None
