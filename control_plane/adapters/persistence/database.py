"""The database: SQLite by default, PostgreSQL by URL.

One connection for SQLite, used by one transaction after the other: within this process nobody
ever meets a locked database, reads before a write stay true until the commit, and no time is
spent on opening connections. WAL with ``synchronous=NORMAL`` survives a kill -9 of this
process at every point (https://sqlite.org/pragma.html#pragma_synchronous); a power cut may
cost the last transactions, never the database.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from control_plane.adapters.persistence.errors import TRANSLATED, translate
from control_plane.adapters.persistence.repositories.devnets import (
    DevnetRows,
    ServiceRows,
    StepRows,
)
from control_plane.adapters.persistence.repositories.epochs import EpochRows, VoteRows
from control_plane.adapters.persistence.repositories.events import EventRows, IdempotencyRows
from control_plane.adapters.persistence.repositories.messages import CursorRows, MessageRows
from control_plane.adapters.persistence.schema import prepare_schema
from control_plane.adapters.persistence.steady import SteadyConnection, Worker
from control_plane.adapters.persistence.types import dump_json
from control_plane.domain.errors import InvalidInput, MissingDependency, StorageFailed

if TYPE_CHECKING:
    from control_plane.adapters.persistence.repositories.faults import FaultRows, OffenceRows
    from control_plane.adapters.persistence.repositories.guardians import (
        GuardianRows,
        GuardianSetRows,
    )
    from control_plane.adapters.persistence.repositories.switches import SwitchRows

_BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process (a second daemon, an agent run alone) that writes."""
_BEGIN = "BEGIN IMMEDIATE"
_ALONE = "SELECT pg_advisory_xact_lock(7002259)"
"""The number is any that other programs are not likely to take."""
_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}


class SqlUnitOfWork:
    """The repositories of one open transaction; implements ``ports.store.UnitOfWork``."""

    def __init__(self, connection: SteadyConnection) -> None:
        self._connection = connection

    @cached_property
    def devnets(self) -> DevnetRows:
        return DevnetRows(self._connection)

    @cached_property
    def steps(self) -> StepRows:
        return StepRows(self._connection)

    @cached_property
    def services(self) -> ServiceRows:
        return ServiceRows(self._connection)

    @cached_property
    def events(self) -> EventRows:
        return EventRows(self._connection)

    @cached_property
    def messages(self) -> MessageRows:
        return MessageRows(self._connection)

    @cached_property
    def epochs(self) -> EpochRows:
        return EpochRows(self._connection)

    @cached_property
    def votes(self) -> VoteRows:
        return VoteRows(self._connection)

    @cached_property
    def cursors(self) -> CursorRows:
        return CursorRows(self._connection)

    @cached_property
    def guardian_sets(self) -> "GuardianSetRows":
        from control_plane.adapters.persistence.repositories.guardians import GuardianSetRows

        return GuardianSetRows(self._connection)

    @cached_property
    def guardians(self) -> "GuardianRows":
        from control_plane.adapters.persistence.repositories.guardians import GuardianRows

        return GuardianRows(self._connection)

    @cached_property
    def faults(self) -> "FaultRows":
        from control_plane.adapters.persistence.repositories.faults import FaultRows

        return FaultRows(self._connection)

    @cached_property
    def offences(self) -> "OffenceRows":
        from control_plane.adapters.persistence.repositories.faults import OffenceRows

        return OffenceRows(self._connection)

    @cached_property
    def switches(self) -> "SwitchRows":
        from control_plane.adapters.persistence.repositories.switches import SwitchRows

        return SwitchRows(self._connection)

    @cached_property
    def idempotency(self) -> IdempotencyRows:
        return IdempotencyRows(self._connection)


