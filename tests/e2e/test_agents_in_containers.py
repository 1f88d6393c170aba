"""A devnet whose agents run in containers beside its nodes."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane.adapters.runtime.compose.images import OURS, read_images
from control_plane.resources import compose_dir
from tests.acceptance.world import until
from tests.docker import lacks_engine
from tests.e2e.home import Home, new_home
from tests.e2e.messages import At, Burst, assert_all_delivered_once, chains_of, flowing

_NAME = "boxes"
_SPEC = f"""
version: 1
name: {_NAME}
runtime: compose
agents: containers
rollups:
  - {{name: op, framework: op-stack}}
  - {{name: arb, framework: arbitrum-nitro}}
"""
pytestmark = pytest.mark.slow


def docker(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def require_image() -> None:
    if why := lacks_engine():
        pytest.skip(why)
    image = read_images(compose_dir())[OURS]
    probe = ("-c", "import control_plane.alone")
    program, *rest = image.program
    done = docker(
        "run", "--rm", "--network", "none", "--entrypoint", program, image.local, *rest, *probe
    )
    if done.returncode:
        pytest.skip(f"the image {image.local} does not hold the control plane: images build")


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    require_image()
    spec = tmp_path_factory.mktemp("spec") / "caldera.yaml"
    spec.write_text(_SPEC)
    with new_home() as home:
        home.run("up", str(spec), timeout=180)
        yield home
        home.run("down", _NAME, "-y")
        assert containers(home) == {}


def containers(home: Home) -> dict[str, str]:
    """Ids of this home's containers by their service."""
    from control_plane.adapters.runtime.compose.project import HOME_LABEL, SERVICE_LABEL, home_id

    form = f'{{{{.Label "{SERVICE_LABEL}"}}}} {{{{.ID}}}}'
    mine = f"label={HOME_LABEL}={home_id(home.home)}"
    lines = docker("ps", "-a", "--filter", mine, "--format", form).stdout.splitlines()
    return dict(line.split() for line in lines)


def both_ways(home: Home) -> tuple[At, At, Burst]:
    chains = chains_of(home.status())
    here, there = chains["op"], chains["arb"]
    return here, there, Burst.between(here, there, "boxes")


def test_every_agent_is_a_container(boxes: Home) -> None:
    agents = {s["name"] for s in boxes.status()["services"] if s["kind"] == "agent"}
    assert agents
    assert agents <= set(containers(boxes))


@pytest.mark.parametrize("service", ["relayer", "indexer", "aggregator", "guardian-1"])
def test_killed_container_comes_back_and_nothing_is_lost(boxes: Home, service: str) -> None:
    here, there, burst = both_ways(boxes)
    before = len(here.dispatched())
    with flowing(burst, each=4, pause=0.2):
        until(lambda: burst.sent > 20, 30, "messages flow")
        assert docker("kill", containers(boxes)[service]).returncode == 0
        time.sleep(3)
    assert_all_delivered_once(here, there, at_least=before + burst.sent, seconds=60)
    boxes.wait_state("ready", 60)


def test_agents_go_on_without_the_daemon(boxes: Home) -> None:
    here, there, burst = both_ways(boxes)
    before, running = len(here.dispatched()), containers(boxes)
    boxes.kill_daemon(signal.SIGKILL)
    burst.send(10)
    assert_all_delivered_once(here, there, at_least=before + 10)
    boxes.run("ls")
    boxes.wait_state("ready", 60)
    assert containers(boxes) == running


def test_stopped_service_has_no_container(boxes: Home) -> None:
    boxes.run("stop", "--service", "guardian-2")
    assert "guardian-2" not in containers(boxes)
    assert boxes.wait_state("degraded")["problem"] == "guardian-2: stopped by the user"
    boxes.run("start", "--service", "guardian-2")
    boxes.wait_state("ready", 60)


def test_stop_and_start_of_all(boxes: Home, tmp_path: Path) -> None:
    here, there, burst = both_ways(boxes)
    burst.send(5)
    assert_all_delivered_once(here, there, at_least=5)
    sent = here.dispatched()
    boxes.run("stop", _NAME, timeout=120)
    assert not set(containers(boxes)) - {"gate"}
    boxes.run("start", _NAME, timeout=180)
    boxes.wait_state("ready", 90)
    assert here.dispatched() == sent
    Burst.between(here, there, "again").send(5)
    assert_all_delivered_once(here, there, at_least=len(sent) + 5)
