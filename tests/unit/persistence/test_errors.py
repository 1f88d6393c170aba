"""Every code that a database driver knows has a meaning to the user."""

import sqlite3

import pytest
from psycopg import OperationalError as Unreachable
from psycopg import errors as psycopg_errors
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from control_plane.adapters.persistence import errors
from control_plane.adapters.persistence.errors import POSTGRESQL, SQLITE, meaning_of, translate
from control_plane.domain.errors import (
    Failed,
    PermanentFailure,
    StorageFailed,
    TemporaryFailure,
)

NO_RESULT = {"OK", "ROW", "DONE", "NOTICE", "WARNING", "DENY", "IGNORE"}
ACTIONS = {  # what SQLite's authorizer asks about; their numbers are no results
    "ALTER", "ANALYZE", "ATTACH", "CREATE", "DELETE", "DETACH", "DROP", "FUNCTION", "INSERT",
    "LIMIT", "PRAGMA", "READ", "RECURSIVE", "REINDEX", "SAVEPOINT", "SELECT", "TRANSACTION",
    "UPDATE",
}  # fmt: skip


def test_every_sqlite_result_is_mapped() -> None:
    names = {n.removeprefix("SQLITE_").split("_")[0] for n in dir(sqlite3) if n[:7] == "SQLITE_"}
    assert names - NO_RESULT - ACTIONS == set(SQLITE)


def test_every_sqlstate_of_the_driver_is_mapped() -> None:
    kinds = [getattr(psycopg_errors, name) for name in dir(psycopg_errors)]
    states = {s for kind in kinds if isinstance(s := getattr(kind, "sqlstate", None), str)}
    assert len(states) > 200
    unmapped = {s for s in states if s not in POSTGRESQL and s[:2] not in POSTGRESQL}
    assert not unmapped


def sqlite_error(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("it said so")
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_FULL", StorageFailed),
        ("SQLITE_READONLY_DBMOVED", StorageFailed),
        ("SQLITE_IOERR_WRITE", StorageFailed),
        ("SQLITE_CANTOPEN_ISDIR", StorageFailed),
        ("SQLITE_CORRUPT_VTAB", StorageFailed),
        ("SQLITE_NOTADB", StorageFailed),
        ("SQLITE_BUSY_SNAPSHOT", TemporaryFailure),
        ("SQLITE_LOCKED", TemporaryFailure),
        ("SQLITE_CONSTRAINT_NOTNULL", PermanentFailure),
        ("SQLITE_NEVER_HEARD_OF", PermanentFailure),
    ],
)
def test_sqlite_as_sqlalchemy_wraps_it(name: str, kind: type[Failed]) -> None:
    wrapped = OperationalError("INSERT …", {}, sqlite_error(name))
    translated = translate(wrapped, "sqlite:///x.db")
    assert type(translated) is kind
    assert translated.detail == "sqlite:///x.db: it said so"


@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        (psycopg_errors.DiskFull, errors._FULL),
        (psycopg_errors.ReadOnlySqlTransaction, errors._READ_ONLY),
        (psycopg_errors.InvalidPassword, errors._ACCESS),
        (psycopg_errors.InvalidCatalogName, errors._ACCESS),
        (psycopg_errors.DeadlockDetected, errors._AGAIN),
        (psycopg_errors.LockNotAvailable, errors._LOCKED),
        (psycopg_errors.TooManyConnections, errors._SCARCE),
        (psycopg_errors.AdminShutdown, errors._GONE),
        (psycopg_errors.UniqueViolation, errors._OURS),
        (psycopg_errors.DataCorrupted, errors._BROKEN),
    ],
)
def test_postgresql_as_sqlalchemy_wraps_it(kind: type[Exception], meaning: errors.Meaning) -> None:
    assert meaning_of(DBAPIError("INSERT …", {}, kind("it said so"))) is meaning


def test_a_server_that_is_not_there() -> None:
    wrapped = OperationalError("SELECT …", {}, Unreachable("connection refused"))
    assert meaning_of(wrapped) is errors._AWAY


def test_what_is_no_drivers_error() -> None:
    assert meaning_of(ConnectionRefusedError()) is errors._GONE
    assert meaning_of(PermissionError()) is errors._NO_OPEN
    assert meaning_of(PoolTimeout()) is errors._SCARCE
    assert (
        meaning_of(sqlite3.ProgrammingError("Cannot operate on a closed database.")) is errors._GONE
    )


def test_a_secret_in_the_statement_is_not_told() -> None:
    wrapped = OperationalError("INSERT …", {"raw": "secret"}, sqlite_error("SQLITE_FULL"))
    assert "secret" not in str(translate(wrapped, "db"))
