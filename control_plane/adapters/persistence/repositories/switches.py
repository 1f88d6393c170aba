"""What rollups' rules have done, and when rollups last switched."""

from collections.abc import Sequence

from control_plane.adapters.persistence.rows import Rows
from control_plane.adapters.persistence.steady import SteadyConnection
from control_plane.adapters.persistence.tables import SWITCHES
from control_plane.domain.records import SwitchRecord


class SwitchRows:
    """Implements ``ports.store.Switches``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, SWITCHES, SwitchRecord)

    async def get(self, devnet: str, rollup: str) -> SwitchRecord | None:
        columns = self._rows.columns
        return await self._rows.one(columns.devnet == devnet, columns.rollup == rollup)

    async def list(self, devnet: str) -> Sequence[SwitchRecord]:
        columns = self._rows.columns
        return await self._rows.all(
            self._rows.query(columns.devnet == devnet).order_by(columns.rollup)
        )

    async def put(self, record: SwitchRecord) -> None:
        await self._rows.upsert([record])

    async def remove(self, devnet: str, rollup: str) -> None:
        columns = self._rows.columns
        await self._rows.delete(columns.devnet == devnet, columns.rollup == rollup)
