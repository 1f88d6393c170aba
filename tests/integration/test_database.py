"""The database on a real disk: killed, full, read-only, damaged, older and newer."""

import asyncio
import contextlib
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from control_plane.adapters.persistence import schema
from control_plane.adapters.persistence.database import SqlDatabase, open_database
from control_plane.adapters.persistence.tables import METADATA, REVISIONS
from control_plane.domain.errors import InvalidInput, StorageFailed, TemporaryFailure
from control_plane.domain.records import CursorRecord
from tests.disks import small_disk

pytestmark = pytest.mark.integration


def url(path: Path) -> str:
    return f"sqlite:///{path}"


# ---------------------------------------------------------------- schema


async def test_new_is_made_at_once_and_stamped(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "caldera.db"
    await (await open_database(url(path))).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (REVISIONS[-1],)
        ]


def test_opening_imports_no_alembic(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from control_plane.adapters.persistence.database import open_database\n"
        f"asyncio.run(open_database({url(tmp_path / 'x.db')!r}))\n"
        "assert not any(name.split('.')[0] == 'alembic' for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    known = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(known)) == REVISIONS
    engine = create_engine(f"sqlite:///{tmp_path}/migrated.db")
    with engine.begin() as connection:
        schema.upgrade(connection)
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == REVISIONS[-1]
    engine.dispose()
    with sqlite3.connect(tmp_path / "migrated.db") as plain:
        (made,) = plain.execute("SELECT sql FROM sqlite_master WHERE name='events'").fetchone()
    assert "AUTOINCREMENT" in made


async def test_an_older_database_is_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "caldera.db"
    database = await open_database(url(path))
    async with database.begin() as unit:
        await unit.cursors.put(CursorRecord("shop", "indexer", "op", 7, "0x"))
    await database.close()
    migrations = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, migrations)
    (migrations / "versions" / "9999_more.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision = '9999', {REVISIONS[-1]!r}\n"
        "def upgrade():\n"
        "    op.add_column('cursors', sa.Column('more', sa.Integer(), server_default='5'))\n"
    )
    monkeypatch.setattr(schema, "MIGRATIONS", migrations)
    monkeypatch.setattr(schema, "REVISIONS", (*REVISIONS, "9999"))
    database = await open_database(url(path))
    async with database.begin() as unit:
        assert await unit.cursors.get("shop", "indexer", "op") is not None
    await database.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT more FROM cursors").fetchall() == [(5,)]
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [("9999",)]


async def test_a_migration_that_fails_leaves_the_database_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "caldera.db"
    await (await open_database(url(path))).close()
    migrations = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, migrations)
    (migrations / "versions" / "9999_bad.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision = '9999', {REVISIONS[-1]!r}\n"
        "def upgrade():\n"
        "    op.create_table('half', sa.Column('x', sa.Integer()))\n"
        "    op.drop_table('is_not_there')\n"
    )
    monkeypatch.setattr(schema, "MIGRATIONS", migrations)
    monkeypatch.setattr(schema, "REVISIONS", (*REVISIONS, "9999"))
    with pytest.raises(Exception, match="is_not_there"):
        await open_database(url(path))
    engine = create_engine(url(path))
    assert "half" not in inspect(engine).get_table_names()
    engine.dispose()


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "caldera.db"
    await (await open_database(url(path))).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '2040'")
    with pytest.raises(StorageFailed, match="newer version") as caught:
        await open_database(url(path))
    assert "2040" in caught.value.detail


async def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE messages (id)")
    with pytest.raises(StorageFailed, match="no revision"):
        await open_database(url(tmp_path / "x.db"))


# ---------------------------------------------------------------- faults


