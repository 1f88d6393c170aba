"""The one place that wires adapters to services."""

import asyncio
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from control_plane.adapters.alone.hosting import Hosting
from control_plane.adapters.alone.lease import lease
from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.engine.anvil_binary import cache_dir, resolve_anvil
from control_plane.adapters.engine.node_programs import NodePrograms
from control_plane.adapters.evm.bake import Genesis, ensure_genesis
from control_plane.adapters.evm.bootstrap import ChainBootstrap
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sealing import sealing
from control_plane.adapters.persistence.database import SqlDatabase, open_database
from control_plane.adapters.provision import FileProvision
from control_plane.adapters.runtime.external import ExternalRuntime
from control_plane.adapters.runtime.gate import Gate
from control_plane.adapters.runtime.node_program import ProcessEngine
from control_plane.adapters.runtime.process import FindProgram, ProcessRuntime
from control_plane.adapters.runtime.programs import ProcessPrograms
from control_plane.adapters.runtime.selecting import SelectingRuntime
from control_plane.adapters.trees import remove_tree
from control_plane.api.deps import Services
from control_plane.crew import Crews, agents_maker, by_place, guardian_joiner, outposts_maker
from control_plane.daemon_files import Listening
from control_plane.desks import ChaosOnDemand, Desks, open_desks
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.plan_json import plan_from_json, plan_to_json
from control_plane.domain.ports.node import NodeSpec, Rpc, Runtime
from control_plane.domain.ports.provision import MakeSeal, Seal
from control_plane.domain.seams import SeamBook
from control_plane.on_demand import OnDemand
from control_plane.planning import free_port, plan_for_machine
from control_plane.resources import compose_dir
from control_plane.services.control import ControlPlane
from control_plane.services.events import EventLog
from control_plane.services.live import Tools
from control_plane.services.steps import Fault, no_fault
from control_plane.settings import Settings

if TYPE_CHECKING:
    from control_plane.adapters.op_stack.stack import NativeStack
    from control_plane.adapters.runtime.compose.runtime import ComposeRuntime
    from control_plane.services.switching.ruling import Ruling

FAULT_VARIABLE: Final = "CALDERA_TEST_FAULT"
"""For tests of recovery only: ``before:STEP`` or ``after:STEP``, where the daemon kills itself."""
_GOODBYE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Running:
    """Implements the API's ``Running``."""

    services: Services
    control: ControlPlane
    events: EventLog
    gate: Gate
    containers: OnDemand
    database: SqlDatabase
    chaos: ChaosOnDemand

    async def close(self) -> None:
        """Stop the agents, save every chain, let go of the nodes, close the database."""
        await self.chaos.close()
        await self.control.close()
        await self.events.close()
        await self.gate.let_go()
        if self.containers.is_made:
            await self.containers.close()
        await self.database.close()


async def build(settings: Settings, here: Listening) -> Running:
    """Everything that the daemon runs, devnets of earlier daemons taken over.

    Raises what opening the database raises.
    """
    home = settings.home
    database = await open_database(_database_url(settings))
    events = EventLog(database)
    seams = SeamBook()
    crews: Crews = {}
    gate = Gate(home)
    containers = OnDemand(lambda: _containers(home))
    ruling = cast("Ruling", OnDemand(lambda: _ruling(control, database)))
    control = ControlPlane(
        home,
        _tools(settings, database, gate, containers, events.look_again, seams, crews, ruling),
        plan_for_machine,
        events.publisher,
        here.version,
        _end_this_process if settings.transient else None,
    )
    chaos = ChaosOnDemand(control, database, events, seams)
    desks = Desks(home, control, database, crews, ruling)
    services = open_desks(desks, settings, events, chaos, here)
    await control.open()
    await chaos.resume_if_any()
    return Running(services, control, events, gate, containers, database, chaos)


