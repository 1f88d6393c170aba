"""Drivers' errors as the domain's.

SQLite tells result codes (https://sqlite.org/rescode.html), PostgreSQL five-character
SQLSTATEs (its manual, appendix A). Whatever is not named here is a fault of ours and becomes
PermanentFailure; a test holds that every code the drivers know is named.
"""

import sqlite3
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from control_plane.domain.errors import Failed, PermanentFailure, StorageFailed, TemporaryFailure


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means to the user."""

    kind: type[Failed]
    title: str
    hint: str = ""


_FULL = Meaning(StorageFailed, "The disk is full", "Free some space, e.g. with `caldera clean`.")
_READ_ONLY = Meaning(
    StorageFailed, "The database can't be written", "Check the permissions of its directory."
)
_NO_OPEN = Meaning(
    StorageFailed,
    "The database can't be opened",
    "Check that its directory exists and may be written.",
)
_IO = Meaning(StorageFailed, "The disk reported an error", "See the system's log.")
_BROKEN = Meaning(
    StorageFailed,
    "The database is damaged",
    "Move it away; the devnets' files beside it stay as they are.",
)
_LOCKED = Meaning(TemporaryFailure, "The database is locked", "Another process is writing to it.")
_GONE = Meaning(TemporaryFailure, "The connection to the database broke")
_AWAY = Meaning(
    TemporaryFailure, "The database can't be reached", "Does it run, and is its URL right?"
)
_AGAIN = Meaning(TemporaryFailure, "The transaction has to be repeated")
_SCARCE = Meaning(TemporaryFailure, "The database is short of resources")
_OURS = Meaning(PermanentFailure, "The database refused a statement")
_ACCESS = Meaning(StorageFailed, "The database refused access", "Check the database URL.")

SQLITE: Final[dict[str, Meaning]] = {
    "FULL": _FULL,
    "READONLY": _READ_ONLY,
    "PERM": _READ_ONLY,
    "CANTOPEN": _NO_OPEN,
    "NOTADB": _BROKEN,
    "CORRUPT": _BROKEN,
    "FORMAT": _BROKEN,
    "NOTFOUND": _BROKEN,
    "IOERR": _IO,
    "NOLFS": _IO,
    "BUSY": _LOCKED,
    "LOCKED": _LOCKED,
    "PROTOCOL": _LOCKED,
    "ABORT": _AGAIN,
    "INTERRUPT": _AGAIN,
    "SCHEMA": _AGAIN,
    "NOMEM": _SCARCE,
    "AUTH": _ACCESS,
    "CONSTRAINT": _OURS,
    "EMPTY": _OURS,
    "ERROR": _OURS,
    "INTERNAL": _OURS,
    "MISMATCH": _OURS,
    "MISUSE": _OURS,
    "RANGE": _OURS,
    "TOOBIG": _OURS,
}
"""By primary result code, without ``SQLITE_``."""

_OUR_FAULTS: Final = (
    "01", "02", "03", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20",
    "21", "22", "23", "24", "25", "26", "27", "2B", "2D", "2F", "34", "38",
    "39", "3B", "3F", "42", "44", "54", "55", "72", "F0", "HV", "P0", "XX",
)  # fmt: skip
"""Classes of SQLSTATEs that no user causes and no waiting heals, but for those named below."""

POSTGRESQL: Final[dict[str, Meaning]] = {
    **dict.fromkeys(_OUR_FAULTS, _OURS),
    "08": _GONE,
    "25006": _READ_ONLY,
    "28": _ACCESS,
    "3D": _ACCESS,
    "40": _AGAIN,
    "42501": _ACCESS,
    "53": _SCARCE,
    "53100": _FULL,
    "55P03": _LOCKED,
    "57": _GONE,
    "58": _IO,
    "XX001": _BROKEN,
    "XX002": _BROKEN,
}
"""By SQLSTATE, or by its class where no longer entry fits."""


def translate(error: BaseException, where: str) -> Failed:
    """The domain's error for what SQLAlchemy or a driver raised; `where` names the database."""
    meaning = meaning_of(error)
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return meaning.kind(meaning.title, f"{where}: {cause}", meaning.hint)


def meaning_of(error: BaseException) -> Meaning:
    """Which of the meanings above `error` has."""
    cause: BaseException = error
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return _GONE
        cause = error.orig or error
    for candidate in _chain(cause):
        if isinstance(candidate, sqlite3.Error):
            return _sqlite(candidate)
        state = getattr(candidate, "sqlstate", None)
        if isinstance(state, str):
            return POSTGRESQL.get(state) or POSTGRESQL.get(state[:2]) or _OURS
    if isinstance(error, OperationalError):  # who could not connect is told no SQLSTATE
        return _AWAY
    if isinstance(cause, PoolTimeout):
        return _SCARCE
    if isinstance(cause, (ConnectionError, TimeoutError)):
        return _GONE
    if isinstance(cause, OSError):
        return _NO_OPEN
    return _OURS


def _sqlite(error: sqlite3.Error) -> Meaning:
    name = getattr(error, "sqlite_errorname", None)
    if name is None:  # raised by Python's module itself, e.g. on a closed connection
        return _GONE if isinstance(error, sqlite3.ProgrammingError) else _OURS
    return SQLITE.get(name.removeprefix("SQLITE_").split("_")[0], _OURS)


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what caused it; adapters wrap the driver's own."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__
    return found


TRANSLATED: Final = (SQLAlchemyError, sqlite3.Error, OSError)
"""What may come out of a transaction's database calls."""
