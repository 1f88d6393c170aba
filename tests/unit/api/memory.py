"""A database of events and idempotency keys."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from control_plane.domain.records import EventRecord, IdempotencyRecord


class MemoryEvents:
    def __init__(self) -> None:
        self.rows: list[EventRecord] = []
        self.pruned = 0

    async def append(
        self, devnet: str, at: float, type: str, service: str | None, data: Mapping[str, Any]
    ) -> EventRecord:
        record = EventRecord(len(self.rows) + 1, devnet, at, type, service, data)
        self.rows.append(record)
        return record

    async def since(
        self, devnet: str | None, after_id: int, limit: int = 1000
    ) -> Sequence[EventRecord]:
        found = [e for e in self.rows if e.id > after_id and devnet in {None, e.devnet}]
        return found[:limit]

    async def before_last(self, devnet: str | None, count: int) -> int:
        ids = [e.id for e in reversed(self.rows) if devnet in {None, e.devnet}]
        return ids[count] if count < len(ids) else 0

    async def prune(self, keep: int, gone_before: float) -> int:
        self.pruned += 1
        return 0


class MemoryKeys:
    def __init__(self) -> None:
        self.rows: dict[str, IdempotencyRecord] = {}

    async def get(self, key: str) -> IdempotencyRecord | None:
        return self.rows.get(key)

    async def put(self, record: IdempotencyRecord) -> None:
        self.rows[record.key] = record

    async def expire(self, before: float) -> None:
        self.rows = {k: r for k, r in self.rows.items() if r.created_at >= before}


class MemoryDatabase:
    """Events and idempotency keys only."""

    def __init__(self) -> None:
        self.events = MemoryEvents()
        self.idempotency = MemoryKeys()
        self.begun = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["MemoryDatabase"]:
        self.begun += 1
        yield self

    async def close(self) -> None:
        pass
