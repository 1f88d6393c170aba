"""Events, and the answers kept for requests that are sent twice."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import insert, select, text

from control_plane.adapters.persistence.rows import Rows
from control_plane.adapters.persistence.steady import SteadyConnection
from control_plane.adapters.persistence.tables import DEVNETS, EVENTS, IDEMPOTENCY_KEYS
from control_plane.domain.records import EventRecord, IdempotencyRecord, Json

_APPEND: Final = insert(EVENTS).returning(EVENTS.c.id)
_ONE_APPENDER: Final = text("SELECT pg_advisory_xact_lock(7020301)")
"""Held until the commit, so that ids become visible in the order in which they rise also
where several control planes share one PostgreSQL. The number is ours, no more."""


class EventRows:
    """Implements ``ports.store.Events``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, EVENTS, EventRecord)

    async def append(
        self, devnet: str, at: float, type: str, service: str | None, data: Json
    ) -> EventRecord:
        connection = self._rows.connection
        if connection.dialect.name == "postgresql":
            await connection.execute(_ONE_APPENDER)
        row = {"devnet": devnet, "at": at, "type": type, "service": service, "data": data}
        number = (await connection.execute(_APPEND, row)).scalar()
        return EventRecord(number, devnet, at, type, service, data)

    async def since(
        self, devnet: str | None, after_id: int, limit: int = 1000
    ) -> Sequence[EventRecord]:
        columns = self._rows.columns
        query = self._rows.query(columns.id > after_id)
        if devnet is not None:
            query = query.where(columns.devnet == devnet)
        return await self._rows.all(query.order_by(columns.id).limit(limit))

    async def before_last(self, devnet: str | None, count: int) -> int:
        columns = self._rows.columns
        newest = select(columns.id).order_by(columns.id.desc()).offset(count).limit(1)
        if devnet is not None:
            newest = newest.where(columns.devnet == devnet)
        return (await self._rows.connection.execute(newest)).scalar() or 0

    async def prune(self, keep: int, gone_before: float) -> int:
        columns = self._rows.columns
        known = select(DEVNETS.c.name)
        removed = await self._rows.delete(columns.at < gone_before, columns.devnet.not_in(known))
        names = (await self._rows.connection.execute(select(columns.devnet).distinct())).scalars()
        for name in names:
            oldest = await self.before_last(name, keep)
            if oldest:
                removed += await self._rows.delete(columns.devnet == name, columns.id <= oldest)
        return removed


class IdempotencyRows:
    """Implements ``ports.store.IdempotencyKeys``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, IDEMPOTENCY_KEYS, IdempotencyRecord)

    async def get(self, key: str) -> IdempotencyRecord | None:
        return await self._rows.one(self._rows.columns.key == key)

    async def put(self, record: IdempotencyRecord) -> None:
        await self._rows.upsert([record])

    async def expire(self, before: float) -> None:
        await self._rows.delete(self._rows.columns.created_at < before)
