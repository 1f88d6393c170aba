"""Disks that are full or can't be written: one clear error, nothing half done, and all goes on
when there is room again."""

import io
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.acceptance.world import until
from tests.disks import small_disk
from tests.e2e.home import Home, is_free, new_home, ports_of
from tests.e2e.messages import Burst, assert_all_delivered_once, chains_of


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Home]:
    """A home on a disk of 12 MB; skipped where none can be mounted."""
    short = Path("/tmp") / f"cal-disk-{os.getpid()}"
    try:
        with small_disk(short, kilobytes=12_288) as disk, new_home(disk) as home:
            yield home
    finally:
        shutil.rmtree(short, ignore_errors=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """The disk has no room left; what is freed inside is there for others."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        _fill(file)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def kept_full(disk: Path) -> Iterator[None]:
    """As `full`, and what is freed is gone at once: a node's older state goes when the newer one
    takes its place."""
    filler, over = disk / "filler", threading.Event()

    def keep_filling(file: io.FileIO) -> None:
        while not over.wait(0.005):
            _fill(file)

    with filler.open("wb", buffering=0) as file:
        _fill(file)
        filling = threading.Thread(target=keep_filling, args=(file,))
        filling.start()
        try:
            yield
        finally:
            over.set()
            filling.join()
            filler.unlink()


def _fill(file: io.FileIO) -> None:
    with suppress(OSError):
        while True:
            file.write(bytes(4096))


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


def says_why(problem: str) -> bool:
    return "not saved" in problem and "full" in problem


def assert_one_error(told: str, *words: str) -> None:
    assert "Traceback" not in told
    assert told.count("error:") == 1, told
    for word in words:
        assert word.lower() in told.lower(), told


def test_up_on_a_full_disk(small: Home) -> None:
    with full(small.home.parent):
        done = small.run("up", "minimal", check=False)
        assert done.returncode == 1
        assert_one_error(done.stderr, "space")
        until(lambda: not small.nodes(), 3, "no node runs")
    small.run("up", "minimal")
    assert small.status()["state"] == "ready"


def test_up_on_a_read_only_disk(small: Home) -> None:
    with read_only(small.home.parent):
        done = small.run("up", "minimal", check=False)
        assert done.returncode == 1
        assert_one_error(done.stderr, "read-only", str(small.home))
        assert not small.processes()
    small.run("up", "minimal")


def test_disk_that_fills_while_messages_flow(small: Home) -> None:
    small.run("up", "minimal", "--set", "save_interval=1")
    chains = chains_of(small.status())
    burst = Burst.between(chains["op"], chains["l1"])
    burst.send(20)
    assert_all_delivered_once(chains["op"], chains["l1"], at_least=20)
    pids = {p.pid for found in small.nodes().values() for p in found}
    with kept_full(small.home.parent):
        burst.send(20)
        until(lambda: says_why(small.status()["problem"] or ""), 15, "status says why")
        for _ in range(20):  # and goes on to say so
            status = small.status()
            assert status["state"] == "degraded"
            assert str(small.home) in status["problem"]
        stopped = small.run("stop", check=False)
        assert stopped.returncode == 1
        assert_one_error(stopped.stderr, "full", "space")
        assert pids == {p.pid for found in small.nodes().values() for p in found}
    assert_all_delivered_once(chains["op"], chains["l1"], at_least=40)
    counts = small.wait_state("ready")["metalayer"]["messages"]
    assert (counts["delivered"], counts["reorged"]) == (40, 0)


def test_down_on_a_full_disk(small: Home) -> None:
    small.run("up", "minimal")
    ports = ports_of(small.status())
    with full(small.home.parent):
        small.run("down")
        assert all(is_free(port) for port in ports)
    small.assert_clean(*ports)


def test_stop_gives_up_no_blocks_that_cannot_be_saved(home: Home) -> None:
    home.run("up", "minimal", "--set", "save_interval=3600")
    chains = chains_of(home.status())
    burst = Burst.between(chains["op"], chains["l1"])
    burst.send(20)
    assert_all_delivered_once(chains["op"], chains["l1"], at_least=20)
    in_the_way = home.home / "devnets" / "minimal" / "nodes" / "op" / "state.tmp"
    in_the_way.mkdir()
    pids = {p.pid for found in home.nodes().values() for p in found}
    done = home.run("stop", check=False)
    assert done.returncode == 1
    assert_one_error(done.stderr, "not stopped", "op/node", "caldera down")
    assert pids == {p.pid for found in home.nodes().values() for p in found}
    in_the_way.rmdir()
    home.run("stop")
    assert not home.nodes()
    home.run("up", "minimal")
    assert len(chains["op"].dispatched()) == 20
    home.run("message", "send", "op", "l1", "--body", "0x01", "--wait")


def test_home_that_is_a_file(tmp_path: Path) -> None:
    home = Home(tmp_path / "file")
    home.home.write_text("")
    done = run_from(home, tmp_path)
    assert done.returncode == 1
    assert_one_error(done.stderr, str(home.home), "CALDERA_HOME")


def test_home_that_cannot_be_written(tmp_path: Path) -> None:
    """Below /proc nobody can make a directory, root neither."""
    home = Home(Path("/proc/caldera"))
    done = run_from(home, tmp_path)
    assert done.returncode == 1
    assert_one_error(done.stderr, "/proc/caldera", "CALDERA_HOME")


def run_from(home: Home, directory: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(home.command), "up", "minimal"],
        env=home.environment,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
    )
