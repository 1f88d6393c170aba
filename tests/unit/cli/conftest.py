"""A daemon whose control plane runs nothing, and the command line in this process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from caldera_cli.daemon import read_info
from caldera_cli.main import main

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Done:
    """What a command line did."""

    code: int
    out: str
    err: str


class Caldera:
    """Runs command lines in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        code = main(arguments)
        captured = self._capsys.readouterr()
        return Done(code, captured.out, captured.err)


def start_fake_daemon(home: Path) -> int:
    """Start it; its process id. It listens when this returns."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CALDERA_PORT": "0"}
    subprocess.run(
        [sys.executable, "-m", "tests.unit.cli.fake_daemon", "--detached", "--home", str(home)],
        env=environment,
        cwd=ROOT,
        check=True,
        timeout=60,
        capture_output=True,
    )
    return int(read_info(home)["pid"])


@pytest.fixture(scope="module")
def daemon_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a fake daemon that serves one module's tests."""
    home = tmp_path_factory.mktemp("daemon")
    pid = start_fake_daemon(home)
    yield home
    os.kill(pid, signal.SIGTERM)


@pytest.fixture
def caldera(
    daemon_home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Caldera:
    """The command line against the fake daemon, in an empty working directory."""
    monkeypatch.setenv("CALDERA_HOME", str(daemon_home))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.chdir(tmp_path)
    return Caldera(capsys)
