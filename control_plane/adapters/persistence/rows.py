"""What all repositories share: a table's rows as records, and inserts that may replace.

A record's fields have the names and the order of its table's columns (a test holds it).
Statements are built once per table, so that SQLAlchemy compiles each of them once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Delete, Insert, Row, Select, Table, Update, delete, select
from sqlalchemy.dialects import sqlite

from control_plane.adapters.persistence.steady import SteadyConnection

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Rows(Generic[R]):
    """A table's rows as records of type `R`, in one open transaction."""

    connection: SteadyConnection
    table: Table
    record: Callable[..., R]

    @property
    def columns(self) -> Any:
        """Columns by name."""
        return self.table.c

    def to_row(self, record: R) -> dict[str, Any]:
        """The record's fields, by name."""
        return {name: getattr(record, name) for name in _names(self.table)}

    def to_record(self, row: Row[Any]) -> R:
        return self.record(*row)

    def query(self, *where: ColumnElement[bool]) -> Select[Any]:
        return select(self.table).where(*where)

    async def one(self, *where: ColumnElement[bool]) -> R | None:
        return await self.first(self.query(*where))

    async def first(self, statement: Select[Any]) -> R | None:
        row = (await self.connection.execute(statement)).first()
        return None if row is None else self.to_record(row)

    async def all(self, statement: Select[Any]) -> list[R]:
        return [self.to_record(row) for row in (await self.connection.execute(statement)).rows]

    async def upsert(self, records: Sequence[R]) -> None:
        """Insert or replace, in one call of the driver."""
        if not records:
            return
        rows = [self.to_row(record) for record in records]
        # A single row is passed as such: drivers take a dearer path for a list.
        await self.connection.execute(
            _upsert(self.table, self.connection.dialect.name), rows[0] if len(rows) == 1 else rows
        )

    async def insert_new(self, record: R) -> bool:
        """Insert unless the key is taken; whether it was inserted."""
        statement = _insert_new(self.table, self.connection.dialect.name)
        return await self.affected(statement, self.to_row(record)) == 1

    async def delete(self, *where: ColumnElement[bool]) -> int:
        return await self.affected(delete(self.table).where(*where))

    async def affected(
        self, statement: Insert | Update | Delete, row: dict[str, Any] | None = None
    ) -> int:
        """Execute; how many rows changed."""
        return (await self.connection.execute(statement, row)).rowcount


def _insert(table: Table, dialect: str) -> "sqlite.Insert | postgresql.Insert":
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # its drivers take long to import

        return postgresql.insert(table)
    return sqlite.insert(table)


@cache
def _upsert(table: Table, dialect: str) -> Insert:
    statement = _insert(table, dialect)
    keys = [column.name for column in table.primary_key]
    rest = {c.name: statement.excluded[c.name] for c in table.c if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


@cache
def _insert_new(table: Table, dialect: str) -> Insert:
    keys = [column.name for column in table.primary_key]
    statement = _insert(table, dialect).on_conflict_do_nothing(index_elements=keys)
    return statement.execution_options(preserve_rowcount=True)  # else psycopg's is lost


@cache
def _names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.c)
