"""How a message's record moves on: pure functions from record to record.

Each is idempotent and never goes back on what a chain said, so agents may apply them in any
order: a delivery stays a delivery when the relayer's own note of it comes later.
"""

from dataclasses import replace
from typing import Final

from control_plane.domain.reads import Demands, demands
from control_plane.domain.records import MessageRecord
from control_plane.domain.states import MessageState
from control_plane.services.metalayer.logs import Place, SeenDispatch

OPEN: Final = frozenset(
    {
        MessageState.DISPATCHED,
        MessageState.ATTESTED,
        MessageState.RELAYED,
        MessageState.FAILING,
    }
)
"""States of a message that is still to be delivered."""

_AFTER: Final = "reorged after delivery: "
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 300.0


def dispatched(
    devnet: str,
    seen: SeenDispatch,
    old: MessageRecord | None,
    gas_paid: int | None,
    at: float,
    router: str = "",
) -> MessageRecord:
    """The record of a message found in a block of its origin; `router` is the destination's."""
    if old and old.state is not MessageState.REORGED and old.origin_tx == seen.place.tx:
        same = old.origin_block_hash == seen.place.block_hash
        return old if same else _moved(old, seen)
    wanted = (
        demands(bytes.fromhex(seen.raw[2:]), bytes.fromhex(router[2:])) if router else Demands()
    )
    record = MessageRecord(
        devnet=devnet,
        id=seen.id,
        origin=seen.origin,
        destination=seen.destination,
        nonce=seen.nonce,
        sender=seen.sender,
        recipient=seen.recipient,
        raw=seen.raw,
        tree_index=seen.tree_index,
        origin_tx=seen.place.tx,
        origin_block=seen.place.block,
        origin_block_hash=seen.place.block_hash,
        dispatched_at=at,
        gas_paid=gas_paid,
        finality=wanted.finality,
        reads=len(wanted.reads),
    )
    return _with_old_delivery(record, old) if old else record


def _moved(old: MessageRecord, seen: SeenDispatch) -> MessageRecord:
    """The same transaction in another block (after a reorg that was not noticed)."""
    return replace(
        old,
        tree_index=seen.tree_index,
        origin_block=seen.place.block,
        origin_block_hash=seen.place.block_hash,
    )


def _with_old_delivery(record: MessageRecord, old: MessageRecord) -> MessageRecord:
    """A reorged message came back; where it was delivered before, it stays delivered."""
    if old.delivered_tx is None:
        return record
    return replace(
        record,
        state=MessageState.DELIVERED,
        epoch=old.epoch,
        attested_at=old.attested_at,
        certificate_tx=old.certificate_tx,
        certified_at=old.certified_at,
        relay_tx=old.relay_tx,
        relayed_at=old.relayed_at,
        delivered_tx=old.delivered_tx,
        delivered_block=old.delivered_block,
        delivered_block_hash=old.delivered_block_hash,
        delivered_at=old.delivered_at,
    )


def paid(record: MessageRecord, gas: int) -> MessageRecord:
    """More gas was paid for the message."""
    return replace(record, gas_paid=(record.gas_paid or 0) + gas)


def delivered(record: MessageRecord, place: Place, at: float) -> MessageRecord:
    """Its destination says that it is processed, in the block of `place`."""
    if record.delivered_block_hash == place.block_hash and record.delivered_tx == place.tx:
        return record
    gone = record.state is MessageState.REORGED
    if gone and record.reason and not record.reason.startswith(_AFTER):
        record = replace(record, reason=f"{_AFTER}{record.reason}")
    return replace(
        record,
        state=record.state if gone else MessageState.DELIVERED,
        reason=record.reason if gone else None,
        reason_since=record.reason_since if gone else None,
        next_attempt_at=None,
        delivered_tx=place.tx,
        delivered_block=place.block,
        delivered_block_hash=place.block_hash,
        delivered_at=record.delivered_at or at,
    )


