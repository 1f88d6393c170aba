import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from control_plane.daemon_files import UtcFormatter
from control_plane.domain.errors import InvalidInput
from control_plane.services.agent_log import (
    AgentLogHandler,
    LoggedAs,
    agent_log_path,
    logged_as,
)
from control_plane.services.logs import follow_log, parse_since, read_log

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()


def test_since_is_a_time_ago_or_a_moment() -> None:
    assert parse_since("5m", NOON) == NOON - 300
    assert parse_since("90", NOON) == NOON - 90
    assert parse_since("250ms", NOON) == NOON - 0.25
    assert parse_since("2026-01-31T12:00:00Z") == NOON
    assert parse_since("2026-01-31T13:00:00+01:00") == NOON
    for text in ("", "soon", "5 minutes", "-5m", "9" * 400, "2026-13-01"):
        with pytest.raises(InvalidInput):
            parse_since(text)


def test_reads_the_end_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"line {n}\n" for n in range(100_000)) + "not complete")
    assert read_log(path, tail=2) == ["line 99998", "line 99999"]
    assert len(read_log(path)) == 10_000
    assert read_log(path, tail=0) == []
    assert read_log(tmp_path / "none") == []


def test_a_line_without_a_time_has_that_of_the_line_before(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(
        "2026-01-31T11:59:59.900Z INFO old\n  of the old one\n"
        '    Block Time: "Sat, 31 Jan 2026 12:00:00 +0000"\n  of the block\n'
        "2026-01-31T12:00:01Z INFO new\n"
    )
    assert [line.split()[-1] for line in read_log(path, since=NOON)] == ['+0000"', "block", "new"]
    assert read_log(path, since=NOON, tail=1)[0].endswith("new")


def test_lines_without_any_time_count_by_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a\nb\n")
    changed = path.stat().st_mtime
    assert read_log(path, since=changed - 1) == ["a", "b"]
    assert read_log(path, since=changed + 1) == []


def test_control_characters_are_shown_not_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\x1b[31mred\x1b[0m\tta\xffb\r\n")
    assert read_log(path) == ["\\x1b[31mred\\x1b[0m\tta\ufffdb"]


async def test_follows_growth_replacement_and_cuts(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntwo\nthr")
    stream = follow_log(path, tail=1)
    async with asyncio.timeout(5):
        assert await anext(stream) == "two"
        with path.open("a") as file:
            file.write("ee\nfour\n")
        assert [await anext(stream), await anext(stream)] == ["three", "four"]
        path.rename(tmp_path / "log.1")
        path.write_text("five\n")
        assert await anext(stream) == "five"
        path.write_text("6\n")
        assert await anext(stream) == "6"
        await stream.aclose()  # type: ignore[attr-defined]


async def test_waits_for_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    stream = follow_log(tmp_path / "log")
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.01)
    (tmp_path / "log").write_text("first\n")
    assert await asyncio.wait_for(waiting, 5) == "first"
    await stream.aclose()  # type: ignore[attr-defined]


async def test_ends_with_the_directory(tmp_path: Path) -> None:
    path = tmp_path / "shop" / "node.log"
    path.parent.mkdir()
    path.write_text("one\n")
    lines = follow_log(path)
    async with asyncio.timeout(5):
        assert await anext(lines) == "one"
        path.unlink()
        path.parent.rmdir()
        assert [line async for line in lines] == []


async def test_each_agent_has_its_own_log(tmp_path: Path) -> None:
    (tmp_path / "devnets" / "shop").mkdir(parents=True)
    logger = logging.getLogger("test.agents")
    logger.setLevel(logging.INFO)
    handler = AgentLogHandler(tmp_path)
    handler.setFormatter(UtcFormatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:

        async def agent(devnet: str, service: str) -> None:
            logged_as.set(LoggedAs(devnet, service))
            await asyncio.create_task(child(service))

        async def child(service: str) -> None:
            logger.info("from %s", service)

        await asyncio.gather(
            agent("shop", "relayer"), agent("shop", "op/sequencer"), agent("gone", "relayer")
        )
        logger.info("from nobody")
    finally:
        logger.removeHandler(handler)
    (line,) = read_log(agent_log_path(tmp_path, "shop", "relayer"), since=NOON)
    assert line.endswith("INFO from relayer")
    (line,) = read_log(agent_log_path(tmp_path, "shop", "op/sequencer"))
    assert line.endswith("from op/sequencer")
    assert not (tmp_path / "devnets" / "gone").exists()
