"""A devnet with a rollup on op-geth and one on Anvil: kept over stops, kills and new daemons."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.acceptance.world import until
from tests.e2e.home import Home, kill, new_home, ports_of
from tests.e2e.messages import At, Burst, assert_all_delivered_once, chains_of, flowing
from tests.nodes import find_op_geth

_NAME = "mixed"
_BODIES = count(1)


@pytest.fixture(scope="module")
def mixed() -> Iterator[Home]:
    find_op_geth()
    with new_home() as home:
        home.run("up", "op-geth", "--name", _NAME)
        yield home


def send(home: Home, origin: str, destination: str) -> dict[str, Any]:
    # never the same body twice: a killed Anvil draws nonces again, and so an id that is delivered
    body = f"0x{next(_BODIES):08x}"
    arguments = (origin, destination, "--body", body, "--wait")
    return dict(home.json("message", "send", *arguments))


def hashes(at: At) -> list[str]:
    return [at.block_hash(number) for number in range(at.height + 1)]


def service(home: Home, name: str) -> dict[str, Any]:
    return next(dict(s) for s in home.status()["services"] if s["name"] == name)


def test_messages_go_both_ways(mixed: Home) -> None:
    status = mixed.status()
    assert {r["name"]: r["engine"] for r in status["rollups"]} == {"op": "op-geth", "arb": "anvil"}
    for origin, destination in (("op", "arb"), ("arb", "op"), ("op", "l1"), ("l1", "op")):
        assert send(mixed, origin, destination)["latency_ms"] < 5_000


def test_faucet_pays_on_both_engines(mixed: Home) -> None:
    address = "0x00000000000000000000000000000000000000f1"
    mixed.run("faucet", address, "--amount", "3")
    for at in chains_of(mixed.status()).values():
        assert int(at.call("eth_getBalance", address, "latest"), 16) == 3 * 10**18


def test_a_stopped_devnet_goes_on_with_every_block(mixed: Home) -> None:
    op = chains_of(mixed.status())["op"]
    before = hashes(op)
    mixed.run("stop", _NAME)
    assert not mixed.nodes()
    mixed.run("start", _NAME)
    assert hashes(op)[: len(before)] == before
    assert send(mixed, "op", "arb")["delivered_tx"]


def test_its_node_alone_is_restarted(mixed: Home) -> None:
    op = chains_of(mixed.status())["op"]
    before, pid = hashes(op), mixed.node("op").pid
    mixed.run("restart", _NAME, "--service", "op/node")
    until(lambda: service(mixed, "op/node")["state"] == "ready", 20, "the node is back")
    assert mixed.node("op").pid != pid
    mixed.wait_state("ready")
    assert hashes(op)[: len(before)] == before
    assert send(mixed, "arb", "op")["delivered_tx"]


@pytest.mark.parametrize("stopped", ["op", "l1"])
def test_a_stopped_node_is_in_nobodys_way(mixed: Home, stopped: str) -> None:
    """Another node is healed meanwhile, though the stopped one's sequencer is not ready."""
    mixed.run("stop", _NAME, "--service", f"{stopped}/node")
    before = service(mixed, "arb/node")["restarts"]
    kill(mixed.node("arb").pid)
    until(lambda: service(mixed, "arb/node")["restarts"] > before, 10, "arb is back")
    mixed.run("start", _NAME, "--service", f"{stopped}/node")
    mixed.wait_state("ready", 10)
    assert send(mixed, "arb", "op")["delivered_tx"]


def test_a_killed_node_loses_no_block_while_messages_flow(mixed: Home) -> None:
    chains = chains_of(mixed.status())
    op, arb = chains["op"], chains["arb"]
    since = max(int(event["id"]) for event in mixed.events(_NAME))
    there, back = Burst.between(op, arb, "out"), Burst.between(arb, op, "in")
    with flowing(there, back, each=2, pause=0.1) as stream:
        until(lambda: there.sent > 20, 20, "messages flow")
        seen = hashes(op)
        kill(mixed.node("op").pid)
        until(lambda: service(mixed, "op/node")["state"] == "ready", 20, "the node is back")
        sent = there.sent
        until(lambda: there.sent > sent + 10, 30, "messages flow again")
    assert stream.errors, "the node was gone for a moment"
    mixed.wait_state("ready", 30)
    assert hashes(op)[: len(seen)] == seen
    types = [event["type"] for event in mixed.events(_NAME, since)]
    assert "service.exited" in types
    assert "service.lost_blocks" not in types
    # op sends to two destinations, so not all of its messages are for arb
    assert_all_delivered_once(arb, op, at_least=20)


def test_a_new_daemon_takes_its_node_over(mixed: Home) -> None:
    pid = mixed.node("op").pid
    mixed.kill_daemon()
    mixed.wait_state("ready", 30)
    assert mixed.node("op").pid == pid
    assert send(mixed, "op", "arb")["delivered_tx"]


def test_down_leaves_nothing() -> None:
    find_op_geth()
    with new_home() as home:
        home.run("up", "op-geth", "--name", _NAME, "--set", "rollups.op.block_time=1")
        ports = ports_of(home.status())
        home.run("down", _NAME)
        home.assert_clean(*ports)


@pytest.mark.parametrize("where", ["environment", "spec"])
def test_a_program_that_is_not_there_is_a_missing_dependency(home: Home, where: str) -> None:
    in_spec = ("--set", "engines.op-geth.path=/no/such") if where == "spec" else ()
    environment = {"OP_GETH_BIN": "/no/such"} if where == "environment" else {}
    done = home.run("up", "op-geth", *in_spec, check=False, environment=environment)
    assert done.returncode == 6, done.stderr
    assert "/no/such" in done.stderr
    assert "hint:" in done.stderr
    assert not home.nodes()
