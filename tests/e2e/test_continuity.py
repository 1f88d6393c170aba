"""What stays over a stop, a new daemon, and what is left over from one that died."""

import json
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from control_plane.version import version
from tests.acceptance.world import until
from tests.e2e.home import Home, new_home, ports_of
from tests.e2e.messages import At, Burst, account, assert_all_delivered_once, chains_of

_NAME = "net"


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    with new_home() as home:
        home.run("up", "minimal", "--name", _NAME)
        yield home


def ledger(chain: At, *addresses: str) -> dict[str, Any]:
    """What must be the same after a stop."""
    height = chain.height
    return {
        "height": height,
        "hashes": [chain.block_hash(number) for number in range(height + 1)],
        "balances": [chain.call("eth_getBalance", address, "latest") for address in addresses],
        "dispatched": chain.dispatched(),
        "processed": chain.processed(),
    }


def test_up_after_stop_goes_on_with_the_same_chains(net: Home) -> None:
    before = net.status()
    chains = chains_of(before)
    here, there = chains["op"], chains["l1"]
    stranger = account("stranger").address
    net.run("faucet", stranger, "--amount", "3")
    net.run("stop", "--service", "relayer")
    Burst.between(here, there).send(20)
    until(lambda: net.status()["metalayer"]["messages"]["pending"] == 20, 10, "they are seen")
    ledgers = {name: ledger(chain, stranger) for name, chain in chains.items()}
    net.run("stop")
    stopped = net.status()
    assert stopped["state"] == "stopped"
    assert not net.nodes()
    assert len(net.processes()) == 1, "only the daemon"
    net.run("up", "minimal", "--name", _NAME)
    after = net.status()
    assert after["state"] == "ready"
    for part in ("created_at", "l1", "rollups"):
        assert after[part] == before[part]
    for name, chain in chains_of(after).items():
        now = ledger(chain, stranger)
        then = ledgers[name]
        assert now["hashes"][: then["height"] + 1] == then["hashes"]
        assert now["balances"] == then["balances"]
        assert now["dispatched"] == then["dispatched"]
        assert then["processed"] <= now["processed"]
    assert_all_delivered_once(here, there, at_least=20)
    assert net.status()["metalayer"]["messages"]["reorged"] == 0


def test_restart_keeps_all_too(net: Home) -> None:
    chains = chains_of(net.status())
    heights = {name: chain.height for name, chain in chains.items()}
    pids = {p.pid for found in net.nodes().values() for p in found}
    net.run("restart")
    assert all(chain.height >= heights[name] for name, chain in chains.items())
    assert not pids & {p.pid for found in net.nodes().values() for p in found}
    Burst.between(chains["op"], chains["l1"], "again").send(5)
    assert_all_delivered_once(chains["op"], chains["l1"], at_least=5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_next_daemon_adopts_the_nodes(net: Home, number: signal.Signals) -> None:
    def nodes() -> dict[str, tuple[int, str]]:
        return {name: (p.pid, p.started) for name, (p,) in net.nodes().items()}

    before, chains = nodes(), chains_of(net.status())
    heights = {name: chain.height for name, chain in chains.items()}
    net.kill_daemon(number)
    assert nodes() == before, "nodes outlive the daemon"
    assert {name: chain.height for name, chain in chains.items()} == heights, "and answer"
    net.run("up", "minimal", "--name", _NAME)
    assert nodes() == before
    assert net.status()["state"] == "ready"
    net.run("message", "send", "l1", "op", "--body", "0x01", "--wait")


def test_traces_of_a_dead_daemon_are_in_nobodys_way(net: Home) -> None:
    net.kill_daemon()
    for name in ("daemon.json", "daemon.sock", "daemon.lock"):
        assert (net.home / name).exists(), "that is what a kill leaves"
    one_that_lives = {"pid": 1, "version": version(), "socket": "/nowhere", "port": 1}
    (net.home / "daemon.json").write_text(json.dumps(one_that_lives))
    assert net.run("status").returncode == 0
    assert net.daemon_pid not in {0, 1}
    (net.home / "daemon.json").write_text("{half written")
    assert net.run("status").returncode == 0
    net.kill_daemon(signal.SIGTERM) if net.daemon_pid else kill_what_listens(net)
    net.run("status")
    assert net.daemon_pid


def kill_what_listens(home: Home) -> None:
    """The daemon of a home whose daemon.json can't be read."""
    from tests.e2e.home import kill

    (daemon,) = (p for p in home.processes() if "control_plane.main" in p.command)
    kill(daemon.pid, signal.SIGTERM)


def test_second_daemon_is_refused(net: Home) -> None:
    net.run("ls")
    second = net.run("serve", check=False)
    assert second.returncode == 4
    assert str(net.daemon_pid) in second.stderr


def test_serve_stays_and_a_command_uses_it(home: Home) -> None:
    serving = home.start("serve")
    try:
        until(lambda: home.daemon_pid == serving.pid, 20, "it serves")
        home.run("up", "minimal")
        home.run("down")
        assert home.daemon_pid == serving.pid
        assert len(home.processes()) == 1
        serving.send_signal(signal.SIGINT)
        assert serving.wait(10) == 0
        home.assert_clean()
    finally:
        serving.kill()
        serving.communicate()


def test_down_leaves_nothing(net: Home) -> None:
    """Last of this module: it takes the devnet that the others share."""
    ports = ports_of(net.status())
    net.run("stop")
    net.run("down")
    net.assert_clean(*ports)


def test_processes_before_and_after_are_the_same() -> None:
    before = listed()
    with new_home() as home:
        running = [home.start("up", "minimal", "--name", name) for name in ("left", "right")]
        for process in running:
            _, told = process.communicate(timeout=60)
            assert process.returncode == 0, told
        ports = [p for name in ("left", "right") for p in ports_of(home.status(name))]
        assert len(set(ports)) == 4
        assert len(home.processes()) == 6  # daemon, gate, four nodes
        home.run("down", "--all", "-y")
        mine = [line for line in listed() - before if str(home.home) in line]
        assert not mine
        home.assert_clean(*ports)


def listed() -> set[str]:
    """Every process of this machine as ps shows it."""
    done = subprocess.run(["ps", "axeww", "-o", "pid=,args="], capture_output=True, text=True)
    return set(done.stdout.splitlines())
