"""A devnet in containers, and all that can happen to them: honest status, a reason, recovery where
it is possible, and nothing that stays."""

import contextlib
import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.world import until
from tests.containers import Docker, PrivateEngine, needs_images, private_engine
from tests.disks import small_disk
from tests.e2e.home import Home, kill, new_home
from tests.e2e.messages import At, Burst, assert_all_delivered_once, chains_of

pytestmark = needs_images("anvil", "op-geth", "devnet")

_NET = """
version: 1
name: net
runtime: compose
save_interval: 1
accounts: {balance: 1000000}
l1: {resources: {memory: 192m}}
rollups:
  - {name: op, engine: op-geth}
  - {name: arb, framework: arbitrum-nitro, resources: {memory: 192m}}
"""
docker = Docker()


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    """An L1 and a rollup on each engine, saved every second."""
    with new_home() as home:
        (home.home / "net.yaml").write_text(_NET)
        home.run("up", "net.yaml")
        yield home
        home.run("down")
        assert docker.left(home.home) == {}


@pytest.fixture
def clean() -> Iterator[Home]:
    """A home in which nothing may be left, here or at the engine."""
    with new_home() as home:
        yield home
        home.run("down", "--all", "-y", check=False)
        assert docker.left(home.home) == {}
        home.assert_clean()


def container(home: Home, service: str) -> str:
    return docker.containers(home.home)[service]


def problem(home: Home, name: str | None = None) -> str:
    return str(home.status(name)["problem"] or "")


def wait_problem(home: Home, *words: str, seconds: float = 20) -> str:
    """The devnet's problem once it has all of `words`."""
    seen: list[str] = [""]

    def told() -> bool:
        seen[0] = problem(home)
        return all(word in seen[0] for word in words)

    try:
        until(told, seconds, f"status tells of {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}; it says: {seen[0]}") from None
    assert home.status()["state"] == "degraded"
    return seen[0]


def send_and_receive(home: Home) -> None:
    """Messages both ways; each is delivered once."""
    chains = chains_of(home.status())
    for here, other in ((chains["op"], chains["arb"]), (chains["arb"], chains["op"])):
        Burst.between(here, other).send_all(5)
    for here, other in ((chains["op"], chains["arb"]), (chains["arb"], chains["op"])):
        assert_all_delivered_once(here, other, at_least=5)


def newest(home: Home) -> int:
    return max(int(event["id"]) for event in home.events("net"))


def exits(home: Home, since: int) -> list[dict[str, Any]]:
    return [event for event in home.events("net", since) if event["type"] == "service.exited"]


# ---------------------------------------------------------------- a container


@pytest.mark.parametrize("victim", ["arb", "op", "l1"])
def test_a_container_killed(net: Home, victim: str) -> None:
    send_and_receive(net)
    before, since = container(net, f"{victim}/node"), newest(net)
    docker("kill", before)
    until(lambda: bool(exits(net, since)), 5, "its end is seen")
    (seen,) = exits(net, since)
    assert seen["service"] == f"{victim}/node"
    assert "it was killed (exit code 137)" in seen["data"]["problem"]
    net.wait_state("ready", 30)
    assert container(net, f"{victim}/node") != before
    send_and_receive(net)


def test_a_container_removed(net: Home) -> None:
    before, since = container(net, "arb/node"), newest(net)
    docker("rm", "-f", before)
    until(lambda: bool(exits(net, since)), 5, "its end is seen")
    net.wait_state("ready", 30)
    assert container(net, "arb/node") != before
    send_and_receive(net)


def test_a_container_paused(net: Home) -> None:
    victim = container(net, "op/node")
    docker("pause", victim)
    try:
        wait_problem(net, "op/node: its container is paused", seconds=5)
    finally:
        docker("unpause", victim)
    net.wait_state("ready", 30)
    assert container(net, "op/node") == victim, "nothing had to be restarted"
    send_and_receive(net)


def test_a_container_out_of_memory(net: Home) -> None:
    since = newest(net)
    url = next(r["rpc_url"] for r in net.status()["rollups"] if r["name"] == "arb")
    _send_too_much(url)
    until(lambda: bool(exits(net, since)), 20, "its end is seen")
    assert "it ran out of the memory it may have" in exits(net, since)[0]["data"]["problem"]
    net.wait_state("ready", 30)
    send_and_receive(net)


def _send_too_much(url: str) -> None:
    """A request that takes more memory than the node may have."""
    code = "0x" + "00" * (200 * 1024 * 1024)
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "anvil_setCode",
        "params": ["0x" + "aa" * 20, code],
    }
    request = urllib.request.Request(
        url, json.dumps(call).encode(), {"Content-Type": "application/json"}
    )
    with pytest.raises(OSError):  # noqa: PT011 - whatever a broken connection gives
        urllib.request.urlopen(request, timeout=30)


