"""Offences on their way to the L1: reported once, told once, over restarts and reorgs."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.persistence.database import SqlDatabase, open_database
from control_plane.domain.hub import Hub
from control_plane.domain.ids import Hex
from control_plane.domain.records import OffenceRecord
from control_plane.domain.rpc import RpcError
from control_plane.services.metalayer.reports import SLASHED_TOPIC, Reports, Site

GUARDIAN = "0x" + "a1" * 20
REPORTER = "0x" + "b2" * 20
ID = "0x" + "c3" * 32
FOUND = OffenceRecord("net", ID, GUARDIAN, "equivocation", 7, 1.0, "0x1234")


class Chain:
    """An L1 that slashes at once; `fork` makes its blocks others."""

    def __init__(self) -> None:
        self.height = 5
        self.fork = 0
        self.slashed_at: int | None = None
        self.sent = 0
        self.refuses: str | None = None

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        del timeout
        if method == "eth_getBlockByNumber":
            number = self.height if params[0] == "latest" else int(params[0], 16)
            return {"number": hex(number), "hash": f"0x{self.fork:02x}{number:062x}"}
        if method == "eth_getLogs":
            first, last = (int(params[0][key], 16) for key in ("fromBlock", "toBlock"))
            at = self.slashed_at
            return [self.log(at)] if at is not None and first <= at <= last else []
        if method == "eth_call":
            return hex(self.slashed_at is not None)
        assert method == "eth_estimateGas"
        if self.refuses is not None:
            raise RpcError("refused", "", method=method, code=3, message="", data=self.refuses)
        return hex(400_000)

    async def batch(self, calls: Sequence[Any], timeout: float | None = None) -> list[Any]:
        raise NotImplementedError

    def log(self, block: int) -> dict[str, Any]:
        words = (7, 100, 10, int(REPORTER, 16))
        return {
            "topics": [SLASHED_TOPIC, "0x" + "00" * 12 + "a1" * 20, "0x" + "00" * 32, ID],
            "data": "0x" + b"".join(word.to_bytes(32) for word in words).hex(),
            "transactionHash": "0x" + "d4" * 32,
            "blockNumber": hex(block),
        }

    async def send(self, to: Hex, data: bytes, *, gas: int) -> Any:
        del to, gas
        assert data == b"\x12\x34"
        self.sent += 1
        self.height += 1
        self.slashed_at = self.height
        return self

    async def receipt(self) -> dict[str, Any]:
        return {"status": "0x1"}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqlDatabase]:
    found = await open_database(f"sqlite:///{tmp_path / 'caldera.db'}")
    yield found
    await found.close()


def make(chain: Chain, database: SqlDatabase) -> Reports:
    names = {GUARDIAN: "guardian-2"}
    site = Site("net", "l1", "0x" + "e5" * 20, REPORTER, names)
    return Reports(site, chain, chain, database, Hub(), lambda data: f"said {data}", lambda: 2.0)


async def told(database: SqlDatabase) -> list[str]:
    async with database.begin() as unit:
        return [event.type for event in await unit.events.since("net", 0)]


async def record(database: SqlDatabase) -> OffenceRecord:
    async with database.begin() as unit:
        found = await unit.offences.get("net", ID)
    assert found is not None
    return found


async def test_an_offence_is_reported_and_told_once(database: SqlDatabase) -> None:
    chain = Chain()
    for _ in range(3):  # as many watchers, one after the other
        reports = make(chain, database)
        await reports.file(FOUND)
        await reports.report()
        await reports.read()
    assert chain.sent == 1
    assert await told(database) == ["guardian.equivocated", "guardian.slashed"]
    found = await record(database)
    assert (found.amount, found.reward, found.reporter) == (100, 10, REPORTER)
    assert found.block == 6


async def test_what_somebody_else_reported_is_told_too(database: SqlDatabase) -> None:
    chain = Chain()
    chain.slashed_at = 3
    reports = make(chain, database)
    await reports.read()
    await reports.file(FOUND)
    await reports.report()
    assert chain.sent == 0
    assert await told(database) == ["guardian.slashed"]
    assert (await record(database)).evidence is None


async def test_a_reorg_of_the_l1_has_it_reported_again(database: SqlDatabase) -> None:
    chain = Chain()
    reports = make(chain, database)
    await reports.file(FOUND)
    await reports.report()
    await reports.read()
    chain.fork, chain.slashed_at = 1, None
    await reports.read()
    assert (await record(database)).tx is None
    await reports.report()
    await reports.read()
    assert chain.sent == 2
    assert (await record(database)).tx is not None
    assert await told(database) == ["guardian.equivocated", "guardian.slashed"]


async def test_evidence_that_is_refused_is_not_sent_again(database: SqlDatabase) -> None:
    chain = Chain()
    chain.refuses = "0xabcdef"
    reports = make(chain, database)
    await reports.file(FOUND)
    for _ in range(3):
        await reports.report()
    assert chain.sent == 0
    assert (await record(database)).problem == "said 0xabcdef"
    assert await told(database) == ["guardian.equivocated", "guardian.evidence_refused"]
