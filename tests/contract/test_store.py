"""What every database behind ``domain/ports/store.py`` must do, SQLite and PostgreSQL alike."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.adapters.persistence.database import SqlDatabase, open_database
from control_plane.adapters.persistence.tables import METADATA
from control_plane.domain.errors import Conflict
from control_plane.domain.records import (
    CursorRecord,
    FaultRecord,
    GuardianRecord,
    GuardianSetRecord,
    IdempotencyRecord,
    OffenceRecord,
    ServiceRecord,
    StepRecord,
    SwitchRecord,
)
from control_plane.domain.states import DevnetState, ServiceState, StepState
from tests.contract.store_records import DEVNET, HASH, epoch, message

pytestmark = pytest.mark.contract


async def test_devnet_comes_back_as_it_was(database: SqlDatabase) -> None:
    async with database.begin() as unit:
        await unit.devnets.add(DEVNET)
    async with database.begin() as unit:
        assert await unit.devnets.get("shop") == DEVNET
        assert await unit.devnets.get("other") is None
        assert list(await unit.devnets.list()) == [DEVNET]
    changed = replace(
        DEVNET, state=DevnetState.READY, ready_ms=1.5, timings={"genesis": 3.0}, problem="a\nb"
    )
    async with database.begin() as unit:
        await unit.devnets.put(changed)
        assert await unit.devnets.get("shop") == changed


async def test_add_refuses_a_taken_name(database: SqlDatabase) -> None:
    async with database.begin() as unit:
        await unit.devnets.add(DEVNET)
    with pytest.raises(Conflict, match="'shop' exists already"):
        async with database.begin() as unit:
            await unit.devnets.add(replace(DEVNET, version="9"))
    async with database.begin() as unit:
        assert await unit.devnets.get("shop") == DEVNET


async def test_add_of_one_name_by_many_at_once_lets_one_through(database: SqlDatabase) -> None:
    async def add(version: str) -> bool:
        with contextlib.suppress(Conflict):
            async with database.begin() as unit:
                await unit.devnets.add(replace(DEVNET, version=version))
            return True
        return False

    assert sum(await asyncio.gather(*(add(str(n)) for n in range(8)))) == 1


async def test_an_error_rolls_everything_back(database: SqlDatabase) -> None:
    with pytest.raises(RuntimeError, match="stop"):  # noqa: PT012 - the error comes last
        async with database.begin() as unit:
            await unit.devnets.add(DEVNET)
            await unit.cursors.put(CursorRecord("shop", "indexer", "op", 1, HASH))
            raise RuntimeError("stop")
    async with database.begin() as unit:
        assert await unit.devnets.get("shop") is None
        assert await unit.cursors.get("shop", "indexer", "op") is None


async def test_a_cancelled_transaction_leaves_nothing_behind(database: SqlDatabase) -> None:
    inside = asyncio.Event()

    async def stuck() -> None:
        async with database.begin() as unit:
            await unit.devnets.add(DEVNET)
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(stuck())
    await inside.wait()
    task.cancel()
    await asyncio.wait([task])
    async with asyncio.timeout(5), database.begin() as unit:
        assert await unit.devnets.get("shop") is None


async def test_transactions_see_each_others_writes(database: SqlDatabase) -> None:
    async def count_one() -> None:
        async with database.begin() as unit:
            old = await unit.cursors.get("shop", "indexer", "op")
            await asyncio.sleep(0)
            block = old.block + 1 if old else 1
            await unit.cursors.put(CursorRecord("shop", "indexer", "op", block, HASH))

    await asyncio.gather(*(count_one() for _ in range(50)))
    async with database.begin() as unit:
        found = await unit.cursors.get("shop", "indexer", "op")
    assert found is not None
    assert found.block == 50


async def test_a_transaction_inside_its_own_is_refused_at_once(database: SqlDatabase) -> None:
    async with database.begin():
        with pytest.raises(RuntimeError, match="inside a transaction"):
            async with database.begin():
                pass


async def test_remove_clears_every_table_of_the_devnet(database: SqlDatabase) -> None:
    other = replace(DEVNET, name="other")
    async with database.begin() as unit:
        for record in (DEVNET, other):
            name = record.name
            await unit.devnets.add(record)
            await unit.steps.put(StepRecord(name, "genesis", StepState.DONE, 1.0))
            await unit.services.put(ServiceRecord(name, "op/node", ServiceState.READY))
            await unit.events.append(name, 1.0, "devnet.ready", None, {})
            await unit.messages.put_many([message(1, devnet=name)])
            await unit.epochs.put(epoch(1, devnet=name))
            await unit.votes.record(name, 0, 1, HASH)
            await unit.cursors.put(CursorRecord(name, "indexer", "op", 1, HASH))
            await unit.guardian_sets.put(GuardianSetRecord(name, 1, 0, (), None, 1.0))
            await unit.guardians.add(GuardianRecord(name, 4, "0x01", 1.0))
            await unit.votes.record_set(name, 0, 2, HASH)
            await unit.votes.record_verdict(name, 0, HASH, HASH)
            await unit.faults.put(FaultRecord(name, "f1", "reorg", "op", {}, 1.0))
            await unit.offences.put(OffenceRecord(name, HASH, "0x01", "false-leaf", 1, 1.0))
            await unit.switches.put(SwitchRecord(name, "op"))
    async with database.begin() as unit:
        await unit.devnets.remove("shop")
        await unit.devnets.remove("never-was")
    with database._engine.begin() as connection:
        for table in METADATA.sorted_tables:
            if "devnet" in table.c:
                rows = connection.execute(table.select())
                assert {row.devnet for row in rows} == {"other"}, table.name
    async with database.begin() as unit:
        assert [record.name for record in await unit.devnets.list()] == ["other"]


async def test_steps(database: SqlDatabase) -> None:
    running = StepRecord("shop", "node:l1", StepState.RUNNING, 2.0)
    done = replace(running, state=StepState.DONE, ended_at=3.0, detail={"pid": 7})
    async with database.begin() as unit:
        await unit.steps.put(running)
        await unit.steps.put(StepRecord("shop", "genesis", StepState.DONE, 1.0))
        await unit.steps.put(done)
        found = await unit.steps.list("shop")
        assert [step.name for step in found] == ["genesis", "node:l1"]
        assert found[1] == done
        await unit.steps.clear("shop")
        assert not await unit.steps.list("shop")


async def test_services(database: SqlDatabase) -> None:
    node = ServiceRecord(
        "shop",
        "op/node",
        ServiceState.READY,
        pid=2**22,
        identity="boot:1:2",
        port=9545,
        command=("anvil", "--port", "9545"),
        lost_blocks=(5, 9),
    )
    relayer = ServiceRecord("shop", "relayer", ServiceState.STARTING)
    async with database.begin() as unit:
        await unit.services.put(relayer)
        await unit.services.put(node)
        assert await unit.services.get("shop", "op/node") == node
        assert await unit.services.get("shop", "game/node") is None
        assert list(await unit.services.list("shop")) == [node, relayer]
        await unit.services.remove("shop", "op/node")
        assert list(await unit.services.list("shop")) == [relayer]


async def test_event_ids_rise_and_are_never_used_again(database: SqlDatabase) -> None:
    async with database.begin() as unit:
        first = await unit.events.append("shop", 1.0, "devnet.ready", "op/node", {"a": 1})
        second = await unit.events.append("other", 2.0, "devnet.ready", None, {})
    assert second.id > first.id
    async with database.begin() as unit:
        assert list(await unit.events.since(None, 0)) == [first, second]
        assert list(await unit.events.since("shop", 0)) == [first]
        assert list(await unit.events.since(None, first.id)) == [second]
        assert list(await unit.events.since(None, 0, limit=1)) == [first]
        await unit.devnets.remove("other")
        await unit.devnets.remove("shop")
    async with database.begin() as unit:
        third = await unit.events.append("shop", 3.0, "devnet.ready", None, {})
    assert third.id > second.id


async def test_where_the_last_events_begin(database: SqlDatabase) -> None:
    async with database.begin() as unit:
        assert await unit.events.before_last("shop", 0) == 0
        ids = [
            (await unit.events.append(devnet, 1.0, "tick", None, {})).id
            for devnet in ("shop", "other", "shop", "shop")
        ]
        assert await unit.events.before_last("shop", 0) == ids[3]
        assert await unit.events.before_last("shop", 2) == ids[0]
        assert await unit.events.before_last("shop", 3) == 0
        assert await unit.events.before_last(None, 0) == ids[3]
        assert await unit.events.before_last(None, 3) == ids[0]


async def test_old_events_go(database: SqlDatabase) -> None:
    async with database.begin() as unit:
        await unit.devnets.add(DEVNET)
        await unit.devnets.add(replace(DEVNET, name="other"))
        shop = [(await unit.events.append("shop", 1.0, "tick", None, {})).id for _ in range(5)]
        other = (await unit.events.append("other", 1.0, "tick", None, {})).id
        await unit.events.append("gone", 1.0, "devnet.removed", None, {})
        late = (await unit.events.append("left", 9.0, "devnet.removed", None, {})).id
        assert await unit.events.prune(keep=2, gone_before=5.0) == 4
        assert [e.id for e in await unit.events.since(None, 0)] == [*shop[3:], other, late]
        assert await unit.events.prune(keep=2, gone_before=5.0) == 0
        await unit.events.prune(keep=0, gone_before=10.0)
    async with database.begin() as unit:
        assert (await unit.events.append("shop", 2.0, "tick", None, {})).id > late


async def test_idempotency_keys_expire(database: SqlDatabase) -> None:
    old = IdempotencyRecord("a", "f", 202, {"Location": "/v1"}, '{"x":1}', 10.0)
    new = replace(old, key="b", created_at=20.0)
    async with database.begin() as unit:
        await unit.idempotency.put(old)
        await unit.idempotency.put(new)
        assert await unit.idempotency.get("a") == old
        await unit.idempotency.expire(15.0)
        assert await unit.idempotency.get("a") is None
        assert await unit.idempotency.get("b") == new


async def test_reopening_keeps_everything(database: SqlDatabase) -> None:
    async with database.begin() as unit:
        await unit.devnets.add(DEVNET)
    again = await open_database(database._engine.url.render_as_string(hide_password=False))
    async with again.begin() as unit:
        assert await unit.devnets.get("shop") == DEVNET
    await again.close()


async def test_what_a_transaction_has_read_no_other_process_changes(
    database: SqlDatabase, tmp_path: Path, postgres: str | None
) -> None:
    """Two processes that each read a record and write it back: no change is lost."""
    sqlite = "sqlite" in database.name
    other = await open_database(f"sqlite:///{tmp_path}/caldera.db" if sqlite else str(postgres))
    async with database.begin() as unit:
        await unit.messages.put_many([message(1)])

    async def add(through: SqlDatabase) -> None:
        for _ in range(20):
            async with through.begin() as unit:
                (found,) = await unit.messages.get_many("shop", [message(1).id])
                await asyncio.sleep(0)
                await unit.messages.put_many([replace(found, attempts=found.attempts + 1)])

    await asyncio.gather(add(database), add(other))
    async with database.begin() as unit:
        (found,) = await unit.messages.get_many("shop", [message(1).id])
    await other.close()
    assert found.attempts == 40


async def test_faults_are_listed_oldest_first_and_go_with_their_devnet(
    database: SqlDatabase,
) -> None:
    late = FaultRecord("shop", "f2", "reorg", "op", {"depth": 3}, 20.0, 21.0, "3 blocks went")
    early = FaultRecord("shop", "f10", "guardian-silent", "guardian-1", {}, 10.0)
    other = FaultRecord("other", "f1", "guardian-silent", "guardian-1", {}, 5.0)
    async with database.begin() as unit:
        await unit.devnets.add(DEVNET)
        for record in (late, early, other):
            await unit.faults.put(record)
        await unit.faults.put(replace(early, ended_at=12.0))
    async with database.begin() as unit:
        assert list(await unit.faults.list("shop")) == [replace(early, ended_at=12.0), late]
        assert len(await unit.faults.list()) == 3
        assert await unit.faults.get("shop", "f2") == late
        await unit.devnets.remove("shop")
        assert list(await unit.faults.list()) == [other]


async def test_switches_are_kept_by_rollup(database: SqlDatabase) -> None:
    never = SwitchRecord("shop", "op", marks={"private: da anytrust": {"fired": 0}})
    ruled = SwitchRecord("shop", "arb", 3.0, "private", 0, {"da": "celestia"}, {})
    async with database.begin() as unit:
        assert await unit.switches.get("shop", "op") is None
        for record in (never, ruled):
            await unit.switches.put(record)
    async with database.begin() as unit:
        assert await unit.switches.get("shop", "op") == never
        assert list(await unit.switches.list("shop")) == [ruled, never]
        await unit.switches.remove("shop", "op")
        assert list(await unit.switches.list("shop")) == [ruled]
