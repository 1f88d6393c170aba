"""Rollups whose data are kept elsewhere than in the L1's calldata: rebuilt from there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.world import until
from tests.e2e.home import Home, kill, new_home
from tests.e2e.messages import chains_of
from tests.e2e.test_batches import use, verified

_NAME = "net"
_KEEPERS = ("celestia", "eigenda", "anytrust", "alt-da")
_SPEC = """
version: 1
name: net
save_interval: 0.5
rollups:
"""


@pytest.mark.timeout(300)  # KZG's setup is loaded twice
def test_blobs_are_read_back_after_the_l1_was_killed() -> None:
    with new_home() as home:
        sets = ("--set", "rollups.op.da=ethereum-blobs", "--set", "save_interval=0.5")
        home.run("up", "minimal", "--name", _NAME, *sets)
        use(home)
        before = posted(home, "op")[-1]["to"]
        kill(home.node("l1").pid)
        home.wait_state("ready", 30)
        home.run("message", "send", "op", "l1", "--body", "0x6869", "--wait")
        found = verified(home, 60)
        assert found["blocks"] > before
        assert found["transactions"] > 20
        assert {tuple(each["carriers"]) for each in posted(home, "op")} == {("blobs",)}


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    """A rollup for each service that keeps data, named after it."""
    with new_home() as home:
        spec = home.home / "caldera.yaml"
        settled = {"celestia": ", proof: fraud, finalization_window: 1"}
        rollups = (f"  - {{name: {da}, da: {da}{settled.get(da, '')}}}\n" for da in _KEEPERS)
        spec.write_text(_SPEC + "".join(rollups))
        home.run("up", str(spec))
        yield home


def posted(home: Home, rollup: str) -> list[dict[str, Any]]:
    """What events say was posted of the rollup, once all of it is."""

    def events() -> list[dict[str, Any]]:
        return [
            e["data"]
            for e in home.events(_NAME)
            if e["type"] == "batch.posted" and e["service"] == f"{rollup}/batcher"
        ]

    height = chains_of(home.status())[rollup].height
    until(lambda: max((e["to"] for e in events()), default=0) >= height, 60, "all is posted")
    return events()


def stand_in(home: Home, da: str) -> Path:
    """The directory in which it keeps everything."""
    return home.home / "devnets" / _NAME / "da" / da


@pytest.mark.parametrize("da", _KEEPERS)
def test_a_rollup_is_rebuilt_from_its_stand_in(net: Home, da: str) -> None:
    net.run("message", "send", da, "l1", "--body", "0x6869", "--wait")
    assert {tuple(each["carriers"]) for each in posted(net, da)} == {("commitment",)}
    assert f"{da}-stand-in" in {service["name"] for service in net.status()["services"]}
    before = json.loads(net.run("verify", da, "--json").stdout)["verified"]

    kill(json.loads((stand_in(net, da) / "process.json").read_text())["pid"])
    net.run("message", "send", da, "l1", "--body", "0x6869", "--wait")
    posted(net, da)
    after = json.loads(net.run("verify", da, "--json").stdout)["verified"]
    assert after["blocks"] > before["blocks"]


def test_a_committee_without_a_quorum_is_done_without(net: Home) -> None:
    started = json.loads(net.run("chaos", "start", "committee-silent", "anytrust", "--json").stdout)
    net.run("message", "send", "anytrust", "l1", "--body", "0x6869", "--wait")
    last = posted(net, "anytrust")[-1]
    assert last["carriers"] == ["calldata"]
    assert "2 must" in last["note"]
    assert "verified" in json.loads(net.run("verify", "anytrust", "--json").stdout)
    net.run("chaos", "heal", started["id"])
    net.run("message", "send", "anytrust", "l1", "--body", "0x6869", "--wait")
    assert posted(net, "anytrust")[-1]["carriers"] == ["commitment"]


def outputs(home: Home) -> list[int]:
    return [e["data"]["block"] for e in home.events(_NAME) if e["type"] == "output.proposed"]


def watched(home: Home) -> str | None:
    services = {service["name"]: service["problem"] for service in home.status()["services"]}
    found: str | None = services["celestia/data-watcher"]
    return found


@pytest.mark.parametrize("fault", ["data-withheld", "data-corrupted"])
def test_nothing_is_proposed_past_data_that_are_missing(net: Home, fault: str) -> None:
    height = chains_of(net.status())["celestia"].height
    until(lambda: outputs(net)[-1:] == [height], 20, "all blocks are proposed")
    started = json.loads(net.run("chaos", "start", fault, "celestia", "--json").stdout)
    until(lambda: "channel 0" in (watched(net) or ""), 20, "the data are missed")
    refused = net.run("verify", "celestia", check=False)
    assert refused.returncode == 1
    assert "channel 0, blocks 1 to" in refused.stderr

    net.run("message", "send", "celestia", "l1", "--body", "0x6869", "--wait")
    to = posted(net, "celestia")[-1]["to"]
    until(lambda: "proposes nothing" in str(net.status()["services"]), 20, "it is refused")
    assert outputs(net)[-1] == height
    net.run("chaos", "heal", started["id"])
    until(lambda: outputs(net)[-1] == to and watched(net) is None, 20, "all goes on")
    assert "verified" in json.loads(net.run("verify", "celestia", "--json").stdout)
