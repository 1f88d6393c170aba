"""Node specs and programs for tests of runtimes."""

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.engine.binaries import resolve_program
from control_plane.adapters.engine.genesis import make_alloc
from control_plane.adapters.engine.op_geth import OpGethEngine
from control_plane.adapters.engine.program_cache import cache_dir
from control_plane.adapters.evm.bake import Genesis
from control_plane.adapters.runtime.gate import Gate
from control_plane.adapters.runtime.identity import identity_of
from control_plane.adapters.runtime.node_program import node_paths
from control_plane.adapters.runtime.ports import is_taken
from control_plane.adapters.runtime.process import ProcessRuntime
from control_plane.domain.errors import MissingDependency
from control_plane.domain.ids import ChainId, Domain, Name
from control_plane.domain.plan import AccountsPlan, ChainPlan, GuardianPlan, MetalayerPlan, Plan
from control_plane.domain.ports.node import Engine, Listen, NodeSpec
from control_plane.resources import genesis_dir

DEV = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
"""The first account of the default mnemonic."""
LOGGER = "0x00000000000000000000000000000000000000aa"
"""A contract that counts its calls in slot 1 and logs their data."""
_LOGGER_CODE = "0x6001546001016001553660006000373660006000a000"


def anvil_runtime(
    program: Path, gate: Gate | None = None, *, start_deadline: float = 30.0
) -> ProcessRuntime:
    """A runtime whose Anvil is `program`."""
    engines = {"anvil": AnvilEngine()}
    return ProcessRuntime(
        engines, {"anvil": lambda *_: program}, gate, start_deadline=start_deadline
    )


def anvil_command(program: Path, spec: NodeSpec) -> list[str]:
    """argv of an Anvil that listens on the chain's public port."""
    engine = AnvilEngine()
    listen = Listen("127.0.0.1", spec.chain.port)
    return [str(program), *engine.arguments(spec, listen, node_paths(spec, engine))]


def find_op_geth() -> Path:
    """op-geth as the product finds it; nothing is built for a test."""
    try:
        return resolve_program(
            "op-geth", named=None, cache=cache_dir(os.environ), environ=os.environ, build=False
        ).path
    except MissingDependency as error:
        pytest.skip(f"{error.title}: scripts/test-tools brings it")


def op_geth_runtime(program: Path, gate: Gate | None = None) -> ProcessRuntime:
    """A runtime whose op-geth is `program`."""
    return ProcessRuntime({"op-geth": OpGethEngine()}, {"op-geth": lambda *_: program}, gate)


def op_geth_spec(home: Path, accounts: Mapping[str, int]) -> NodeSpec:
    """A rollup on op-geth, its genesis written: the predeploys and `accounts`, wei by address."""
    base = make_plan(2)
    chain = replace(base.chains[1], engine="op-geth")
    plan = replace(base, chains=(base.chains[0], chain))
    directory = home / "devnets" / plan.name / "nodes" / chain.name
    directory.mkdir(parents=True, exist_ok=True)
    spec = NodeSpec(plan.name, chain, plan, directory, directory / "genesis.json", restore=True)
    alloc = make_alloc(Genesis(genesis_dir()).op_stack(), {}, accounts)
    spec.genesis.write_bytes(OpGethEngine().genesis(spec, alloc, int(time.time())))
    return spec


def free_port() -> int:
    """A port of the loopback interface that nobody has.

    Not one of those that the system gives to outgoing connections (from 32,768 on Linux, from
    49,152 elsewhere): a server that is killed and started again could find its own taken so.
    """
    while True:
        port = random.SystemRandom().randrange(12_000, 32_000)
        if not is_taken(port):
            return port


def is_open(port: int) -> bool:
    """Whether somebody listens on the loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def make_plan(
    chains: int = 1, *, origins: Sequence[str] = (), accounts: int = 2, mnemonic: str | None = None
) -> Plan:
    return Plan(
        name=Name("shop"),
        runtime="process",
        chains=tuple(_chain(number) for number in range(chains)),
        metalayer=MetalayerPlan(GuardianPlan(4, 10**18), 1.0, "free"),
        accounts=AccountsPlan(
            accounts,
            10**21,
            mnemonic or "test test test test test test test test test test test junk",
        ),
        save_interval=5.0,
        origins=tuple(origins),
    )


def _chain(number: int) -> ChainPlan:
    return ChainPlan(
        name=Name("l1" if number == 0 else f"op{number}"),
        chain_id=ChainId(900 + number),
        domain=Domain(900 + number),
        port=free_port(),
        port_named=False,
        engine="anvil",
        block_time=0,
        phase=0,
        framework="op-stack" if number else None,
        is_l1=number == 0,
    )


def make_specs(plan: Plan, home: Path, engine: Engine) -> list[NodeSpec]:
    """One spec for each chain, its genesis written."""
    specs = []
    for chain in plan.chains:
        directory = home / "devnets" / plan.name / "nodes" / chain.name
        directory.mkdir(parents=True, exist_ok=True)
        spec = NodeSpec(plan.name, chain, plan, directory, directory / "genesis.json", restore=True)
        alloc = make_alloc({LOGGER: {"code": _LOGGER_CODE}}, {}, {DEV: 10**21})
        spec.genesis.write_bytes(engine.genesis(spec, alloc, int(time.time())))
        specs.append(spec)
    return specs


def with_port(spec: NodeSpec, port: int) -> NodeSpec:
    chain = replace(spec.chain, port=port)
    return replace(spec, chain=chain, plan=replace(spec.plan, chains=(chain,)))


def script(path: Path, text: str) -> Path:
    """A program for a runtime to run in place of a node's."""
    path.write_text(text)
    path.chmod(0o755)
    return path


async def gone(pid: int, seconds: float = 5.0) -> None:
    """Until no process has `pid`."""
    async with asyncio.timeout(seconds):
        while identity_of(pid) is not None:  # noqa: ASYNC110 - what is tested is the waiting itself
            await asyncio.sleep(0.01)


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    os.kill(pid, number)


async def freeze(pid: int, seconds: float = 5.0) -> None:
    """Stop every thread of the process, as a debugger does."""
    kill(pid, signal.SIGSTOP)
    async with asyncio.timeout(seconds):
        while not all(" T " in stat for stat in thread_states(pid)):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def thread_states(pid: int) -> list[str]:
    return [(task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]


def processes_below(directory: Path) -> list[str]:
    """Command lines of all processes that name a path below `directory` or run there."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            where = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(directory) in line or where.startswith(str(directory)):
            found.append(line)
    return found
