"""Rollups whose data are kept elsewhere than in the L1's calldata: rebuilt from there."""

from tests.e2e.home import kill, new_home
from tests.e2e.test_batches import use, verified

_NAME = "net"


def test_blobs_are_read_back_after_the_l1_was_killed() -> None:
    with new_home() as home:
        sets = ("--set", "rollups.op.da=ethereum-blobs", "--set", "save_interval=0.5")
        home.run("up", "minimal", "--name", _NAME, *sets)
        use(home)
        first = verified(home)
        assert first["transactions"] > 20
        kill(home.node("l1").pid)
        home.wait_state("ready", 30)
        use(home)
        assert verified(home)["blocks"] > first["blocks"]
        posted = [e["data"] for e in home.events(_NAME) if e["type"] == "batch.posted"]
        assert {tuple(each["carriers"]) for each in posted} == {("blobs",)}
