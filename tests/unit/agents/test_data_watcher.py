"""Data that go missing are told once, and so is their return."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from control_plane.agents import data_watcher
from control_plane.agents.data_watcher import DataWatcher
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.da import DataWithheld, Missing


@dataclass
class FakeAvailability:
    looks: list[Sequence[Missing] | TemporaryFailure]
    done: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    async def look(self) -> Sequence[Missing]:
        if not self.looks:
            self.done.set()
            return ()
        found = self.looks.pop(0)
        if isinstance(found, TemporaryFailure):
            raise found
        return found

    async def close(self) -> None:
        self.closed = True


async def test_each_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_watcher, "_EVERY", 0.0)
    one = Missing(3, 7, 9, DataWithheld("Nobody gives it", "channel 3"))
    two = Missing(4, 10, 10, DataWithheld("Nobody gives it", "channel 4"))
    away = TemporaryFailure("The L1 is away")
    availability = FakeAvailability([(), (one,), away, (one, two), (two,)])
    told: list[tuple[str, int]] = []
    problems: list[str | None] = []

    async def publish(
        type: str, data: Mapping[str, Any] | None = None, *, service: str | None = None
    ) -> None:
        assert service == "op/data-watcher"
        told.append((type, (data or {})["channel"]))

    watcher = DataWatcher("op", availability, publish)
    look = watcher._look

    async def noted() -> None:
        try:
            await look()
        finally:
            problems.append(watcher.problem)

    monkeypatch.setattr(watcher, "_look", noted)
    running = asyncio.create_task(watcher.run())
    async with asyncio.timeout(5):
        await availability.done.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

    assert told[:4] == [
        ("data.missing", 3),
        ("data.missing", 4),
        ("data.returned", 3),
        ("data.returned", 4),
    ]
    assert problems[0] is None
    assert problems[1] == "Nobody gives it: channel 3"
    assert "1 more are missing" in str(problems[3])
    assert availability.closed
    assert not watcher.ready.is_set()


class Keeper:
    name = "celestia"
    problem: str | None = None

    def __init__(self) -> None:
        self.ready = asyncio.Event()

    async def run(self) -> None:
        self.ready.set()


async def test_a_keeper_that_is_starting_is_not_asked() -> None:
    availability, keeper = FakeAvailability([()]), Keeper()

    async def publish(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be told")

    watcher = DataWatcher("op", availability, publish, [keeper])
    running = asyncio.create_task(watcher.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not watcher.ready.is_set()
    await keeper.run()
    async with asyncio.timeout(5):
        await watcher.ready.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert availability.closed
