"""What `message trace` says of a message, state by state."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from control_plane.domain.errors import NotFound
from control_plane.domain.ids import ChainId, Domain, Name
from control_plane.domain.plan import AccountsPlan, ChainPlan, GuardianPlan, MetalayerPlan, Plan
from control_plane.domain.records import EpochRecord, MessageRecord
from control_plane.domain.states import MessageState, ServiceState
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.logs import Place
from control_plane.services.supervisor import AgentView
from control_plane.services.trace import _the_one, trace
from tests.unit.agents.messages import block_hash, record

TX = "0x" + "cc" * 32
PLAN = Plan(
    name=Name("unit"),
    runtime="process",
    chains=tuple(
        ChainPlan(
            Name(name),
            ChainId(domain),
            Domain(domain),
            1,
            False,
            "anvil",
            0.0,
            0.0,
            None,
            domain == 900,
        )
        for name, domain in (("l1", 900), ("op", 901), ("arb", 902))
    ),
    metalayer=MetalayerPlan(GuardianPlan(4, 1), 1.0, "free"),
    accounts=AccountsPlan(1, 1, ""),
    save_interval=1.0,
    origins=(),
)
EPOCH = EpochRecord(
    "unit", 7, {}, "0x", ({"domain": 901, "blockNumber": 6},), 101.0, "0x", 102.0, (0, 1, 3), (2,)
)


def agents(**problems: str | None) -> dict[str, AgentView]:
    """All run without a problem, except for those named; None: stopped."""
    views = {}
    for name in ("indexer", "aggregator", "relayer"):
        problem = problems.get(name, "")
        state = ServiceState.STOPPED if problem is None else ServiceState.READY
        views[name] = AgentView(name, state, problem or None, 0)
    return views


def attested() -> MessageRecord:
    return replace(record(0), state=MessageState.ATTESTED, epoch=7, attested_at=102.0)


def reason(message: MessageRecord, views: dict[str, AgentView] | None = None) -> str | None:
    return trace(message, EPOCH, PLAN, views or agents()).reason


def test_a_delivered_message_has_five_steps_and_no_reason() -> None:
    sent = moves.relayed(attested(), TX, 103.0, 7, (TX, 103.0))
    done = moves.delivered(sent, Place(9, block_hash(9), TX), 104.0)
    view = trace(done, EPOCH, PLAN, agents())
    assert view.reason is None
    names = [step.name for step in view.steps]
    assert names == ["dispatched", "attested", "certified", "relayed", "delivered"]
    assert all(step.at for step in view.steps)
    assert [step.chain for step in view.steps] == ["op", "op", "arb", "arb", "arb"]
    assert [step.block for step in view.steps] == [5, 6, None, None, 9]
    assert view.steps[1].detail == "epoch 7, signed by 3 of 4 guardians"


def test_a_delivery_by_somebody_else_is_told() -> None:
    done = moves.delivered(attested(), Place(9, block_hash(9), TX), 104.0)
    steps = trace(done, EPOCH, PLAN, agents()).steps
    assert steps[3].detail == "by somebody else's transaction"
    assert steps[3].at is None


@pytest.mark.parametrize(
    ("message", "views", "expected"),
    [
        (record(0), agents(), "waits for an epoch that covers its block, since 00:01:40 UTC"),
        (
            record(0),
            agents(aggregator="no quorum of the guardians (guardian-1: gone)"),
            "aggregator: no quorum of the guardians (guardian-1: gone), since 00:01:40 UTC",
        ),
        (record(0), agents(indexer=None), "the indexer does not run, since 00:01:40 UTC"),
        (
            attested(),
            agents(),
            "waits for the relayer to bring epoch 7 and the message to arb, since 00:01:42 UTC",
        ),
        (attested(), agents(relayer=None), "the relayer does not run, since 00:01:42 UTC"),
        (
            attested(),
            agents(aggregator=None),
            "waits for the relayer to bring epoch 7 and the message to arb, since 00:01:42 UTC",
        ),
        (
            moves.relayed(attested(), TX, 103.0, 7, None),
            agents(),
            f"waits for its transaction {TX} to be mined on arb, since 00:01:43 UTC",
        ),
        (
            moves.failing(attested(), "RecipientBroken('no')", 110.0),
            agents(),
            "RecipientBroken('no'), since 00:01:50 UTC, tried 1 time, next try at 00:01:51 UTC",
        ),
        (
            moves.failing(attested(), "RecipientBroken('no')", 110.0),
            agents(relayer=None),
            "RecipientBroken('no'), since 00:01:50 UTC, tried 1 time; the relayer does not run",
        ),
        (
            record(0, destination=4242),
            agents(),
            "no chain of this devnet has domain 4242",
        ),
        (moves.reorged(record(0), "its block went", 110.0), agents(), "its block went"),
    ],
)  # fmt: skip
def test_reasons(message: MessageRecord, views: dict[str, AgentView], expected: str) -> None:
    assert reason(message, views) == expected


def test_beginnings_of_ids_must_be_unambiguous() -> None:
    found: Sequence[MessageRecord] = [record(0), record(1)]
    assert _the_one(found[:1], "unit", "0x12") is found[0]
    with pytest.raises(NotFound, match="begins several messages") as several:
        _the_one(found, "unit", "0x")
    assert found[0].id[:18] in several.value.detail
    with pytest.raises(NotFound, match="No message 0x12"):
        _the_one([], "unit", "0x12")
