"""A stack that was exported stands on its own: no daemon, foreign clients, kills, nothing left."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.world import new_world, rpc, rpc_answer
from tests.conformance.cells import Cell
from tests.docker import needs_compose, needs_docker
from tests.foundry import cast

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Of the first account of the public test mnemonic."""
SPEC = """
version: 1
name: {name}
rollups:
  - {{name: left, framework: op-stack, engine: op-geth}}
  - {{name: right, framework: arbitrum-nitro, domain: 90200}}
metalayer: {{guardians: 3}}
save_interval: 1
"""


def export(target: Path, *options: str, name: str) -> None:
    with new_world() as world:
        spec = world.home / "spec.yaml"
        spec.write_text(SPEC.format(name=name))
        world.run(*("export", "compose", str(spec), "--out", str(target), "--free-ports", *options))
        # no daemon was needed, so none was started
        assert not (world.home / "daemon.json").exists()


@dataclass
class Stack:
    directory: Path
    plan: dict[str, Any]
    contracts: dict[str, str]

    def compose(self, *arguments: str, timeout: float = 240) -> str:
        done = subprocess.run(
            ["docker", "compose", *arguments],
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], "HOME": str(self.directory)},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"docker compose {' '.join(arguments)}: {done.stderr[-2000:]}"
        return done.stdout

    def chain(self, name: str) -> dict[str, Any]:
        return next(dict(c) for c in self.plan["chains"] if c["name"] == name)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.chain(name)['port']}"

    def send(self, origin: str, destination: str, body: str) -> str:
        """The message's id."""
        recipient = "0x" + "0" * 24 + self.contracts["testRecipient"][2:]
        receipt = json.loads(
            cast(
                *("send", "--json", "--rpc-url", self.url(origin), "--private-key", KEY),
                *(self.contracts["mailbox"], "dispatch(uint32,bytes32,bytes)"),
                *(str(self.chain(destination)["domain"]), recipient, body),
            )
        )
        topic = cast("keccak", "DispatchId(bytes32)")
        return next(str(log["topics"][1]) for log in receipt["logs"] if log["topics"][0] == topic)

    def delivered(self, destination: str, id_: str) -> bool:
        call = ("call", "--rpc-url", self.url(destination), self.contracts["mailbox"])
        try:
            return cast(*call, "delivered(bytes32)(bool)", id_) == "true"
        except AssertionError:  # its node is being started again
            return False

    def until_delivered(self, destination: str, id_: str, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not self.delivered(destination, id_):
            assert time.monotonic() < until, self.compose("logs", "--tail", "20", "agent-relayer")
            time.sleep(0.2)

    def kill(self, service: str) -> None:
        """As a crash would: by its process, not by Docker's own hand."""
        found = self.compose("ps", "-q", service).strip()
        shown = ("inspect", "-f", "{{.State.Pid}}", found)
        pid = subprocess.run(["docker", *shown], capture_output=True, text=True, check=True)
        os.kill(int(pid.stdout), signal.SIGKILL)


def read(directory: Path) -> Stack:
    described = json.loads((directory / "files" / "devnet").read_bytes())
    return Stack(directory, described["plan"], described["contracts"])


def left_of(name: str) -> list[str]:
    mine = ("--filter", f"label=com.docker.compose.project={name}")
    words = (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q"))
    return [
        line
        for each in words
        for line in subprocess.run(
            ["docker", *each, *mine], capture_output=True, text=True, check=True
        ).stdout.split()
    ]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    missing = Cell("compose", ("anvil", "op-geth")).missing()
    if missing:
        pytest.skip(missing)
    name = f"eject{os.getpid()}"
    directory = tmp_path_factory.mktemp("out") / "stack"
    export(directory, name=name)
    found = read(directory)
    try:
        began = time.monotonic()
        found.compose("up", "-d", "--wait")
        print(f"exported stack, up --wait: {time.monotonic() - began:.1f} s")
        yield found
    finally:
        found.compose("down", "-v", "-t", "1")
        assert left_of(name) == []


@needs_docker
def test_messages_arrive_both_ways(stack: Stack) -> None:
    for origin, destination in (("left", "right"), ("right", "left"), ("l1", "left")):
        id_ = stack.send(origin, destination, "0x" + origin.encode().hex())
        stack.until_delivered(destination, id_)


@needs_docker
def test_web_pages_are_kept_out(stack: Stack) -> None:
    answer = rpc(stack.url("right"), "eth_chainId")
    assert int(answer, 16) == stack.chain("right")["chain_id"]
    with pytest.raises(OSError, match="403"):
        rpc_answer(stack.url("right"), "eth_chainId", headers={"Origin": "http://evil.example"})


@needs_docker
def test_a_killed_node_keeps_its_chain(stack: Stack) -> None:
    first = stack.send("left", "right", "0x01")
    stack.until_delivered("right", first)
    time.sleep(2.5)  # Anvil's chain is saved every second
    for node in ("right", "left"):
        height = int(rpc(stack.url(node), "eth_blockNumber"), 16)
        stack.kill(f"node-{node}")
        until = time.monotonic() + 60
        while True:
            try:
                if int(rpc(stack.url(node), "eth_blockNumber"), 16) >= height:
                    break
            except (OSError, ValueError, AssertionError):
                pass
            assert time.monotonic() < until, f"{node} does not come back to block {height}"
            time.sleep(0.2)
    assert stack.delivered("right", first)
    stack.until_delivered("right", stack.send("left", "right", "0x02"))


@needs_docker
def test_agents_that_were_killed_go_on(stack: Stack) -> None:
    for service in ("agent-relayer", "agent-aggregator", "agent-guardian-0", "agent-indexer"):
        stack.kill(service)
    stack.until_delivered("left", stack.send("right", "left", "0x03"))


@needs_docker
def test_a_restart_of_everything_at_once_keeps_every_chain(stack: Stack) -> None:
    """`restart` minds no order, and starts the one-shot that makes block 1 again, too."""
    before = stack.send("left", "right", "0x06")
    stack.until_delivered("right", before)
    time.sleep(2.5)  # Anvil's chain is saved every second
    nodes = ("l1", "left", "right")
    heights = {node: int(rpc(stack.url(node), "eth_blockNumber"), 16) for node in nodes}
    assert all(height > 1 for node, height in heights.items() if node != "l1")
    stack.compose("restart", "-t", "5")
    stack.until_delivered("right", before)
    stack.until_delivered("left", stack.send("right", "left", "0x07"))
    for node, height in heights.items():
        assert int(rpc(stack.url(node), "eth_blockNumber"), 16) >= height, node


@needs_docker
def test_a_stack_that_was_taken_down_goes_on(stack: Stack) -> None:
    before = stack.send("right", "left", "0x04")
    stack.until_delivered("left", before)
    time.sleep(2.5)
    stack.compose("down", "-t", "5")
    stack.compose("up", "-d", "--wait")
    assert stack.delivered("left", before)
    stack.until_delivered("right", stack.send("left", "right", "0x05"))


# ---------------------------------------------------------------- what is written


@pytest.fixture(scope="module", params=["compose", "swarm"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("out") / "stack"
    export(directory, *(["--swarm"] if request.param == "swarm" else []), name="looked-at")
    return directory


def test_every_service_is_without_rights(written: Path) -> None:
    document = yaml.safe_load((written / "compose.yaml").read_text())
    swarm = "name" not in document
    for name, service in document["services"].items():
        assert service["user"] == "65532:65532", name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert swarm or service["security_opt"] == ["no-new-privileges:true"], name
        assert not swarm or service["deploy"]["endpoint_mode"] == "dnsrr", name
        assert "healthcheck" in service or name == "prepare", name
        assert "privileged" not in service, name
        for port in service.get("ports", []):
            assert name == "gate"
            assert swarm or port["host_ip"] == "127.0.0.1"


def test_secrets_are_closed_off_and_each_role_has_its_own(written: Path) -> None:
    assert (written / "secrets").stat().st_mode & 0o077 == 0
    document = yaml.safe_load((written / "compose.yaml").read_text())
    if "name" not in document:  # Swarm hands secrets over itself; Compose mounts these very files
        assert all(s.stat().st_mode & 0o077 == 0 for s in (written / "secrets").iterdir())
    text = (written / "compose.yaml").read_text() + (written / "files" / "devnet").read_text()
    for secret in (written / "secrets").iterdir():
        assert secret.read_text().strip() not in text
    for name, service in document["services"].items():
        keys = {s if isinstance(s, str) else s["source"] for s in service.get("secrets", [])}
        own = keys - {"token"}
        if name.startswith("agent-guardian"):
            assert own == {name.removeprefix("agent-")}
        elif name == "bootstrap":
            assert own == {"master"}
        elif name == "agent-relayer":
            assert own == {"relayer"}
        else:
            assert all(key.startswith("jwt-") for key in own), name


@needs_compose
def test_docker_takes_the_file(written: Path) -> None:
    swarm = "name:" not in (written / "compose.yaml").read_text().split("services:")[0]
    command = ["docker", "stack", "config", "-c"] if swarm else ["docker", "compose", "-f"]
    command += [str(written / "compose.yaml"), *([] if swarm else ["config", "-q"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_is_written_over(written: Path) -> None:
    with new_world() as world:
        done = world.run("export", "compose", "--out", str(written), check=False)
        assert done.returncode == 4
        assert "not empty" in done.stderr
        done = world.run("export", "compose", check=False)
        assert done.returncode == 2
        target = world.home / "native"
        options = ("--set", "rollups.rollup.services=native")
        done = world.run("export", "compose", "op-geth", "--out", str(target), check=False)
        assert done.returncode in {0, 3}
        done = world.run("export", "compose", "nope", "--out", str(target), *options, check=False)
        assert done.returncode == 3
        shutil.rmtree(target, ignore_errors=True)
