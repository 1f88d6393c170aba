"""Database calls that a cancellation does not tear apart.

Cancelling a task inside a driver's call would leave the connection in the middle of a statement
or a transaction, for the next one to stumble over. Here a call that has begun is
finished first; then the cancellation goes on, and the transaction is rolled back as for any
error.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")


async def finish(call: Coroutine[Any, Any, T]) -> T:
    """Await `call` to its end, whatever happens to the awaiting task meanwhile."""
    task = asyncio.ensure_future(call)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except BaseException:  # noqa: BLE001 - raised below, by result()
            break
    if cancelled is not None:
        task.exception()  # seen; the cancellation is what the caller asked for
        raise cancelled
    return task.result()


class SteadyConnection:
    """What repositories need of a connection, each call finished once begun."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    async def execute(
        self, statement: Executable, parameters: Any = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """As ``AsyncConnection.execute``."""
        return await finish(self._connection.execute(statement, parameters))
