"""How message records move, and what the indexer writes down."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.adapters.persistence.database import SqlDatabase, open_database
from control_plane.domain.ids import ChainId, Domain, Name
from control_plane.domain.network import Chain
from control_plane.domain.plan import ChainPlan
from control_plane.domain.records import MessageRecord
from control_plane.domain.states import MessageState
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.logs import Place, Seen, decode
from control_plane.services.metalayer.recording import Early, Recorder
from tests.unit.agents.messages import (
    DEVNET,
    block_hash,
    delivery_log,
    logs_of_dispatch,
    message_id,
    raw_message,
    record,
    seen,
)

PLACE = Place(9, block_hash(9), "0x" + "dd" * 32)


def chain(name: str, domain: int) -> Chain:
    plan = ChainPlan(
        Name(name), ChainId(domain), Domain(domain), 1, False, "anvil", 0.0, 0.0, None, False
    )
    return Chain(plan, "", "")


# ---------------------------------------------------------------- logs


def test_logs_of_a_burst_are_decoded_in_tree_order() -> None:
    raws = [raw_message(number, body=b"body %d" % number) for number in range(5)]
    logs = [log for number in (3, 1, 4, 0, 2) for log in logs_of_dispatch(raws[number], number)]
    found = decode([*logs, delivery_log("0x" + "ee" * 32)])
    assert [m.tree_index for m in found.dispatches] == [0, 1, 2, 3, 4]
    assert [m.id for m in found.dispatches] == [message_id(raw) for raw in raws]
    assert found.dispatches[3] == replace(seen(3, body=b"body 3"))
    assert found.payments[message_id(raws[0])] == 50_000
    assert found.deliveries == {"0x" + "ee" * 32: PLACE}


# ---------------------------------------------------------------- moves


def test_a_delivery_stays_when_the_relayers_note_comes_later() -> None:
    done = moves.delivered(record(0), PLACE, 110.0)
    noted = moves.relayed(done, PLACE.tx, 105.0, 7, ("0xcc", 104.0))
    assert noted.state is MessageState.DELIVERED
    assert (noted.relay_tx, noted.epoch, noted.certificate_tx) == (PLACE.tx, 7, "0xcc")
    assert moves.relayed(done, "0xother", 105.0, 7, None) is done


def test_back_off_doubles_and_keeps_since_when() -> None:
    first = moves.failing(record(0), "it reverts", 100.0)
    second = moves.failing(first, "it reverts", 101.0)
    third = moves.failing(second, "it reverts otherwise", 103.0)
    assert [m.next_attempt_at for m in (first, second, third)] == [101.0, 103.0, 107.0]
    assert [m.reason_since for m in (first, second, third)] == [100.0, 100.0, 103.0]
    late = moves.failing(replace(third, attempts=20), "it reverts", 200.0)
    assert late.next_attempt_at == 500.0


def test_what_waits_counts_no_attempt_and_is_not_in_flight_any_more() -> None:
    sent = moves.relayed(record(0), "0xaa", 101.0, 7, None)
    assert sent.state is MessageState.RELAYED
    waits = moves.waiting(sent, "its node is away", 102.0)
    assert (waits.state, waits.attempts) == (MessageState.ATTESTED, 0)
    assert moves.waiting(waits, "its node is away", 103.0) is waits


@pytest.mark.parametrize("state", [MessageState.DELIVERED, MessageState.REORGED])
def test_what_is_over_neither_fails_nor_waits(state: MessageState) -> None:
    over = replace(record(0), state=state)
    assert moves.failing(over, "no", 1.0) is over
    assert moves.waiting(over, "no", 1.0) is over


def test_a_reorged_message_that_returns_stays_delivered_where_it_was() -> None:
    done = moves.delivered(record(0), PLACE, 110.0)
    gone = moves.reorged(done, "its block went", 120.0)
    assert gone.reason == "reorged after delivery: its block went"
    back = moves.dispatched(DEVNET, seen(0, block=6, fork=1), gone, None, 130.0)
    assert back.state is MessageState.DELIVERED
    assert back.delivered_tx == PLACE.tx
    assert back.origin_block == 6
    fresh = moves.dispatched(DEVNET, seen(0, fork=1), moves.reorged(record(0), "", 1.0), None, 2.0)
    assert fresh.state is MessageState.DISPATCHED
    assert fresh.reason is None


# ---------------------------------------------------------------- recording


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqlDatabase]:
    opened = await open_database(f"sqlite:///{tmp_path}/unit.db")
    yield opened
    await opened.close()


@pytest.fixture
def recorders(database: SqlDatabase) -> tuple[Recorder, Recorder]:
    """Of the origin and of the destination."""
    early = Early()
    return (
        Recorder(database, DEVNET, chain("op", 901), early),
        Recorder(database, DEVNET, chain("arb", 902), early),
    )


async def stored(database: SqlDatabase, id_: str) -> MessageRecord:
    async with database.begin() as unit:
        found = await unit.messages.get(DEVNET, id_)
    assert found is not None
    return found


async def test_messages_and_cursor_are_written_together(
    database: SqlDatabase, recorders: tuple[Recorder, Recorder]
) -> None:
    origin, _ = recorders
    news = decode(logs_of_dispatch(raw_message(0), 0))
    done = await origin.record(news, 5, block_hash(5), 100.0)
    assert [m.gas_paid for m in done.dispatched] == [50_000]
    assert await origin.cursor() == (5, block_hash(5))
    again = await origin.record(news, 5, block_hash(5), 200.0)
    assert again.dispatched == ()
    assert (await stored(database, done.dispatched[0].id)).dispatched_at == 100.0


async def test_a_delivery_seen_before_its_dispatch_is_not_lost(
    database: SqlDatabase, recorders: tuple[Recorder, Recorder]
) -> None:
    origin, destination = recorders
    id_ = message_id(raw_message(0))
    early = await destination.record(decode([delivery_log(id_)]), 9, block_hash(9), 110.0)
    assert early.delivered == ()
    done = await origin.record(decode(logs_of_dispatch(raw_message(0), 0)), 5, block_hash(5), 120.0)
    assert [m.id for m in done.delivered] == [id_]
    assert (await stored(database, id_)).state is MessageState.DELIVERED


async def test_a_delivery_seen_before_its_dispatch_goes_with_its_block(
    database: SqlDatabase, recorders: tuple[Recorder, Recorder]
) -> None:
    origin, destination = recorders
    id_ = message_id(raw_message(0))
    await destination.record(decode([delivery_log(id_)]), 9, block_hash(9), 110.0)
    await destination.rewind(8, block_hash(8), "was replaced", 115.0)
    done = await origin.record(decode(logs_of_dispatch(raw_message(0), 0)), 5, block_hash(5), 120.0)
    assert done.delivered == ()
    assert (await stored(database, id_)).state is MessageState.DISPATCHED


async def test_a_delivery_that_the_relayer_noted_first_is_told_when_its_block_is_read(
    database: SqlDatabase, recorders: tuple[Recorder, Recorder]
) -> None:
    origin, destination = recorders
    id_ = message_id(raw_message(0))
    await origin.record(decode(logs_of_dispatch(raw_message(0), 0)), 5, block_hash(5), 100.0)
    noted = moves.delivered(await stored(database, id_), PLACE, 110.0)
    async with database.begin() as unit:
        await unit.messages.put_many([noted])
    done = await destination.record(decode([delivery_log(id_)]), 9, block_hash(9), 120.0)
    assert [m.id for m in done.delivered] == [id_]
    assert (await stored(database, id_)).delivered_at == 110.0


async def test_later_payments_are_added(
    database: SqlDatabase, recorders: tuple[Recorder, Recorder]
) -> None:
    origin, _ = recorders
    logs = logs_of_dispatch(raw_message(0), 0)
    await origin.record(decode(logs), 5, block_hash(5), 100.0)
    await origin.record(decode(logs[2:]), 6, block_hash(6), 101.0)
    assert (await stored(database, message_id(raw_message(0)))).gas_paid == 100_000


async def test_rewinding_the_origin_marks_what_was_lost(
    database: SqlDatabase, recorders: tuple[Recorder, Recorder]
) -> None:
    origin, _ = recorders
    kept, lost = raw_message(0), raw_message(1)
    await origin.record(decode(logs_of_dispatch(kept, 0, block=5)), 5, block_hash(5), 100.0)
    await origin.record(decode(logs_of_dispatch(lost, 1, block=7)), 7, block_hash(7), 101.0)
    gone = await origin.rewind(6, block_hash(6), "was lost", 102.0)
    assert [m.id for m in gone.reorged] == [message_id(lost)]
    assert (await stored(database, message_id(kept))).state is MessageState.DISPATCHED
    marked = await stored(database, message_id(lost))
    assert marked.state is MessageState.REORGED
    assert marked.reason == f"its origin block 7 ({block_hash(7)[:10]}…) was lost"
    assert await origin.cursor() == (6, block_hash(6))
    async with database.begin() as unit:
        assert await unit.messages.tree(DEVNET, 901) == [message_id(kept)]


async def test_rewinding_the_destination_makes_deliveries_undone(
    database: SqlDatabase, recorders: tuple[Recorder, Recorder]
) -> None:
    origin, destination = recorders
    id_ = message_id(raw_message(0))
    await origin.record(decode(logs_of_dispatch(raw_message(0), 0)), 5, block_hash(5), 100.0)
    async with database.begin() as unit:
        await unit.messages.attest(DEVNET, 901, 1, 3, 101.0)
    await destination.record(decode([delivery_log(id_)]), 9, block_hash(9), 102.0)
    gone = await destination.rewind(8, block_hash(8), "was replaced", 103.0)
    assert [m.id for m in gone.undelivered] == [id_]
    back = await stored(database, id_)
    assert back.state is MessageState.ATTESTED
    assert back.delivered_tx is None
    assert back.reason == "its delivery in block 9 was replaced"


async def test_nothing_said_moves_the_cursor_alone(
    recorders: tuple[Recorder, Recorder],
) -> None:
    origin, _ = recorders
    done = await origin.record(Seen((), {}, {}), 3, block_hash(3), 100.0)
    assert done.dispatched == done.delivered == ()
    assert await origin.cursor() == (3, block_hash(3))
