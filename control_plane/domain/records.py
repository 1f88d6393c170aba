"""What the database keeps, as plain frozen records. Times are Unix seconds (float)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from control_plane.domain.states import (
    Desired,
    DevnetState,
    MessageState,
    ServiceState,
    StepState,
)

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DevnetRecord:
    name: str
    devnet_id: str
    """32 random bytes as 0x-hex; part of the network id that everything signed commits to."""
    spec: Json
    plan: Json
    state: DevnetState
    desired: Desired
    created_at: float
    version: str
    """Version of Caldera that made it; contracts of a devnet stay what they were."""
    problem: str | None = None
    ready_at: float | None = None
    ready_ms: float | None = None
    timings: Json = field(default_factory=dict)
    """Milliseconds per step of the last start."""
    expires_at: float | None = None
    """Time after which the reaper takes it down (`--ttl`)."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    devnet: str
    name: str
    """``genesis``, ``node:l1``, ``bootstrap:op``, ``agents``, ``certify`` …"""
    state: StepState
    started_at: float
    ended_at: float | None = None
    detail: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """A node or an agent. `identity` survives pid reuse (see the process runtime)."""

    devnet: str
    service: str
    state: ServiceState
    pid: int | None = None
    identity: str | None = None
    port: int | None = None
    command: tuple[str, ...] = ()
    log: str | None = None
    problem: str | None = None
    restarts: int = 0
    saved_block: int | None = None
    saved_at: float | None = None
    lost_blocks: tuple[int, int] | None = None
    """First and last block that went when the node was last restored from its saved state."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    id: int
    devnet: str
    at: float
    type: str
    """Dotted: ``devnet.ready``, ``service.failed``, ``message.delivered``, ``epoch.certified`` …"""
    service: str | None
    data: Json


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One dispatched message, all the tracer needs. Hashes and addresses are 0x-hex."""

    devnet: str
    id: str
    origin: int
    destination: int
    nonce: int
    sender: str
    """bytes32"""
    recipient: str
    """bytes32"""
    raw: str
    """The whole message, 0x-hex."""
    tree_index: int
    origin_tx: str
    origin_block: int
    origin_block_hash: str
    dispatched_at: float
    gas_paid: int | None = None
    """Gas units paid for at the gas paymaster, None when not seen."""
    state: MessageState = MessageState.DISPATCHED
    reason: str | None = None
    reason_since: float | None = None
    attempts: int = 0
    next_attempt_at: float | None = None
    epoch: int | None = None
    attested_at: float | None = None
    certificate_tx: str | None = None
    certified_at: float | None = None
    relay_tx: str | None = None
    relayed_at: float | None = None
    delivered_tx: str | None = None
    delivered_block: int | None = None
    delivered_block_hash: str | None = None
    delivered_at: float | None = None
    finality: int = 0
    """``formats.Finality`` that its delivery demands of the origin's leaf, as far as is known."""
    reads: int = 0
    """Calls on other chains whose results go with it."""

    @property
    def reorged_after_delivery(self) -> bool:
        """Whether its destination took it from a block that its origin has no more."""
        return self.state is MessageState.REORGED and self.delivered_tx is not None


@dataclass(frozen=True, slots=True)
class EpochRecord:
    devnet: str
    epoch: int
    header: Json
    """setId, epoch, timestamp, parentHash, aggregateRoot"""
    header_hash: str
    leaves: tuple[Json, ...]
    """domain, blockNumber, blockHash, stateRoot, messageRoot, messageCount, finality, shard each"""
    created_at: float
    certificate: str | None = None
    """ABI-encoded `Certificate`, 0x-hex; None while or because not certified."""
    certified_at: float | None = None
    signers: tuple[int, ...] = ()
    absent: tuple[int, ...] = ()
    reads: tuple[Json, ...] = ()
    """messageId and results (0x-hex) of each message whose reads the epoch answers"""


@dataclass(frozen=True, slots=True)
class CursorRecord:
    """How far an agent has read a chain: everything up to and including this block."""

    devnet: str
    agent: str
    chain: str
    block: int
    block_hash: str


@dataclass(frozen=True, slots=True)
class GuardianSetRecord:
    """A guardian set that was handed over to (docs/concepts/guardians.md)."""

    devnet: str
    set_id: int
    outgoing: int
    """The set that handed over; 0 for the first."""
    members: tuple[Json, ...]
    """``formats.Member.to_json``, by index."""
    rotation: str | None
    """Call of `RootVerifier.rotate` that takes a chain from `outgoing` to this set, 0x-hex; None
    where the governor installs it."""
    made_at: float
    active_at: float | None = None
    """When the L1 had it; epochs are made with the last one that is active."""


@dataclass(frozen=True, slots=True)
class GuardianRecord:
    """A guardian with keys of ours that joined later than the devnet's start, or that left."""

    devnet: str
    number: int
    """``guardian-4``: its keys follow from it, its place in a set does not."""
    address: str
    added_at: float
    left_at: float | None = None


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """Something that the user broke on purpose (docs/concepts/chaos.md)."""

    devnet: str
    id: str
    """``f1``, ``f2`` … counted within the devnet, never used again."""
    kind: str
    target: str | None
    """Name of a guardian or a chain; None for those of the whole devnet."""
    parameters: Json
    since: float
    ended_at: float | None = None
    """None while it is active; a fault that is a single act ends with it."""
    outcome: str | None = None
    """What the network made of it, in a sentence."""


@dataclass(frozen=True, slots=True)
class SwitchRecord:
    """How a rollup last switched, and what its rules have done (docs/concepts/switching.md)."""

    devnet: str
    rollup: str
    switched_at: float | None = None
    """None: it never did."""
    reason: str | None = None
    rule: int | None = None
    """Place of the rule that made it; None: somebody did."""
    declared: Json | None = None
    """What somebody last said that it be, since when rules made it something else; None: what its
    spec says."""
    marks: Json = field(default_factory=dict)
    """What is remembered of each rule (``switch_rules.Mark``)."""


@dataclass(frozen=True, slots=True)
class OffenceRecord:
    """Something that a guardian is or will be slashed for (docs/concepts/slashing.md)."""

    devnet: str
    id: str
    """As `Slasher` computes it, 0x-hex: each is punished once."""
    guardian: str
    """Account that holds the stake."""
    kind: str
    """``equivocation``, ``false-leaf`` or ``not-final``."""
    epoch: int
    found_at: float
    evidence: str | None = None
    """The call of `Slasher` that reports it, 0x-hex; None when somebody else reported it."""
    tx: str | None = None
    """Which slashed it; None until then."""
    block: int | None = None
    amount: int | None = None
    """ERA taken, in wei; `reward` of it went to `reporter`."""
    reward: int | None = None
    reporter: str | None = None
    slashed_at: float | None = None
    problem: str | None = None
    """Why it is not reported yet, or never will be."""


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    key: str
    fingerprint: str
    """Hash of method, path and body: the same key with another request is a conflict."""
    status: int
    headers: Json
    body: str
    created_at: float
