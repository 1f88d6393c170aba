"""An agent of a daemon's devnet that runs alone: never twice, and the rest goes on with it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.world import until
from tests.e2e.home import Home, kill, new_home
from tests.e2e.messages import At, Burst, assert_all_delivered_once, chains_of, flowing

_NAME = "net"


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    with new_home() as home:
        home.run("up", "minimal", "--name", _NAME, "--set", "save_interval=1")
        yield home


def here_and_there(home: Home) -> tuple[At, At, Burst]:
    chains = chains_of(home.status())
    here, there = chains["op"], chains["l1"]
    return here, there, Burst.between(here, there, "alone")


def state_of(home: Home, service: str) -> tuple[str, str | None]:
    (found,) = [s for s in home.status()["services"] if s["name"] == service]
    return found["state"], found["problem"]


def saved_block(home: Home) -> int:
    (node,) = [s for s in home.status()["services"] if s["name"] == "op/node"]
    return int(node["saved_block"] or 0)


@contextmanager
def alone(home: Home, service: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The agent in a process of its own, its role freed before and given back afterwards."""
    home.run("stop", "--service", service)
    agent = home.start("agent", *arguments, "--devnet", _NAME)
    try:
        until(lambda: state_of(home, service)[0] == "ready", 15, f"{service} is ready alone")
        yield agent
    finally:
        kill(agent.pid)
        agent.communicate()
        home.run("start", "--service", service)
        home.wait_state("ready")


def test_role_of_the_daemon_is_refused(net: Home) -> None:
    done = net.run("agent", "relayer", "--devnet", _NAME, check=False)
    assert done.returncode == 4
    assert "relayer runs already: by the daemon, process " in done.stderr
    assert "caldera stop --service relayer" in done.stderr


@pytest.mark.parametrize(
    ("service", "arguments"),
    [
        ("relayer", ("relayer",)),
        ("aggregator", ("aggregator",)),
        ("indexer", ("indexer",)),
        ("op/sequencer", ("sequencer", "--chain", "op")),
    ],
)
def test_messages_flow_with_an_agent_alone(
    net: Home, service: str, arguments: tuple[str, ...]
) -> None:
    here, there, burst = here_and_there(net)
    before = len(here.dispatched())
    with alone(net, service, *arguments), flowing(burst):
        until(lambda: burst.sent > 100, 20, "messages flow")
        saved = saved_block(net)
        until(lambda: saved_block(net) > saved, 15, "op is saved while messages flow")
        net.wait_state("ready")
    assert_all_delivered_once(here, there, at_least=before + 100)


def test_guardians_alone_make_the_quorum(net: Home) -> None:
    """Two of four: without those two there is none."""
    here, there, burst = here_and_there(net)
    before = len(here.dispatched())
    with (
        alone(net, "guardian-0", "guardian", "--index", "0"),
        alone(net, "guardian-1", "guardian", "--index", "1"),
    ):
        burst.send(20)
        assert_all_delivered_once(here, there, at_least=before + 20)
        epoch = net.json("epoch", "show", str(net.status()["metalayer"]["epoch"]))
        assert epoch["absent"] == []


def test_daemon_killed_beside_an_agent_alone(net: Home) -> None:
    """The next daemon leaves the role where it is."""
    here, there, burst = here_and_there(net)
    burst.send(1)
    assert_all_delivered_once(here, there, at_least=1)
    before = len(here.dispatched())
    with alone(net, "relayer", "relayer") as agent:
        net.kill_daemon()
        net.run("ls")  # any command starts it again
        net.wait_state("ready")
        burst.send(20)
        assert_all_delivered_once(here, there, at_least=before + 20)
        assert agent.poll() is None


def test_agent_alone_that_dies_is_replaced_by_the_daemons_own(net: Home) -> None:
    with alone(net, "relayer", "relayer") as agent:
        done = net.run("start", "--service", "relayer", check=False)
        assert done.returncode == 0
        kill(agent.pid)
        here, there, burst = here_and_there(net)
        before = len(here.dispatched())
        burst.send(10)
        assert_all_delivered_once(here, there, at_least=before + 10, seconds=15)
        net.wait_state("ready")
    done = net.run("agent", "relayer", "--devnet", _NAME, check=False)
    assert done.returncode == 4


def test_events_of_an_agent_alone_are_followed(net: Home) -> None:
    here, there, burst = here_and_there(net)
    before = len(here.dispatched())
    with alone(net, "indexer", "indexer"):
        follower = net.start("events", _NAME, "--follow", "--json")
        burst.send(3)
        assert_all_delivered_once(here, there, at_least=before + 3)
        assert follower.stdout is not None
        for line in follower.stdout:
            if '"message.delivered"' in line:
                break
        kill(follower.pid)
        follower.communicate()


def test_agent_alone_ends_with_its_devnet(net: Home) -> None:
    net.run("stop", "--service", "relayer")
    agent = net.start("agent", "relayer", "--devnet", _NAME)
    until(lambda: state_of(net, "relayer")[0] == "ready", 15, "relayer is ready alone")
    net.run("down", _NAME, "-y")
    assert agent.wait(timeout=10) == 3
    agent.communicate()
    net.assert_clean()
