"""The tables. Column names are the records' field names (control_plane/domain/records.py).

Secrets are never stored here: service keys live in files of their own, mode 0600. Times are
Unix seconds. No foreign keys: rows of a devnet may come before or outlive its record while
it is being removed; :meth:`Devnets.remove` clears every table that has a `devnet` column.
"""

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Float, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from control_plane.adapters.persistence.types import BigNumber, EnumText, JsonTuple
from control_plane.domain.states import (
    Desired,
    DevnetState,
    MessageState,
    ServiceState,
    StepState,
)

REVISIONS: Final = ("0001", "0002", "0003", "0004")
"""Alembic revisions, oldest first; the last is what these models describe."""

_NAME = String(31)
_SERVICE = String(80)
_HASH = String(66)
"""0x and 32 bytes."""


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own interface
        int: BigInteger,
        float: Float(53),
        dict[str, Any]: JSON,
    }


class Devnet(Base):
    __tablename__ = "devnets"

    name: Mapped[str] = mapped_column(_NAME, primary_key=True)
    devnet_id: Mapped[str] = mapped_column(_HASH)
    spec: Mapped[dict[str, Any]]
    plan: Mapped[dict[str, Any]]
    state: Mapped[DevnetState] = mapped_column(EnumText(DevnetState))
    desired: Mapped[Desired] = mapped_column(EnumText(Desired))
    created_at: Mapped[float]
    version: Mapped[str] = mapped_column(String(40))
    problem: Mapped[str | None] = mapped_column(Text)
    ready_at: Mapped[float | None]
    ready_ms: Mapped[float | None]
    timings: Mapped[dict[str, Any]]
    expires_at: Mapped[float | None]


class Step(Base):
    __tablename__ = "steps"

    devnet: Mapped[str] = mapped_column(_NAME, primary_key=True)
    name: Mapped[str] = mapped_column(_SERVICE, primary_key=True)
    state: Mapped[StepState] = mapped_column(EnumText(StepState))
    started_at: Mapped[float]
    ended_at: Mapped[float | None]
    detail: Mapped[dict[str, Any]]


class Service(Base):
    __tablename__ = "services"

    devnet: Mapped[str] = mapped_column(_NAME, primary_key=True)
    service: Mapped[str] = mapped_column(_SERVICE, primary_key=True)
    state: Mapped[ServiceState] = mapped_column(EnumText(ServiceState))
    pid: Mapped[int | None]
    identity: Mapped[str | None] = mapped_column(String(200))
    port: Mapped[int | None]
    command: Mapped[tuple[str, ...]] = mapped_column(JsonTuple)
    log: Mapped[str | None] = mapped_column(Text)
    problem: Mapped[str | None] = mapped_column(Text)
    restarts: Mapped[int]
    saved_block: Mapped[int | None]
    saved_at: Mapped[float | None]
    lost_blocks: Mapped[tuple[int, int] | None] = mapped_column(JsonTuple)


class Event(Base):
    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_devnet_id", "devnet", "id"),
        {"sqlite_autoincrement": True},
    )

    # SQLite counts only in a column of exactly this type.
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    devnet: Mapped[str] = mapped_column(_NAME)
    at: Mapped[float]
    type: Mapped[str] = mapped_column(String(80))
    service: Mapped[str | None] = mapped_column(_SERVICE)
    data: Mapped[dict[str, Any]]


class Message(Base):
    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_tree", "devnet", "origin", "tree_index"),
        Index("ix_messages_origin_block", "devnet", "origin", "origin_block"),
        Index("ix_messages_delivered", "devnet", "destination", "delivered_block"),
        Index("ix_messages_dispatched", "devnet", "dispatched_at"),
        Index("ix_messages_state", "devnet", "state"),
        Index("ix_messages_epoch", "devnet", "epoch"),
    )

    devnet: Mapped[str] = mapped_column(_NAME, primary_key=True)
    id: Mapped[str] = mapped_column(_HASH, primary_key=True)
    origin: Mapped[int]
    destination: Mapped[int]
    nonce: Mapped[int]
    sender: Mapped[str] = mapped_column(_HASH)
    recipient: Mapped[str] = mapped_column(_HASH)
    raw: Mapped[str] = mapped_column(Text)
    tree_index: Mapped[int]
    origin_tx: Mapped[str] = mapped_column(_HASH)
    origin_block: Mapped[int]
    origin_block_hash: Mapped[str] = mapped_column(_HASH)
    dispatched_at: Mapped[float]
    gas_paid: Mapped[int | None] = mapped_column(BigNumber)
    state: Mapped[MessageState] = mapped_column(EnumText(MessageState))
    reason: Mapped[str | None] = mapped_column(Text)
    reason_since: Mapped[float | None]
    attempts: Mapped[int]
    next_attempt_at: Mapped[float | None]
    epoch: Mapped[int | None]
    attested_at: Mapped[float | None]
    certificate_tx: Mapped[str | None] = mapped_column(_HASH)
    certified_at: Mapped[float | None]
    relay_tx: Mapped[str | None] = mapped_column(_HASH)
    relayed_at: Mapped[float | None]
    delivered_tx: Mapped[str | None] = mapped_column(_HASH)
    delivered_block: Mapped[int | None]
    delivered_block_hash: Mapped[str | None] = mapped_column(_HASH)
    delivered_at: Mapped[float | None]
    finality: Mapped[int]
    reads: Mapped[int]


