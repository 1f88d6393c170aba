"""The daemon killed anywhere on the way up: the next `up` goes on, once."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from control_plane.domain.calls import selector
from tests.acceptance.world import rpc, until
from tests.e2e.home import Home, kill, new_home, ports_of
from tests.e2e.messages import At, chains_of
from tests.nodes import script

_GUARDIAN_SET = "0x" + selector("guardianSet()").hex()
STEPS = (
    *("provision", "node:l1", "node:op", "bootstrap:l1", "bootstrap:op"),
    *("agents", "certify"),
)
BOUNDARIES = [f"{side}:{step}" for step in STEPS for side in ("before", "after")]


def devnet_id(home: Home) -> str:
    """What the record of the only devnet says it is; empty without one."""
    with sqlite3.connect(f"file:{home.home}/caldera.db?mode=ro", uri=True) as database:
        found = database.execute("select devnet_id from devnets").fetchall()
    assert len(found) <= 1
    return str(found[0][0]) if found else ""


def secrets_of(home: Home) -> dict[str, bytes]:
    """Key files by name."""
    folder = home.home / "devnets" / "minimal" / "secrets"
    return {path.name: path.read_bytes() for path in folder.glob("*")}


def assert_deployed_once(chain: At) -> None:
    """Whoever acted in block 1 did nothing later, and the first guardian set is the one."""
    block = chain.call("eth_getBlockByNumber", "0x1", True)
    actors: dict[str, int] = {}
    for transaction in block["transactions"]:
        actors[transaction["from"]] = actors.get(transaction["from"], 0) + 1
    assert actors, "block 1 is empty"
    for actor, count in actors.items():
        assert int(chain.call("eth_getTransactionCount", actor, "latest"), 16) == count


def assert_first_set(status: dict[str, Any]) -> None:
    for chain in (status["l1"], *status["rollups"]):
        request = {"to": chain["contracts"]["rootVerifier"], "data": _GUARDIAN_SET}
        answer = rpc(chain["rpc_url"], "eth_call", request, "latest")
        assert int(answer[2 + 64 : 2 + 128], 16) == 1, "the guardian set's id"


def assert_whole(home: Home) -> dict[str, Any]:
    """One devnet, ready, each of its parts there once, and messages pass."""
    status = home.status()
    assert status["state"] == "ready", status["problem"]
    assert status["metalayer"]["missing_guardians"] == []
    nodes = home.nodes()
    assert {name: len(found) for name, found in nodes.items()} == {"minimal/l1": 1, "minimal/op": 1}
    pids = {s["name"].partition("/")[0]: s["pid"] for s in status["services"] if s["pid"]}
    assert pids == {name.partition("/")[2]: found[0].pid for name, found in nodes.items()}
    assert len(home.processes()) == 4, home.processes()  # daemon, gate, two nodes
    assert_first_set(status)
    for chain in chains_of(status).values():
        assert_deployed_once(chain)
    home.run("message", "send", "l1", "op", "--body", "0x01", "--wait")
    return status


def recover(boundary: str) -> None:
    with new_home() as home:
        broken = home.run("up", "minimal", check=False, environment=fault(boundary))
        assert broken.returncode == 1, f"{boundary}: {broken}"
        assert "daemon" in broken.stderr
        until(lambda: not home.daemon_pid, 5, "the daemon is gone")
        before, keys = devnet_id(home), secrets_of(home)
        running = {p.pid for found in home.nodes().values() for p in found}
        home.run("up", "minimal")
        status = assert_whole(home)
        assert devnet_id(home) == before
        now = secrets_of(home)
        assert {name: now[name] for name in keys} == keys
        kept = {p.pid for found in home.nodes().values() for p in found}
        assert running <= kept, "nodes that ran were adopted"
        home.run("down", "minimal")
        home.kill_daemon(__import__("signal").SIGTERM)
        home.assert_clean(*ports_of(status))


def fault(boundary: str) -> dict[str, str]:
    return {"CALDERA_TEST_FAULT": boundary}


def test_killed_at_every_boundary_of_up() -> None:
    with ThreadPoolExecutor(3) as pool:
        for _ in pool.map(recover, BOUNDARIES):
            pass


def test_killed_again_and_again(home: Home) -> None:
    """One devnet, whose daemon dies at one boundary after the other."""
    for boundary in BOUNDARIES:
        broken = home.run("up", "minimal", check=False, environment=fault(boundary))
        assert broken.returncode == 1, f"{boundary}: {broken}"
        until(lambda: not home.daemon_pid, 5, "the daemon is gone")
    home.run("up", "minimal")
    assert_whole(home)
