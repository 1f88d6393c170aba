"""Daemon, relayer and guardians going and coming back while messages flow."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.world import until
from tests.e2e.home import Home, new_home
from tests.e2e.messages import At, Burst, assert_all_delivered_once, chains_of, flowing

_NAME = "net"


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    with new_home() as home:
        home.run("up", "minimal", "--name", _NAME)
        yield home


def both_ways(home: Home) -> tuple[At, At, Burst, Burst]:
    chains = chains_of(home.status())
    here, there = chains["op"], chains["l1"]
    return here, there, Burst.between(here, there, "out"), Burst.between(there, here, "in")


def pids(home: Home) -> dict[str, int]:
    return {name: found[0].pid for name, found in home.nodes().items()}


def metalayer(home: Home) -> dict[str, Any]:
    return dict(home.status()["metalayer"])


def test_daemon_killed_mid_burst(net: Home) -> None:
    here, there, out, back = both_ways(net)
    before = pids(net)
    for _ in range(2):
        with flowing(out, back, pause=0.02):
            sent = out.sent
            until(lambda sent=sent: out.sent > sent + 150, 20, "messages flow")
            net.kill_daemon()
            time.sleep(0.2)
            net.run("ls")  # any command starts it again
            sent = out.sent
            until(lambda sent=sent: out.sent > sent + 50, 20, "messages flow")
    assert_all_delivered_once(here, there, at_least=400)
    assert_all_delivered_once(there, here, at_least=400)
    assert pids(net) == before, "nodes are adopted, not started again"
    status = net.wait_state("ready")
    assert [s["restarts"] for s in status["services"] if s["kind"] == "node"] == [0, 0]
    counts = status["metalayer"]["messages"]
    assert (counts["pending"], counts["reorged"]) == (0, 0)


@pytest.mark.parametrize("service", ["relayer", "guardian-0"])
@pytest.mark.parametrize("how", ["restart", "stop and start"])
def test_agent_restarted_mid_burst(net: Home, service: str, how: str) -> None:
    here, there, out, back = both_ways(net)
    with flowing(out, back, pause=0.02):
        until(lambda: out.sent > 150, 20, "messages flow")
        for action in ("restart",) if how == "restart" else ("stop", "start"):
            net.run(action, "--service", service)
        sent = out.sent
        until(lambda: out.sent > sent + 100, 20, "messages flow")
    assert_all_delivered_once(here, there, at_least=150)
    assert_all_delivered_once(there, here, at_least=150)
    net.wait_state("ready")


def test_network_goes_on_without_one_guardian_of_four(net: Home) -> None:
    here, there, out, _ = both_ways(net)
    net.run("stop", "--service", "guardian-2")
    try:
        status = net.wait_state("degraded")
        assert "guardian-2" in status["problem"]
        assert status["metalayer"]["missing_guardians"] == [2]
        out.send(50)
        assert_all_delivered_once(here, there, at_least=50)
        assert absent(net) == [2]
    finally:
        net.run("start", "--service", "guardian-2")
    status = net.wait_state("ready")
    until(lambda: not metalayer(net)["missing_guardians"], 10, "nobody is missing")
    all_sign(net, out)
    assert_all_delivered_once(here, there, at_least=51)


def absent(net: Home) -> list[int]:
    """Who did not sign the last epoch."""
    return list(net.json("epoch", "show", str(metalayer(net)["epoch"]))["absent"])


def all_sign(net: Home, out: Burst) -> None:
    """Until they sign an epoch: one that was asked for before a guardian was back lacks it."""

    def signed() -> bool:
        out.send(1)
        return not absent(net)

    until(signed, 20, "all sign an epoch")


def test_epochs_wait_while_two_guardians_of_four_are_down(net: Home) -> None:
    here, there, out, _ = both_ways(net)
    all_sign(net, out)
    assert_all_delivered_once(here, there, at_least=1)
    for index in (1, 3):
        net.run("stop", "--service", f"guardian-{index}")
    try:
        delivered = metalayer(net)["messages"]["delivered"]
        out.send(20)
        until(lambda: metalayer(net)["messages"]["pending"] == 20, 10, "they are seen")
        epoch = metalayer(net)["epoch"]
        time.sleep(1.5)  # longer than an epoch's timer
        status = net.status()
        assert status["state"] == "degraded"
        assert status["metalayer"]["epoch"] == epoch
        assert status["metalayer"]["missing_guardians"] == [1, 3]
        assert status["metalayer"]["messages"]["delivered"] == delivered
        for word in ("quorum", "guardian-1", "guardian-3"):
            assert word in status["problem"]
        waiting = net.json("message", "ls", "--state", "dispatched")
        trace = net.json("message", "trace", waiting[0]["id"])
        assert "guardian" in trace["reason"]
    finally:
        net.run("start", "--service", "guardian-1")
    assert_all_delivered_once(here, there, at_least=20)
    assert metalayer(net)["missing_guardians"] == [3]
    net.run("start", "--service", "guardian-3")
    net.wait_state("ready")


def test_nothing_is_held_after_the_daemon_comes_back(net: Home) -> None:
    """An agent that the user stopped runs again with the next daemon."""
    net.run("stop", "--service", "relayer")
    net.kill_daemon()
    status = net.wait_state("ready")
    (relayer,) = (each for each in status["services"] if each["name"] == "relayer")
    assert (relayer["state"], relayer["problem"]) == ("ready", None)


@pytest.mark.parametrize("origin", ["op", "l1"])
def test_sending_from_every_listed_account_disturbs_no_service(net: Home, origin: str) -> None:
    here, there, out, back = both_ways(net)
    chain = here if origin == "op" else there
    listed = net.json("accounts")["accounts"]
    assert len(listed) == 10
    unlocked = chain.call("eth_accounts")
    assert {a["address"].lower() for a in listed} <= {a.lower() for a in unlocked}
    with flowing(out, back):
        for turn in range(10):
            for account in unlocked:
                chain.call(
                    "eth_sendTransaction",
                    {"from": account, "to": listed[turn]["address"], "value": "0x1"},
                )
    assert_all_delivered_once(here, there, at_least=10)
    assert_all_delivered_once(there, here, at_least=10)
    status = net.wait_state("ready")
    assert status["metalayer"]["messages"]["failing"] == 0