class Epoch(Base):
    __tablename__ = "epochs"

    devnet: Mapped[str] = mapped_column(_NAME, primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    header: Mapped[dict[str, Any]]
    header_hash: Mapped[str] = mapped_column(_HASH)
    leaves: Mapped[tuple[dict[str, Any], ...]] = mapped_column(JsonTuple)
    created_at: Mapped[float]
    certificate: Mapped[str | None] = mapped_column(Text)
    certified_at: Mapped[float | None]
    signers: Mapped[tuple[int, ...]] = mapped_column(JsonTuple)
    absent: Mapped[tuple[int, ...]] = mapped_column(JsonTuple)
    reads: Mapped[tuple[dict[str, Any], ...]] = mapped_column(JsonTuple)


class Vote(Base):
    __tablename__ = "votes"

    devnet: Mapped[str] = mapped_column(_NAME, primary_key=True)
    guardian: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    header_hash: Mapped[str] = mapped_column(_HASH)


class Cursor(Base):
    __tablename__ = "cursors"

    devnet: Mapped[str] = mapped_column(_NAME, primary_key=True)
    agent: Mapped[str] = mapped_column(_SERVICE, primary_key=True)
    chain: Mapped[str] = mapped_column(_NAME, primary_key=True)
    block: Mapped[int]
    block_hash: Mapped[str] = mapped_column(_HASH)


class SetVote(Base):
    __tablename__ = "set_votes"

    devnet: Mapped[str] = mapped_column(_NAME, primary_key=True)
    guardian: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    set_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    commitment: Mapped[str] = mapped_column(_HASH)


class GuardianSet(Base):
    __tablename__ = "guardian_sets"

    devnet: Mapped[str] = mapped_column(_NAME, primary_key=True)
    set_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    outgoing: Mapped[int]
    members: Mapped[tuple[dict[str, Any], ...]] = mapped_column(JsonTuple)
    rotation: Mapped[str | None] = mapped_column(Text)
    made_at: Mapped[float]
    active_at: Mapped[float | None]


class Guardian(Base):
    __tablename__ = "guardians"

    devnet: Mapped[str] = mapped_column(_NAME, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    address: Mapped[str] = mapped_column(_HASH)
    added_at: Mapped[float]
    left_at: Mapped[float | None]


class Fault(Base):
    __tablename__ = "faults"

    devnet: Mapped[str] = mapped_column(_NAME, primary_key=True)
    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    target: Mapped[str | None] = mapped_column(_SERVICE)
    parameters: Mapped[dict[str, Any]]
    since: Mapped[float]
    ended_at: Mapped[float | None]
    outcome: Mapped[str | None] = mapped_column(Text)


class Offence(Base):
    __tablename__ = "offences"

    devnet: Mapped[str] = mapped_column(_NAME, primary_key=True)
    id: Mapped[str] = mapped_column(_HASH, primary_key=True)
    guardian: Mapped[str] = mapped_column(_HASH)
    kind: Mapped[str] = mapped_column(String(20))
    epoch: Mapped[int]
    found_at: Mapped[float]
    evidence: Mapped[str | None] = mapped_column(Text)
    tx: Mapped[str | None] = mapped_column(_HASH)
    block: Mapped[int | None]
    amount: Mapped[int | None] = mapped_column(BigNumber)
    reward: Mapped[int | None] = mapped_column(BigNumber)
    reporter: Mapped[str | None] = mapped_column(_HASH)
    slashed_at: Mapped[float | None]
    problem: Mapped[str | None] = mapped_column(Text)


class Idempotency(Base):
    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_created", "created_at"),)

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(128))
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[float]