def _tools(
    settings: Settings,
    database: SqlDatabase,
    gate: Gate,
    containers: OnDemand,
    look_again: Callable[[], None],
    seams: SeamBook,
    crews: Crews,
    ruling: "Ruling",
) -> Tools:
    cache = cache_dir(os.environ)
    anvil = _anvil_finder(settings, cache)

    def bake() -> Genesis:
        return ensure_genesis(anvil, cache)

    engines = _engines()
    programs = ProcessPrograms(functools.partial(_program_path, cache))
    native = OnDemand(lambda: _native_stack(programs))
    return Tools(
        database=database,
        runtime=SelectingRuntime(_runtimes(engines, anvil, cache, gate, containers), programs),
        connect=connect,
        provision=FileProvision(bake, engines),
        programs=NodePrograms(cache, os.environ),
        bootstrap=ChainBootstrap(),
        sealing=_sealing(native),
        make_agents=by_place(
            agents_maker(database, settings.home, programs, native, seams, crews, ruling),
            outposts_maker(settings.home, _database_url(settings), containers),
        ),
        join_guardian=guardian_joiner(database, settings.home, seams, crews),
        lease=_lease,
        share=Hosting(_database_url(settings), look_again),
        load_plan=plan_from_json,
        dump_plan=plan_to_json,
        free_port=free_port,
        remove_tree=remove_tree,
        fault=_fault(),
    )


def _anvil_finder(settings: Settings, cache: Path) -> Callable[..., Path]:
    """Looks once for each path that is named."""

    @functools.cache
    def anvil(named: str | None = None) -> Path:
        insisted = settings.anvil if named is None else Path(named)
        return resolve_anvil(insisted, cache=cache).path

    return anvil


def _runtimes(
    engines: dict[str, ProcessEngine],
    anvil: Callable[..., Path],
    cache: Path,
    gate: Gate,
    containers: OnDemand,
) -> dict[str, Runtime]:
    find: dict[str, FindProgram] = {
        "anvil": lambda spec, _: anvil(spec.plan.engine("anvil").path),
        "op-geth": functools.partial(_find_op_geth, cache),
    }
    return {
        "process": ProcessRuntime(engines, find, gate),
        "compose": cast(Runtime, containers),
        "external": ExternalRuntime(connect),
    }


def _ruling(control: ControlPlane, database: SqlDatabase) -> "Ruling":
    from control_plane.services.switching.ruling import Ruling

    return Ruling(control, database)


def _containers(home: Path) -> "ComposeRuntime":
    from control_plane.adapters.runtime.compose.files import Kit
    from control_plane.adapters.runtime.compose.runtime import ComposeRuntime

    return ComposeRuntime(home, Kit(compose_dir(), _engines()))


def _engines() -> dict[str, ProcessEngine]:
    return {"anvil": AnvilEngine(), "op-geth": cast(ProcessEngine, OnDemand(_op_geth))}


def _op_geth() -> ProcessEngine:
    from control_plane.adapters.engine.op_geth import OpGethEngine

    return OpGethEngine()


def _find_op_geth(cache: Path, spec: NodeSpec, stop: threading.Event) -> Path:
    from control_plane.adapters.engine.binaries import finder

    return finder("op-geth", cache=cache, environ=os.environ)(spec, stop)


def _program_path(cache: Path, name: str) -> Path:
    from control_plane.adapters.engine.binaries import resolve_program
    from control_plane.adapters.op_stack.programs import PYTHON

    if name == PYTHON:
        return Path(sys.executable)
    return resolve_program(name, named=None, cache=cache, environ=os.environ).path


def _native_stack(programs: ProcessPrograms) -> "NativeStack":
    from control_plane.adapters.op_stack.stack import NativeStack

    return NativeStack(programs, connect)


def _sealing(native: OnDemand) -> MakeSeal:
    """By whoever makes the chain's blocks."""

    def choose(
        chain: Chain, rpc: Rpc, network: Network, keys: Keys
    ) -> AbstractAsyncContextManager[Seal]:
        make: MakeSeal = native.sealing if chain.plan.services == "native" else sealing
        return make(chain, rpc, network, keys)

    return choose


def _lease(directory: Path, service: str) -> AbstractContextManager[None]:
    return lease(directory, service, "the daemon")


def _database_url(settings: Settings) -> str:
    return settings.database_url or f"sqlite:///{settings.home / 'caldera.db'}"


def _end_this_process() -> None:
    """A moment later, when whoever asked for it has its answer."""
    asyncio.get_running_loop().call_later(_GOODBYE, os.kill, os.getpid(), signal.SIGTERM)


def _fault() -> Fault:
    """The fault that a test asked for by :data:`FAULT_VARIABLE`, else none."""
    wanted = os.environ.get(FAULT_VARIABLE)
    if not wanted:
        return no_fault

    def kill(boundary: str) -> None:
        if boundary == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill
