"""Commands that are interrupted, killed, or run side by side: nothing is left of them."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.acceptance.world import until
from tests.e2e.home import Home, is_alive, kill, new_home, ports_of


@pytest.fixture
def clean() -> Iterator[Home]:
    """A home in which nothing may be left."""
    with new_home() as home:
        yield home
        home.assert_clean()


def end(process: "subprocess.Popen[str]", seconds: float = 30) -> tuple[int, str, str]:
    out, told = process.communicate(timeout=seconds)
    return process.returncode, out, told


def runs(home: Home, command: str) -> bool:
    """Whether a process of the home runs `command`, by whatever path its program was found."""
    return any(p.command.rpartition("/")[2] == command for p in home.processes())


def wait_for_nodes(home: Home, count: int = 2) -> list[int]:
    def found() -> list[int]:
        return [p.pid for every in home.nodes().values() for p in every]

    until(lambda: len(found()) == count, 20, f"{count} nodes run")
    return found()


# ---------------------------------------------------------------- up


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_up_leaves_nothing(clean: Home, number: signal.Signals) -> None:
    asking = clean.start("up", "minimal")
    until((clean.home / "devnets" / "minimal" / "nodes").is_dir, 20, "up is under way")
    os.killpg(asking.pid, number)
    code, _, told = end(asking)
    assert code == 130, told
    assert "interrupted" in told


@pytest.mark.parametrize("after", [0.05, 0.15, 0.3, 0.5, 0.8])
def test_up_interrupted_at_any_moment_leaves_nothing(clean: Home, after: float) -> None:
    """While the command line is imported, the daemon started, the devnet asked for …"""
    asking = clean.start("up", "minimal")
    time.sleep(after)
    os.killpg(asking.pid, signal.SIGINT)
    code, _, told = end(asking)
    assert code in {0, 130, -signal.SIGINT}, told  # the last: Python itself had not started
    if code == 0:
        clean.run("down")


def test_second_interruption_does_not_stop_the_cleaning_up(clean: Home) -> None:
    asking = clean.start("up", "minimal")
    until((clean.home / "devnets" / "minimal" / "nodes").is_dir, 20, "up is under way")
    for _ in range(3):
        os.killpg(asking.pid, signal.SIGINT)
        time.sleep(0.02)
    assert end(asking)[0] == 130


def test_interrupted_up_of_a_devnet_that_runs_leaves_it(clean: Home) -> None:
    clean.run("up", "minimal")
    pids = wait_for_nodes(clean)
    clean.run("restart", "--service", "op/node")
    asking = clean.start("up", "minimal")
    os.killpg(asking.pid, signal.SIGINT)
    end(asking)
    assert clean.status()["state"] in {"ready", "degraded"}
    assert len(wait_for_nodes(clean)) == len(pids)
    clean.run("down")


def test_interrupted_attach_takes_the_devnet_down(clean: Home) -> None:
    attached = clean.start("up", "minimal", "--attach")
    wait_for_nodes(clean)
    clean.wait_state("ready")
    clean.run("message", "send", "l1", "op", "--body", "0x01", "--wait")
    ports = ports_of(clean.status())
    os.killpg(attached.pid, signal.SIGINT)
    code, _, told = end(attached)
    assert code == 0, told
    assert "gone" in told
    clean.assert_clean(*ports)


def test_two_ups_of_one_name_are_one_devnet(clean: Home) -> None:
    asking = [clean.start("up", "minimal") for _ in range(3)]
    for process in asking:
        code, _, told = end(process)
        assert code == 0, told
    assert {name: len(found) for name, found in clean.nodes().items()} == {
        "minimal/l1": 1,
        "minimal/op": 1,
    }
    assert len(clean.processes()) == 4
    clean.run("down", "--all", "-y")


def test_up_while_the_last_devnet_goes(clean: Home) -> None:
    """The daemon that is about to end is no obstacle."""
    clean.run("up", "minimal", "--name", "first")
    for _ in range(3):
        leaving = clean.start("down", "first")
        time.sleep(0.1)
        coming = clean.start("up", "minimal", "--name", "first")
        assert end(leaving)[0] == 0
        code, _, told = end(coming)
        assert code == 0, told
        assert clean.status("first")["state"] == "ready"
    clean.run("down")


# ---------------------------------------------------------------- run


def test_run_gives_its_command_the_devnet(clean: Home) -> None:
    script = 'echo "$OP_CHAIN_ID"; caldera message send l1 op --body 0x01 --wait'
    done = clean.run("run", "minimal", "--ttl", "2m", "--", "sh", "-c", script)
    assert done.stdout.splitlines()[0] == "901"
    assert "delivered" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
def test_run_keeps_the_exit_code(clean: Home, command: str, code: int) -> None:
    done = clean.run("run", "minimal", "--ttl", "2m", "--", "sh", "-c", command, check=False)
    assert done.returncode == code


def test_run_ends_what_takes_too_long(clean: Home) -> None:
    """The command's children too."""
    script = "sleep 300 & sleep 300"
    began = time.monotonic()
    done = clean.run("run", "minimal", "--ttl", "2s", "--", "sh", "-c", script, check=False)
    assert done.returncode == 5
    assert time.monotonic() - began < 15


def test_run_of_a_program_that_is_missing_starts_nothing(clean: Home) -> None:
    done = clean.run("run", "minimal", "--", "no-such-program", check=False)
    assert done.returncode == 6
    assert "no-such-program" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_nothing(clean: Home, number: signal.Signals) -> None:
    running = clean.start("run", "minimal", "--ttl", "2m", "--", "sleep", "300")
    until(lambda: runs(clean, "sleep 300"), 20, "it runs")
    os.kill(running.pid, number)
    assert end(running)[0] == 128 + number


def test_killed_run_is_cleaned_up_when_its_time_is_over(clean: Home) -> None:
    """Nobody can clean up after itself when it is killed; the daemon knows the devnet's end."""
    running = clean.start("run", "minimal", "--ttl", "2m", "--", "sleep", "4")
    until(lambda: runs(clean, "sleep 4"), 20, "it runs")
    (devnet,) = clean.json("ls")
    assert devnet["expires_at"], "it has an end"
    kill(running.pid)
    running.communicate()
    assert wait_for_nodes(clean), "they outlive the command"
    clean.run("down", devnet["name"])
    until(lambda: not runs(clean, "sleep 4"), 6, "it ends")


def test_devnet_goes_when_its_time_is_over_and_the_daemon_with_it(clean: Home) -> None:
    clean.run("up", "minimal", "--ttl", "3s")
    ports = ports_of(clean.status())
    daemon = clean.daemon_pid
    until(lambda: not is_alive(daemon), 10, "the daemon is gone with its last devnet")
    clean.assert_clean(*ports)


def test_time_that_ended_while_no_daemon_ran(clean: Home) -> None:
    clean.run("up", "minimal", "--ttl", "2s")
    clean.kill_daemon()
    time.sleep(2)
    assert wait_for_nodes(clean)
    clean.run("ls")
    until(lambda: not clean.processes(), 10, "all is gone")
