"""A devnet as a stranger meets it: through the installed command and plain JSON-RPC."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.nodes import free_port

ROOT = Path(__file__).resolve().parents[2]
CALDERA = Path(sys.executable).with_name("caldera")
ALICE = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
"""The first listed account of the default mnemonic; unlocked on every chain."""
ROLLUPS = ("op", "arb", "zk")


class World:
    """A home of its own and the command in it."""

    def __init__(self, home: Path, command: Path = CALDERA) -> None:
        self.home = home
        self.command = command
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CALDERA_")}
        self.environment = kept | {
            "CALDERA_HOME": str(home),
            "CALDERA_PORT": "0",
            "NO_COLOR": "1",
            "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        }
        if cache := os.environ.get("CALDERA_CACHE"):
            self.environment["CALDERA_CACHE"] = cache

    def run(
        self, *arguments: str, check: bool = True, timeout: float = 60
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command to its end."""
        done = subprocess.run(
            [str(self.command), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.home,
        )
        if check:
            assert done.returncode == 0, f"caldera {' '.join(arguments)}: {done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def daemon(self) -> dict[str, Any]:
        """``daemon.json``; empty when no daemon runs."""
        try:
            return dict(json.loads((self.home / "daemon.json").read_text()))
        except (OSError, ValueError):
            return {}

    def end(self) -> None:
        """Take everything down, the daemon too. A `clean` may have removed the home itself."""
        if not self.home.exists():
            return
        self.run("down", "--all", "-y", check=False)
        pid = self.daemon().get("pid")
        if pid:
            os.kill(int(pid), signal.SIGTERM)
            until(lambda: not Path(f"/proc/{pid}").exists(), 10, "the daemon ends")


@contextmanager
def new_world(command: Path = CALDERA) -> Iterator[World]:
    home = Path(tempfile.mkdtemp(prefix="cal-"))
    world = World(home, command)
    try:
        yield world
    finally:
        world.end()
        shutil.rmtree(home, ignore_errors=True)


def spec(name: str = "net", rollups: Sequence[str] = ROLLUPS, **more: Any) -> str:
    """A spec with free ports, as YAML."""
    frameworks = {"op": "op-stack", "arb": "arbitrum-nitro", "zk": "zk-stack"}
    return yaml.safe_dump(
        {
            "version": 1,
            "name": name,
            "l1": {"port": free_port()},
            "rollups": [
                {"name": r, "framework": frameworks.get(r, "op-stack"), "port": free_port()}
                for r in rollups
            ],
            **more,
        }
    )


def rpc(url: str, method: str, *params: Any) -> Any:
    """One JSON-RPC call over HTTP; AssertionError with the node's words for an error."""
    answer = rpc_answer(url, method, *params)
    assert "error" not in answer, answer["error"]
    return answer["result"]


def rpc_answer(
    url: str, method: str, *params: Any, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(
        url, body, {"Content-Type": "application/json", **(headers or {})}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return dict(json.load(response))


def until(condition: Any, seconds: float, what: str) -> None:
    """Wait for what no event tells of; AssertionError names it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def chain(status: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One chain of a status."""
    chains = [status["l1"], *status["rollups"]]
    return next(dict(c) for c in chains if c.get("name", "l1") == name)