def test_the_gate_killed(net: Home) -> None:
    at: At = chains_of(net.status())["op"]
    nodes = {k: v for k, v in docker.containers(net.home).items() if k != "gate"}
    docker("kill", container(net, "gate"))

    def answers() -> bool:
        try:
            return at.height >= 0
        except OSError:
            return False

    until(answers, 20, "the public port answers again")
    net.wait_state("ready", 10)
    assert {k: v for k, v in docker.containers(net.home).items() if k != "gate"} == nodes
    send_and_receive(net)


def test_a_volume_removed_under_a_node(net: Home) -> None:
    """The sequencer's journal gives the chain back, as far as it reaches."""
    send_and_receive(net)
    at = chains_of(net.status())["op"]
    height, head = at.height, at.block_hash(at.height)
    volumes = docker("volume", "ls", "-q", "--filter", "label=dev.caldera.service=op/node")
    (volume,) = [v for v in volumes.split() if docker.containers(net.home) and _mine(net, v)]
    docker("rm", "-f", container(net, "op/node"))
    docker("volume", "rm", "-f", volume, check=False)
    until(lambda: net.status()["state"] != "ready", 10, "it is seen")
    net.wait_state("ready", 30)
    assert at.block_hash(height) == head
    send_and_receive(net)


def _mine(home: Home, volume: str) -> bool:
    from control_plane.adapters.runtime.compose.project import home_id

    return home_id(home.home) in volume


# ---------------------------------------------------------------- the daemon


@pytest.mark.parametrize("after", [0.05, 0.2, 0.5, 0.9])
def test_daemon_killed_in_the_middle_of_up(clean: Home, after: float) -> None:
    """Whatever Compose had made by then: the next `up` ends with one container a service."""
    asking = clean.start("up", "minimal", "--runtime", "compose")
    file = clean.home / "devnets" / "minimal" / "compose.yaml"
    until(file.exists, 20, "the containers' file is written")
    time.sleep(after)
    kill(clean.daemon_pid)
    asking.communicate(timeout=60)
    clean.run("up", "minimal", "--runtime", "compose")
    names = docker("ps", "-a", "--format", '{{.Label "dev.caldera.service"}}', *_label(clean))
    assert sorted(names.split()) == ["gate", "l1/node", "op/node"]
    clean.run("message", "send", "op", "l1", "--wait")


def _label(home: Home) -> tuple[str, str]:
    from control_plane.adapters.runtime.compose.project import home_id

    return "--filter", f"label=dev.caldera.home={home_id(home.home)}"


def test_up_interrupted_leaves_nothing(clean: Home) -> None:
    asking = clean.start("up", "minimal", "--runtime", "compose")
    until(lambda: bool(docker.containers(clean.home)), 20, "containers are made")
    asking.send_signal(signal.SIGINT)
    asking.communicate(timeout=60)
    assert asking.returncode == 130
    until(lambda: docker.left(clean.home) == {}, 20, "all of it is gone")


def test_a_devnet_goes_down_although_its_daemon_was_killed(clean: Home) -> None:
    clean.run("up", "minimal", "--runtime", "compose")
    kill(clean.daemon_pid)
    clean.run("down")
    assert docker.left(clean.home) == {}


def test_clean_removes_what_a_killed_daemon_left(clean: Home) -> None:
    clean.run("up", "minimal", "--runtime", "compose")
    kill(clean.daemon_pid)
    clean.run("clean", "--yes")
    assert docker.left(clean.home) == {}
    clean.home.mkdir(exist_ok=True)


# ---------------------------------------------------------------- what is missing


def test_no_engine(clean: Home) -> None:
    nobody = {"DOCKER_HOST": f"unix://{clean.home}/nobody.sock"}
    done = clean.run("up", "minimal", "--runtime", "compose", check=False, environment=nobody)
    assert done.returncode == 6, done.stderr
    assert "The Docker engine does not answer" in done.stderr
    assert "caldera doctor" in done.stderr


def test_down_without_the_engine_says_so(clean: Home) -> None:
    """Its containers would be nobody's; with the engine it goes down."""
    clean.run("up", "minimal", "--runtime", "compose")
    kill(clean.daemon_pid)
    nobody = {"DOCKER_HOST": f"unix://{clean.home}/nobody.sock"}
    done = clean.run("down", check=False, environment=nobody)
    assert done.returncode == 6, done.stderr
    assert "The Docker engine does not answer" in done.stderr
    kill(clean.daemon_pid)
    clean.run("down", "minimal")
    assert docker.left(clean.home) == {}


