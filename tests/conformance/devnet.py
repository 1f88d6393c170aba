"""One devnet of a cell, driven by the command and by foreign clients alone."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from control_plane.adapters.runtime.compose.project import HOME_LABEL, SERVICE_LABEL, home_id
from tests.conformance.cells import NAME, Cell
from tests.conformance.client import Wallet
from tests.e2e.home import Home, kill, new_home
from tests.e2e.messages import At, chains_of

_UP = 120
"""Seconds; containers on a busy machine take some."""


@dataclass
class Devnet:
    """The devnet `net` of a home of its own."""

    cell: Cell
    home: Home

    @property
    def status(self) -> dict[str, Any]:
        return self.home.status(NAME)

    @property
    def chains(self) -> dict[str, At]:
        """``l1``, ``a`` and ``b``."""
        return chains_of(self.status)

    def service(self, name: str) -> dict[str, Any]:
        return next(dict(s) for s in self.status["services"] if s["name"] == name)

    @cached_property
    def wallets(self) -> list[Wallet]:
        """The listed accounts, as `caldera accounts` gives them out."""
        listed = self.home.json("accounts", NAME)["accounts"]
        return [Wallet(a["address"], bytes.fromhex(a["private_key"][2:])) for a in listed]

    def ready(self) -> None:
        """Up again, whatever the test before left behind."""
        if not self.home.daemon_pid or self.status["state"] != "ready":
            self.up()

    def up(self) -> None:
        self.home.run("up", "net.yaml", timeout=_UP)

    def kill_node(self, chain: str) -> None:
        """As the kernel does when memory is short; returns when the node is gone."""
        service = self.service(f"{chain}/node")
        if self.cell.runtime == "process":
            kill(service["pid"])
        else:
            (found,) = containers(self.home, chain)
            docker("kill", "--signal", "KILL", found)

    def nodes(self) -> int:
        """How many node processes or containers run."""
        if self.cell.runtime == "compose":
            return sum(len(containers(self.home, chain)) for chain in ("l1", "a", "b"))
        return sum(f"{self.home.home}/devnets/" in p.command for p in self.home.processes())

    def left(self) -> list[str]:
        """What is left of the devnet, on this machine and in the Docker engine."""
        found = [one for one in self.home.leftovers() if "daemon" not in one]
        if self.cell.runtime == "compose":
            for kind in ("container", "volume", "network"):
                listed = docker(
                    kind, "ls", "-q", *(["-a"] if kind == "container" else []), *mine(self.home)
                )
                found += [f"{kind} {one}" for one in listed.split()]
        return found


def docker(*words: str) -> str:
    """What `docker WORDS…` prints."""
    done = subprocess.run(
        ["docker", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout


def mine(home: Home) -> list[str]:
    """The filter for what belongs to a home."""
    return ["--filter", f"label={HOME_LABEL}={home_id(home.home)}"]


def containers(home: Home, chain: str | None = None) -> list[str]:
    """Ids of the home's containers that run, all or one chain's node."""
    wanted = ["--filter", f"label={SERVICE_LABEL}={chain}/node"] if chain else []
    return docker("ps", "-q", *mine(home), *wanted).split()


@contextmanager
def running(cell: Cell) -> Iterator[Devnet]:
    """The cell's devnet, ready; everything is gone afterwards."""
    with new_home() as home:
        (home.home / "net.yaml").write_text(cell.text())
        made = Devnet(cell, home)
        made.up()
        yield made
