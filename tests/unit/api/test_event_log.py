import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from control_plane.api.sse import frames
from control_plane.domain.errors import StorageFailed
from control_plane.domain.ports.store import Database
from control_plane.domain.records import EventRecord
from control_plane.services import events as events_module
from control_plane.services.events import REMOVED, EventLog
from tests.unit.api.memory import MemoryDatabase


async def take(stream: AsyncIterator[EventRecord], count: int) -> list[int]:
    async with asyncio.timeout(2):
        return [(await anext(stream)).id for _ in range(count)]


@pytest.fixture
def memory() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def log(memory: MemoryDatabase) -> EventLog:
    return EventLog(cast(Database, memory))


async def test_replays_then_goes_on_without_gap_or_duplicate(log: EventLog) -> None:
    for _ in range(3):
        await log.publish("shop", "tick")
    stream = log.follow("shop", 1)
    assert await take(stream, 2) == [2, 3]
    waiting = asyncio.create_task(take(stream, 2))
    await asyncio.sleep(0)
    await log.publish("other", "tick")
    await log.publish("shop", "tick")
    await log.publish("shop", "tick")
    assert await waiting == [5, 6]


async def test_a_follower_of_all_sees_every_devnet(log: EventLog) -> None:
    stream = log.follow(None)
    await log.publish("a", "tick")
    await log.publish("b", "tick")
    assert await take(stream, 2) == [1, 2]


async def test_many_at_once_share_commits_and_keep_their_order(
    log: EventLog, memory: MemoryDatabase
) -> None:
    stream = log.follow("shop")
    records = await asyncio.gather(*(log.publish("shop", "tick", {"n": n}) for n in range(200)))
    assert [record.data["n"] for record in records] == list(range(200))
    assert memory.begun <= 3
    assert await take(stream, 200) == list(range(1, 201))


async def test_a_slow_follower_falls_back_on_the_database(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "_PAGE", 7)
    small = EventLog(log._database)
    small._ring = type(small._ring)(maxlen=4)
    stream = small.follow("shop")
    seen: list[int] = []

    async def read() -> None:
        while len(seen) < 60:
            seen.append((await anext(stream)).id)
            await asyncio.sleep(0.0005)

    async with asyncio.timeout(5):
        reading = asyncio.create_task(read())
        for _ in range(60):
            await small.publish("shop", "tick")
        await reading
    assert seen == list(range(1, 61))


async def test_events_of_another_process_are_not_missed(
    log: EventLog, memory: MemoryDatabase
) -> None:
    stream = log.follow("shop")
    await log.publish("shop", "tick")
    await memory.events.append("shop", 0.0, "foreign", None, {})
    await log.publish("shop", "tick")
    assert await take(stream, 3) == [1, 2, 3]


async def test_ends_after_the_removal_but_not_when_the_name_lives_on(log: EventLog) -> None:
    await log.publish("shop", REMOVED)
    await log.publish("shop", "devnet.created")
    await log.publish("shop", REMOVED)
    assert [record.id async for record in log.follow("shop")] == [1, 2, 3]


async def test_closing_lets_followers_go(log: EventLog) -> None:
    async def follow() -> list[EventRecord]:
        return [record async for record in log.follow(None)]

    following = asyncio.create_task(follow())
    await asyncio.sleep(0)
    await log.close()
    assert await asyncio.wait_for(following, 1) == []


async def test_a_database_that_fails_fails_the_publisher_only_once(
    log: EventLog, memory: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> EventRecord:
        raise StorageFailed("The disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(memory.events, "append", full)
        with pytest.raises(StorageFailed):
            await log.publish("shop", "tick")
    assert (await log.publish("shop", "tick")).id == 1


async def test_frames_have_ids_types_and_heartbeats(log: EventLog) -> None:
    await log.publish("shop", "note", {"text": "two\nlines"}, "op/node")
    stream = frames(log.follow("shop"), heartbeat=0.02)
    assert (await anext(stream)) == "retry: 1000\nid: 0\n\n"
    first = await anext(stream)
    assert first.startswith("id: 1\nevent: note\ndata: {")
    assert first.count("\n") == 4
    assert (await anext(stream)).startswith(":")
    await log.publish("shop", REMOVED)
    rest = [frame async for frame in stream]
    assert rest[-1].startswith("id: 2\n")


async def test_old_events_are_pruned_in_batches(log: EventLog, memory: MemoryDatabase) -> None:
    await asyncio.gather(*(log.publish("shop", "tick") for _ in range(499)))
    await log.close()
    assert memory.events.pruned == 0
    await log.publish("shop", "tick")
    await log.close()
    assert memory.events.pruned == 1


async def test_a_removal_prunes(log: EventLog, memory: MemoryDatabase) -> None:
    await log.publish("shop", REMOVED)
    await log.close()
    assert memory.events.pruned == 1


async def test_what_cannot_be_pruned_fails_nobody(
    log: EventLog, memory: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> int:
        raise StorageFailed("The disk is full")

    monkeypatch.setattr(memory.events, "prune", full)
    await log.publish("shop", REMOVED)
    assert (await log.publish("shop", "tick")).id == 2


async def test_a_quiet_devnets_follower_needs_no_database(
    log: EventLog, memory: MemoryDatabase
) -> None:
    log._ring = type(log._ring)(maxlen=4)
    await log.publish("shop", "tick")
    stream = log.follow("shop")
    await take(stream, 1)
    waiting = asyncio.create_task(take(stream, 1))
    for _ in range(20):
        await log.publish("other", "tick")
    read = memory.begun - 21
    await log.publish("shop", "tick")
    assert await waiting == [22]
    assert read <= 1


async def test_a_stream_tells_where_it_starts(log: EventLog) -> None:
    text = frames(log.follow("shop", 7), start=7)
    assert await anext(text) == "retry: 1000\nid: 7\n\n"
    await text.aclose()
