"""Where a message stands: its five steps, and what it waits for and since when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from control_plane.domain.errors import NotFound
from control_plane.domain.plan import Plan
from control_plane.domain.plan_json import plan_from_json
from control_plane.domain.ports.store import Database
from control_plane.domain.records import DevnetRecord, EpochRecord, MessageRecord
from control_plane.domain.states import MessageState, ServiceState
from control_plane.schemas.message import TraceStep, TraceView
from control_plane.services.queries import message_view
from control_plane.services.status import moment
from control_plane.services.supervisor import AgentView

_SHOWN = 5


class Devnets(Protocol):
    """What is asked of the control plane here."""

    async def record(self, name: str) -> DevnetRecord: ...
    def agents(self, name: str) -> Sequence[AgentView]:
        """The agents that this process runs for a devnet."""
        ...


@dataclass(frozen=True, slots=True)
class Tracer:
    """Traces messages from records alone; no node is asked, so it answers when they are down."""

    devnets: Devnets
    database: Database

    async def __call__(self, name: str, message_id: str) -> TraceView:
        """By the whole id or an unambiguous beginning of it. NotFound names those that match."""
        plan = plan_from_json((await self.devnets.record(name)).plan)
        record = await self.find(name, message_id)
        async with self.database.begin() as unit:
            epoch = await unit.epochs.get(name, record.epoch) if record.epoch else None
        agents = {view.name: view for view in self.devnets.agents(name)}
        return trace(record, epoch, plan, agents)

    async def find(self, name: str, message_id: str) -> MessageRecord:
        """A message's record, as `__call__` finds it."""
        await self.devnets.record(name)
        async with self.database.begin() as unit:
            return _the_one(await unit.messages.find(name, message_id.lower()), name, message_id)


def trace(
    record: MessageRecord,
    epoch: EpochRecord | None,
    plan: Plan,
    agents: Mapping[str, AgentView],
) -> TraceView:
    """The trace of `record`, whose epoch is `epoch`; `agents` by name."""
    return TraceView(
        id=record.id,
        state=record.state.value,
        reason=_reason(record, _names(plan), agents),
        steps=_steps(record, epoch, _names(plan)),
        message=message_view(record),
    )


def _the_one(found: Sequence[MessageRecord], devnet: str, prefix: str) -> MessageRecord:
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(
            f"No message {prefix} in {devnet}",
            "a message is known as soon as its block is read",
            f"See `caldera message ls {devnet}`.",
        )
    ids = ", ".join(record.id[:18] + "…" for record in found[:_SHOWN])
    raise NotFound(f"{prefix} begins several messages", ids, "Give more of the id.")


def _names(plan: Plan) -> dict[int, str]:
    return {chain.domain: chain.name for chain in plan.chains}


# ------------------------------------------------------------------ steps


def _steps(
    record: MessageRecord, epoch: EpochRecord | None, names: Mapping[int, str]
) -> tuple[TraceStep, ...]:
    origin = names.get(record.origin, f"domain {record.origin}")
    destination = names.get(record.destination, f"domain {record.destination}")
    relayed_by = "by this devnet's relayer" if record.relay_tx else ""
    if record.delivered_tx and not record.relay_tx:
        relayed_by = "by somebody else's transaction"
    return (
        TraceStep(
            name="dispatched",
            at=moment(record.dispatched_at),
            chain=origin,
            block=record.origin_block,
            tx=record.origin_tx,
            detail=f"message {record.tree_index} of {origin}, from 0x{record.sender[-40:]}",
        ),
        TraceStep(
            name="attested",
            at=moment(record.attested_at),
            chain=origin if record.attested_at else None,
            block=_attested_block(record, epoch),
            detail=_attested(record, epoch),
        ),
        TraceStep(
            name="certified",
            at=moment(_certified_at(record)),
            chain=destination if record.certified_at else None,
            tx=record.certificate_tx,
            detail=f"the certificate of epoch {record.epoch}" if record.certified_at else "",
        ),
        TraceStep(
            name="relayed",
            at=moment(record.relayed_at),
            chain=destination if record.relayed_at else None,
            tx=record.relay_tx,
            detail=relayed_by,
        ),
        TraceStep(
            name="delivered",
            at=moment(record.delivered_at),
            chain=destination if record.delivered_at else None,
            block=record.delivered_block,
            tx=record.delivered_tx,
            detail=f"to 0x{record.recipient[-40:]}" if record.delivered_at else "",
        ),
    )


