"""A devnet in containers: what runs, who is let in, and that nothing stays."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.world import rpc, until
from tests.containers import Docker, needs_images
from tests.e2e.home import Home, kill, new_home
from tests.e2e.messages import Burst, assert_all_delivered_once, chains_of

pytestmark = needs_images("anvil", "devnet")

_LIMITED = """
version: 1
name: net
runtime: compose
origins: ["http://localhost:3000"]
rollups:
  - {name: op, resources: {cpus: 0.5, memory: 200m}}
"""
docker = Docker()


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    with new_home() as home:
        (home.home / "net.yaml").write_text(_LIMITED)
        home.run("up", "net.yaml")
        yield home
        home.run("down")
        assert docker.left(home.home) == {}


def test_what_runs_has_no_rights(net: Home) -> None:
    """Printed, so that it can be read: user, rights, what can be written, what is published."""
    published = {}
    for service, container in sorted(docker.containers(net.home).items()):
        found = docker.inspect(container)
        host, config = found["HostConfig"], found["Config"]
        writable = sorted(
            [*host.get("Tmpfs", ()), *(m["Destination"] for m in found["Mounts"] if m["RW"])]
        )
        ports = [
            f"{way['HostIp']}:{way['HostPort']}"
            for ways in (found["NetworkSettings"]["Ports"] or {}).values()
            for way in ways or ()
        ]
        print(
            f"{service:8} user {config['User']}, capabilities -{','.join(host['CapDrop'])},"
            f" {','.join(host['SecurityOpt'])}, root read-only {host['ReadonlyRootfs']},"
            f" writable {writable}, published {ports},"
            f" memory {host['Memory']}, cpus {host['NanoCpus'] / 1e9}"
        )
        published[service] = ports
        assert config["User"] not in {"", "0", "root", "0:0"}
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert not host["Privileged"]
        assert host["ReadonlyRootfs"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["LogConfig"]["Config"]["max-size"] == "8m"
        assert host["PidsLimit"] == 1024
        assert set(writable) <= {"/tmp", "/data"}
        assert all(port.startswith("127.0.0.1:") for port in ports)
    assert {service for service, ports in published.items() if ports} == {"gate"}


def test_limits_of_the_spec_hold(net: Home) -> None:
    of_op = docker.inspect(docker.containers(net.home)["op/node"])["HostConfig"]
    assert (of_op["NanoCpus"], of_op["Memory"]) == (5 * 10**8, 200 * 1024 * 1024)
    of_l1 = docker.inspect(docker.containers(net.home)["l1/node"])["HostConfig"]
    assert (of_l1["NanoCpus"], of_l1["Memory"]) == (0, 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_pages_are_kept_out(net: Home, headers: dict[str, str], status: int) -> None:
    url = net.status()["rollups"][0]["rpc_url"]
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}).encode()
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body, kind | headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = answer.status
    except urllib.error.HTTPError as error:
        found = error.code
    assert found == status


def test_health_checks_ask_the_nodes(net: Home) -> None:
    def healthy() -> bool:
        states = [
            docker.inspect(container)["State"]["Health"]["Status"]
            for container in docker.containers(net.home).values()
        ]
        return bool(states) and set(states) == {"healthy"}

    until(healthy, 15, "all containers are healthy")


def test_logs_come_from_the_container(net: Home) -> None:
    def lines() -> str:
        return net.run("logs", "--service", "op/node").stdout

    until(lambda: "eth_" in lines(), 10, "the log has what the node says")


def test_messages_flow_and_survive_a_stop(net: Home) -> None:
    chains = chains_of(net.status())
    burst = Burst.between(chains["op"], chains["l1"])
    burst.send(20)
    assert_all_delivered_once(chains["op"], chains["l1"], at_least=20)
    height = chains["op"].height
    net.run("stop")
    assert docker.containers(net.home) == {}
    net.run("start")
    assert chains["op"].height >= height
    assert_all_delivered_once(chains["op"], chains["l1"], at_least=20)


def test_a_rollup_joins_and_leaves(net: Home) -> None:
    net.run("rollup", "add", "late")
    assert "late/node" in docker.containers(net.home)
    late = net.status()["rollups"][1]
    assert rpc(late["rpc_url"], "eth_chainId") == hex(late["chain_id"])
    net.run("rollup", "rm", "late")
    assert "late/node" not in docker.containers(net.home)


def test_a_second_home_is_left_alone(net: Home) -> None:
    """The same devnet's name, another home, the same engine."""
    before = docker.containers(net.home)
    with new_home() as other:
        other.run("up", "minimal", "--name", "net", "--runtime", "compose")
        theirs = docker.containers(other.home)
        assert theirs.keys() >= {"gate", "l1/node"}
        assert not set(theirs.values()) & set(before.values())
        other.run("down")
        assert docker.left(other.home) == {}
    assert docker.containers(net.home) == before
    assert net.status()["state"] == "ready"


def test_the_stack_stands_on_its_own(net: Home) -> None:
    """The daemon killed: the nodes and the gate go on; the next daemon takes them over."""
    before: dict[str, Any] = docker.containers(net.home)
    url = net.status()["rollups"][0]["rpc_url"]
    kill(net.daemon_pid)
    assert rpc(url, "eth_chainId") == hex(901)
    net.wait_state("ready")
    assert docker.containers(net.home) == before


def test_a_rollup_in_a_container_settles() -> None:
    """Batches to a stand-in beside the containers, outputs, money there and home, with its node
    killed between."""
    with new_home() as home:
        rollup = ("da=celestia", "proof=fraud", "finalization_window=5")
        chosen = [word for choice in rollup for word in ("--set", f"rollups.op.{choice}")]
        home.run("up", "minimal", "--runtime", "compose", "--set", "save_interval=1", *chosen)
        there = ("bridge", "deposit", "--on", "op", "--amount", "1", "--wait")
        home.run(*there, timeout=60)
        docker("kill", docker.containers(home.home)["op/node"])
        until(lambda: not home.run(*there, check=False).returncode, 60, "its node is back")
        was = docker.containers(home.home)
        home.run("rollup", "switch", "op", "--framework", "zk-stack", "--proof", "validity")
        assert docker.containers(home.home) == was
        out = ("bridge", "withdraw", "--on", "op", "--amount", "1.5", "--wait", "--json")
        assert json.loads(home.run(*out, timeout=100).stdout)["state"] == "finalized"
        assert json.loads(home.run("verify", "op", "--json").stdout)["verified"]["blocks"] > 2
        stack = ("export", "compose", "minimal", "--out", str(home.home / "out"), *chosen)
        refused = home.run(*stack, check=False)
        assert "an exported stack has no batchers yet" in refused.stderr
        home.run("down", "-y")
        assert docker.left(home.home) == {}
