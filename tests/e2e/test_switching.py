"""A rollup under load changes framework, proof system and data availability; nothing is lost."""

import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.domain.hashing import keccak256
from control_plane.schemas.spec import TEST_MNEMONIC
from tests.acceptance.world import until
from tests.conformance.client import Wallet, transfers
from tests.e2e.home import Home, new_home
from tests.e2e.messages import At, chains_of

_SPEC = """
version: 1
name: net
save_interval: 1
rollups:
  - {name: op, da: ethereum-calldata, proof: fraud, finalization_window: 3}
"""
_RULED = """
version: 1
name: ruled
save_interval: 1
rollups:
  - name: op
    da: ethereum-calldata
    proof: fraud
    finalization_window: 3
    switch_interval: 1
    switch:
"""
_BY_FLAG_AND_LOAD = """
      - {when: {private: true}, to: {da: celestia}}
      - {when: {private: false}, to: {da: ethereum-calldata}}
      - {when: {load: {above: 5, for: 2}}, to: {proof: validity, framework: zk-stack}}
      - {when: {load: {below: 2, for: 4}}, to: {proof: fraud, framework: op-stack}}
"""
_BY_TIME = """
      - {when: {schedule: "*/4 * * * * *"}, to: {framework: arbitrum-nitro}}
"""
_KILLS = int(os.environ.get("CALDERA_SWITCH_KILLS", "2"))
_SWITCHES = (
    ("--proof", "validity", "--framework", "zk-stack"),
    ("--da", "celestia", "--framework", "op-stack"),
    ("--proof", "fraud", "--finalization-window", "3", "--framework", "arbitrum-nitro"),
    ("--da", "ethereum-blobs"),
)
_PROOF_SYSTEM_SET = "0x" + keccak256(b"ProofSystemSet(address,uint256,uint256)").hex()
_NOBODY = "0x" + "00" * 19 + "aa"


@pytest.fixture
def net() -> Iterator[Home]:
    with new_home() as home:
        (home.home / "net.yaml").write_text(_SPEC)
        home.run("up", "net.yaml")
        yield home


def rollup(home: Home) -> dict[str, Any]:
    return dict(home.status()["rollups"][0])


def outputs(home: Home) -> dict[str, Any]:
    """With the newest first."""
    return dict(home.json("rollup", "outputs", "op"))


def posted(home: Home) -> dict[int, str]:
    """What carried each channel, by its last block."""
    events = [each for each in home.events("net") if each["type"] == "batch.posted"]
    return {int(e["data"]["to"]): str(e["data"]["carriers"][0]) for e in events}


def told_of_proof_systems(l1: At, oracle: str) -> list[int]:
    """The output from which each is used."""
    wanted = {"address": oracle, "fromBlock": "0x0", "topics": [_PROOF_SYSTEM_SET]}
    return [int(log["topics"][2], 16) for log in l1.call("eth_getLogs", wanted)]


def test_a_rollup_switches_under_load(net: Home) -> None:
    chains = chains_of(net.status())
    op, before = chains["op"], rollup(net)
    giver = derive_accounts(TEST_MNEMONIC, 3)[2]
    with transfers(Wallet(giver.address, giver.key), op, _NOBODY) as flow:
        for options in _SWITCHES:
            sent, known = flow.sent, outputs(net)["total"]
            net.run("rollup", "switch", "op", *options, timeout=120)
            until(lambda sent=sent: flow.sent > sent + 20, 30, "transfers flow")
            until(lambda known=known: outputs(net)["total"] > known, 60, "an output afterwards")
    after = rollup(net)
    kept = ("chain_id", "domain", "rpc_url", "contracts", "l1_contracts")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    assert (after["framework"], after["da"]) == ("arbitrum-nitro", "ethereum-blobs")
    net.run("message", "send", "op", "l1", "--body", "0x01", "--wait")

    height = op.height
    until(lambda: max(posted(net)) >= height, 60, "all blocks are posted")
    assert list(dict.fromkeys(posted(net).values())) == ["calldata", "commitment", "blobs"]
    done = net.run("verify", "op", "--json", check=False, timeout=120)
    assert json.loads(done.stdout)["verified"]["blocks"] >= height, done.stderr
    until(lambda: outputs(net)["outputs"][0]["state"] == "final", 30, "the last output is final")
    said = outputs(net)["outputs"]
    assert [each["index"] for each in said] == list(range(len(said)))[::-1]
    finals = [each["final_at"] for each in said]
    assert finals == sorted(finals, reverse=True)
    assert len(told_of_proof_systems(chains["l1"], before["l1_contracts"]["l2OutputOracle"])) == 2