def test_no_docker_command(clean: Home, tmp_path: Path) -> None:
    bare = {"PATH": f"{clean.command.parent}:{tmp_path}"}
    done = clean.run("up", "minimal", "--runtime", "compose", check=False, environment=bare)
    assert done.returncode == 6, done.stderr
    assert "Docker is missing" in done.stderr


# ---------------------------------------------------------------- the engine


@pytest.fixture(scope="module")
def engine() -> Iterator[PrivateEngine]:
    with private_engine() as made:
        yield made


def test_an_engine_without_images(engine: PrivateEngine) -> None:
    with new_home() as home:
        home.environment |= engine.environment
        done = home.run("up", "minimal", "--runtime", "compose", check=False)
        assert done.returncode == 6, done.stderr
        assert "caldera images build" in done.stderr
        assert engine.left(home.home) == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_engine_stops_and_starts(engine: PrivateEngine, number: signal.Signals) -> None:
    """Without it nothing can be done, and status says so; with it all comes back by itself."""
    engine.load("anvil", "devnet")
    with new_home() as home:
        home.environment |= engine.environment
        home.run("up", "minimal", "--runtime", "compose", "--set", "save_interval=1")
        home.run("message", "send", "op", "l1", "--wait")
        time.sleep(2)  # a save
        before = chains_of(home.status())["op"].height
        engine.stop(number)
        wait_problem(home, "The Docker engine does not answer")
        engine.start()
        home.wait_state("ready", 60)
        assert chains_of(home.status())["op"].height >= before
        home.run("message", "send", "op", "l1", "--wait")
        home.run("down")
        assert engine.left(home.home) == {}


def test_a_daemon_that_starts_without_the_engine(engine: PrivateEngine) -> None:
    """It says so and tries again; what ran meanwhile is taken over."""
    engine.load("anvil", "devnet")
    with new_home() as home:
        home.environment |= engine.environment
        home.run("up", "minimal", "--runtime", "compose", "--set", "save_interval=1")
        nodes = engine.containers(home.home)
        height = chains_of(home.status())["op"].height
        kill(home.daemon_pid)
        engine.stop(signal.SIGKILL)
        home.run("ls")  # any command starts it again
        wait_problem(home, "The Docker engine does not answer")
        done = home.run("restart", "--service", "op/node", check=False)
        assert done.returncode == 6, done.stderr
        assert "The Docker engine does not answer" in done.stderr
        engine.start(live_restore=True)
        home.wait_state("ready", 60)
        assert engine.containers(home.home) == nodes
        assert chains_of(home.status())["op"].height >= height
        home.run("message", "send", "op", "l1", "--wait")
        home.run("down")


_SMALL = """
version: 1
name: net
runtime: compose
l1: {resources: {memory: 6m}}
rollups:
  - {name: op, engine: op-geth}
"""


def test_nothing_is_left_at_an_engine(engine: PrivateEngine) -> None:
    """Nobody else is there, so all that it has is compared: before, and after each end."""
    engine.load("anvil", "op-geth", "devnet")
    before = engine.listing()
    with new_home() as home:
        home.environment |= engine.environment
        (home.home / "net.yaml").write_text(_NET)
        home.run("up", "net.yaml", timeout=120)
        home.run("message", "send", "op", "arb", "--wait")
        assert engine.listing() != before
        kill(home.daemon_pid)
        home.run("down")
        assert engine.listing() == before, "after `down`, its daemon was killed"
        (home.home / "net.yaml").write_text(_SMALL)
        done = home.run("up", "net.yaml", check=False, timeout=120)
        assert done.returncode == 1, done.stderr
        assert "l1/node" in done.stderr
        assert engine.listing() == before, "it never came up"
        home.run("down", check=False)
        assert engine.listing() == before


def test_an_engine_whose_disk_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", kilobytes=700_000) as disk, private_engine(disk) as engine:
        engine.load("anvil", "devnet")
        with new_home() as home:
            home.environment |= engine.environment
            ballast = disk / "ballast"
            _fill(ballast)
            done = home.run("up", "minimal", "--runtime", "compose", check=False)
            assert done.returncode == 1, done.stderr
            assert "disk is full" in done.stderr
            ballast.unlink()
            home.run("up", "minimal", "--runtime", "compose")
            home.run("down")
            assert engine.left(home.home) == {}


def _fill(ballast: Path) -> None:
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(64 * 1024)):
            pass
