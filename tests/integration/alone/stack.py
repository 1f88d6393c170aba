"""A devnet of processes: real nodes, each agent alone, no daemon; as an exported stack runs it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from control_plane.adapters.alone.address import Address
from control_plane.adapters.alone.description import describe, guardian_entries, write_description
from control_plane.adapters.alone.token import read_secret, write_secret
from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.engine.anvil_binary import cache_dir, resolve_anvil
from control_plane.adapters.evm.bake import ensure_genesis
from control_plane.adapters.evm.keys import load_keys, role_secret
from control_plane.adapters.provision import FileProvision
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.plan import Plan
from control_plane.domain.ports.node import Listen, NodePaths, NodeSpec
from tests.e2e.messages import At
from tests.integration.metalayer.lab import make_plan
from tests.nodes import free_port

GUARDIANS = 4
_DEVNET_ID = bytes(range(32))


@dataclass
class Stack:
    """Nodes and agents, by name; all below one directory."""

    directory: Path
    plan: Plan
    keys: Keys
    contracts: dict[str, Hex]
    nodes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    agents: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    """Health ports of the agents."""
    hub: int = field(default_factory=free_port)

    # ------------------------------------------------------------------ nodes

    def spec(self, chain: str) -> NodeSpec:
        own = self.directory / "nodes" / chain
        plan = self.plan
        return NodeSpec(plan.name, plan.chain(chain), plan, own, own / "genesis.json", restore=True)

    def start_node(self, chain: str) -> None:
        spec = self.spec(chain)
        own = spec.directory
        paths = NodePaths(spec.genesis, own / "data", own / "cache", own / "jwt.hex")
        arguments = AnvilEngine().arguments(spec, Listen("127.0.0.1", spec.chain.port), paths)
        with (own / "node.log").open("ab") as log:
            self.nodes[chain] = subprocess.Popen(
                [str(resolve_anvil().path), *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def at(self, chain: str) -> At:
        plan, contracts = self.plan.chain(chain), self.contracts
        return At(
            chain,
            f"http://127.0.0.1:{plan.port}",
            plan.chain_id,
            plan.domain,
            contracts["mailbox"],
            contracts["merkleTreeHook"],
            contracts["testRecipient"],
        )

    # ------------------------------------------------------------------ agents

    @property
    def config(self) -> Path:
        return self.directory / "agents" / "devnet.json"

    @property
    def services(self) -> list[str]:
        return [
            *(f"{chain.name}/sequencer" for chain in self.plan.chains),
            "indexer",
            *(f"guardian-{index}" for index in range(self.plan.metalayer.guardians.count)),
            "aggregator",
            "relayer",
        ]

    def describe(self) -> None:
        """Write what the agents need, each role's secret apart."""
        plan = self.plan
        chains = tuple(
            Chain(c, f"http://127.0.0.1:{c.port}", f"ws://127.0.0.1:{c.port}") for c in plan.chains
        )
        network = Network(plan.name, _DEVNET_ID, bytes(32), plan, chains, self.contracts)
        for index in range(len(self.keys.guardians)):
            self.ports[f"guardian-{index}"] = free_port()
        urls = [
            Address("127.0.0.1", self.ports[f"guardian-{g.index}"]) for g in self.keys.guardians
        ]
        content = describe(
            network,
            guardian_entries(self.keys.guardians, urls),
            hub=f"tcp://127.0.0.1:{self.hub}",
            database=f"sqlite:///{self.directory}/shared.db",
            secrets="keys",
            known_network=False,
        )
        write_description(self.config, content)
        master = read_secret(self.directory / "secrets")
        for service in ("bootstrap", "relayer", *(s for s in self.services if "guardian" in s)):
            write_secret(self.directory / "agents/keys" / service, role_secret(master, service))
        write_secret(self.directory / "agents/token", os.urandom(32))

    def command(self, service: str, *more: str) -> list[str]:
        state = ("--state", str(self.directory / "states"))
        chain, _, role = service.rpartition("/")
        arguments = [role, "--config", str(self.config), *more]
        if role == "bootstrap":
            arguments += state
        else:
            port = self.ports.setdefault(service, free_port())
            arguments += ["--listen", f"127.0.0.1:{port}"]
        if role == "sequencer":
            arguments += ["--chain", chain, *state]
        elif role.startswith("guardian"):
            arguments[0] = "guardian"
            arguments += ["--index", role.partition("-")[2]]
        elif role == "aggregator":
            arguments += ["--serve-hub", f"127.0.0.1:{self.hub}"]
        return [sys.executable, "-P", "-m", "control_plane.agent_main", *arguments]

    def start(self, service: str, *more: str) -> None:
        with self.log(service).open("ab") as log:
            self.agents[service] = subprocess.Popen(
                self.command(service, *more),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def bootstrap(self) -> None:
        done = subprocess.run(
            self.command("bootstrap"), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr

    def start_all(self) -> None:
        for service in self.services:
            self.start(service)

    def log(self, service: str) -> Path:
        return self.directory / f"{service.replace('/', '.')}.log"

    def health(self, service: str) -> tuple[int, dict[str, Any]]:
        """Status and body; 0 when nobody listens."""
        url = f"http://127.0.0.1:{self.ports[service]}/v1/health"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}

    def is_ready(self, service: str) -> bool:
        return self.health(service)[0] == 200

    def wait_ready(self, *services: str, seconds: float = 60) -> None:
        for service in services or self.services:
            until(
                partial(self.is_ready, service),
                seconds,
                f"{service} is ready; it says {self.health(service)[1]}, log: "
                f"{self.log(service).read_text()[-2000:] if self.log(service).exists() else ''}",
            )

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """End an agent or node; its exit code."""
        process = self.agents.pop(name, None) or self.nodes.pop(name)
        process.send_signal(number)
        return process.wait(timeout=10)

    def end(self) -> None:
        for process in (*self.agents.values(), *self.nodes.values()):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        for process in (*self.agents.values(), *self.nodes.values()):
            process.wait()


def until(look: Callable[[], Any], seconds: float, what: str) -> None:
    """Until `look` gives something true."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, f"after {seconds:g} s still waiting until {what}"
        time.sleep(0.02)


@contextmanager
def running_nodes(directory: Path, rollups: tuple[str, ...] = ("op", "arb")) -> Iterator[Stack]:
    """A stack whose nodes run, with block 1 and the agents' files."""
    import asyncio

    async def provide() -> tuple[Keys, dict[str, Hex]]:
        born = await provision.contracts(directory)
        for chain in plan.chains:
            spec = stack_spec(chain.name)
            spec.directory.mkdir(parents=True)
            await provision.genesis(spec, keys)
        return keys, dict(born.contracts)

    def stack_spec(chain: str) -> NodeSpec:
        return Stack(directory, plan, keys, {}).spec(chain)

    plan = replace(make_plan(rollups, guardians=GUARDIANS), save_interval=1.0)
    keys = load_keys(directory, GUARDIANS)
    provision = FileProvision(
        lambda: ensure_genesis(lambda: resolve_anvil().path, cache_dir(os.environ)),
        {"anvil": AnvilEngine()},
    )
    found, contracts = asyncio.run(provide())
    stack = Stack(directory, plan, found, contracts)
    try:
        for chain in plan.chains:
            stack.start_node(chain.name)
        stack.describe()
        yield stack
    finally:
        stack.end()
