"""Checkpoints on disk: written once, found by relayers, given out as S3 objects."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.adapters.checkpoints import (
    CheckpointFiles,
    CheckpointShelf,
    stored_object,
)
from control_plane.domain.errors import StorageFailed
from control_plane.domain.hyperlane import Announcement, Checkpoint, SignedCheckpoint

CHECKPOINT = Checkpoint(b"\x0a" * 20, 901, b"\x0b" * 32, 4, b"\x0c" * 32)
SIGNED = SignedCheckpoint(CHECKPOINT, b"\x0d" * 64 + b"\x1b")
OTHER = SignedCheckpoint(replace(CHECKPOINT, root=b"\x0e" * 32), b"\x0f" * 64 + b"\x1c")


@pytest.fixture
async def files(tmp_path: Path) -> CheckpointFiles:
    made = CheckpointFiles("shop", tmp_path, "validator-0", "op")
    announcement = Announcement(b"\x01" * 20, b"\x02" * 20, 901, made.locations[0])
    await made.announce(announcement, bytes(65))
    return made


async def test_places_are_what_agents_read(files: CheckpointFiles, tmp_path: Path) -> None:
    await files.add(SIGNED)
    await files.reach(4)
    directory = tmp_path / "checkpoints" / "validator-0" / "op"
    assert files.locations == (f"file://{directory}", "s3://shop/local/checkpoints/validator-0/op")
    assert sorted(path.name for path in directory.iterdir()) == [
        "4_with_id.json", "announcement.json", "index.json", "metadata_latest.json"
    ]  # fmt: skip
    assert (directory / "index.json").read_text() == "4"
    assert json.loads((directory / "4_with_id.json").read_text()) == SIGNED.to_json()


async def test_an_index_is_taken_once(files: CheckpointFiles) -> None:
    assert await files.read(4) is None
    assert await files.add(SIGNED) == SIGNED
    assert await files.add(OTHER) == SIGNED, "what stands there stays"
    assert await files.read(4) == SIGNED


async def test_what_is_no_checkpoint_is_no_reason_to_sign(
    files: CheckpointFiles, tmp_path: Path
) -> None:
    (tmp_path / "checkpoints/validator-0/op/4_with_id.json").write_text("{}")
    with pytest.raises(StorageFailed, match="4_with_id"):
        await files.add(SIGNED)


async def test_relayers_find_them(files: CheckpointFiles, tmp_path: Path) -> None:
    await files.add(SIGNED)
    shelf, validator = CheckpointShelf(tmp_path, {901: "op"}), "0x" + "01" * 20
    assert await shelf.find(validator, 901, 4) == SIGNED
    assert await shelf.find(validator, 901, 5) is None
    assert await shelf.find(validator, 902, 4) is None
    assert await shelf.find("0x" + "02" * 20, 901, 4) is None


async def test_objects_have_the_names_of_s3(files: CheckpointFiles, tmp_path: Path) -> None:
    await files.add(SIGNED)
    await files.reach(4)
    at = "validator-0/op"
    found = stored_object(tmp_path, f"{at}/checkpoint_4_with_id.json")
    assert found is not None
    assert json.loads(found) == SIGNED.to_json()
    assert stored_object(tmp_path, f"{at}/checkpoint_latest_index.json") == b"4"
    for name in ("announcement.json", "metadata_latest.json"):
        assert stored_object(tmp_path, f"{at}/{name}")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "validator-0/op",
        "validator-0/op/",
        "validator-0/op/checkpoint_9_with_id.json",
        "validator-0/op/secrets",
        "../secrets/x_with_id.json",
        "validator-0/../secrets",
        "validator-0/op/../../../secrets",
        "validator-0/op/.4_with_id.json-1",
        "nobody/op/announcement.json",
        "validator-0/announcement.json/announcement.json",
    ],
)
async def test_nothing_else_is_given_out(files: CheckpointFiles, tmp_path: Path, key: str) -> None:
    (tmp_path / "secrets").write_text("x")
    (tmp_path / "checkpoints/validator-0/op/secrets").write_text("x")
    assert stored_object(tmp_path, key) is None
