"""Messages, where they stand, and how far agents have read the chains they come from."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select, update

from control_plane.adapters.persistence.rows import Rows
from control_plane.adapters.persistence.steady import SteadyConnection
from control_plane.adapters.persistence.tables import CURSORS, MESSAGES
from control_plane.domain.records import CursorRecord, MessageRecord
from control_plane.domain.states import MessageState

_PARAMETERS: Final = 5000
"""Values in one statement; SQLite and PostgreSQL both stop near 32,766."""


class MessageRows:
    """Implements ``ports.store.Messages``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, MESSAGES, MessageRecord)

    async def get(self, devnet: str, id: str) -> MessageRecord | None:
        columns = self._rows.columns
        return await self._rows.one(columns.devnet == devnet, columns.id == id)

    async def get_many(self, devnet: str, ids: Sequence[str]) -> Sequence[MessageRecord]:
        columns = self._rows.columns
        found: list[MessageRecord] = []
        for part in range(0, len(ids), _PARAMETERS):
            some = columns.id.in_(ids[part : part + _PARAMETERS])
            found += await self._rows.all(self._rows.query(columns.devnet == devnet, some))
        return found

    async def find(self, devnet: str, prefix: str) -> Sequence[MessageRecord]:
        columns = self._rows.columns
        # A range serves the index whatever the collation; `g` follows every hex digit.
        low = prefix.lower()
        query = self._rows.query(columns.devnet == devnet, columns.id.between(low, low + "g"))
        found = await self._rows.all(query.order_by(columns.id).limit(10))
        return [message for message in found if message.id.startswith(low)]

    async def list(
        self,
        devnet: str,
        *,
        states: Sequence[MessageState] | None = None,
        origin: int | None = None,
        destination: int | None = None,
        limit: int = 100,
        before: float | None = None,
    ) -> Sequence[MessageRecord]:
        columns = self._rows.columns
        where: list[ColumnElement[bool]] = [columns.devnet == devnet]
        if states is not None:
            where.append(columns.state.in_(states))
        if origin is not None:
            where.append(columns.origin == origin)
        if destination is not None:
            where.append(columns.destination == destination)
        if before is not None:
            where.append(columns.dispatched_at < before)
        newest = (columns.dispatched_at.desc(), columns.tree_index.desc(), columns.id)
        return await self._rows.all(self._rows.query(*where).order_by(*newest).limit(limit))

    async def put_many(self, records: Sequence[MessageRecord]) -> None:
        await self._rows.upsert(records)

    async def attest(
        self,
        devnet: str,
        origin: int,
        below: int,
        epoch: int,
        at: float,
        *,
        finality: int = 0,
        answered: Sequence[str] = (),
    ) -> int:
        columns = self._rows.columns
        waiting = (
            columns.devnet == devnet,
            columns.origin == origin,
            columns.state == MessageState.DISPATCHED,
            columns.tree_index < below,
            columns.finality <= finality,
            or_(columns.reads == 0, columns.id.in_(answered)) if answered else columns.reads == 0,
        )
        now = {"state": MessageState.ATTESTED, "epoch": epoch, "attested_at": at}
        return await self._rows.affected(update(self._rows.table).where(*waiting).values(now))

    async def tree(self, devnet: str, origin: int) -> Sequence[str]:
        columns = self._rows.columns
        query = select(columns.id).where(*self._surviving(devnet, origin))
        rows = await self._rows.connection.execute(query.order_by(columns.tree_index))
        return rows.scalars()

    async def from_block(self, devnet: str, origin: int, block: int) -> Sequence[MessageRecord]:
        columns = self._rows.columns
        query = self._rows.query(*self._surviving(devnet, origin), columns.origin_block >= block)
        return await self._rows.all(query.order_by(columns.tree_index))

    async def delivered_from_block(
        self, devnet: str, destination: int, block: int
    ) -> Sequence[MessageRecord]:
        columns = self._rows.columns
        query = self._rows.query(
            columns.devnet == devnet,
            columns.destination == destination,
            columns.delivered_block >= block,
        )
        return await self._rows.all(query.order_by(columns.delivered_block, columns.id))

    async def counts(self, devnet: str) -> dict[MessageState, int]:
        columns = self._rows.columns
        query = select(columns.state, func.count()).where(columns.devnet == devnet)
        rows = await self._rows.connection.execute(query.group_by(columns.state))
        found = {state: int(count) for state, count in rows.rows}
        return {state: found.get(state, 0) for state in MessageState}

    def _surviving(self, devnet: str, origin: int) -> tuple[Any, ...]:
        columns = self._rows.columns
        return (
            columns.devnet == devnet,
            columns.origin == origin,
            columns.state != MessageState.REORGED,
        )


class CursorRows:
    """Implements ``ports.store.Cursors``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._rows = Rows(connection, CURSORS, CursorRecord)

    async def get(self, devnet: str, agent: str, chain: str) -> CursorRecord | None:
        columns = self._rows.columns
        return await self._rows.one(
            columns.devnet == devnet, columns.agent == agent, columns.chain == chain
        )

    async def put(self, record: CursorRecord) -> None:
        await self._rows.upsert([record])
