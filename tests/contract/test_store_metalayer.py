"""What a store keeps of messages, epochs, votes and guardians, SQLite and PostgreSQL alike."""

from dataclasses import fields, replace

import pytest

from control_plane.adapters.persistence.database import SqlDatabase
from control_plane.domain.records import GuardianRecord, GuardianSetRecord, OffenceRecord
from control_plane.domain.states import MessageState
from tests.contract.store_records import HASH, epoch, message

pytestmark = pytest.mark.contract


async def test_messages_come_back_as_they_were(database: SqlDatabase) -> None:
    full = message(
        3,
        state=MessageState.DELIVERED,
        reason="why",
        reason_since=1.0,
        attempts=3,
        next_attempt_at=5.0,
        epoch=2**40,
        attested_at=2.0,
        certificate_tx=HASH,
        certified_at=3.0,
        relay_tx=HASH,
        relayed_at=4.0,
        delivered_tx=HASH,
        delivered_block=9,
        delivered_block_hash=HASH,
        delivered_at=5.0,
    )
    assert all(getattr(full, field.name) is not None for field in fields(full))
    async with database.begin() as unit:
        await unit.messages.put_many([])
        await unit.messages.put_many([message(3), full])
        assert await unit.messages.get("shop", full.id) == full
        assert await unit.messages.get("other", full.id) is None


async def test_messages_are_found_by_prefix(database: SqlDatabase) -> None:
    many = [message(number, id=f"0xab{number:062x}") for number in range(12)]
    async with database.begin() as unit:
        await unit.messages.put_many([*many, message(1, id="0xac" + "0" * 62)])
        assert len(await unit.messages.find("shop", "0xab")) == 10
        assert list(await unit.messages.find("shop", "0xAC")) == [message(1, id="0xac" + "0" * 62)]
        assert list(await unit.messages.find("shop", many[3].id)) == [many[3]]
        assert not await unit.messages.find("shop", "0x%")
        assert not await unit.messages.find("shop", "0xff")


async def test_messages_are_listed_newest_first(database: SqlDatabase) -> None:
    late = message(9, state=MessageState.FAILING, origin=902, destination=901)
    async with database.begin() as unit:
        await unit.messages.put_many([message(1), late, message(2)])
        listed = unit.messages.list

        async def numbers(**filters: object) -> list[int]:
            return [m.nonce for m in await listed("shop", **filters)]  # type: ignore[arg-type]

        assert await numbers() == [9, 2, 1]
        assert await numbers(limit=1) == [9]
        assert await numbers(before=1002.0) == [1]
        assert await numbers(origin=901) == [2, 1]
        assert await numbers(destination=901) == [9]
        assert await numbers(states=[MessageState.FAILING]) == [9]
        assert await numbers(states=[]) == []


async def test_messages_of_a_tree_and_of_blocks(database: SqlDatabase) -> None:
    gone = message(2, state=MessageState.REORGED)
    async with database.begin() as unit:
        await unit.messages.put_many([message(3), gone, message(1), message(4, origin=902)])
        assert list(await unit.messages.tree("shop", 901)) == [message(1).id, message(3).id]
        assert list(await unit.messages.from_block("shop", 901, 102)) == [message(3)]
        there = message(3, delivered_block=7, state=MessageState.DELIVERED)
        await unit.messages.put_many([there])
        assert list(await unit.messages.delivered_from_block("shop", 902, 7)) == [there]
        assert not await unit.messages.delivered_from_block("shop", 902, 8)
        counts = await unit.messages.counts("shop")
    assert counts[MessageState.DISPATCHED] == 2
    assert counts[MessageState.REORGED] == 1
    assert counts[MessageState.FAILING] == 0


async def test_messages_in_numbers(database: SqlDatabase) -> None:
    many = [message(number) for number in range(12_000)]
    async with database.begin() as unit:
        await unit.messages.put_many(many)
        assert len(await unit.messages.tree("shop", 901)) == len(many)
        found = await unit.messages.get_many("shop", [m.id for m in many] + [HASH])
        assert {m.id for m in found} == {m.id for m in many}
        assert not await unit.messages.get_many("shop", [])


