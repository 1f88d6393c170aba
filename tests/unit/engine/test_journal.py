"""The journal of sealed blocks: what is in it after crashes, reorgs and a full disk."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.engine import journal as module
from control_plane.adapters.engine.journal import Journal, restore_head
from control_plane.domain.errors import Conflict, StorageFailed
from control_plane.domain.ids import Hex
from control_plane.domain.ports.engine_api import (
    ForkChoice,
    HeadUnknown,
    Payload,
    PayloadAttributes,
)
from control_plane.domain.rpc import RpcError

ROOT = Hex("0x" + "00" * 32)


def name(number: int, branch: str = "a") -> Hex:
    return Hex("0x" + (branch * 2 + f"{number:x}").rjust(64, "0"))


def block(number: int, branch: str = "a", parent: Hex | None = None) -> Payload:
    return Payload(
        {
            "blockNumber": hex(number),
            "blockHash": name(number, branch),
            "parentHash": parent or name(number - 1, branch),
            "timestamp": hex(1_700_000_000 + number),
            "transactions": ["0x7e" + "ab" * 40],
        },
        ROOT,
    )


async def filled(journal: Journal, count: int) -> Journal:
    for number in range(1, count + 1):
        await journal.append(block(number))
    return journal


Opens = Callable[..., Journal]


@pytest.fixture(name="opens")
def _opens(tmp_path: Path) -> Iterator[Opens]:
    """Opens the one journal of the test, any number of times."""
    opened: list[Journal] = []

    def opens(**more: Any) -> Journal:
        opened.append(Journal(tmp_path / "journal", **more))
        return opened[-1]

    yield opens
    for journal in opened:
        journal.close()


async def test_what_was_appended_is_read_by_the_next(opens: Opens, tmp_path: Path) -> None:
    journal = await filled(opens(), 5)
    again = opens()
    assert again.head == journal.head
    assert [again.read(n) for n in range(1, 6)] == [block(n) for n in range(1, 6)]
    assert again.read(6) is None
    assert oct((tmp_path / "journal").stat().st_mode)[-3:] == "700"


@pytest.mark.parametrize("cut", [1, 20, 200])
async def test_a_torn_tail_is_left_out_and_never_written_behind(
    opens: Opens, tmp_path: Path, cut: int
) -> None:
    journal = await filled(opens(), 3)
    journal.close()
    file = tmp_path / "journal" / "000001.log"
    os.truncate(file, file.stat().st_size - cut)
    again = opens()
    assert again.head is not None
    assert again.head.number == 2
    await again.append(block(3, parent=name(2)))
    assert opens().read(3) == block(3)


async def test_a_damaged_line_breaks_the_chain_there(opens: Opens, tmp_path: Path) -> None:
    journal = await filled(opens(), 4)
    journal.close()
    file = tmp_path / "journal" / "000001.log"
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)
    again = opens()
    assert again.head is not None
    assert again.head.number == 4
    assert again.read(2) is None
    assert again.read(4) == block(4)


async def test_a_reorg_is_a_lower_block(opens: Opens, tmp_path: Path) -> None:
    journal = await filled(opens(), 6)
    await journal.append(block(4, "b", parent=name(3)))
    for found in (journal, opens()):
        assert found.head is not None
        assert (found.head.number, found.head.hash) == (4, name(4, "b"))
        assert found.read(5) is None
        assert found.read(3) == block(3)


async def test_only_one_writes(opens: Opens, tmp_path: Path) -> None:
    first = await filled(opens(), 1)
    second = opens()
    with pytest.raises(Conflict, match="Another sequencer"):
        await second.append(block(2))
    first.close()
    await second.append(block(2))


async def test_old_files_go_and_recent_ones_stay(
    opens: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SEGMENT_BLOCKS", 10)
    later = 0.0
    journal = opens(clock=lambda: tmp_path.stat().st_mtime + later)
    for number in range(1, 41):
        await journal.append(block(number))
    assert journal.entry(1) is not None, "everything is younger than two minutes"
    later = 1_000.0
    for number in range(41, 61):
        await journal.append(block(number))
    again = opens()
    assert again.entry(1) is None
    assert all(again.read(n) == block(n) for n in range(41, 61))
    assert journal.entry(1) is None


async def test_a_full_disk_is_told_and_what_follows_is_whole(
    opens: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await filled(opens(), 2)
    write = module._write

    def half(out: Any, line: bytes) -> None:
        out.write(line[: len(line) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "_write", half)
    with pytest.raises(StorageFailed, match="No space left"):
        await journal.append(block(3))
    assert journal.head is not None
    assert journal.head.number == 2
    monkeypatch.setattr(module, "_write", write)
    await journal.append(block(3))
    assert opens().read(3) == block(3)


class FakeEngine:
    """An engine with blocks up to a height, the last of them without their state."""

    def __init__(self, height: int, branch: str = "a", without_state: int = 0) -> None:
        self.head = height - without_state
        self.chain = {n: name(n, branch) for n in range(self.head + 1)}
        self._known = {name(n, branch): n for n in range(height + 1)}
        self._states = set(self.chain.values())
        self.given: list[int] = []
        self.frozen = 0
        self.cut: list[int] = []

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_blockNumber":
            return hex(self.head)
        if method == "debug_dbAncients":
            return self.frozen
        if method == "debug_setHead":
            self.cut.append(int(params[0], 16))
            return None
        if params[0] == "finalized":
            raise RpcError("refused", "finalized block not found")
        hash_ = self.chain.get(int(params[0], 16))
        return None if hash_ is None else {"hash": hash_}

    async def new_payload(self, payload: Payload) -> None:
        self.given.append(payload.number)
        if payload.hash in self._known:
            return
        if payload.parent not in self._states:
            raise HeadUnknown("syncing")
        self._known[payload.hash] = payload.number
        self._states.add(payload.hash)

    async def forkchoice_updated(
        self, choice: ForkChoice, attributes: PayloadAttributes | None = None
    ) -> str | None:
        if choice.head not in self._known:
            raise HeadUnknown("syncing")
        self.head = self._known[choice.head]
        self._states.add(choice.head)
        return None

    async def get_payload(self, identity: str) -> Payload:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


async def test_an_engine_gets_what_it_lost(opens: Opens, tmp_path: Path) -> None:
    journal = await filled(opens(), 9)
    engine = FakeEngine(7)
    assert await restore_head(engine, engine, journal) == 9
    assert (engine.given, engine.head) == ([8, 9], 9)


async def test_an_engine_that_is_ahead_is_left_alone(opens: Opens, tmp_path: Path) -> None:
    journal = await filled(opens(), 5)
    engine = FakeEngine(7)
    assert await restore_head(engine, engine, journal) == 7
    assert engine.given == []


async def test_an_engine_without_its_newest_states_gets_those_blocks_again(
    opens: Opens, tmp_path: Path
) -> None:
    journal = await filled(opens(), 9)
    engine = FakeEngine(7, without_state=2)
    assert await restore_head(engine, engine, journal) == 9
    assert (engine.given, engine.head) == ([6, 7, 8, 8, 9], 9)


async def test_an_engine_on_the_branch_that_was_left_changes_over(
    opens: Opens, tmp_path: Path
) -> None:
    journal = await filled(opens(), 6)
    await journal.append(block(4, "b", parent=name(3)))
    engine = FakeEngine(6)
    assert await restore_head(engine, engine, journal) == 4
    assert (engine.given, engine.cut) == ([4], [])


async def test_a_branch_that_the_engine_holds_for_final_is_cut_off(opens: Opens) -> None:
    journal = await filled(opens(), 6)
    await journal.append(block(4, "b", parent=name(3)))
    engine = FakeEngine(6)
    engine.frozen = 6  # blocks 0 to 5
    assert await restore_head(engine, engine, journal) == 4
    assert engine.cut == [3]


async def test_a_journal_of_another_chain_is_refused(opens: Opens, tmp_path: Path) -> None:
    journal = await filled(opens(), 6)
    engine = FakeEngine(5, "c")
    with pytest.raises(StorageFailed, match="does not fit"):
        await restore_head(engine, engine, journal)
