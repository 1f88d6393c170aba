"""The tables. Column names are the records' field names (control_plane/domain/records.py).

Secrets are never stored here: service keys live in files of their own, mode 0600. Times are
Unix seconds. No foreign keys: rows of a devnet may come before or outlive its record while
it is being removed; :meth:`Devnets.remove` clears every table that has a `devnet` column.

Plain tables of SQLAlchemy's core: its object mapper would be imported at every start for nothing.
"""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

from control_plane.adapters.persistence.types import BigNumber, EnumText, JsonTuple
from control_plane.domain.states import (
    Desired,
    DevnetState,
    MessageState,
    ServiceState,
    StepState,
)

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Alembic revisions, oldest first; the last is what these tables are."""

METADATA: Final = MetaData()

_NAME: Final = String(31)
_SERVICE: Final = String(80)
_HASH: Final = String(66)
"""0x and 32 bytes."""
_SECONDS: Final = Float(53)

_Type = TypeEngine[Any] | type[TypeEngine[Any]]


def _table(name: str, *parts: Column[Any] | Index, sqlite_autoincrement: bool = False) -> Table:
    if sqlite_autoincrement:
        return Table(name, METADATA, *parts, sqlite_autoincrement=True)
    return Table(name, METADATA, *parts)


def _key(name: str, type: _Type, *, autoincrement: bool = False) -> Column[Any]:
    return Column(name, type, primary_key=True, autoincrement=autoincrement)


def _column(name: str, type: _Type) -> Column[Any]:
    return Column(name, type, nullable=False)


def _maybe(name: str, type: _Type) -> Column[Any]:
    return Column(name, type)


DEVNETS: Final = _table(
    "devnets",
    _key("name", _NAME),
    _column("devnet_id", _HASH),
    _column("spec", JSON),
    _column("plan", JSON),
    _column("state", EnumText(DevnetState)),
    _column("desired", EnumText(Desired)),
    _column("created_at", _SECONDS),
    _column("version", String(40)),
    _maybe("problem", Text),
    _maybe("ready_at", _SECONDS),
    _maybe("ready_ms", _SECONDS),
    _column("timings", JSON),
    _maybe("expires_at", _SECONDS),
)

STEPS: Final = _table(
    "steps",
    _key("devnet", _NAME),
    _key("name", _SERVICE),
    _column("state", EnumText(StepState)),
    _column("started_at", _SECONDS),
    _maybe("ended_at", _SECONDS),
    _column("detail", JSON),
)

SERVICES: Final = _table(
    "services",
    _key("devnet", _NAME),
    _key("service", _SERVICE),
    _column("state", EnumText(ServiceState)),
    _maybe("pid", BigInteger),
    _maybe("identity", String(200)),
    _maybe("port", BigInteger),
    _column("command", JsonTuple),
    _maybe("log", Text),
    _maybe("problem", Text),
    _column("restarts", BigInteger),
    _maybe("saved_block", BigInteger),
    _maybe("saved_at", _SECONDS),
    _maybe("lost_blocks", JsonTuple),
)

EVENTS: Final = _table(
    "events",
    # SQLite counts only in a column of exactly this type.
    _key("id", BigInteger().with_variant(Integer, "sqlite"), autoincrement=True),
    _column("devnet", _NAME),
    _column("at", _SECONDS),
    _column("type", _SERVICE),
    _maybe("service", _SERVICE),
    _column("data", JSON),
    Index("ix_events_devnet_id", "devnet", "id"),
    sqlite_autoincrement=True,
)

MESSAGES: Final = _table(
    "messages",
    _key("devnet", _NAME),
    _key("id", _HASH),
    _column("origin", BigInteger),
    _column("destination", BigInteger),
    _column("nonce", BigInteger),
    _column("sender", _HASH),
    _column("recipient", _HASH),
    _column("raw", Text),
    _column("tree_index", BigInteger),
    _column("origin_tx", _HASH),
    _column("origin_block", BigInteger),
    _column("origin_block_hash", _HASH),
    _column("dispatched_at", _SECONDS),
    _maybe("gas_paid", BigNumber),
    _column("state", EnumText(MessageState)),
    _maybe("reason", Text),
    _maybe("reason_since", _SECONDS),
    _column("attempts", BigInteger),
    _maybe("next_attempt_at", _SECONDS),
    _maybe("epoch", BigInteger),
    _maybe("attested_at", _SECONDS),
    _maybe("certificate_tx", _HASH),
    _maybe("certified_at", _SECONDS),
    _maybe("relay_tx", _HASH),
    _maybe("relayed_at", _SECONDS),
    _maybe("delivered_tx", _HASH),
    _maybe("delivered_block", BigInteger),
    _maybe("delivered_block_hash", _HASH),
    _maybe("delivered_at", _SECONDS),
    _column("finality", BigInteger),
    _column("reads", BigInteger),
    Index("ix_messages_tree", "devnet", "origin", "tree_index"),
    Index("ix_messages_origin_block", "devnet", "origin", "origin_block"),
    Index("ix_messages_delivered", "devnet", "destination", "delivered_block"),
    Index("ix_messages_dispatched", "devnet", "dispatched_at"),
    Index("ix_messages_state", "devnet", "state"),
    Index("ix_messages_epoch", "devnet", "epoch"),
)

EPOCHS: Final = _table(
    "epochs",
    _key("devnet", _NAME),
    _key("epoch", BigInteger),
    _column("header", JSON),
    _column("header_hash", _HASH),
    _column("leaves", JsonTuple),
    _column("created_at", _SECONDS),
    _maybe("certificate", Text),
    _maybe("certified_at", _SECONDS),
    _column("signers", JsonTuple),
    _column("absent", JsonTuple),
    _column("reads", JsonTuple),
)

VOTES: Final = _table(
    "votes",
    _key("devnet", _NAME),
    _key("guardian", BigInteger),
    _key("epoch", BigInteger),
    _column("header_hash", _HASH),
)

CURSORS: Final = _table(
    "cursors",
    _key("devnet", _NAME),
    _key("agent", _SERVICE),
    _key("chain", _NAME),
    _column("block", BigInteger),
    _column("block_hash", _HASH),
)

SET_VOTES: Final = _table(
    "set_votes",
    _key("devnet", _NAME),
    _key("guardian", BigInteger),
    _key("set_id", BigInteger),
    _column("commitment", _HASH),
)

VERDICTS: Final = _table(
    "verdicts",
    _key("devnet", _NAME),
    _key("guardian", BigInteger),
    _key("question", _HASH),
    _column("digest", _HASH),
)

GUARDIAN_SETS: Final = _table(
    "guardian_sets",
    _key("devnet", _NAME),
    _key("set_id", BigInteger),
    _column("outgoing", BigInteger),
    _column("members", JsonTuple),
    _maybe("rotation", Text),
    _column("made_at", _SECONDS),
    _maybe("active_at", _SECONDS),
)

GUARDIANS: Final = _table(
    "guardians",
    _key("devnet", _NAME),
    _key("number", BigInteger),
    _column("address", _HASH),
    _column("added_at", _SECONDS),
    _maybe("left_at", _SECONDS),
)

FAULTS: Final = _table(
    "faults",
    _key("devnet", _NAME),
    _key("id", String(20)),
    _column("kind", String(40)),
    _maybe("target", _SERVICE),
    _column("parameters", JSON),
    _column("since", _SECONDS),
    _maybe("ended_at", _SECONDS),
    _maybe("outcome", Text),
)

OFFENCES: Final = _table(
    "offences",
    _key("devnet", _NAME),
    _key("id", _HASH),
    _column("guardian", _HASH),
    _column("kind", String(20)),
    _column("epoch", BigInteger),
    _column("found_at", _SECONDS),
    _maybe("evidence", Text),
    _maybe("tx", _HASH),
    _maybe("block", BigInteger),
    _maybe("amount", BigNumber),
    _maybe("reward", BigNumber),
    _maybe("reporter", _HASH),
    _maybe("slashed_at", _SECONDS),
    _maybe("problem", Text),
)

SWITCHES: Final = _table(
    "switches",
    _key("devnet", _NAME),
    _key("rollup", _NAME),
    _maybe("switched_at", _SECONDS),
    _maybe("reason", Text),
    _maybe("rule", BigInteger),
    _maybe("declared", JSON),
    _column("marks", JSON),
)

IDEMPOTENCY_KEYS: Final = _table(
    "idempotency_keys",
    _key("key", String(255)),
    _column("fingerprint", String(128)),
    _column("status", BigInteger),
    _column("headers", JSON),
    _column("body", Text),
    _column("created_at", _SECONDS),
    Index("ix_idempotency_created", "created_at"),
)
