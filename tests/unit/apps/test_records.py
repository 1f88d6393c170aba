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
RECORD = AppRecord("shop", "0x" + "22" * 20).with_act("op", ACT)


@pytest.fixture
def files(tmp_path: Path) -> AppFiles:
    return AppFiles(lambda name: tmp_path / name)


def test_what_is_put_is_got(files: AppFiles, tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    assert files.get("net", "shop") is None
    assert files.names("net") == []
    files.put("net", RECORD)
    assert files.get("net", "shop") == RECORD
    assert files.names("net") == ["shop"]
    done = RECORD.with_act("op", ACT.done(7, "0x03"))
    files.put("net", done)
    assert files.get("net", "shop") == done
    assert [path.name for path in (tmp_path / "net" / "apps").iterdir()] == ["shop.json"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 2, "rollups": {}}'])
def test_what_can_not_be_read_is_told_with_its_place(
    files: AppFiles, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "net" / "apps" / "shop.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(StorageFailed) as raised:
        files.get("net", "shop")
    assert str(path) in raised.value.detail


def test_what_can_not_be_written(files: AppFiles) -> None:
    with pytest.raises(StorageFailed, match="can't be written"):
        files.put("gone", RECORD)
