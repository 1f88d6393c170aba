"""A rollup on op-geth with the OP Stack's own services, made by hand: L1, node, programs."""

import asyncio
import functools
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from control_plane import making
from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.engine.anvil_binary import resolve_anvil
from control_plane.adapters.engine.binaries import resolve_program
from control_plane.adapters.engine.go_programs import OP_STACK
from control_plane.adapters.engine.op_geth import OpGethEngine
from control_plane.adapters.engine.program_cache import cache_dir
from control_plane.adapters.evm.bake import Genesis
from control_plane.adapters.evm.bootstrap import ChainBootstrap
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sealing import anvil_seal
from control_plane.adapters.op_stack.programs import PYTHON
from control_plane.adapters.op_stack.site import site_of
from control_plane.adapters.op_stack.stack import NativeStack
from control_plane.adapters.provision import FileProvision
from control_plane.adapters.runtime.identity import processes_with
from control_plane.adapters.runtime.process import ProcessRuntime
from control_plane.adapters.runtime.programs import ProcessPrograms
from control_plane.agents.block_keeper import BlockKeeper
from control_plane.agents.program import program_agents
from control_plane.domain.errors import MissingDependency
from control_plane.domain.ids import Name
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.plan import GuardianPlan, Plan
from control_plane.domain.ports.node import NodeHandle, NodeSpec, Rpc
from control_plane.domain.states import ServiceState
from control_plane.resources import genesis_dir
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.supervisor import Supervisor
from tests.nodes import find_op_geth
from tests.nodes import make_plan as anvil_plan

_ID = bytes(range(32))


def find_op_stack(name: str) -> Path:
    """One of the OP Stack's services as the product finds it; nothing is built for a test."""
    if name == PYTHON:
        return Path(sys.executable)
    try:
        return resolve_program(
            name, named=None, cache=cache_dir(os.environ), environ=os.environ, build=False
        ).path
    except MissingDependency as error:
        pytest.skip(f"{error.title}: scripts/test-tools brings it")


def pid_of(lab: "NativeLab", name: str) -> int | None:
    """The process that runs `name`."""
    mark = str(lab.site.directory / name)
    found = [process for process in processes_with(mark) if process.command[0] == mark]
    assert len(found) < 2, found
    return found[0].pid if found else None


def make_plan(da: str = "ethereum-calldata") -> Plan:
    base = anvil_plan(2)
    l1 = replace(base.chains[0], block_time=1.0)
    op = replace(
        base.chains[1], name=Name("op"), engine="op-geth", block_time=1.0, services="native", da=da
    )
    guardians = GuardianPlan(1, 100_000 * 10**18)
    metalayer = replace(base.metalayer, guardians=guardians)
    return replace(base, chains=(l1, op), metalayer=metalayer)


