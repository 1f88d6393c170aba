"""Throw-away devnets and the end of all: nothing is left, whatever happens to the command."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.world import World, new_world, spec, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with new_world() as made:
        made.run("ls")
        yield made


def nodes_of(world: World) -> list[str]:
    """Command lines of nodes that belong to this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if f"{world.home}/devnets/" in words and "anvil" in words:
                found.append(words.replace("\0", " "))
    return found


def assert_nothing_left(world: World) -> None:
    until(lambda: not nodes_of(world), 10, "all nodes are gone")
    assert world.json("ls") == []
    assert not list((world.home / "devnets").glob("*"))


def test_run_gives_the_environment_and_leaves_nothing(world: World) -> None:
    script = 'test -n "$L1_RPC_URL" && test -n "$OP_RPC_URL" && echo "got $OP_CHAIN_ID"'
    done = world.run("run", "minimal", "--ttl", "2m", "--", "sh", "-c", script)
    assert "got 901" in done.stdout
    assert_nothing_left(world)


def test_run_keeps_the_exit_code(world: World) -> None:
    done = world.run("run", "minimal", "--ttl", "2m", "--", "sh", "-c", "exit 7", check=False)
    assert done.returncode == 7
    assert_nothing_left(world)


def test_run_ends_what_is_killed(world: World) -> None:
    done = world.run("run", "minimal", "--ttl", "2m", "--", "sh", "-c", "kill -9 $$", check=False)
    assert done.returncode not in {0, None}
    assert_nothing_left(world)


def test_run_ends_what_takes_too_long(world: World) -> None:
    done = world.run("run", "minimal", "--ttl", "3s", "--", "sh", "-c", "sleep 60", check=False)
    assert done.returncode == 5
    assert_nothing_left(world)


def test_interrupted_run_leaves_nothing(world: World) -> None:
    process = subprocess.Popen(
        [str(world.command), "run", "minimal", "--ttl", "2m", "--", "sleep", "60"],
        env=world.environment,
        cwd=world.home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(lambda: len(nodes_of(world)) == 2, 20, "its nodes run")
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 130
    assert_nothing_left(world)


def test_two_ups_at_once_then_down_all(world: World) -> None:
    names = ("left", "right")
    for name in names:
        (world.home / f"{name}.yaml").write_text(spec(name, ("op",)))
    running = [
        subprocess.Popen(
            [str(world.command), "up", f"{name}.yaml"],
            env=world.environment,
            cwd=world.home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for name in names
    ]
    for process in running:
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
    assert {d["name"]: d["state"] for d in world.json("ls")} == {"left": "ready", "right": "ready"}
    assert len(nodes_of(world)) == 4
    world.run("down", "--all", "-y")
    assert_nothing_left(world)


def test_up_after_stop_goes_on_with_the_same_chains(world: World) -> None:
    (world.home / "kept.yaml").write_text(spec("kept", ("op", "arb")))
    world.run("up", "kept.yaml")
    sent = world.json("message", "send", "op", "arb", "--body", "0x01", "--wait")
    world.run("stop")
    assert not nodes_of(world)
    assert world.json("status")["state"] == "stopped"
    world.run("up", "kept.yaml")
    traced = world.json("message", "trace", sent["id"])
    assert traced["state"] == "delivered"
    again = world.json("message", "send", "op", "arb", "--body", "0x02", "--wait")
    assert again["delivered_tx"]
    world.run("down", "-y")
    assert_nothing_left(world)


def test_node_that_fails_to_start_takes_the_others_with_it(world: World) -> None:
    script = world.home / "anvil"
    script.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "anvil Version: 1.7.1" && exit 0\nexit 3\n'
    )
    script.chmod(0o755)
    with new_world() as broken:
        broken.environment |= {"ANVIL_BIN": str(script)}
        (broken.home / "bad.yaml").write_text(spec("bad", ("op",)))
        done = broken.run("up", "bad.yaml", check=False)
        assert done.returncode == 1
        for word in ("/node", "node.log"):
            assert word in done.stderr
        assert not nodes_of(broken)
