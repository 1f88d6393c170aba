"""Rules over a real control plane and database, nodes and agents that are none."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.persistence.database import SqlDatabase, open_database
from control_plane.adapters.persistence.repositories.events import EventRows
from control_plane.domain.errors import StorageFailed
from control_plane.domain.hub import FlagSet
from control_plane.domain.load import Loads
from control_plane.domain.planner import make_plan
from control_plane.domain.records import EventRecord, SwitchRecord
from control_plane.domain.states import DevnetState
from control_plane.domain.validation import validate_spec
from control_plane.schemas.spec import RollupSpec, Spec
from control_plane.services.control import ControlPlane
from control_plane.services.events import EventLog
from control_plane.services.specs import change_spec
from control_plane.services.switching.journal import SWITCHED
from control_plane.services.switching.ruling import Ruling
from tests.unit.services.fakes import make_tools

NONE = Loads(frozenset(), {})
BUSY = Loads(frozenset({2}), {10.0: 73.25})
RAW: dict[str, Any] = {
    "version": 1,
    "name": "shop",
    "rollups": [
        {
            "name": "op",
            "da": "ethereum-calldata",
            "proof": "fraud",
            "switch": [
                {"when": {"private": True}, "to": {"da": "celestia"}},
                {"when": {"private": False}, "to": {"da": "ethereum-calldata"}},
                {"when": {"load": {"above": 50}}, "to": {"proof": "validity"}},
            ],
        }
    ],
}


@dataclass
class Bench:
    control: ControlPlane
    database: SqlDatabase
    log: EventLog
    now: list[float] = field(default_factory=lambda: [1e9])

    @property
    def ruling(self) -> Ruling:
        return Ruling(self.control, self.database, lambda: self.now[0])

    async def rollup(self) -> RollupSpec:
        record = await self.control.record("shop")
        return Spec.model_validate(record.spec).rollups[0]

    async def change(self, *overrides: str) -> None:
        record = await self.control.record("shop")
        spec = change_spec(Spec.model_validate(record.spec), overrides)
        await self.control.change("shop", spec)

    async def switches(self) -> list[EventRecord]:
        return [each for each in await self.log.since("shop") if each.type == SWITCHED]

    async def known(self) -> SwitchRecord | None:
        async with self.database.begin() as unit:
            return await unit.switches.get("shop", "op")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    database = await open_database(f"sqlite:///{tmp_path / 'caldera.db'}")
    log = EventLog(database)
    control = ControlPlane(
        tmp_path,
        make_tools(database),
        lambda spec, others, keep, free: make_plan(spec, keep=keep),
        log.publisher,
        "0",
    )
    await control.create(validate_spec(RAW))
    await control.wait("shop", {DevnetState.READY}, 10)
    yield Bench(control, database, log)
    await control.close()
    await log.close()
    await database.close()


async def test_a_rule_switches_once_and_tells_why(bench: Bench) -> None:
    assert await bench.ruling.consider("shop", "op", NONE) is None
    assert await bench.switches() == []
    await bench.ruling.consider("shop", "op", BUSY)
    assert (await bench.rollup()).proof == "validity"
    await bench.ruling.consider("shop", "op", BUSY)
    (told,) = await bench.switches()
    assert told.service == "op/switcher"
    assert told.data == {
        "rollup": "op",
        "from": {"proof": "fraud"},
        "to": {"proof": "validity"},
        "rule": 2,
        "reason": "load above 50 a second over 10 s: 73.25",
    }
    view = await bench.ruling.rules("shop", "op")
    assert [rule.fired for rule in view.rules] == [0, 0, 1]
    assert view.last is not None
    assert view.last.rule == 2


async def test_a_switch_that_could_not_be_recorded_did_not_happen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.change("rollups.op.private=true")
    append = EventRows.append

    async def full(self: EventRows, devnet: str, at: float, type: str, *rest: Any) -> EventRecord:
        if type == SWITCHED:
            raise StorageFailed("The disk is full")
        return await append(self, devnet, at, type, *rest)

    monkeypatch.setattr(EventRows, "append", full)
    with pytest.raises(StorageFailed):
        await bench.ruling.consider("shop", "op", NONE)
    assert (await bench.rollup()).da == "ethereum-calldata"
    known = await bench.known()
    assert known is None or known.switched_at is None
    monkeypatch.undo()
    await bench.ruling.consider("shop", "op", NONE)
    assert (await bench.rollup()).da == "celestia"
    assert len(await bench.switches()) == 1


async def test_the_flag_is_told_and_restarts_nobody(bench: Bench) -> None:
    worker = bench.control.worker("shop")
    assert worker is not None
    assert worker.live is not None
    plan = (await bench.control.record("shop")).plan
    async with worker.live.hub.listen() as news:
        await bench.change("rollups.op.private=true")
        async with asyncio.timeout(5):
            while not isinstance(item := await news.get(), FlagSet):
                pass
    assert item.rollup == "op"
    assert (await bench.control.record("shop")).plan == plan
    assert (await bench.ruling.rules("shop", "op")).rules[0].holds


async def test_two_who_decide_at_once_switch_once(bench: Bench) -> None:
    await bench.change("rollups.op.private=true")
    await asyncio.gather(*(bench.ruling.consider("shop", "op", BUSY) for _ in range(4)))
    (told,) = await bench.switches()
    assert told.data["to"] == {"proof": "validity", "da": "celestia"}


async def test_the_interval_is_kept_and_told(bench: Bench) -> None:
    await bench.change("rollups.op.private=true")
    await bench.ruling.consider("shop", "op", NONE)
    known = await bench.known()
    assert known is not None
    assert known.switched_at is not None
    bench.now[0] = known.switched_at + 4  # the machine's own clock wrote that
    await bench.change("rollups.op.private=false")
    again = await bench.ruling.consider("shop", "op", NONE)
    assert again == pytest.approx(known.switched_at + 10)
    assert (await bench.rollup()).da == "celestia"
    assert (await bench.ruling.rules("shop", "op")).not_before is not None
    bench.now[0] += 6
    await bench.ruling.consider("shop", "op", NONE)
    assert (await bench.rollup()).da == "ethereum-calldata"


async def test_the_same_spec_again_keeps_what_rules_made(bench: Bench) -> None:
    await bench.ruling.consider("shop", "op", BUSY)
    again = await bench.control.create(validate_spec(RAW))
    assert again.outcome == "unchanged"
    faster = validate_spec({**RAW, "save_interval": 9})
    changed = await bench.control.create(faster, update=True)
    assert [change.path for change in changed.changes] == ["save_interval"]
    assert (await bench.rollup()).proof == "validity"


async def test_what_somebody_says_since_counts(bench: Bench) -> None:
    await bench.ruling.consider("shop", "op", BUSY)
    await bench.change("rollups.op.da=anytrust")
    known = await bench.known()
    assert known is not None
    assert (known.rule, known.reason, known.declared) == (None, "asked for", None)
    back = await bench.control.create(validate_spec(RAW), update=True)
    assert {change.path for change in back.changes} == {"rollups.op.da", "rollups.op.proof"}
    assert [each.data["rule"] for each in await bench.switches()] == [2, None, None]


async def test_a_devnet_that_is_to_stop_is_left_alone(bench: Bench) -> None:
    await bench.change("rollups.op.private=true")
    await bench.control.stop("shop")
    assert await bench.ruling.consider("shop", "op", NONE) is None
    assert (await bench.rollup()).da == "ethereum-calldata"
    assert await bench.switches() == []


async def test_a_rollup_that_is_removed_is_forgotten(bench: Bench) -> None:
    await bench.control.change("shop", validate_spec({**RAW, "rollups": [*RAW["rollups"], {}]}))
    await bench.ruling.consider("shop", "op", BUSY)
    assert await bench.known() is not None
    await bench.control.change("shop", validate_spec({**RAW, "rollups": [{"name": "op2"}]}))
    assert await bench.known() is None


async def test_loads_are_kept_as_long_as_somebody_asks(bench: Bench) -> None:
    ruling = bench.ruling
    meter = ruling.meter("shop", "op")
    assert ruling.meter("shop", "op") is meter
    ruling.keep("shop", ["op"])
    assert ruling.meter("shop", "op") is meter
    ruling.keep("shop", [])
    assert ruling.meter("shop", "op") is not meter
