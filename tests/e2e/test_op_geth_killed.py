"""A devnet with a rollup on op-geth: who is killed under load loses nothing that was seen."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from control_plane.adapters.evm.accounts import derive_accounts
from tests.acceptance.world import until
from tests.e2e.home import Home, kill, new_home
from tests.foundry import cast
from tests.integration.sequencing.load import Load, under
from tests.nodes import find_op_geth

SPEC = """\
version: 1
name: geth
rollups:
  - {name: op, engine: op-geth}
"""
ACCOUNTS = derive_accounts("test test test test test test test test test test test junk", 3)
ETHER = 10**18


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    find_op_geth()
    with new_home() as home:
        (home.home / "geth.yaml").write_text(SPEC)
        home.run("up", "geth.yaml")
        yield home


def load_on(net: Home) -> Load:
    (rollup,) = net.status()["rollups"]
    return Load(rollup["ws_url"], rollup["chain_id"], ACCOUNTS[0])


def grows(load: Load, by: int) -> None:
    goal = len(load.sealed) + by
    until(lambda: len(load.sealed) >= goal, 30, "transfers are sealed")


def test_op_geth_killed(net: Home) -> None:
    load = load_on(net)
    with under(load):
        for _ in range(3):
            grows(load, 20)
            kill(net.node("op").pid)
            grows(load, 20)
    asyncio.run(load.check())
    status = net.wait_state("ready")
    (node,) = (s for s in status["services"] if s["name"] == "op/node")
    assert (node["restarts"], node["lost_blocks"]) == (3, None)


def test_daemon_killed_with_its_sequencer(net: Home) -> None:
    load = load_on(net)
    before = net.node("op").pid
    with under(load):
        for _ in range(3):
            grows(load, 20)
            net.kill_daemon()
            time.sleep(0.2)
            net.run("ls")  # any command starts it again
            grows(load, 20)
    asyncio.run(load.check())
    net.wait_state("ready")
    assert net.node("op").pid == before, "the node is adopted, not started again"


def test_a_deposit_after_all_that(net: Home) -> None:
    status = net.wait_state("ready")
    (rollup,) = status["rollups"]
    portal = rollup["l1_contracts"]["optimismPortal"]
    urls = ("--rpc-url", status["l1"]["rpc_url"]), ("--rpc-url", rollup["rpc_url"])
    before = int(cast("balance", ACCOUNTS[1].address, *urls[1]))
    key = "0x" + ACCOUNTS[1].key.hex()
    cast("send", portal, "--value", "3ether", "--private-key", key, *urls[0])
    until(
        lambda: int(cast("balance", ACCOUNTS[1].address, *urls[1])) == before + 3 * ETHER,
        20,
        "the deposit has arrived",
    )


def test_stopped_and_started_it_goes_on(net: Home) -> None:
    height = cast("block-number", "--rpc-url", net.status()["rollups"][0]["rpc_url"])
    net.run("stop")
    net.run("start")
    status = net.wait_state("ready")
    url = status["rollups"][0]["rpc_url"]
    assert int(cast("block-number", "--rpc-url", url)) >= int(height)
    done = net.json("message", "send", "op", "l1", "--body", "0x68", "--wait")
    assert done["delivered_tx"]