async def test_epochs(database: SqlDatabase) -> None:
    certified = epoch(2, certificate="0x01", certified_at=2.0, signers=(0, 1, 3), absent=(2,))
    async with database.begin() as unit:
        assert await unit.epochs.latest("shop", certified=False) is None
        for record in (epoch(1), certified, epoch(3)):
            await unit.epochs.put(record)
        assert await unit.epochs.get("shop", 2) == certified
        assert await unit.epochs.latest("shop", certified=True) == certified
        assert await unit.epochs.latest("shop", certified=False) == epoch(3)
        assert [e.epoch for e in await unit.epochs.list("shop", limit=2)] == [3, 2]
        assert [e.epoch for e in await unit.epochs.list("shop", before=3)] == [2, 1]


async def test_epochs_pruned_but_for_what_messages_refer_to(database: SqlDatabase) -> None:
    async with database.begin() as unit:
        for number in range(1, 6):
            await unit.epochs.put(epoch(number))
            await unit.votes.record("shop", 0, number, HASH)
        await unit.messages.put_many([message(1, epoch=2)])
        await unit.epochs.prune("shop", 4)
        assert [e.epoch for e in await unit.epochs.list("shop")] == [5, 4, 2]
        assert await unit.votes.highest_epoch("shop") == 5
        assert await unit.votes.record("shop", 0, 4, "0xother") is False


async def test_votes_never_allow_two_headers_of_one_epoch(database: SqlDatabase) -> None:
    async with database.begin() as unit:
        assert await unit.votes.highest_epoch("shop") == 0
        assert await unit.votes.record("shop", 0, 7, HASH)
        assert await unit.votes.record("shop", 0, 7, HASH)
        assert not await unit.votes.record("shop", 0, 7, "0xother")
        assert await unit.votes.record("shop", 1, 7, "0xother")
        assert await unit.votes.highest_epoch("shop") == 7


async def test_offences_keep_amounts_in_wei(database: SqlDatabase) -> None:
    found = OffenceRecord("shop", HASH, "0x" + "01" * 20, "equivocation", 7, 1.0, "0x1234")
    slashed = replace(found, tx=HASH, block=9, amount=10**29, reward=10**28, slashed_at=2.0)
    async with database.begin() as unit:
        await unit.offences.put(found)
        await unit.offences.put(slashed)
    async with database.begin() as unit:
        assert await unit.offences.get("shop", HASH) == slashed
        assert list(await unit.offences.list("shop")) == [slashed]
        assert await unit.offences.get("shop", "0x" + "cd" * 32) is None


async def test_the_active_set_is_the_last_that_the_l1_has(database: SqlDatabase) -> None:
    first = GuardianSetRecord("shop", 1, 0, ({"index": 0},), None, 1.0, 1.0)
    second = GuardianSetRecord("shop", 3, 1, ({"index": 0},), "0x12", 2.0)
    async with database.begin() as unit:
        assert await unit.guardian_sets.active("shop") is None
        for record in (first, second):
            await unit.guardian_sets.put(record)
        assert await unit.guardian_sets.active("shop") == first
        await unit.guardian_sets.put(replace(second, active_at=3.0))
    async with database.begin() as unit:
        assert await unit.guardian_sets.active("shop") == replace(second, active_at=3.0)
        assert await unit.guardian_sets.get("shop", 1) == first
        assert [record.set_id for record in await unit.guardian_sets.list("shop")] == [1, 3]


async def test_a_guardian_votes_for_one_set_of_an_id(database: SqlDatabase) -> None:
    other = "0x" + "cd" * 32
    async with database.begin() as unit:
        assert await unit.votes.record_set("shop", 0, 2, HASH)
        assert await unit.votes.record_set("shop", 0, 2, HASH)
        assert not await unit.votes.record_set("shop", 0, 2, other)
        assert await unit.votes.record_set("shop", 1, 2, other)
        assert await unit.votes.highest_epoch("shop") == 0


async def test_a_guardians_number_is_given_once(database: SqlDatabase) -> None:
    joined = GuardianRecord("shop", 4, "0x" + "01" * 20, 1.0)
    async with database.begin() as unit:
        assert await unit.guardians.add(joined)
        assert not await unit.guardians.add(replace(joined, address="0x02"))
        await unit.guardians.put(replace(joined, left_at=2.0))
        assert list(await unit.guardians.list("shop")) == [replace(joined, left_at=2.0)]
