"""Guardians join, leave and change their stakes while a devnet runs, killed daemon or not."""

import time
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.home import Home

MANY = 32


def _names(home: Home) -> list[str]:
    return [each["name"] for each in home.json("guardian", "ls")]


def _restarts(home: Home) -> dict[str, int]:
    return {each["name"]: each["restarts"] for each in home.status()["services"]}


def _send(home: Home) -> None:
    home.run("message", "send", "l1", "op", "--body", "0x68656c6c6f", "--wait")


def test_guardians_join_and_leave_live(home: Home) -> None:
    home.run("up", "minimal", "--free-ports")
    before = _restarts(home)
    added = home.json("guardian", "add", "--stake", "50000", "--wait")
    assert (added["name"], added["seat"]) == ("guardian-4", 4)
    assert added["share"] == pytest.approx(1 / 9)
    _send(home)
    left = home.json("guardian", "rm", "guardian-1", "--wait")
    assert (left["staked"], left["unbonding"]) == ("0", "100000")
    assert _names(home) == ["guardian-0", "guardian-2", "guardian-3", "guardian-4"]
    _send(home)
    more = home.json("stake", "add", "4", "25000", "--wait")
    assert more["staked"] == "75000"
    less = home.json("stake", "remove", "guardian-0", "40000", "--wait")
    assert (less["staked"], less["unbonding"]) == ("60000", "40000")
    refused = home.run("stake", "withdraw", "guardian-0", check=False)
    assert "StillBonded" in refused.stderr
    _send(home)

    sets = home.json("guardian", "sets")
    assert [each["by"] for each in sets] == ["founding"] + ["guardians"] * 4
    assert sets[-1]["total_stake"] == "335000"
    after = _restarts(home)
    assert {name: after[name] for name in before if name in after} == {
        name: count for name, count in before.items() if name in after
    }
    assert home.status()["metalayer"]["guardians"] == 4

    home.kill_daemon()
    home.run("up", "--devnet", "minimal")
    assert _names(home) == ["guardian-0", "guardian-2", "guardian-3", "guardian-4"]
    _send(home)
    # a rollup that is added later begins with the first set and is walked to the one in force
    home.run("rollup", "add", "late", "--devnet", "minimal")
    home.run("message", "send", "op", "late", "--body", "0x68656c6c6f", "--wait")


def test_thirty_two_guardians(home: Home) -> None:
    home.run("up", "minimal", "--free-ports", "--set", f"metalayer.guardians={MANY}", timeout=60)
    began = time.monotonic()
    _send(home)
    took = time.monotonic() - began
    status: dict[str, Any] = home.status()
    assert status["state"] == "ready"
    assert status["metalayer"]["guardians"] == MANY
    epoch = home.json("epoch", "show")
    assert len(epoch["signers"]) == MANY
    print(f"32 guardians: a message delivered within {took:.2f} s of the command")
    home.run("guardian", "add", "--wait")
    _send(home)


def test_rewards_and_jail(home: Home) -> None:
    home.run("up", "minimal", "--free-ports")
    home.run("stop", "--service", "guardian-3")
    for _ in range(25):
        _send(home)
    reported = home.json("stake", "rewards", "--report")
    by_name = {each["name"]: each for each in reported["guardians"]}
    assert reported["rate"] == 0.1
    present, absent = (Decimal(by_name[f"guardian-{i}"]["earned"]) for i in (0, 3))
    assert present > 2 * absent
    assert by_name["guardian-1"]["earned"] == by_name["guardian-0"]["earned"]

    paid = home.json("stake", "rewards", "--pay")
    assert {each["due"] for each in paid["guardians"]} == {"0"}
    assert paid["pot"] == "0"

    # it missed more than half: it is out of the next set, which the others hand over to
    deadline = time.monotonic() + 20
    while [each["size"] for each in home.json("guardian", "sets")][-1] != 3:
        assert time.monotonic() < deadline, "no set without the jailed guardian"
        time.sleep(0.1)
    jailed = home.json("stake", "show", "guardian-3")
    assert jailed["jailed_until"] > time.time()
    assert (jailed["staked"], jailed["in_next_set"]) == ("100000", False)
    refused = home.run("guardian", "unjail", "3", check=False)
    assert "StillJailed" in refused.stderr
