"""The thread of a database, and calls of it that a cancellation does not tear apart.

A driver's call blocks, so all calls of one database are made by one thread of its own, one after
the other. Cancelling a task in the middle of a statement or a transaction would leave the
connection there, for the next one to stumble over. Here a call that has begun is finished first;
then the cancellation goes on, and the transaction is rolled back as for any error.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Executable

T = TypeVar("T")


class Worker:
    """One thread."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)

    async def do(self, call: Callable[..., T], *arguments: Any) -> T:
        """The result of `call` in the thread, awaited to its end whatever happens to the awaiting
        task meanwhile."""
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._thread, call, *arguments)
        cancelled: asyncio.CancelledError | None = None
        while not future.done():
            try:
                await asyncio.shield(future)
            except asyncio.CancelledError as error:
                cancelled = error
            except BaseException:  # noqa: BLE001 - raised below, by result()
                break
        if cancelled is not None:
            future.exception()  # seen; the cancellation is what the caller asked for
            raise cancelled
        return future.result()

    def end(self) -> None:
        """Let go of the thread, once what it does is done."""
        self._thread.shutdown(wait=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """All that a statement gave: rows belong to the thread until they are fetched."""

    rows: Sequence[Any]
    rowcount: int
    """Rows that it changed."""

    def first(self) -> Any:
        return self.rows[0] if self.rows else None

    def scalar(self) -> Any:
        """First column of the first row; None without one."""
        return self.rows[0][0] if self.rows else None

    def scalars(self) -> list[Any]:
        """First column of every row."""
        return [row[0] for row in self.rows]


class SteadyConnection:
    """What repositories need of a connection."""

    def __init__(self, worker: Worker, connection: Connection) -> None:
        self._worker = worker
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None) -> Answer:
        """As ``Connection.execute``."""
        return await self._worker.do(_execute, self._connection, statement, parameters)


def _execute(connection: Connection, statement: Executable, parameters: Any) -> Answer:
    result = connection.execute(statement, parameters)
    return Answer(result.all() if result.returns_rows else (), result.rowcount)
