"""Databases of both kinds, empty."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from control_plane.adapters.persistence.database import SqlDatabase, open_database
from control_plane.adapters.persistence.tables import METADATA
from tests.postgres import cluster, find_bin


@pytest.fixture(scope="module")
def postgres() -> Iterator[str | None]:
    programs = find_bin()
    if programs is None:
        yield None
        return
    with cluster(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: str | None
) -> AsyncIterator[SqlDatabase]:
    if request.param == "postgresql" and postgres is None:
        pytest.skip("no PostgreSQL programs (initdb, postgres) on this machine")
    url = postgres if request.param == "postgresql" else f"sqlite:///{tmp_path}/caldera.db"
    opened = await open_database(str(url))
    yield opened
    if request.param == "postgresql":
        with opened._engine.begin() as connection:
            METADATA.drop_all(connection)
            connection.execute(text("DROP TABLE alembic_version"))
    await opened.close()