class SqlDatabase:
    """Implements ``ports.store.Database``. Made by :func:`open_database`."""

    def __init__(self, engine: Engine, worker: Worker) -> None:
        self._engine = engine
        self._worker = worker
        self._turn = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None
        self.name = engine.url.render_as_string(hide_password=True)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlUnitOfWork]:
        """One transaction; commits at the end, rolls back on an error.

        Transactions of this process run one at a time: keep them short, await nothing else
        inside. Raises StorageFailed, TemporaryFailure; RuntimeError when a task opens a second
        transaction inside its first, which could never end.
        """
        task = asyncio.current_task()
        if task is not None and self._holder is task:
            raise RuntimeError("a transaction inside a transaction of the same task")
        async with self._turn:
            self._holder = task
            try:
                async with self._transaction() as connection:
                    yield SqlUnitOfWork(SteadyConnection(self._worker, connection))
            except TRANSLATED as error:
                raise translate(error, self.name) from error
            finally:
                self._holder = None

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        begun: list[Connection] = []
        try:
            await self._worker.do(_begin, self._engine, begun)
            yield begun[0]
        except BaseException:
            await self._worker.do(_end, begun, Connection.rollback)
            raise
        await self._worker.do(_end, begun, Connection.commit)

    async def close(self) -> None:
        """Close the connections, waiting for a transaction under way."""
        async with self._turn:
            await self._worker.do(self._engine.dispose)
            self._worker.end()


async def open_database(url: str) -> SqlDatabase:
    """Open the database of `url`, making or upgrading its tables as needed.

    `url` is SQLAlchemy's, ``sqlite:////path/caldera.db`` or
    ``postgresql://user@host/name``; drivers are chosen here.

    Raises InvalidInput (no such kind of database), MissingDependency (the driver),
    StorageFailed (can't be opened, damaged, or made by a newer version), TemporaryFailure.
    """
    parsed = _parse(url)
    engine = _make_engine(parsed)
    where = parsed.render_as_string(hide_password=True)
    worker = Worker("database")
    try:
        await worker.do(_prepare, engine, where)
    except BaseException as error:
        await worker.do(engine.dispose)
        worker.end()
        if isinstance(error, TRANSLATED):
            raise translate(error, where) from error
        raise
    return SqlDatabase(engine, worker)


def _prepare(engine: Engine, where: str) -> None:
    with engine.begin() as connection:
        prepare_schema(connection, where)


def _begin(engine: Engine, begun: list[Connection]) -> None:
    # handed over at once: a task that is cancelled meanwhile still has to end what began
    begun.append(engine.connect())
    begun[0].begin()


def _end(begun: list[Connection], end: Callable[[Connection], None]) -> None:
    for connection in begun:
        with connection:
            end(connection)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        driver = _DRIVERS[parsed.get_backend_name()]
    except (ArgumentError, NoSuchModuleError, KeyError, ValueError):
        raise InvalidInput(
            "Unknown database URL",
            "it is neither one of SQLite nor one of PostgreSQL",
            "Write sqlite:////path/to/caldera.db or postgresql://user@host/database.",
        ) from None
    return parsed.set(drivername=driver)


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    try:
        engine = create_engine(url, json_serializer=dump_json, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise MissingDependency(
            "The PostgreSQL driver is missing",
            f"Python has no module '{error.name}'",
            "pip install 'caldera-devnet[postgres]'",
        ) from None
    event.listen(engine, "begin", _begin_alone)
    return engine


def _begin_alone(connection: Connection) -> None:
    # As on SQLite one transaction after the other, of all processes: what a transaction has read
    # is still so when it writes. They are short, and held up by the slowest agent in any case.
    connection.exec_driver_sql(_ALONE)


def _sqlite_engine(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise InvalidInput("Unknown database URL", "a database in memory would not be durable")
    _create_private(Path(url.database))
    engine = create_engine(
        url,
        json_serializer=dump_json,
        connect_args={"timeout": _BUSY_TIMEOUT},
        pool_size=1,
        max_overflow=0,
        pool_reset_on_return=None,  # every transaction ends by commit or rollback: begin()
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _create_private(path: Path) -> None:
    """Make the file, readable by its owner alone (specs may hold mnemonics)."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StorageFailed(
            "The database can't be opened",
            f"{path}: {error.strerror}",
            "Check that its directory exists and may be written.",
        ) from error


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction control begins too late for us; see _begin_immediate.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "journal_size_limit=67108864"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    # Taking the write lock at once means that a transaction which reads first and writes
    # later can't find its snapshot outdated by another process.
    connection.exec_driver_sql(_BEGIN)