@dataclass
class NativeLab:
    home: Path
    plan: Plan = field(default_factory=make_plan)
    supervisor: Supervisor = field(default_factory=Supervisor)
    nodes: dict[str, NodeHandle] = field(default_factory=dict)
    rpcs: dict[str, Rpc] = field(default_factory=dict)
    marks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.files = DevnetFiles(self.home, self.plan.name)
        engines = {e.name: e for e in (AnvilEngine(), OpGethEngine())}
        anvil, op_geth = resolve_anvil().path, find_op_geth()
        self.programs = ProcessPrograms(find_op_stack)
        for name in OP_STACK:
            find_op_stack(name)
        self.native = NativeStack(self.programs, connect)
        self.runtime = ProcessRuntime(
            engines, {"anvil": lambda *_: anvil, "op-geth": lambda *_: op_geth}
        )
        self.provision = FileProvision(lambda: Genesis(genesis_dir()), engines)

    def mark(self, text: str) -> None:
        self.marks.append(f"{time.monotonic() - self.began:6.2f} s  {text}")
        print(self.marks[-1])

    @property
    def l1(self) -> Rpc:
        return self.rpcs["l1"]

    @property
    def op(self) -> Rpc:
        return self.rpcs["op"]

    def spec(self, name: str) -> NodeSpec:
        return self.files.node_spec(self.plan, self.plan.chain(name))

    def chain(self, name: str) -> Chain:
        node = self.nodes[name]
        return Chain(
            self.plan.chain(name),
            node.http_url,
            node.ws_url,
            node.engine_url,
            self.files.node(name),
        )

    async def up(self) -> None:
        self.keys: Keys = await self.provision.keys(self.files.root, 1)
        born = await self.provision.contracts(self.files.root)
        for name in ("l1", "op"):
            await self.provision.genesis(self.spec(name), self.keys)
        await asyncio.gather(self.start_node("l1"), self.start_node("op"))
        self.mark("nodes answer")
        identity = await ChainBootstrap().network_id(self.l1, born.contracts, _ID)
        chains = (self.chain("l1"), self.chain("op"))
        self.network = Network("shop", _ID, identity, self.plan, chains, born.contracts)
        bootstrap = ChainBootstrap()
        l1_seal = anvil_seal(self.l1)
        await bootstrap(self.plan.l1, self.l1, self.network, self.keys, l1_seal)
        self.mark("L1's block 1")
        async with self.native.sealing(self.chain("op"), self.op, self.network, self.keys) as seal:
            self.mark("L1 contracts deployed")
            await bootstrap(self.plan.chain("op"), self.op, self.network, self.keys, seal)
        self.mark("the rollup's block 1")
        self.site = site_of(self.chain("op"), self.network, self.keys)
        self.at = self.site.at
        await self.start_agents()
        self.mark("services ready")

    async def start_node(self, name: str) -> None:
        handle = await self.runtime.start_node(self.spec(name))
        self.nodes[name] = handle
        self.rpcs[name] = await connect(handle.ws_url)

    async def restart_killed_node(self) -> None:
        """As after a kill -9 of op-geth: the node first, services on it then."""
        await self.op.close()
        await self.start_node("op")
        chains = (self.chain("l1"), self.chain("op"))
        self.network = replace(self.network, chains=chains)
        await self.supervisor.stop()
        await self.start_agents()

    async def restart_l1(self) -> None:
        """Stopped and started from its saved state, services with it, as by `caldera stop`."""
        await self.supervisor.stop()
        await self.runtime.save_state(self.spec("l1"), self.l1)
        await self.l1.close()
        await self.runtime.stop_node(self.nodes["l1"])
        await self.start_node("l1")
        chains = (self.chain("l1"), self.chain("op"))
        self.network = replace(self.network, chains=chains)
        await self.start_agents()

    async def start_agents(self) -> None:
        specs = self.native.services(self.chain("op"), self.network, self.keys)
        op = self.chain("op")
        keeper = BlockKeeper(op, connect, functools.partial(self.native.journal, op))
        agents = [keeper, *program_agents(specs, self.programs)]
        await self.supervisor.start([making.make_sequencer(self.chain("l1")), *agents])
        await self.supervisor.wait_ready(30)

    async def down(self) -> None:
        async with AsyncExitStack() as stack:
            for node in self.nodes.values():
                stack.push_async_callback(self.runtime.stop_node, node, grace=0)
            stack.push_async_callback(self.programs.end_below, self.home)
            stack.push_async_callback(self.supervisor.stop)
            for rpc in self.rpcs.values():
                stack.push_async_callback(rpc.close)

    def states(self) -> dict[str, ServiceState]:
        return {view.name: view.state for view in self.supervisor.views()}

    async def op_node(self, method: str, *params: Any) -> Any:
        """A call of op-node's own RPC."""
        host, port = self.site.endpoints["op-node"]
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        reader, writer = await asyncio.open_connection(host, port)
        head = f"POST / HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        writer.write(head.encode() + b"\r\n\r\n" + body)
        answer = await reader.read()
        writer.close()
        return orjson.loads(answer.partition(b"\r\n\r\n")[2])["result"]


@asynccontextmanager
async def native_lab(home: Path, plan: Plan | None = None) -> AsyncIterator[NativeLab]:
    """One that is up inside."""
    lab = NativeLab(home, plan or make_plan())
    try:
        await lab.up()
        yield lab
    finally:
        await lab.down()


async def safe(lab: NativeLab) -> int:
    """The newest block that op-node has derived from the L1."""
    status = await lab.op_node("optimism_syncStatus")
    return int(status["safe_l2"]["number"])
