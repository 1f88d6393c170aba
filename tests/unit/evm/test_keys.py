"""Service keys: drawn once, kept secret, and the same for ever."""

import contextlib
import stat
import threading
from pathlib import Path

import pytest

from control_plane.adapters.evm.keys import derive, load_keys
from control_plane.domain.errors import StorageFailed
from tests.disks import small_disk


def test_drawn_once(tmp_path: Path) -> None:
    directory = tmp_path / "shop"
    first = load_keys(directory, 4)
    assert load_keys(directory, 4) == first
    assert load_keys(tmp_path / "other", 4).governor != first.governor


def test_more_guardians_leave_the_others_as_they_are(tmp_path: Path) -> None:
    few, many = load_keys(tmp_path, 2), load_keys(tmp_path, 7)
    assert many.guardians[:2] == few.guardians
    assert (many.governor, many.relayer, many.faucet) == (few.governor, few.relayer, few.faucet)
    assert [guardian.index for guardian in many.guardians] == list(range(7))


def test_all_keys_differ(tmp_path: Path) -> None:
    keys = load_keys(tmp_path, 50)
    secrets = [keys.governor.key, keys.relayer.key, keys.faucet.key]
    for guardian in keys.guardians:
        secrets += [guardian.account.key, guardian.bls_seed]
    assert len(set(secrets)) == len(secrets)
    assert all(len(secret) == 32 for secret in secrets)


def test_readable_by_the_user_alone(tmp_path: Path) -> None:
    directory = tmp_path / "shop"
    keys = load_keys(directory, 1)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "secrets").stat().st_mode) == 0o600
    assert [path.name for path in directory.iterdir()] == ["secrets"]  # no draft is left
    assert keys.governor.key.hex() not in (directory / "secrets").read_text()


def test_two_at_once_get_the_same_keys(tmp_path: Path) -> None:
    found = []
    start = threading.Barrier(8)

    def load() -> None:
        start.wait()
        found.append(load_keys(tmp_path / "shop", 1))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(keys == found[0] for keys in found)


@pytest.mark.parametrize("content", ["", "00ff", "no hex at all", "ab" * 33])
def test_damaged(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets").write_text(content)
    with pytest.raises(StorageFailed) as caught:
        load_keys(tmp_path, 1)
    assert str(tmp_path / "secrets") in str(caught.value)


def test_a_file_where_the_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("")
    with pytest.raises(StorageFailed):
        load_keys(tmp_path / "shop", 1)


def test_hkdf() -> None:
    """Against another implementation of RFC 5869."""
    from Crypto.Hash import SHA256
    from Crypto.Protocol.KDF import HKDF

    master, salt = bytes(range(32)), b"caldera/service-keys/v1"
    for purpose in ("governor", "guardian/3/bls"):
        other = HKDF(master, 32, salt, SHA256, context=purpose.encode())
        assert derive(master, purpose) == other


def test_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", kilobytes=16) as disk:
        with contextlib.suppress(OSError):
            (disk / "filler").write_bytes(bytes(64_000))
        with pytest.raises(StorageFailed):
            load_keys(disk, 1)
        (disk / "filler").unlink()
        assert not [path for path in disk.iterdir() if path.name.startswith(".secrets")]
        load_keys(disk, 1)
