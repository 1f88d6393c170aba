"""An app's record while it is deployed: rollups write into it side by side."""

import asyncio
from collections.abc import Callable

from control_plane.domain.apps.record import Act, AppRecord
from control_plane.domain.ports.app import AppRecords


class Book:
    """One app's record, durable after each change."""

    def __init__(self, records: AppRecords, devnet: str, record: AppRecord) -> None:
        self._records = records
        self._devnet = devnet
        self._turn = asyncio.Lock()
        self.record = record

    async def note(self, rollup: str, act: Act) -> None:
        """Write `act` down, in place of the one with its id."""
        await self._put(lambda record: record.with_act(rollup, act))

    async def forget(self, rollup: str, act: Act) -> None:
        """As if `act` had never been."""
        await self._put(lambda record: record.without(rollup, act))

    async def _put(self, change: Callable[[AppRecord], AppRecord]) -> None:
        async with self._turn:
            changed = change(self.record)
            await asyncio.to_thread(self._records.put, self._devnet, changed)
            self.record = changed