async def test_a_commit_survives_kill9(tmp_path: Path) -> None:
    path = tmp_path / "caldera.db"
    program = (
        "import asyncio, os\n"
        "from control_plane.adapters.persistence.database import open_database\n"
        "async def main():\n"
        f"    database = await open_database({url(path)!r})\n"
        "    epoch = 0\n"
        "    while True:\n"
        "        epoch += 1\n"
        "        async with database.begin() as unit:\n"
        "            await unit.votes.record('shop', 0, epoch, '0xab')\n"
        "        os.write(1, b'%d\\n' % epoch)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)  # noqa: ASYNC220
    assert process.stdout is not None
    for _ in range(200):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    told = int((b"200\n" + process.stdout.read()).split()[-1])
    process.wait()
    process.stdout.close()
    database = await open_database(url(path))
    async with database.begin() as unit:
        assert await unit.votes.highest_epoch("shop") >= told
    await database.close()


async def test_two_processes_that_write_wait_for_each_other(tmp_path: Path) -> None:
    first, second = [await open_database(url(tmp_path / "x.db")) for _ in range(2)]

    async def write(database: SqlDatabase, agent: str) -> None:
        for block in range(100):
            async with database.begin() as unit:
                await unit.cursors.put(CursorRecord("shop", agent, "op", block, "0x"))

    await asyncio.gather(write(first, "a"), write(second, "b"))
    async with first.begin() as unit:
        found = [await unit.cursors.get("shop", agent, "op") for agent in ("a", "b")]
    assert [cursor and cursor.block for cursor in found] == [99, 99]
    await first.close()
    await second.close()


async def test_a_lock_held_too_long_is_a_temporary_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control_plane.adapters.persistence.database._BUSY_TIMEOUT", 0.05)
    database = await open_database(url(tmp_path / "x.db"))
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TemporaryFailure, match="locked"):
        async with database.begin():
            pass
    other.execute("COMMIT")
    other.close()
    async with database.begin() as unit:
        assert await unit.devnets.list() == []
    await database.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", kilobytes=512) as mounted:
        yield mounted


def fill(disk: Path) -> None:
    """Write until nothing more fits."""
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)


async def test_a_full_disk_is_one_clear_error_and_nothing_is_half_done(disk: Path) -> None:
    database = await open_database(url(disk / "caldera.db"))
    async with database.begin() as unit:
        await unit.cursors.put(CursorRecord("shop", "indexer", "op", 1, "0x"))
    (disk / "filler").write_bytes(b"x" * 4096)
    with pytest.raises(StorageFailed, match="disk is full"):  # noqa: PT012 - at some write
        for number in range(400):
            async with database.begin() as unit:
                await unit.events.append("shop", 1.0, "filler", None, {"x": "y" * 4000})
                await unit.cursors.put(CursorRecord("shop", "indexer", "op", number, "0x"))
    (disk / "filler").unlink()
    async with database.begin() as unit:
        events = await unit.events.since("shop", 0)
        cursor = await unit.cursors.get("shop", "indexer", "op")
    assert cursor is not None
    assert cursor.block == len(events) - 1
    await database.close()


async def test_a_disk_full_from_the_start(disk: Path) -> None:
    fill(disk)
    with pytest.raises(StorageFailed):
        await open_database(url(disk / "caldera.db"))


async def test_a_read_only_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", kilobytes=1024) as disk:
        await (await open_database(url(disk / "caldera.db"))).close()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)  # noqa: ASYNC221
        with pytest.raises(StorageFailed, match="can't be opened") as caught:
            await open_database(url(disk / "caldera.db"))
        assert "Read-only" in caught.value.detail


async def test_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(StorageFailed, match="damaged"):
        await open_database(url(tmp_path / "x.db"))


async def test_a_path_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "x.db", tmp_path):
        with pytest.raises(StorageFailed, match="can't be opened") as caught:
            await open_database(url(path))
        assert str(path) in caught.value.detail


@pytest.mark.parametrize("bad", ["mysql://h/db", "nonsense", "", "sqlite://", "sqlite:///:memory:"])
async def test_an_unknown_url(bad: str) -> None:
    with pytest.raises(InvalidInput):
        await open_database(bad)


async def test_no_server_there() -> None:
    with pytest.raises((StorageFailed, TemporaryFailure)):
        await open_database("postgresql://caldera:secret@127.0.0.1:1/db")
