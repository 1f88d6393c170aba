"""What a message waits for, and since when: from records alone, so that it is known when nodes are
down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.records import MessageRecord
from control_plane.domain.states import MessageState, ServiceState
from control_plane.schemas.message import WaitsFor
from control_plane.services.metalayer.finality import DEPTH
from control_plane.services.metalayer.gas import UNPAID
from control_plane.services.supervisor import AgentView

_NO_QUORUM = "no quorum"

Agents = Mapping[str, AgentView]
"""By name."""


@dataclass(frozen=True, slots=True)
class Wait:
    kind: WaitsFor | None
    """None for a message that never will be delivered."""
    text: str
    """A sentence with the time since when."""
    since: float


def find_wait(record: MessageRecord, plan: Plan, agents: Agents, head: int | None) -> Wait | None:
    """What `record` waits for; None when it is delivered. `head` is the origin's last block that
    was read, None when none was."""
    chains: dict[int, ChainPlan] = {chain.domain: chain for chain in plan.chains}
    if record.state is MessageState.DELIVERED:
        return None
    if record.state is MessageState.REORGED:
        return Wait(None, record.reason or "", record.reason_since or record.dispatched_at)
    if record.destination not in chains:
        text = f"no chain of this devnet has domain {record.destination}"
        return Wait("chain", text, record.dispatched_at)
    blocked = _blocked(record.state, agents)
    if record.reason is not None:
        return _noted(record, blocked)
    wait = blocked or _ordinary(record, chains, head)
    since = _since(record)
    return Wait(wait[0], f"{wait[1]}, since {_time(since)}", since)


def _since(record: MessageRecord) -> float:
    if record.state is MessageState.DISPATCHED:
        return record.dispatched_at
    if record.state is MessageState.RELAYED:
        return record.relayed_at or record.dispatched_at
    return record.attested_at or record.dispatched_at


# ------------------------------------------------------------------ something is wrong


def _noted(record: MessageRecord, blocked: tuple[WaitsFor, str] | None) -> Wait:
    """What an agent noted on the message itself."""
    reason = record.reason or ""
    since = record.reason_since or record.dispatched_at
    parts = [reason, f"since {_time(since)}"]
    if record.state is MessageState.FAILING:
        parts.append(f"tried {record.attempts} {'time' if record.attempts == 1 else 'times'}")
        if record.next_attempt_at is not None and not blocked:
            parts.append(f"next try at {_time(record.next_attempt_at)}")
    if record.state is MessageState.DEAD:
        parts.append("not tried again until `caldera message retry`")
        return Wait("user", ", ".join(parts), since)
    text = ", ".join(parts) + (f"; {blocked[1]}" if blocked else "")
    return Wait(_kind_of(record, blocked), text, since)


def _kind_of(record: MessageRecord, blocked: tuple[WaitsFor, str] | None) -> WaitsFor:
    if (record.reason or "").startswith(UNPAID):
        return "gas"
    if record.state is MessageState.FAILING:
        return "recipient"
    if blocked:
        return blocked[0]
    if record.state is MessageState.DISPATCHED:
        return "read" if record.reads else "epoch"
    return "certificate" if record.state is MessageState.ATTESTED else "transaction"


def _blocked(state: MessageState, agents: Agents) -> tuple[WaitsFor, str] | None:
    """Which of the agents that the next step depends on does not do its work, and why."""
    needed: Sequence[str] = (
        ("indexer", "aggregator") if state is MessageState.DISPATCHED else ("relayer",)
    )
    for name in needed:
        view = agents.get(name)
        if view is None or view.state is ServiceState.STOPPED:
            return "agent", f"the {name} does not run"
        if view.problem:
            kind: WaitsFor = "quorum" if _NO_QUORUM in view.problem else "agent"
            return kind, f"{name}: {view.problem}"
    return None


# ------------------------------------------------------------------ nothing is wrong


def _ordinary(
    record: MessageRecord, chains: Mapping[int, ChainPlan], head: int | None
) -> tuple[WaitsFor, str]:
    destination = chains[record.destination].name
    if record.state is MessageState.RELAYED:
        tx = record.relay_tx
        return "transaction", f"waits for its transaction {tx} to be mined on {destination}"
    if record.state is not MessageState.DISPATCHED:
        bring = f"waits for the relayer to bring epoch {record.epoch} and the message to"
        return "certificate", f"{bring} {destination}"
    origin = chains.get(record.origin)
    late = _not_final(record, origin, head) if record.finality and origin else None
    if late is not None:
        return "finality", late
    if record.reads:
        return "read", "waits for the guardians to make its reads"
    return "epoch", "waits for an epoch that covers its block"


def _not_final(record: MessageRecord, origin: ChainPlan, head: int | None) -> str | None:
    """What makes its block final; None when that is so already."""
    block = f"waits for block {record.origin_block} of {origin.name} to be final"
    if origin.engine != "anvil":
        return f"{block}: until what it stands on is final on the L1"
    missing = record.origin_block + DEPTH - (head if head is not None else record.origin_block)
    if missing <= 0:
        return None
    blocks = f"{missing} more block{'s' if missing > 1 else ''}"
    if origin.block_time > 0:
        return f"{block}: {blocks}, about {missing * origin.block_time:g} s"
    return f"{block}: {blocks}, which its sequencer seals"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")