def _certified_at(record: MessageRecord) -> float | None:
    """When the certificate was on the destination: with the message, if one transaction took both,
    however late the relayer looked at its receipt."""
    if record.delivered_at is not None and record.certificate_tx == record.delivered_tx:
        return record.delivered_at
    return record.certified_at


def _attested(record: MessageRecord, epoch: EpochRecord | None) -> str:
    if record.epoch is None:
        return ""
    if epoch is None:
        return f"epoch {record.epoch}"
    signed = f"signed by {len(epoch.signers)} of {len(epoch.signers) + len(epoch.absent)} guardians"
    return f"epoch {record.epoch}, {signed}"


def _attested_block(record: MessageRecord, epoch: EpochRecord | None) -> int | None:
    """The origin's block of which the epoch speaks."""
    for leaf in epoch.leaves if epoch else ():
        if leaf["domain"] == record.origin:
            return int(leaf["blockNumber"])
    return None


# ------------------------------------------------------------------ reasons


def _reason(
    record: MessageRecord, names: Mapping[int, str], agents: Mapping[str, AgentView]
) -> str | None:
    """Why it is not delivered, and since when; None when it is."""
    if record.state is MessageState.DELIVERED:
        return None
    if record.state is MessageState.REORGED:
        return record.reason
    if record.destination not in names:
        return f"no chain of this devnet has domain {record.destination}"
    blocked = _blocked(_needed(record.state), agents)
    if record.reason is None:
        waits, since = _waits(record, names)
        return f"{blocked or waits}, since {_time(since)}"
    parts = [record.reason, f"since {_time(record.reason_since or record.dispatched_at)}"]
    if record.state is MessageState.FAILING:
        parts.append(f"tried {record.attempts} {'time' if record.attempts == 1 else 'times'}")
        if record.next_attempt_at is not None and not blocked:
            parts.append(f"next try at {_time(record.next_attempt_at)}")
    if record.state is MessageState.DEAD:
        return ", ".join([*parts, "not tried again until `caldera message retry`"])
    return ", ".join(parts) + (f"; {blocked}" if blocked else "")


def _needed(state: MessageState) -> tuple[str, ...]:
    """Agents that the next step of a message in `state` depends on."""
    return ("indexer", "aggregator") if state is MessageState.DISPATCHED else ("relayer",)


def _blocked(needed: Sequence[str], agents: Mapping[str, AgentView]) -> str | None:
    """Which of the needed agents does not do its work, and why."""
    for name in needed:
        view = agents.get(name)
        if view is None or view.state is ServiceState.STOPPED:
            return f"the {name} does not run"
        if view.problem:
            return f"{name}: {view.problem}"
    return None


def _waits(record: MessageRecord, names: Mapping[int, str]) -> tuple[str, float]:
    """What a message waits for when nothing is wrong, and since when."""
    destination = names[record.destination]
    if record.state is MessageState.DISPATCHED:
        return "waits for an epoch that covers its block", record.dispatched_at
    if record.state is MessageState.RELAYED:
        waits = f"waits for its transaction {record.relay_tx} to be mined on {destination}"
        return waits, record.relayed_at or record.dispatched_at
    waits = f"waits for the relayer to bring epoch {record.epoch} and the message to {destination}"
    return waits, record.attested_at or record.dispatched_at


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")
