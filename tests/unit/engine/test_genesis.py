"""Genesis files and saved states, byte for byte where it matters."""

import json
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.engine.genesis import genesis_json, make_alloc
from control_plane.adapters.engine.saved_state import (
    StateHead,
    read_head,
    read_state,
    write_state,
)
from control_plane.domain.errors import StorageFailed

A, B = "0x" + "aB" * 20, "0x" + "01" * 20
HEAD = StateHead(chain_id=901, block=7, hash="0x" + "11" * 32, at=1.5, length=4)


def test_patches_replace_words_however_they_are_written() -> None:
    baked: dict[str, dict[str, Any]] = {
        A: {"code": "0x00", "storage": {"0x0": "0x1", "0x" + "0" * 63 + "5": "0x2"}}
    }
    alloc = make_alloc(baked, {A.lower(): {"0x5": "0xab", "0x06": "0x1"}}, {B: 10**21})
    word = "0x" + "0" * 63
    assert alloc["ab" * 20]["storage"] == {
        word + "0": "0x1",
        word + "5": "0x" + "0" * 62 + "ab",
        word + "6": word + "1",
    }
    assert alloc["ab" * 20]["balance"] == "0x0"
    assert alloc["01" * 20] == {"balance": hex(10**21)}
    assert baked[A]["storage"]["0x0"] == "0x1"
    assert len(baked[A]["storage"]) == 2


def test_patch_of_an_unknown_contract_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        make_alloc({}, {A: {"0x0": "0x1"}}, {})


def test_balance_of_a_contract_keeps_its_code() -> None:
    assert make_alloc({A: {"code": "0x00"}}, {}, {A: 5})["ab" * 20] == {
        "code": "0x00",
        "balance": "0x5",
    }


def test_genesis_has_the_chain_id_and_the_time() -> None:
    found = json.loads(genesis_json(901, {"01" * 20: {"balance": "0x1"}}, 1_700_000_000))
    assert found["config"] == {"chainId": 901}
    assert int(found["timestamp"], 16) == 1_700_000_000
    assert int(found["gasLimit"], 16) == 60_000_000


def test_state_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "state"
    assert read_head(path) is None
    write_state(path, HEAD, b"\n\x00{}")
    assert read_head(path) == HEAD
    assert read_state(path) == (HEAD, b"\n\x00{}")
    assert [p.name for p in tmp_path.iterdir()] == ["state"]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "bad", [b"", b"{}\n", b"[]\nabcd", b'{"version":2}\nabcd', b"\xff" * 10_000, b'{"version":1}']
)
def test_what_is_no_state(tmp_path: Path, bad: bytes) -> None:
    path = tmp_path / "state"
    path.write_bytes(bad)
    assert read_head(path) is None
    with pytest.raises(StorageFailed, match="can't be read") as caught:
        read_state(path)
    assert str(path) in caught.value.detail


def test_state_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_state(path, HEAD, b"abcd")
    path.write_bytes(path.read_bytes()[:-1])
    assert read_head(path) == HEAD
    with pytest.raises(StorageFailed, match="not whole"):
        read_state(path)


def test_failed_write_leaves_the_old_state(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_state(path, HEAD, b"abcd")
    (tmp_path / "state.tmp").mkdir()
    with pytest.raises(StorageFailed, match="can't be saved"):
        write_state(path, HEAD, b"efgh")
    assert read_state(path)[1] == b"abcd"
