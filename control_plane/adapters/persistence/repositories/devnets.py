"""Devnets, the steps of their way up, and their services."""

from collections.abc import Sequence

from sqlalchemy import delete

from control_plane.adapters.persistence.rows import Rows
from control_plane.adapters.persistence.steady import SteadyConnection
from control_plane.adapters.persistence.tables import DEVNETS, METADATA, SERVICES, STEPS
from control_plane.domain.errors import Conflict
from control_plane.domain.records import DevnetRecord, ServiceRecord, StepRecord


class DevnetRows:
    """Implements ``ports.store.Devnets``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, DEVNETS, DevnetRecord)

    async def get(self, name: str) -> DevnetRecord | None:
        return await self._rows.one(self._rows.columns.name == name)

    async def list(self) -> Sequence[DevnetRecord]:
        return await self._rows.all(self._rows.query().order_by(self._rows.columns.created_at))

    async def add(self, record: DevnetRecord) -> None:
        if not await self._rows.insert_new(record):
            raise Conflict(
                "The name is taken",
                f"a devnet called '{record.name}' exists already",
                f"Choose another name, or `caldera down {record.name}` first.",
            )

    async def put(self, record: DevnetRecord) -> None:
        await self._rows.upsert([record])

    async def remove(self, name: str) -> None:
        await self._rows.delete(self._rows.columns.name == name)
        for table in METADATA.sorted_tables:
            if "devnet" in table.c:
                await self._rows.affected(delete(table).where(table.c.devnet == name))


class StepRows:
    """Implements ``ports.store.Steps``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, STEPS, StepRecord)

    async def list(self, devnet: str) -> Sequence[StepRecord]:
        columns = self._rows.columns
        query = self._rows.query(columns.devnet == devnet)
        return await self._rows.all(query.order_by(columns.started_at, columns.name))

    async def put(self, record: StepRecord) -> None:
        await self._rows.upsert([record])

    async def clear(self, devnet: str) -> None:
        await self._rows.delete(self._rows.columns.devnet == devnet)


class ServiceRows:
    """Implements ``ports.store.Services``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, SERVICES, ServiceRecord)

    async def get(self, devnet: str, service: str) -> ServiceRecord | None:
        columns = self._rows.columns
        return await self._rows.one(columns.devnet == devnet, columns.service == service)

    async def list(self, devnet: str) -> Sequence[ServiceRecord]:
        columns = self._rows.columns
        query = self._rows.query(columns.devnet == devnet)
        return await self._rows.all(query.order_by(columns.service))

    async def put(self, record: ServiceRecord) -> None:
        await self._rows.upsert([record])

    async def remove(self, devnet: str, service: str) -> None:
        columns = self._rows.columns
        await self._rows.delete(columns.devnet == devnet, columns.service == service)
