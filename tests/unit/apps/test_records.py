"""Records of apps as files."""

from pathlib import Path

import pytest

from control_plane.adapters.app_records import AppFiles
from control_plane.domain.apps.record import Act, AppRecord
from control_plane.domain.errors import StorageFailed

ACT = Act(
    kind="contract",
    contract="token",
    digest="aa",
    tx="0x01",
    raw="0x02",
    nonce=3,
    address="0x" + "11" * 20,
    made_of="bb",
    peers=("arb", "zk"),
)
OWNER = "0x" + "22" * 20


@pytest.fixture
def files(tmp_path: Path) -> AppFiles:
    (tmp_path / "net").mkdir()
    return AppFiles(lambda name: tmp_path / name)


def test_what_is_written_is_read(files: AppFiles, tmp_path: Path) -> None:
    assert files.get("net", "shop") is None
    assert files.names("net") == []
    files.owned("net", "shop", OWNER)
    files.noted("net", "shop", "op", ACT)
    files.noted("net", "shop", "arb", ACT)
    record = AppRecord("shop", OWNER).with_act("op", ACT).with_act("arb", ACT)
    assert files.get("net", "shop") == record
    assert files.names("net") == ["shop"]
    done = ACT.done(7, "0x03")
    files.noted("net", "shop", "op", done)
    files.forgotten("net", "shop", "arb", ACT)
    files.owned("net", "shop", "0x33")
    assert files.get("net", "shop") == AppRecord("shop", "0x33", {"op": {ACT.id: done}, "arb": {}})


@pytest.mark.parametrize("cut", [b"{", b'{"rollup": "op", "noted": {}}'])
def test_a_line_that_was_cut_off_never_was(files: AppFiles, tmp_path: Path, cut: bytes) -> None:
    files.owned("net", "shop", OWNER)
    path = tmp_path / "net" / "apps" / "shop.jsonl"
    with path.open("ab") as file:
        file.write(cut)
    assert files.get("net", "shop") == AppRecord("shop", OWNER)
    files.noted("net", "shop", "op", ACT)
    assert files.get("net", "shop") == AppRecord("shop", OWNER).with_act("op", ACT)


@pytest.mark.parametrize(
    "content",
    ["\n", "[]\n", "{}\n", '{"version": 2, "owned": "0x"}\n', '{"rollup": "op", "noted": {}}\n'],
)
def test_what_can_not_be_read_is_told_with_its_place(
    files: AppFiles, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "net" / "apps" / "shop.jsonl"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(StorageFailed) as raised:
        files.get("net", "shop")
    assert str(path) in raised.value.detail


def test_what_can_not_be_written(files: AppFiles) -> None:
    with pytest.raises(StorageFailed, match="can't be written"):
        files.noted("gone", "shop", "op", ACT)
