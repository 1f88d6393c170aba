"""The event log: durable first, then shown to everybody who follows.

Events that come in while one commit is under way share the next. Followers read from a ring of
recent events in memory, and from the database what is older; nothing is missed or shown twice,
and a slow follower costs no memory. Of each devnet the newest 10,000 are kept.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from control_plane.domain.errors import CalderaError, StorageFailed
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.store import Database
from control_plane.domain.records import EventRecord
from control_plane.schemas.event import EventView

REMOVED: Final = "devnet.removed"
"""The last event of a devnet; who follows that devnet alone is let go after it."""
KEPT: Final = 10_000
"""Events of one devnet that are kept at least; up to :data:`_PRUNE_EVERY` more, until pruned."""
GONE_KEPT: Final = 3600.0
"""Seconds for which the last event of a devnet that is gone is still told."""
_PRUNE_EVERY: Final = 500
"""Ids between two prunings; ids are counted over restarts, so that none is put off for ever."""
_RING: Final = 4096
_PAGE: Final = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    devnet: str
    at: float
    type: str
    service: str | None
    data: Mapping[str, Any]
    stored: asyncio.Future[EventRecord]


class EventLog:
    """All devnets' events. One per daemon; made inside its event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._ring: deque[EventRecord] = deque(maxlen=_RING)
        self._version = 0
        self._changed = asyncio.Event()
        self._closed = False

    # ------------------------------------------------------------------ writing

    async def publish(
        self,
        devnet: str,
        type: str,
        data: Mapping[str, Any] | None = None,
        service: str | None = None,
    ) -> EventRecord:
        """Record an event; returns when it is durable. Raises StorageFailed, TemporaryFailure."""
        stored: asyncio.Future[EventRecord] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(devnet, time.time(), type, service, dict(data or {}), stored))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="event log")
        return await stored

    def publisher(self, devnet: str) -> Publish:
        """`publish` for one devnet, as agents and reconcilers use it."""

        async def publish(
            type: str, data: Mapping[str, Any] | None = None, *, service: str | None = None
        ) -> None:
            await self.publish(devnet, type, data, service)

        return publish

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                records = await self._store(batch)
            except asyncio.CancelledError:
                _refuse(batch, StorageFailed("The daemon ended before an event was stored"))
                raise
            except CalderaError as error:
                _refuse(batch, error)
            except Exception as error:
                log.exception("events were not stored")
                _refuse(batch, StorageFailed("An event was not stored", str(error)))
            else:
                self._show(batch, records)
                if _prunes(records):
                    await self._prune()

    async def _store(self, batch: Sequence[_Waiting]) -> list[EventRecord]:
        async with self._database.begin() as unit:
            return [
                await unit.events.append(item.devnet, item.at, item.type, item.service, item.data)
                for item in batch
            ]

    async def _prune(self) -> None:
        """Forget what is old. What fails here is tried again with later events."""
        try:
            async with self._database.begin() as unit:
                await unit.events.prune(KEPT, time.time() - GONE_KEPT)
        except CalderaError as error:
            log.warning("old events were not removed: %s", error)
        except Exception:
            log.exception("old events were not removed")

    def _show(self, batch: Sequence[_Waiting], records: Sequence[EventRecord]) -> None:
        for record in records:
            if self._ring and record.id != self._ring[-1].id + 1:
                self._ring.clear()  # another process wrote in between: that is in the database
            self._ring.append(record)
        self._wake()
        for item, record in zip(batch, records, strict=True):
            if not item.stored.done():
                item.stored.set_result(record)

    def look_again(self) -> None:
        """Another process recorded an event: whoever follows finds it in the database."""
        self._ring.clear()
        self._wake()

    def _wake(self) -> None:
        self._version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    # ------------------------------------------------------------------ reading

    async def since(
        self, devnet: str | None, after_id: int = 0, limit: int = 1000
    ) -> list[EventRecord]:
        """Events with id > `after_id`, ascending, of every devnet when `devnet` is None."""
        if self._ring and after_id >= self._ring[0].id - 1:
            found = [e for e in self._ring if e.id > after_id and devnet in {None, e.devnet}]
            return found[:limit]
        async with self._database.begin() as unit:
            return list(await unit.events.since(devnet, after_id, limit))

    async def before_last(self, devnet: str | None, count: int) -> int:
        """Where to start so as to see the last `count` events of the past and all that come."""
        async with self._database.begin() as unit:
            return await unit.events.before_last(devnet, count)

    async def follow(self, devnet: str | None, after_id: int = 0) -> AsyncIterator[EventRecord]:
        """Events with id > `after_id`, those of the past first, then each as it is published.

        Ends when the log is closed, and, for one devnet, after its :data:`REMOVED` event
        unless a devnet of the same name followed it.
        """
        last = after_id
        while not self._closed:
            version, changed = self._version, self._changed
            newest = self._ring[-1].id if self._ring else 0
            page = await self.since(devnet, last, _PAGE)
            for place, record in enumerate(page):
                last = record.id
                yield record
                if devnet is not None and record.type == REMOVED and place == len(page) - 1:
                    return
            if page:
                continue
            last = max(last, newest)  # a devnet where little happens stays within the ring
            if version == self._version:
                await changed.wait()

    async def close(self) -> None:
        """Let every follower go and finish what is being written."""
        self._closed = True
        self._wake()
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)


def _prunes(records: Sequence[EventRecord]) -> bool:
    """Whether the batch passes a multiple of the interval, or takes leave of a devnet."""
    first, last = records[0].id, records[-1].id
    return (first - 1) // _PRUNE_EVERY != last // _PRUNE_EVERY or any(
        record.type == REMOVED for record in records
    )


def _refuse(batch: Sequence[_Waiting], error: CalderaError) -> None:
    for item in batch:
        if not item.stored.done():
            item.stored.set_exception(error)


def event_view(record: EventRecord) -> EventView:
    """The event as it goes over the wire."""
    return EventView(
        id=record.id,
        devnet=record.devnet,
        at=datetime.fromtimestamp(record.at, UTC),
        type=record.type,
        service=record.service,
        data=dict(record.data),
    )
