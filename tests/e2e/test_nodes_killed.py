"""A node killed while messages flow: what went is said, what survived is delivered once."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.world import until
from tests.e2e.home import Home, kill, new_home
from tests.e2e.messages import (
    At,
    Burst,
    assert_all_delivered_once,
    chains_of,
    flowing,
    looking_on,
)

_NAME = "net"


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    """An L1 and one rollup, saved every second."""
    with new_home() as home:
        home.run("up", "minimal", "--name", _NAME, "--set", "save_interval=1")
        yield home


def messages(home: Home, **wanted: str) -> dict[str, dict[str, Any]]:
    """The records by message id."""
    options = [f"--{key}={value}" for key, value in wanted.items()]
    found = home.json("message", "ls", "--limit", "1000", *options)
    return {message["id"]: message for message in found}


def service(home: Home, name: str) -> dict[str, Any]:
    return next(dict(s) for s in home.status()["services"] if s["name"] == name)


def newest_event(home: Home) -> int:
    return max(int(event["id"]) for event in home.events(_NAME))


def kill_node(home: Home, chain: str) -> int:
    pid = home.node(chain).pid
    kill(pid)
    return pid


@pytest.mark.parametrize("victim", ["op", "l1"])
def test_node_killed_while_messages_flow(net: Home, victim: str) -> None:
    before = service(net, f"{victim}/node")
    chains = chains_of(net.status())
    here, other = chains[victim], chains["l1" if victim == "op" else "op"]
    since = newest_event(net)
    bursts = Burst.between(here, other, "out"), Burst.between(other, here, "in")
    with flowing(*bursts) as stream, looking_on(here) as onlooker:
        until(lambda: bursts[0].sent > 150, 20, "messages flow")
        pid = kill_node(net, victim)
        until(lambda: service(net, f"{victim}/node")["state"] == "ready", 20, "the node is back")
        sent = bursts[0].sent
        until(lambda: bursts[0].sent > sent + 50, 20, "messages flow again")
    assert stream.errors, "the node was gone for a moment"
    net.wait_state("ready", 30)
    after = service(net, f"{victim}/node")
    assert after["restarts"] == before["restarts"] + 1
    assert after["pid"] != pid
    _assert_told(net, victim, pid, since)
    onlooker.assert_losses_told(net.events(_NAME, since), after)
    assert_all_delivered_once(here, other, at_least=50)
    assert_all_delivered_once(other, here, at_least=50)
    _assert_every_message_accounted_for(net, here, other)


def _assert_told(home: Home, chain: str, pid: int, since: int) -> None:
    """Degraded and why."""
    events = home.events(_NAME, since)
    (exited,) = (e for e in events if e["type"] == "service.exited")
    assert exited["service"] == f"{chain}/node"
    assert str(pid) in exited["data"]["problem"]
    assert "node.log" in exited["data"]["problem"]
    degraded = [e["data"]["problem"] for e in events if e["type"] == "devnet.degraded"]
    assert any(f"{chain}/node" in problem for problem in degraded), degraded


def _assert_every_message_accounted_for(home: Home, here: At, other: At) -> None:
    """What is in a block is delivered, by record and by chain; the rest is reported as gone."""
    for at in (here, other):
        assert at.tree_count() == len(at.dispatched()), "the state is that of the head"
    on_chain = set(here.dispatched()) | set(other.dispatched())
    gone = messages(home, state="reorged")
    assert not gone.keys() & on_chain
    assert all("was lost" in message["reason"] for message in gone.values())
    counts = home.status()["metalayer"]["messages"]
    assert counts["delivered"] == len(on_chain)
    assert (counts["pending"], counts["reorged"]) == (0, len(gone))


def test_node_killed_before_its_first_save_begins_at_its_genesis(home: Home) -> None:
    home.run("up", "minimal", "--name", _NAME, "--set", "save_interval=3600")
    for saved in (home.home / "devnets" / _NAME / "nodes").glob("*/state"):
        saved.unlink()
    chains = chains_of(home.status())
    out, back = chains["op"], chains["l1"]
    burst = Burst.between(out, back)
    burst.send(20)
    assert_all_delivered_once(out, back, at_least=20)
    lost, height, genesis = set(out.dispatched()), out.height, out.block_hash(0)
    kill_node(home, "op")
    until(lambda: service(home, "op/node")["restarts"] == 1, 10, "the node is back")
    home.wait_state("ready", 20)
    assert out.block_hash(0) == genesis
    assert service(home, "op/node")["lost_blocks"] == [1, height]
    assert messages(home, state="reorged").keys() == lost
    Burst.between(out, back).send(20)
    Burst.between(back, out).send(20)
    assert_all_delivered_once(out, back, at_least=20)
    assert_all_delivered_once(back, out, at_least=20)


def test_node_that_dies_again_and_again(net: Home) -> None:
    chains = chains_of(net.status())
    here, there = chains["op"], chains["l1"]
    for _ in range(3):
        restarts = service(net, "op/node")["restarts"]
        Burst.between(here, there, "again").send(5)
        kill_node(net, "op")
        until(lambda n=restarts: service(net, "op/node")["restarts"] == n + 1, 10, "it is back")
    kill_node(net, "l1")
    kill_node(net, "op")
    until(lambda: service(net, "op/node")["restarts"] == restarts + 2, 10, "both are back")
    net.wait_state("ready", 20)
    Burst.between(here, there, "again").send(5)
    assert_all_delivered_once(here, there, at_least=5)
