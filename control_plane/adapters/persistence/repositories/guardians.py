"""Guardian sets, and guardians that come and go."""

from collections.abc import Sequence

from control_plane.adapters.persistence.rows import Rows
from control_plane.adapters.persistence.steady import SteadyConnection
from control_plane.adapters.persistence.tables import GUARDIAN_SETS, GUARDIANS
from control_plane.domain.records import GuardianRecord, GuardianSetRecord


class GuardianSetRows:
    """Implements ``ports.store.GuardianSets``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, GUARDIAN_SETS, GuardianSetRecord)

    async def get(self, devnet: str, set_id: int) -> GuardianSetRecord | None:
        columns = self._rows.columns
        return await self._rows.one(columns.devnet == devnet, columns.set_id == set_id)

    async def active(self, devnet: str) -> GuardianSetRecord | None:
        columns = self._rows.columns
        query = self._rows.query(columns.devnet == devnet, columns.active_at.is_not(None))
        return await self._rows.first(query.order_by(columns.set_id.desc()).limit(1))

    async def list(self, devnet: str) -> Sequence[GuardianSetRecord]:
        columns = self._rows.columns
        return await self._rows.all(
            self._rows.query(columns.devnet == devnet).order_by(columns.set_id)
        )

    async def put(self, record: GuardianSetRecord) -> None:
        await self._rows.upsert([record])


class GuardianRows:
    """Implements ``ports.store.Guardians``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, GUARDIANS, GuardianRecord)

    async def list(self, devnet: str) -> Sequence[GuardianRecord]:
        columns = self._rows.columns
        return await self._rows.all(
            self._rows.query(columns.devnet == devnet).order_by(columns.number)
        )

    async def add(self, record: GuardianRecord) -> bool:
        return await self._rows.insert_new(record)

    async def put(self, record: GuardianRecord) -> None:
        await self._rows.upsert([record])
