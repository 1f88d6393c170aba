"""Brings a database's tables to what this version describes.

A new database is made from them at once and stamped with the newest revision, without
importing Alembic; an older one is migrated by it; a newer one is refused.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

from control_plane.adapters.persistence.tables import METADATA, REVISIONS
from control_plane.domain.errors import StorageFailed

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_VERSION: Final = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True)
)
"""Alembic's own table."""


def prepare_schema(connection: Connection, where: str) -> None:
    """Make or upgrade the tables within the open transaction; `where` names the database.

    Raises StorageFailed when the database is not ours or was made by a newer version.
    """
    revision = _revision(connection, where)
    if revision is None:
        _create(connection)
    elif revision not in REVISIONS:
        raise StorageFailed(
            "The database was made by a newer version",
            f"{where} has revision {revision}, this version knows up to {REVISIONS[-1]}",
            "Install the newer version of Caldera again, or use another CALDERA_HOME.",
        )
    elif revision != REVISIONS[-1]:
        upgrade(connection)


def _revision(connection: Connection, where: str) -> str | None:
    """The database's revision; None when it is empty."""
    tables = set(inspect(connection).get_table_names())
    if _VERSION.name in tables:
        found = connection.execute(select(_VERSION.c.version_num)).scalar()
        return str(found) if found is not None else None
    if tables & set(METADATA.tables):
        raise StorageFailed(
            "The database has no revision",
            f"{where} has tables of the right names but was not made by Caldera",
            "Name another database.",
        )
    return None


def _create(connection: Connection) -> None:
    METADATA.create_all(connection)
    _VERSION.create(connection, checkfirst=True)
    connection.execute(insert(_VERSION), {"version_num": REVISIONS[-1]})


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to `revision` on an open connection."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
