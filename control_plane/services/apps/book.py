"""An app's record while it is deployed: rollups write into it side by side."""

import asyncio

from control_plane.domain.apps.record import Act, AppRecord
from control_plane.domain.ports.app import AppRecords


class Book:
    """One app's record, durable after each change."""

    def __init__(self, records: AppRecords, devnet: str, record: AppRecord, owner: str) -> None:
        """`owner` is who deploys now, which is noted with the first change."""
        self._records = records
        self._devnet = devnet
        self._owner: str | None = owner
        self._turn = asyncio.Lock()
        self.record = record

    async def note(self, rollup: str, act: Act) -> None:
        """Write `act` down, in place of the one with its id."""
        async with self._turn:
            await self._begin()
            where = (self._devnet, self.record.name, rollup)
            await asyncio.to_thread(self._records.noted, *where, act)
            self.record = self.record.with_act(rollup, act)

    async def forget(self, rollup: str, act: Act) -> None:
        """As if `act` had never been."""
        async with self._turn:
            where = (self._devnet, self.record.name, rollup)
            await asyncio.to_thread(self._records.forgotten, *where, act)
            self.record = self.record.without(rollup, act)

    async def _begin(self) -> None:
        if self._owner is not None:
            where = (self._devnet, self.record.name)
            await asyncio.to_thread(self._records.owned, *where, self._owner)
            self._owner = None
