"""Faults that users start, and offences of guardians."""

from collections.abc import Sequence

from control_plane.adapters.persistence.rows import Rows
from control_plane.adapters.persistence.steady import SteadyConnection
from control_plane.adapters.persistence.tables import FAULTS, OFFENCES
from control_plane.domain.records import FaultRecord, OffenceRecord


class FaultRows:
    """Implements ``ports.store.Faults``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, FAULTS, FaultRecord)

    async def get(self, devnet: str, id: str) -> FaultRecord | None:
        columns = self._rows.columns
        return await self._rows.one(columns.devnet == devnet, columns.id == id)

    async def list(self, devnet: str | None = None) -> Sequence[FaultRecord]:
        columns = self._rows.columns
        query = self._rows.query()
        if devnet is not None:
            query = query.where(columns.devnet == devnet)
        return await self._rows.all(query.order_by(columns.since, columns.id))

    async def put(self, record: FaultRecord) -> None:
        await self._rows.upsert([record])


class OffenceRows:
    """Implements ``ports.store.Offences``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, OFFENCES, OffenceRecord)

    async def get(self, devnet: str, id: str) -> OffenceRecord | None:
        columns = self._rows.columns
        return await self._rows.one(columns.devnet == devnet, columns.id == id)

    async def list(self, devnet: str) -> Sequence[OffenceRecord]:
        columns = self._rows.columns
        query = self._rows.query(columns.devnet == devnet)
        return await self._rows.all(query.order_by(columns.found_at, columns.id))

    async def put(self, record: OffenceRecord) -> None:
        await self._rows.upsert([record])
