"""The daemon as a process: one for each home, quick to answer, leaves nothing behind."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from control_plane.schemas import paths
from tests.integration.api.conftest import ROOT, Start, answers, wait_until

pytestmark = pytest.mark.integration


def test_listens_on_socket_and_port_and_tells_where(start: Start) -> None:
    daemon = start()
    url = daemon.url
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o600
    assert set(daemon.info) == {"pid", "version", "home", "socket", "port", "started_at"}
    assert daemon.info["pid"] == daemon.process.pid
    with daemon.client() as client:
        assert client.post("/v1/devnets", json={"name": "shop"}).status_code == 202
    assert httpx.get(f"{daemon.url}/v1/devnets").json()[0]["name"] == "shop"
    assert httpx.get(f"{daemon.url}/health", headers={"host": "evil"}).status_code == 403
    daemon.stop()
    assert daemon.process.stdout is not None
    assert f"listens on {url}" in daemon.process.stdout.read()


def test_a_second_daemon_says_who_is_there(start: Start) -> None:
    first = start()
    second = start(first.home, wait=False)
    _, said = second.process.communicate(timeout=20)
    assert second.process.returncode == 4
    assert "A daemon is running already" in said
    assert f"process {first.process.pid}" in said
    assert answers(first.home)


def test_stops_within_two_seconds_with_streams_open_and_leaves_its_log_only(start: Start) -> None:
    daemon = start()
    with daemon.client() as client, client.stream("GET", "/v1/events") as stream:
        frames = stream.iter_text()
        assert next(frames).startswith("retry:")
        took = daemon.stop()
        assert "".join(frames) == ""
    assert daemon.process.returncode == 0
    assert took < 2.0
    assert sorted(path.name for path in daemon.home.iterdir()) == ["daemon.log"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_other_signals_end_it_as_well(start: Start, number: signal.Signals) -> None:
    daemon = start()
    daemon.process.send_signal(number)
    assert daemon.process.wait(10) == 0
    assert not daemon.socket.exists()


def test_told_to_stop_while_loading(start: Start) -> None:
    daemon = start(wait=False)
    wait_until(daemon.socket.exists, "the socket")
    daemon.stop()
    assert daemon.process.returncode in {0, -signal.SIGTERM}


def test_a_killed_one_is_replaced(start: Start) -> None:
    first = start()
    first.process.kill()
    first.process.wait()
    assert first.socket.exists()
    second = start(first.home)
    with second.client() as client:
        assert client.get("/health").status_code == 200


def test_a_successor_waits_for_one_that_ends(start: Start) -> None:
    first = start()
    first.process.terminate()
    second = start(first.home, wait=False)
    wait_until(lambda: first.process.poll() is not None, "the first to end")
    wait_until(lambda: answers(first.home), "the second")
    assert second.info["pid"] == second.process.pid


def test_a_control_plane_that_cannot_be_made_is_told_to_who_waits(
    start: Start, tmp_path: Path
) -> None:
    daemon = start(tmp_path / "broken", wait=False)
    wait_until(daemon.socket.exists, "the socket")
    with daemon.client() as client:
        answer = client.get("/v1/devnets")
    assert (answer.status_code, answer.json()["title"]) == (500, "The database is broken")
    assert daemon.process.wait(10) == 1
    assert not daemon.socket.exists()
    assert "The database is broken" in paths.log_path(daemon.home).read_text()


def test_detached_returns_when_it_listens(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.integration.api.fake_daemon"]
    command += ["--home", str(tmp_path), "--port", "0", "--detached"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    try:
        assert done.returncode == 0, done.stderr
        assert "listens on" in done.stdout
        assert answers(tmp_path)
        again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
        assert (again.returncode, "running already" in again.stderr) == (4, True)
    finally:
        os.kill(json.loads(paths.info_path(tmp_path).read_text())["pid"], signal.SIGTERM)
        wait_until(lambda: not paths.lock_path(tmp_path).exists(), "the daemon to end")


@pytest.mark.parametrize(
    ("environment", "code", "says"),
    [
        ({"CALDERA_PORT": "x"}, 2, "CALDERA_PORT"),
        ({"CALDERA_HOST": "0.0.0.0"}, 2, "API keys"),
        ({"CALDERA_HOME": "/dev/null/home"}, 1, "/dev/null/home"),
    ],
)
def test_what_is_wrong_is_said_at_once(environment: dict[str, str], code: int, says: str) -> None:
    command = [sys.executable, "-m", "control_plane.main"]
    for extra in ([], ["--detached"]):
        done = subprocess.run(
            [*command, *extra],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert (done.returncode, says in done.stderr) == (code, True), done.stderr
        assert "Traceback" not in done.stderr


def test_heavy_libraries_are_not_in_the_start_path() -> None:
    code = (
        "import sys, control_plane.daemon, control_plane.api.app, control_plane.bootstrap;"
        "heavy = {'web3', 'eth_account', 'eth', 'docker', 'alembic', 'eth_abi', 'httpx', 'rich'};"
        "print(','.join(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert (done.stdout.strip(), done.returncode) == ("", 0), done.stderr


def test_answers_over_tcp_do_not_wait_for_acknowledgements(start: Start) -> None:
    """With Nagle's algorithm on, an answer in two parts takes a delayed ACK: 40 ms."""
    daemon = start()
    with httpx.Client(base_url=daemon.url) as client:
        client.get("/v1/devnets")
        took = []
        for _ in range(20):
            began = time.perf_counter()
            client.get("/v1/devnets")
            took.append(time.perf_counter() - began)
    assert sorted(took)[10] < 0.035
