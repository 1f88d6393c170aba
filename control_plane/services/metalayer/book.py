"""Changes to message records: read, changed and written in one transaction.

Several agents write the same record; each change is applied to what stands in the database, so
none undoes another's (``moves`` makes them safe in any order).
"""

from collections.abc import Callable, Iterable, Sequence

from control_plane.domain.ports.store import Database, UnitOfWork
from control_plane.domain.records import MessageRecord
from control_plane.services.metalayer.moves import OPEN

_ALL = 1_000_000

Change = Callable[[MessageRecord], MessageRecord]


async def change_in(
    unit: UnitOfWork, devnet: str, ids: Sequence[str], change: Change
) -> list[MessageRecord]:
    """Apply `change` to those of `ids` that exist, within `unit`; the records as they are now."""
    if not ids:
        return []
    old = await unit.messages.get_many(devnet, ids)
    return await write_changed(unit, old, [change(record) for record in old])


async def write_changed(
    unit: UnitOfWork, old: Iterable[MessageRecord], new: Sequence[MessageRecord]
) -> list[MessageRecord]:
    """Write those of `new` that differ from their counterpart in `old`; returns all of `new`."""
    changed = [after for before, after in zip(old, new, strict=True) if after is not before]
    if changed:
        await unit.messages.put_many(changed)
    return list(new)


class MessageBook:
    """The messages of one devnet."""

    def __init__(self, database: Database, devnet: str) -> None:
        self._database = database
        self._devnet = devnet

    async def change(self, ids: Sequence[str], change: Change) -> list[MessageRecord]:
        """:func:`change_in` in a transaction of its own."""
        if not ids:
            return []
        async with self._database.begin() as unit:
            return await change_in(unit, self._devnet, ids, change)

    async def read(self, ids: Sequence[str]) -> Sequence[MessageRecord]:
        """Those of `ids` that exist."""
        if not ids:
            return []
        async with self._database.begin() as unit:
            return await unit.messages.get_many(self._devnet, ids)

    async def open(self) -> Sequence[MessageRecord]:
        """All messages that are still to be delivered, oldest first."""
        async with self._database.begin() as unit:
            found = await unit.messages.list(self._devnet, states=list(OPEN), limit=_ALL)
        return list(reversed(found))
