"""Deriving processes as copies of one: each on its own, whoever is killed, and none left behind."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.derivation import process
from control_plane.adapters.derivation.copies import IS_AVAILABLE, original
from control_plane.adapters.derivation.process import DerivingProcess
from control_plane.domain.errors import TemporaryFailure

pytestmark = pytest.mark.skipif(not IS_AVAILABLE, reason="copies are made on Linux only")


async def site() -> Mapping[str, Any]:
    """No block is asked for that would need more."""
    return {"l1": "ws://127.0.0.1:1", "inbox": "0x" + "0a" * 20, "chain_id": 901, "genesis": {}}


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[list[DerivingProcess]]:
    made = [DerivingProcess(site, tmp_path / f"{n}.log") for n in range(3)]
    yield made
    for each in made:
        await each.close()


async def pids(processes: list[DerivingProcess]) -> list[int]:
    """Of processes that all have answered."""
    assert await asyncio.gather(*(each.block(1) for each in processes)) == [None] * len(processes)
    return [each._child.pid for each in processes if each._child is not None]


def parent(pid: int) -> int:
    text = Path(f"/proc/{pid}/stat").read_text()
    return int(text[text.rfind(")") + 2 :].split()[1])


def private(pid: int) -> int:
    """Bytes that no other process has."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private"))


async def test_they_share_what_is_imported_and_nothing_else(
    three: list[DerivingProcess],
) -> None:
    found = await pids(three)
    assert len(set(found)) == 3
    (one,) = {parent(pid) for pid in found}
    assert one not in {os.getpid(), *found}
    assert all(private(pid) < 20e6 for pid in found)
    assert len({os.getsid(pid) for pid in found}) == 3  # a signal to one's group is for it alone


async def test_one_that_is_killed_is_in_nobodys_way(three: list[DerivingProcess]) -> None:
    first, *others = await pids(three)
    os.kill(first, signal.SIGKILL)
    assert three[0]._child is not None
    assert await three[0]._child.wait() == -signal.SIGKILL
    again, *same = await pids(three)
    assert again != first
    assert same == others
    await three[1].close()
    with pytest.raises(ProcessLookupError):
        os.kill(others[0], 0)
    assert (await pids(three))[::2] == [again, others[1]]


async def test_all_end_with_the_original_and_come_back(three: list[DerivingProcess]) -> None:
    before = await pids(three)
    os.kill(parent(before[0]), signal.SIGKILL)
    for each in three:
        assert each._child is not None
        assert await each._child.wait() == -1
    assert not set(await pids(three)) & set(before)


async def test_nothing_is_left_when_nobody_derives(three: list[DerivingProcess]) -> None:
    found = await pids(three)
    one = parent(found[0])
    for each in three:
        await each.close()
    for pid in (one, *found):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert original()._process is None


async def test_whoever_goes_away_before_it_is_there_leaves_none(
    three: list[DerivingProcess],
) -> None:
    (kept,) = await pids(three[:1])
    one = parent(kept)
    for after in range(30):
        asking = asyncio.create_task(three[1].block(1))
        await asyncio.sleep(after / 500)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    _, last = await pids(three[:2])
    async with asyncio.timeout(10):
        while {kept, last} != set(_children(one)):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


async def test_without_copies_each_imports_all_for_itself(
    three: list[DerivingProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "IS_AVAILABLE", False)
    (pid,) = await pids(three[:1])
    assert parent(pid) == os.getpid()
    await three[0].close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_it_says_when_it_fails_is_in_its_own_log(
    three: list[DerivingProcess], tmp_path: Path
) -> None:
    await pids(three)
    child = three[2]._child
    assert child is not None
    child.stdin.write(b"no question\n")
    with pytest.raises(TemporaryFailure, match=r"exit code 1; log: .*2\.log"):
        await three[2].block(1)
    assert "JSONDecodeError" in (tmp_path / "2.log").read_text()
    assert (tmp_path / "1.log").read_text() == ""


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
