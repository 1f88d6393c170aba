"""The launcher that confines a program's writing, with a program that tries."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from control_plane.adapters.runtime import confined

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        sys.platform != "linux"
        or ctypes.CDLL(None).syscall(confined.CREATE_RULESET, None, 0, 1) < 1,
        reason="the kernel has no Landlock",
    ),
]
_TRY = "import os, sys; {}; sys.stdout.write('done')"


def run(allowed: Path, code: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-S", confined.__file__, str(allowed), "--"]
    return subprocess.run(
        [*command, sys.executable, "-c", _TRY.format(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    (tmp_path / "inside" / "deep").mkdir(parents=True)
    return tmp_path / "inside"


def test_writes_inside_and_into_nothing(inside: Path) -> None:
    code = (
        f"open('{inside}/deep/file', 'w').write('x'); os.rename('{inside}/deep/file', "
        f"'{inside}/file'); os.truncate('{inside}/file', 0); os.remove('{inside}/file'); "
        "open(os.devnull, 'w').write('x')"
    )
    done = run(inside, code)
    assert done.stdout == "done", done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "open('{}/file', 'w')",
        "open('{}/old', 'a')",
        "os.remove('{}/old')",
        "os.mkdir('{}/more')",
        "os.truncate('{}/old', 0)",
        "os.symlink('/etc/passwd', '{}/link')",
    ],
)
def test_neither_writes_nor_removes_outside(inside: Path, code: str) -> None:
    (inside.parent / "old").write_text("kept")
    done = run(inside, code.format(inside.parent))
    assert "PermissionError" in done.stderr
    assert (inside.parent / "old").read_text() == "kept"
    assert sorted(path.name for path in inside.parent.iterdir()) == ["inside", "old"]


def test_reads_outside(inside: Path) -> None:
    (inside.parent / "old").write_text("kept")
    assert run(inside, f"open('{inside.parent}/old').read()").stdout == "done"


def test_a_program_that_cannot_be_run_is_told(inside: Path) -> None:
    command = [sys.executable, "-I", "-S", confined.__file__, str(inside), "--", "/no/such"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 127
    assert "Fatal: /no/such can't be run" in done.stderr
