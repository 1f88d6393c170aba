"""`caldera clean` after the daemon was killed: nodes, gate and every file are gone."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.e2e.home import Home, is_free, new_home, ports_of

pytestmark = pytest.mark.e2e


def test_clean_after_a_kill_leaves_nothing_behind() -> None:
    with new_home() as home:
        home.run("up", "minimal", "--name", "shop")
        ports = ports_of(home.status("shop"))
        _doctor_knows(home, "processes", "3 run: nodes, and the gate before them")
        home.kill_daemon(signal.SIGKILL)
        _doctor_knows(home, "processes", "3 run without a daemon")
        home.run("clean", "--yes")
        assert home.processes() == []
        assert all(map(is_free, ports))
        assert not Path(home.home).exists()
        home.home.mkdir()


def test_clean_is_refused_while_a_daemon_looks_after_devnets() -> None:
    with new_home() as home:
        home.run("up", "minimal", "--name", "shop")
        refused = home.run("clean", "--yes", check=False)
        assert (refused.returncode, "`caldera down --all` first" in refused.stderr) == (4, True)
        home.run("down", "shop")
        (home.home / "mine.txt").touch()
        home.run("clean", "--yes")
        assert [path.name for path in home.home.iterdir()] == ["mine.txt"]
        assert home.processes() == []
        shutil.rmtree(home.home)
        home.home.mkdir()


def _doctor_knows(home: Home, name: str, detail: str) -> None:
    checks = {each["name"]: each["detail"] for each in home.json("doctor")}
    assert checks[name] == detail
