"""Where a message stands: its five steps, and what it waits for and since when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from control_plane.domain.errors import NotFound
from control_plane.domain.plan import Plan
from control_plane.domain.plan_json import plan_from_json
from control_plane.domain.ports.store import Database
from control_plane.domain.records import DevnetRecord, EpochRecord, MessageRecord
from control_plane.schemas.message import TraceStep, TraceView
from control_plane.services.metalayer.recording import INDEXER
from control_plane.services.queries import message_view
from control_plane.services.status import moment
from control_plane.services.supervisor import AgentView
from control_plane.services.waits import find_wait

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
            origin = _names(plan).get(record.origin)
            read = await unit.cursors.get(name, INDEXER, origin) if origin else None
        agents = {view.name: view for view in self.devnets.agents(name)}
        return trace(record, epoch, plan, agents, read.block if read else None)

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
    head: int | None = None,
) -> TraceView:
    """The trace of `record`, whose epoch is `epoch`; `agents` by name; `head` is the origin's last
    block that was read."""
    wait = find_wait(record, plan, agents, head)
    return TraceView(
        id=record.id,
        state=record.state.value,
        reason=wait.text if wait else None,
        waits_for=wait.kind if wait else None,
        since=moment(wait.since) if wait and wait.kind else None,
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
    return *_at_origin(record, epoch, origin), *_at_destination(record, destination)


def _at_origin(
    record: MessageRecord, epoch: EpochRecord | None, origin: str
) -> tuple[TraceStep, ...]:
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
    )


def _at_destination(record: MessageRecord, destination: str) -> tuple[TraceStep, ...]:
    relayed_by = "by this devnet's relayer" if record.relay_tx else ""
    if record.delivered_tx and not record.relay_tx:
        relayed_by = "by somebody else's transaction"
    return (
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
        if leaf["domain"] == record.origin and leaf.get("finality", 0) == record.finality:
            return int(leaf["blockNumber"])
    return None
