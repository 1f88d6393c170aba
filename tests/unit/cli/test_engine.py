"""`caldera engine` as users see it: real look-ups, with scripts in the place of Go and programs.

``tests/golden/engine/NAME.txt`` holds command line, exit code, standard output and talk;
``UPDATE_GOLDEN=1 pytest tests/unit/cli/test_engine.py`` writes them anew.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from caldera_cli import engines
from caldera_cli.commands.engine import NAMES
from caldera_cli.main import main
from control_plane.adapters.engine.binaries import GROUPS, PROGRAMS
from tests.unit.engine.go import FakeGo, program

GOLDEN = Path(__file__).parents[2] / "golden" / "engine"
LOOK = """
import sys
from control_plane import engines
from control_plane.adapters.engine import go_build
go_build.INSTALLED = ()
go_build.find_spec = lambda name: None
sys.exit(engines.main(sys.argv[1:]))
"""
"""`control_plane.engines`, blind for the Go of this machine."""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    fake = FakeGo(tmp_path)
    for name, value in fake.environ.items():
        monkeypatch.setenv(name, value)
    for name in [name for name in os.environ if name.endswith("_BIN")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CALDERA_CACHE", str(fake.cache))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(engines, "_PROGRAM", (sys.executable, "-c", LOOK))
    return fake


def run(line: str, root: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code, and all that was told, without what differs from run to run."""
    capfd.readouterr()
    code = main(shlex.split(line))
    done = capfd.readouterr()
    out = re.sub(" {2,}", "  ", done.out)  # columns are as wide as this run's paths
    told = f"$ caldera {line}\nexit code {code}\n--- stdout\n{out}--- stderr\n{done.err}"
    told = told.replace(str(root), "/TMP")
    return code, re.sub(r"\.build-\w+", ".build-X", re.sub(r"-[0-9a-f]{12}/", "-HASH/", told))


def compare(name: str, told: str) -> None:
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(told)
    assert told == golden.read_text()


def test_ls(
    go: FakeGo, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program(go.bin / "op-batcher", "op-batcher version v1.17.0")
    monkeypatch.setenv("OP_NODE_BIN", str(program(tmp_path / "mine", "op-node version v1.16.0")))
    code, told = run("engine ls", tmp_path, capfd)
    assert code == 0
    compare("ls", told)
    assert go.builds() == []


def test_ls_json(go: FakeGo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program(go.bin / "op-geth", "geth version 1.101411.0-stable")
    code, told = run("engine ls --json", tmp_path, capfd)
    assert code == 0
    compare("ls-json", told)


def test_ls_without_go(go: FakeGo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    go.remove()
    code, told = run("engine ls", tmp_path, capfd)
    assert code == 0
    compare("ls-without-go", told)


def test_install(go: FakeGo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, told = run("engine install op-node da-server", tmp_path, capfd)
    assert code == 0
    compare("install", told)
    code, told = run("engine install op-node --json", tmp_path, capfd)
    assert code == 0
    compare("install-again-json", told)
    assert len(go.builds()) == 2


def test_install_without_go(go: FakeGo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    go.remove()
    code, told = run("engine install op-geth", tmp_path, capfd)
    assert code == 6
    compare("install-without-go", told)


def test_install_unknown(go: FakeGo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, told = run("engine install op-geht", tmp_path, capfd)
    assert code == 3
    compare("install-unknown", told)


def test_install_that_fails(
    go: FakeGo, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_DOES", "fails")
    code, told = run("engine install op-proposer", tmp_path, capfd)
    assert code == 1
    compare("install-that-fails", told)


def test_completion_knows_all_names() -> None:
    assert set(NAMES) == {*PROGRAMS, *GROUPS}


def test_nothing_of_an_ended_build_goes_on(go: FakeGo, tmp_path: Path) -> None:
    environ = {**os.environ, "FAKE_GO_DOES": "hangs"}
    command = [sys.executable, "-c", LOOK, "install", "op-node"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as child:
        pid = wait_for_pid(Path(f"{go.log}.pid"))
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not list(go.cache.rglob(".build-*"))


def wait_for_pid(file: Path) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if file.exists() and (text := file.read_text()):
            return int(text)
        time.sleep(0.02)
    raise AssertionError(f"{file} did not come")
