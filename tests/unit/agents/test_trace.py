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


def final(message: MessageRecord) -> MessageRecord:
    return replace(message, finality=1)


NO_QUORUM = "no quorum of the guardians (guardian-1: gone; guardian-2: it is stopped)"
UNPAID = "gas unpaid: 0 of about 90000 is paid, 90000 missing; pay the rest"


@pytest.mark.parametrize(
    ("message", "views", "head", "kind", "text"),
    [
        (
            final(record(0)),
            agents(),
            6,
            "finality",
            "waits for block 5 of op to be final: 1 more block, which its sequencer seals",
        ),
        (final(record(0)), agents(), 7, "epoch", "waits for an epoch that covers its block"),
        (record(0), agents(), 5, "epoch", "waits for an epoch that covers its block"),
        (record(0), agents(aggregator=NO_QUORUM), 5, "quorum", "guardian-1: gone"),
        (
            replace(record(0), reads=1),
            agents(),
            5,
            "read",
            "waits for the guardians to make its reads",
        ),
        (
            moves.waiting(replace(record(0), reads=1), "read 1 of 1 waits for domain 9", 105.0),
            agents(),
            5,
            "read",
            "read 1 of 1 waits for domain 9, since 00:01:45 UTC",
        ),
        (attested(), agents(), 5, "certificate", "waits for the relayer to bring epoch 7"),
        (attested(), agents(relayer=None), 5, "agent", "the relayer does not run"),
        (record(0), agents(aggregator=None), 5, "agent", "the aggregator does not run"),
        (
            moves.relayed(attested(), TX, 103.0, 7, None),
            agents(),
            5,
            "transaction",
            f"waits for its transaction {TX}",
        ),
        (moves.waiting(attested(), UNPAID, 105.0), agents(), 5, "gas", "90000 missing"),
        (
            moves.failing(attested(), "recipient 0x1 reverted: Broken('no')", 105.0),
            agents(),
            5,
            "recipient",
            "reverted: Broken('no')",
        ),
        (moves.buried(attested(), "its gas limit", 105.0), agents(), 5, "user", "message retry"),
        (replace(record(0), destination=4242), agents(), 5, "chain", "no chain of this devnet"),
    ],
)
def test_what_it_waits_for_and_since_when(
    message: MessageRecord, views: dict[str, AgentView], head: int, kind: str, text: str
) -> None:
    view = trace(message, EPOCH, PLAN, views, head)
    assert view.waits_for == kind
    assert view.reason is not None
    assert text in view.reason
    assert view.since is not None
    assert view.since.timestamp() in {100.0, 102.0, 103.0, 105.0}


def test_finality_is_told_with_a_time_where_there_is_one() -> None:
    chains = tuple(replace(chain, block_time=2.0) for chain in PLAN.chains)
    slow = replace(PLAN, chains=chains)
    told = trace(final(record(0)), EPOCH, slow, agents(), 5).reason
    assert told is not None
    assert "2 more blocks, about 4 s" in told
    rollup = replace(PLAN, chains=tuple(replace(c, engine="op-geth") for c in PLAN.chains))
    told = trace(final(record(0)), EPOCH, rollup, agents(), 5).reason
    assert told is not None
    assert "until what it stands on is final on the L1" in told


def test_reorg_after_delivery_waits_for_nothing() -> None:
    done = moves.delivered(attested(), Place(9, block_hash(9), TX), 104.0)
    gone = moves.reorged(done, "its block went", 106.0)
    view = trace(gone, EPOCH, PLAN, agents(), 5)
    assert (view.state, view.waits_for) == ("reorged", None)
    assert view.reason == "reorged after delivery: its block went"
    assert view.message is not None
    assert view.message.reorged_after_delivery
