"""The daemon killed anywhere on the way up: the next `up` goes on, once."""

import os
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from control_plane.adapters.engine.anvil_binary import resolve_anvil
from control_plane.domain.calls import selector
from tests.acceptance.world import rpc, until
from tests.e2e.home import Home, new_home, ports_of
from tests.e2e.messages import At, chains_of
from tests.nodes import script

_GUARDIAN_SET = "0x" + selector("guardianSet()").hex()
STEPS = (
    *("provision", "node:l1", "node:op", "bootstrap:l1", "bootstrap:op"),
    *("agents", "certify"),
)
BOUNDARIES = [f"{side}:{step}" for step in STEPS for side in ("before", "after")]


def rows(home: Home, query: str) -> list[Any]:
    """What the database holds, whoever has it open."""
    with closing(sqlite3.connect(f"file:{home.home}/caldera.db?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def devnet_id(home: Home) -> str:
    """What the record of the only devnet says it is; empty without one."""
    found = rows(home, "select devnet_id from devnets")
    assert len(found) <= 1
    return str(found[0][0]) if found else ""


def recorded_pids(home: Home) -> set[int]:
    """Processes that the records name."""
    return {int(row[0]) for row in rows(home, "select pid from services where pid is not null")}


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
        running = {p.pid for found in home.nodes().values() for p in found} & recorded_pids(home)
        home.run("up", "minimal")
        status = assert_whole(home)
        assert devnet_id(home) == before
        now = secrets_of(home)
        assert {name: now[name] for name in keys} == keys
        kept = {p.pid for found in home.nodes().values() for p in found}
        assert running <= kept, "nodes that ran were adopted"
        home.run("down", "minimal")
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


def killer_of_daemons(home: Home, chain: str) -> dict[str, str]:
    """An Anvil whose first process for `chain` kills the daemon that starts it, before that
    can note anything of it."""
    anvil = resolve_anvil().path
    flag = home.home / "killed"
    program = script(
        home.home / "anvil-that-kills",
        f"""#!/bin/sh
case "$*" in
  *--init*/nodes/{chain}/*) mkdir {flag} 2>/dev/null && kill -9 $PPID ;;
esac
exec {anvil} "$@"
""",
    )
    return {"ANVIL_BIN": str(program)}


@pytest.mark.parametrize("chain", ["l1", "op"])
def test_killed_between_starting_a_node_and_recording_it(home: Home, chain: str) -> None:
    killer = killer_of_daemons(home, chain)
    assert home.run("up", "minimal", check=False, environment=killer).returncode == 1
    assert not home.daemon_pid
    home.run("up", "minimal")
    assert_whole(home)


def test_unrecorded_node_never_takes_the_place_of_a_saved_chain(home: Home) -> None:
    """A node that was started but not yet given its saved state is not the chain."""
    home.run("up", "minimal")
    home.run("message", "send", "op", "l1", "--body", "0x01", "--wait")
    before = {name: at.height for name, at in chains_of(home.status()).items()}
    home.run("stop")
    home.kill_daemon()
    killer = killer_of_daemons(home, "op")
    assert home.run("up", "minimal", check=False, environment=killer).returncode == 1
    home.run("up", "minimal")
    after = {name: at.height for name, at in chains_of(home.status()).items()}
    assert all(after[name] >= height for name, height in before.items()), (before, after)
    assert_whole(home)


def test_a_command_waits_while_the_next_daemon_takes_over(home: Home) -> None:
    home.run("up", "minimal")
    home.kill_daemon()
    node = home.node("op")
    os.kill(node.pid, signal.SIGSTOP)  # so that taking it over lasts
    home.run("ls")  # starts another daemon
    asking = home.start("message", "send", "l1", "op", "--body", "0x01", "--wait")
    time.sleep(0.5)
    os.kill(node.pid, signal.SIGCONT)
    _, errors = asking.communicate(timeout=20)
    assert asking.returncode == 0, errors
    assert_whole(home)


@pytest.mark.parametrize("moment", [0.03, 0.12, 0.3])
def test_killed_at_any_moment(home: Home, moment: float) -> None:
    """Not at a boundary, but within whatever happens to be under way."""
    asking = home.start("up", "minimal")
    until((home.home / "devnets" / "minimal").is_dir, 20, "up is under way")
    time.sleep(moment)
    home.kill_daemon()
    asking.communicate(timeout=20)
    home.run("up", "minimal")
    assert_whole(home)