def undelivered(record: MessageRecord, reason: str, at: float) -> MessageRecord:
    """The block of its delivery went."""
    state = record.state
    if state is MessageState.DELIVERED:
        state = MessageState.DISPATCHED if record.epoch is None else MessageState.ATTESTED
    return replace(
        record,
        state=state,
        reason=reason,
        reason_since=at,
        certificate_tx=None,
        certified_at=None,
        relay_tx=None,
        relayed_at=None,
        delivered_tx=None,
        delivered_block=None,
        delivered_block_hash=None,
        delivered_at=None,
    )


def reorged(record: MessageRecord, reason: str, at: float) -> MessageRecord:
    """The block that dispatched it went."""
    if record.delivered_tx is not None:
        reason = f"{_AFTER}{reason}"
    return replace(
        record,
        state=MessageState.REORGED,
        reason=reason,
        reason_since=at,
        next_attempt_at=None,
    )


def relayed(
    record: MessageRecord, tx: str, at: float, epoch: int, certificate: tuple[str, float] | None
) -> MessageRecord:
    """The relayer sent it in `tx`, under `epoch`; `certificate` is the transaction that took the
    epoch's certificate there, and when."""
    if record.state is MessageState.REORGED:
        return record
    if record.state is MessageState.DELIVERED and record.delivered_tx != tx:
        return record
    open_ = record.state in OPEN
    return replace(
        record,
        state=MessageState.RELAYED if open_ else record.state,
        reason=None if open_ else record.reason,
        reason_since=None if open_ else record.reason_since,
        epoch=epoch,
        relay_tx=tx,
        relayed_at=at,
        certificate_tx=certificate[0] if certificate else record.certificate_tx,
        certified_at=certificate[1] if certificate else record.certified_at,
    )


def failing(record: MessageRecord, reason: str, at: float) -> MessageRecord:
    """An attempt failed; the next one waits 1, 2, 4 … seconds, at most five minutes."""
    if record.state not in OPEN:
        return record
    pause = min(_FIRST_PAUSE * 2**record.attempts, _LONGEST_PAUSE)
    return replace(
        record,
        state=MessageState.FAILING,
        reason=reason,
        reason_since=record.reason_since if record.reason == reason else at,
        attempts=record.attempts + 1,
        next_attempt_at=at + pause,
    )


def buried(record: MessageRecord, reason: str, at: float) -> MessageRecord:
    """No attempt can succeed as things stand: a dead letter, until the user asks for another."""
    if record.state not in OPEN:
        return record
    return replace(
        record, state=MessageState.DEAD, reason=reason, reason_since=at, next_attempt_at=None
    )


def hastened(record: MessageRecord, at: float) -> MessageRecord:
    """The user asked for an attempt now, or paid for one."""
    if record.state is MessageState.DEAD:
        state = MessageState.DISPATCHED if record.epoch is None else MessageState.ATTESTED
        return replace(record, state=state, next_attempt_at=at)
    return replace(record, next_attempt_at=at) if record.state in OPEN else record


def finality_demanded(record: MessageRecord, at: float) -> MessageRecord:
    """Its recipient takes it only from a final block: it waits for an epoch that says so."""
    if record.state not in OPEN or record.finality:
        return record
    return replace(
        record,
        state=MessageState.DISPATCHED,
        finality=1,
        reason=None,
        reason_since=at,
        epoch=None,
        attested_at=None,
        next_attempt_at=None,
    )


def unanswered(record: MessageRecord) -> MessageRecord:
    """What was read for it is certified by guardians whom its destination asks no more."""
    if record.state not in OPEN or not record.reads or record.epoch is None:
        return record
    return replace(record, state=MessageState.DISPATCHED, epoch=None, attested_at=None)


def waiting(record: MessageRecord, reason: str, at: float) -> MessageRecord:
    """It waits for something that is not its own fault; no attempt is counted."""
    if record.state not in OPEN or record.reason == reason:
        return record
    state = MessageState.ATTESTED if record.state is MessageState.RELAYED else record.state
    return replace(record, state=state, reason=reason, reason_since=at)