def switches(home: Home) -> list[dict[str, Any]]:
    """All that there were, oldest first."""
    return [each["data"] for each in home.events("ruled") if each["type"] == "rollup.switched"]


def rules(home: Home) -> list[dict[str, Any]]:
    return list(home.json("rollup", "rules", "op")["rules"])


@pytest.fixture
def ruled() -> Iterator[Home]:
    with new_home() as home:
        (home.home / "ruled.yaml").write_text(_RULED + _BY_FLAG_AND_LOAD)
        (home.home / "timed.yaml").write_text(_RULED + _BY_TIME)
        home.run("up", "ruled.yaml")
        yield home


def test_rules_switch_by_load_flag_and_time_each_time_once(ruled: Home) -> None:
    op = chains_of(ruled.status())["op"]
    giver = derive_accounts(TEST_MNEMONIC, 4)[3]
    with transfers(Wallet(giver.address, giver.key), op, _NOBODY) as flow:
        until(lambda: rollup(ruled)["proof"] == "validity", 60, "load has it switch")
        assert rollup(ruled)["framework"] == "zk-stack"
        assert "nothing changed" in ruled.run("up", "ruled.yaml").stderr
        sent = flow.sent
        until(lambda: flow.sent > sent + 20, 30, "transfers flow")
    until(lambda: rollup(ruled)["proof"] == "fraud", 60, "it switches back when the load falls")
    told = switches(ruled)
    there_and_back = [("validity", 2), ("fraud", 3)] * (len(told) // 2)  # more if transfers stalled
    assert [(each["to"]["proof"], each["rule"]) for each in told] == there_and_back
    assert told[0]["reason"].startswith("load above 5 a second over 2 s: ")
    assert rollup(ruled)["switched"]["rule"] == 3

    _kill_around_switches(ruled)
    _switch_at_a_point_in_time(ruled)

    ruled.run("message", "send", "op", "l1", "--body", "0x01", "--wait")


def _kill_around_switches(home: Home) -> None:
    """Whenever the daemon is killed, the flag has its effect once."""
    moments = random.Random(5)
    for at in range(_KILLS):
        private = at % 2 == 0
        known = len(switches(home))
        home.run("rollup", "set", "op", "--private" if private else "--no-private")
        time.sleep(moments.uniform(0, 0.6))
        home.kill_daemon()
        home.run("up", "ruled.yaml", "--set", f"rollups.op.private={str(private).lower()}")
        wanted = "celestia" if private else "ethereum-calldata"
        until(lambda wanted=wanted: rollup(home)["da"] == wanted, 60, f"it posts to {wanted}")
        home.wait_state("ready", 30)
        made = switches(home)[known:]
        assert [each["to"] for each in made] == [{"da": wanted}]


def _switch_at_a_point_in_time(home: Home) -> None:
    known = len(switches(home))
    home.run("up", "timed.yaml")
    until(lambda: rollup(home)["framework"] == "arbitrum-nitro", 30, "the point in time came")
    (rule,) = rules(home)
    assert rule["fired"] == 1
    until(lambda: rules(home)[0]["next_at"] > rule["next_at"], 30, "the next point, too")
    home.wait_state("ready", 30)
    assert [each["rule"] for each in switches(home)[known:]] == [0]


def test_what_can_not_be_switched_is_refused(net: Home) -> None:
    for options, why in (
        (("--proof", "nonsense"), "fraud"),
        (("--proof", "validity", "--framework", "arbitrum-nitro"), "does not go with"),
        ((), "Nothing to switch"),
    ):
        done = net.run("rollup", "switch", "op", *options, check=False)
        assert done.returncode == 2, done.stderr
        assert why in done.stderr
    done = net.run("rollup", "switch", "nowhere", "--da", "celestia", check=False)
    assert done.returncode == 3
    assert rollup(net)["proof"] == "fraud"
