"""The one place that wires adapters to services."""

import asyncio
import functools
import os
import random
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

from control_plane import making
from control_plane.adapters.alone.attest import EitherAttester
from control_plane.adapters.alone.hosting import Hosting, with_those_alone
from control_plane.adapters.alone.lease import lease
from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.engine.anvil_binary import cache_dir, resolve_anvil
from control_plane.adapters.engine.node_programs import NodePrograms
from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.bake import Genesis, ensure_genesis
from control_plane.adapters.evm.bootstrap import ChainBootstrap
from control_plane.adapters.evm.keys import load_keys
from control_plane.adapters.evm.revert import decode_error
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sealing import sealing
from control_plane.adapters.evm.sender import TransactionSender, one_sender
from control_plane.adapters.evm.signer import sign_call
from control_plane.adapters.machine import read_facts
from control_plane.adapters.persistence.database import SqlDatabase, open_database
from control_plane.adapters.provision import FileProvision, born_contracts
from control_plane.adapters.runtime.external import ExternalRuntime
from control_plane.adapters.runtime.gate import Gate
from control_plane.adapters.runtime.node_program import ProcessEngine
from control_plane.adapters.runtime.ports import is_taken
from control_plane.adapters.runtime.process import FindProgram, ProcessRuntime
from control_plane.adapters.runtime.programs import ProcessPrograms
from control_plane.adapters.runtime.selecting import SelectingRuntime
from control_plane.adapters.templates import TemplateFiles
from control_plane.adapters.trees import remove_tree
from control_plane.api.deps import Join, Keepers, Pay, Services
from control_plane.daemon_files import Listening
from control_plane.domain.hub import Hub
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, GuardianKeys, Keys, Network
from control_plane.domain.plan import Plan
from control_plane.domain.plan_json import plan_from_json, plan_to_json
from control_plane.domain.planner import DefaultPorts, make_plan
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.node import Account, NodeSpec, Rpc, Runtime
from control_plane.domain.ports.provision import JoinGuardian, MakeAgents, MakeSeal, Seal
from control_plane.domain.seams import SeamBook, Seams
from control_plane.domain.settlement import posts_batches, settles
from control_plane.resources import artifacts_dir, compose_dir, templates_dir
from control_plane.schemas.devnet import DaemonView, JoinedRollup, JoinRollup
from control_plane.schemas.spec import Spec
from control_plane.services.agent_log import agent_log_path
from control_plane.services.control import ControlPlane
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.devnets import Devnets
from control_plane.services.events import EventLog
from control_plane.services.metalayer.rounds import founding_roster
from control_plane.services.reconciler import Tools
from control_plane.services.settlement.genesis import GenesisFiles
from control_plane.services.steps import Fault, no_fault
from control_plane.settings import Settings

if TYPE_CHECKING:
    from control_plane.adapters.op_stack.stack import NativeStack
    from control_plane.adapters.runtime.compose.runtime import ComposeRuntime
    from control_plane.agents.guardian import Guardian
    from control_plane.batching import Data
    from control_plane.domain.ports.chaos import Breaker
    from control_plane.schemas.keeper import DataAvailabilityView
    from control_plane.schemas.message import MessagePaid, PayMessage
    from control_plane.services.bridge.desk import BridgeDesk
    from control_plane.services.chaos import Chaos
    from control_plane.services.faucet import Faucet
    from control_plane.services.guardians import GuardianDesk
    from control_plane.services.offences import Offences
    from control_plane.services.proofs import Proofs
    from control_plane.services.queries import Queries
    from control_plane.services.retry import RetryMessage
    from control_plane.services.rewards import Rewards
    from control_plane.services.send_message import SendMessages
    from control_plane.services.settlement.outputs import Outputs
    from control_plane.services.trace import Tracer

FAULT_VARIABLE: Final = "CALDERA_TEST_FAULT"
"""For tests of recovery only: ``before:STEP`` or ``after:STEP``, where the daemon kills itself."""
_GOODBYE: Final = 0.01
_FREE_PORTS: Final = (20_000, 45_000)

Crews = dict[str, tuple[list[EitherAttester], list[making.Listening]]]
"""By devnet, who signs sets and who signs epochs: the lists that its agents go through."""


@dataclass(frozen=True, slots=True)
class Running:
    """Implements the API's ``Running``."""

    services: Services
    control: ControlPlane
    events: EventLog
    gate: Gate
    containers: "_OnDemand"
    database: SqlDatabase
    chaos: "_ChaosOnDemand"

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
    containers = _OnDemand(lambda: _containers(home))
    control = ControlPlane(
        home,
        _tools(settings, database, gate, containers, events.look_again, seams, crews),
        plan_for_machine,
        events.publisher,
        here.version,
        _end_this_process if settings.transient else None,
    )
    chaos = _ChaosOnDemand(control, database, events, seams)
    templates = TemplateFiles(templates_dir())

    def born(name: str) -> Mapping[str, Hex]:
        return born_contracts(DevnetFiles(home, name).root)

    queries = cast("Queries", _OnDemand(lambda: _queries(home, control, database, born)))
    devnets = Devnets(
        control,
        database,
        templates,
        plan_for_machine,
        read_facts,
        born,
        {} if settings.save_interval is None else {"save_interval": settings.save_interval},
    )
    services = Services(
        devnets=devnets,
        queries=queries,
        events=events,
        templates=lambda: _specs().template_views(templates),
        template=lambda name: _specs().template_view(templates, name),
        agent_logs=lambda devnet, service: agent_log_path(home, devnet, service),
        faucet=cast("Faucet", _OnDemand(lambda: _faucet(control))),
        join=_joiner(home, control, devnets, database),
        send=cast("SendMessages", _OnDemand(lambda: _send(control, database))),
        trace=cast("Tracer", _OnDemand(lambda: _tracer(control, database))),
        retry=cast("RetryMessage", _OnDemand(lambda: _retry(control, database))),
        pay=_payer(control, database),
        proofs=cast("Proofs", _OnDemand(lambda: _proofs(control, database))),
        genesis=GenesisFiles(home),
        bridge=cast("BridgeDesk", _OnDemand(lambda: _bridge(control))),
        outputs=cast("Outputs", _OnDemand(lambda: _outputs(control))),
        keepers=_keepers(home, control),
        chaos=chaos,
        offences=cast("Offences", _OnDemand(lambda: _offences(home, control, database))),
        guardians=cast("GuardianDesk", _OnDemand(lambda: _guardians(control, database, queries))),
        rewards=cast("Rewards", _OnDemand(lambda: _rewards(control, database, crews))),
        checkpoint=_checkpoint_of(home, control),
        about=_About(here, control),
        database=database,
    )
    await control.open()
    await chaos.resume_if_any()
    return Running(services, control, events, gate, containers, database, chaos)


class _ChaosOnDemand:
    """What breaks things on purpose, imported when somebody first asks for it."""

    def __init__(
        self, control: ControlPlane, database: SqlDatabase, events: EventLog, seams: SeamBook
    ) -> None:
        self._control = control
        self._database = database
        self._events = events
        self._seams = seams
        self._made: Chaos | None = None

    def __call__(self) -> "Chaos":
        if self._made is None:
            from control_plane.services.chaos import Chaos

            self._made = Chaos(self._control, self._database, self._events, self._seams, _breaker)
        return self._made

    async def resume_if_any(self) -> None:
        """Begin again what was broken when an earlier daemon ended."""
        async with self._database.begin() as unit:
            faults = await unit.faults.list() if await unit.devnets.list() else ()
        if any(fault.ended_at is None for fault in faults):
            self().resume()

    async def close(self) -> None:
        """Stop looking after faults; they stay active."""
        if self._made is not None:
            await self._made.close()


class _OnDemand:
    """A part that is imported and made when it is first used: few devnets do."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._made = functools.cache(make)

    @property
    def is_made(self) -> bool:
        return self._made.cache_info().currsize > 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._made()(*arguments, **named)  # type: ignore[operator]


def _containers(home: Path) -> "ComposeRuntime":
    from control_plane.adapters.runtime.compose.files import Kit
    from control_plane.adapters.runtime.compose.runtime import ComposeRuntime

    return ComposeRuntime(home, Kit(compose_dir(), _engines()))


def _specs() -> ModuleType:
    from control_plane.services import specs

    return specs


def _queries(
    home: Path,
    control: ControlPlane,
    database: SqlDatabase,
    born: Callable[[str], Mapping[str, Hex]],
) -> "Queries":
    from control_plane.services.accounts_view import AccountsOf
    from control_plane.services.queries import Queries

    return Queries(
        devnets=control,
        database=database,
        keys=_keys_of(home),
        born=born,
        accounts_of=AccountsOf(derive_accounts),
        artifacts=artifacts_dir(),
    )


def _outputs(control: ControlPlane) -> "Outputs":
    from control_plane.services.settlement.outputs import Outputs

    return Outputs(control, connect)


def _faucet(control: ControlPlane) -> "Faucet":
    from control_plane.services.faucet import Faucet

    return Faucet(control, connect, _pay_from)


def _send(control: ControlPlane, database: SqlDatabase) -> "SendMessages":
    from control_plane.services.send_message import SendMessages

    return SendMessages(control, database, connect, derive_accounts, sign_call, decode_error)


def _tracer(control: ControlPlane, database: SqlDatabase) -> "Tracer":
    from control_plane.services.trace import Tracer

    return Tracer(control, database)


def _retry(control: ControlPlane, database: SqlDatabase) -> "RetryMessage":
    from control_plane.services.retry import RetryMessage

    return RetryMessage(control, database)


def _bridge(control: ControlPlane) -> "BridgeDesk":
    from control_plane.services.bridge.desk import BridgeDesk

    return BridgeDesk(control, connect, derive_accounts, _pay_from, decode_error)


def _proofs(control: ControlPlane, database: SqlDatabase) -> "Proofs":
    from control_plane.services.proofs import Proofs

    return Proofs(control, database, connect)


def _offences(home: Path, control: ControlPlane, database: SqlDatabase) -> "Offences":
    from control_plane.services.offences import Offences

    return Offences(control, database, _keys_of(home))


def _guardians(control: ControlPlane, database: SqlDatabase, queries: "Queries") -> "GuardianDesk":
    from control_plane.services.guardians import GuardianDesk

    return GuardianDesk(control, database, connect, _pay_from, decode_error, queries)


def _rewards(control: ControlPlane, database: SqlDatabase, crews: Crews) -> "Rewards":
    from control_plane.services.rewards import Rewards

    def signers(name: str) -> Sequence[EitherAttester]:
        return crews[name][0] if name in crews else ()

    return Rewards(control, database, connect, _pay_from, decode_error, signers)


def _breaker() -> "Breaker":
    from control_plane.adapters.chaos.breaking import ChaosBreaker

    return ChaosBreaker()


def _end_this_process() -> None:
    """A moment later, when whoever asked for it has its answer."""
    asyncio.get_running_loop().call_later(_GOODBYE, os.kill, os.getpid(), signal.SIGTERM)


def _database_url(settings: Settings) -> str:
    return settings.database_url or f"sqlite:///{settings.home / 'caldera.db'}"


def _lease(directory: Path, service: str) -> AbstractContextManager[None]:
    return lease(directory, service, "the daemon")


def _engines() -> dict[str, ProcessEngine]:
    return {"anvil": AnvilEngine(), "op-geth": cast(ProcessEngine, _OnDemand(_op_geth))}


def _op_geth() -> ProcessEngine:
    from control_plane.adapters.engine.op_geth import OpGethEngine

    return OpGethEngine()


def _tools(
    settings: Settings,
    database: SqlDatabase,
    gate: Gate,
    containers: _OnDemand,
    look_again: Callable[[], None],
    seams: SeamBook,
    crews: Crews,
) -> Tools:
    cache = cache_dir(os.environ)

    @functools.cache
    def anvil(named: str | None = None) -> Path:
        insisted = settings.anvil if named is None else Path(named)
        return resolve_anvil(insisted, cache=cache).path

    def bake() -> Genesis:
        return ensure_genesis(anvil, cache)

    engines = _engines()
    find: dict[str, FindProgram] = {
        "anvil": lambda spec, _: anvil(spec.plan.engine("anvil").path),
        "op-geth": functools.partial(_find_op_geth, cache),
    }
    runtimes: dict[str, Runtime] = {
        "process": ProcessRuntime(engines, find, gate),
        "compose": cast(Runtime, containers),
        "external": ExternalRuntime(connect),
    }
    programs = ProcessPrograms(functools.partial(_program_path, cache))
    native = _OnDemand(lambda: _native_stack(programs))
    return Tools(
        database=database,
        runtime=SelectingRuntime(runtimes, programs),
        connect=connect,
        provision=FileProvision(bake, engines),
        programs=NodePrograms(cache, os.environ),
        bootstrap=ChainBootstrap(),
        sealing=_sealing(native),
        make_agents=_by_place(
            _agents_maker(database, settings.home, programs, native, seams, crews),
            _outposts_maker(settings, containers),
        ),
        join_guardian=_guardian_joiner(database, settings.home, seams, crews),
        lease=_lease,
        share=Hosting(_database_url(settings), look_again),
        load_plan=plan_from_json,
        dump_plan=plan_to_json,
        free_port=free_port,
        remove_tree=remove_tree,
        fault=_fault(),
    )


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


def _sealing(native: _OnDemand) -> MakeSeal:
    """By whoever makes the chain's blocks."""

    def choose(
        chain: Chain, rpc: Rpc, network: Network, keys: Keys
    ) -> AbstractAsyncContextManager[Seal]:
        make: MakeSeal = native.sealing if chain.plan.services == "native" else sealing
        return make(chain, rpc, network, keys)

    return choose


def _native_agents(
    chain: Chain, network: Network, keys: Keys, native: _OnDemand
) -> Sequence[Agent]:
    """The programs beside a node that runs, and who writes down the blocks that they make."""
    specs = native.services(chain, network, keys)
    if not specs:
        return ()
    from control_plane.agents.block_keeper import BlockKeeper
    from control_plane.agents.program import program_agents

    keeper = BlockKeeper(chain, connect, functools.partial(native.journal, chain))
    return keeper, *program_agents(specs, native.programs)


def _sealers(
    network: Network,
    keys: Keys,
    native: _OnDemand,
    hub: Hub,
    publish: Publish,
    between: Seams,
) -> list[Agent]:
    """Whoever makes each chain's blocks: our sequencer, or its framework's own services."""
    found: list[Agent] = []
    through = between.connecting(connect)
    for chain in network.chains:
        if chain.plan.is_external:
            continue
        if chain.plan.services == "native":
            found += _native_agents(chain, network, keys, native)
        else:
            seen = between.sequencing(chain.name, through)
            found.append(
                making.make_sequencer(chain, seen, network=network, publish=publish, hub=hub)
            )
    return found


def _agents_maker(
    database: SqlDatabase,
    home: Path,
    programs: ProcessPrograms,
    native: _OnDemand,
    seams: SeamBook,
    crews: Crews,
) -> MakeAgents:
    def make(network: Network, keys: Keys, hub: Hub, publish: Publish) -> Sequence[Agent]:
        between = seams.of(network.devnet)
        through = between.connecting(connect)
        guardians = [
            making.make_guardian(network, key, database, hub, through) for key in keys.serving
        ]
        files = DevnetFiles(home, network.devnet)
        directory = files.agents
        checkpoints = making.find_checkpoints(network, files.root)
        signers = with_those_alone(guardians, directory)
        attesters: list[making.Listening] = [between.attester(one) for one in signers]
        crews[network.devnet] = signers, attesters
        data = _data(network)
        roster = founding_roster(network, keys)
        payers = (keys.rotation, keys.governor)
        return [
            *_sealers(network, keys, native, hub, publish, between),
            making.make_indexer(network, database, hub, publish, through),
            *(making.make_open(guardian, hub, directory) for guardian in guardians),
            making.make_aggregator(network, roster, attesters, database, hub, publish, through),
            making.make_relayer(
                network, keys.relayer, database, hub, publish, between, checkpoints
            ),
            *making.make_watcher(network, keys, roster, database, hub, through),
            *_batchers(network, keys, database, hub, publish, files.root, programs, data),
            *_settling(network, keys, database, hub, publish, between, guardians, data),
            making.make_rotation(network, roster, payers, signers, database, hub, publish, through),
            *(
                making.make_validator(network, index, account, files.root, hub, publish)
                for index, account in enumerate(keys.validators)
            ),
        ]

    return make


def _guardian_joiner(
    database: SqlDatabase, home: Path, seams: SeamBook, crews: Crews
) -> JoinGuardian:
    def join(network: Network, guardian: GuardianKeys, hub: Hub) -> Agent:
        between, directory = seams.of(network.devnet), DevnetFiles(home, network.devnet).agents
        through = between.connecting(connect)
        joined = making.make_guardian(network, guardian, database, hub, through)
        (signer,) = with_those_alone([joined], directory)
        signers, attesters = crews[network.devnet]
        signers.append(signer)
        attesters.append(between.attester(signer))
        return making.make_open(joined, hub, directory)

    return join


def _data(network: Network) -> "Data | None":
    """What concerns the rollups' data; None where no rollup posts them."""
    if not any(posts_batches(chain) for chain in network.plan.rollups):
        return None
    from control_plane.batching import data_of

    return data_of(network)


def _batchers(
    network: Network,
    keys: Keys,
    database: SqlDatabase,
    hub: Hub,
    publish: Publish,
    root: Path,
    programs: ProcessPrograms,
    data: "Data | None",
) -> Sequence[Agent]:
    if data is None:
        return ()
    from control_plane.batching import Place, make_batchers

    return make_batchers(network, keys, database, hub, publish, Place(root, programs, data))


def _settling(
    network: Network,
    keys: Keys,
    database: SqlDatabase,
    hub: Hub,
    publish: Publish,
    seams: Seams,
    guardians: "Sequence[Guardian]",
    data: "Data | None",
) -> Sequence[Agent]:
    if data is None or not any(settles(chain) for chain in network.plan.rollups):
        return ()
    from control_plane.contesting import Site, contesting
    from control_plane.settling import make_settling

    through = seams.connecting(connect)
    site = Site(network, keys, database, hub, publish, guardians, through)
    return make_settling(network, keys, hub, publish, seams, contesting(site), data.availabilities)


def _outposts_maker(settings: Settings, containers: _OnDemand) -> MakeAgents:
    """Agents in containers."""

    def make(network: Network, keys: Keys, hub: Hub, publish: Publish) -> Sequence[Agent]:  # noqa: ARG001
        from control_plane.agents.outpost import Outpost

        root = DevnetFiles(settings.home, network.devnet).root
        crew = containers.crew(root, network, keys, _database_url(settings))
        return [Outpost(service, crew) for service in crew.services()]

    return make


def _by_place(here: MakeAgents, outside: MakeAgents) -> MakeAgents:
    """Whichever makes agents where the plan wants them."""

    def make(network: Network, keys: Keys, hub: Hub, publish: Publish) -> Sequence[Agent]:
        place = outside if network.plan.agents == "containers" else here
        return place(network, keys, hub, publish)

    return make


def _joiner(home: Path, control: ControlPlane, devnets: Devnets, database: SqlDatabase) -> Join:
    async def join(name: str, rollup: str, request: JoinRollup) -> JoinedRollup:
        from control_plane.adapters.evm.joining import Joiner
        from control_plane.services.joining import Joining

        joining = Joining(
            control, devnets, database, Joiner(), functools.partial(DevnetFiles, home)
        )
        return await joining(name, rollup, request)

    return join


def _pay_from(chain: Chain, account: Account) -> AbstractAsyncContextManager[TransactionSender]:
    block_time = chain.plan.block_time
    return one_sender(connect, chain.ws_url, account, chain.plan.chain_id, block_time=block_time)


def _payer(control: ControlPlane, database: SqlDatabase) -> Pay:
    async def pay(name: str, message_id: str, request: "PayMessage") -> "MessagePaid":
        from control_plane.services.pay_message import PayForMessage

        return await PayForMessage(control, database, connect, _pay_from)(name, message_id, request)

    return pay


def _keys_of(home: Path) -> Callable[[str, int], Any]:
    async def keys(name: str, guardians: int) -> Keys:
        return load_keys(DevnetFiles(home, name).root, guardians)

    return keys


def _keepers(home: Path, control: ControlPlane) -> Keepers:
    async def keepers(devnet: str, rollup: str) -> "DataAvailabilityView":
        from control_plane.adapters.da.places import ever_keepers
        from control_plane.schemas.keeper import DataAvailabilityView, KeeperView

        record = await control.record(devnet)
        plans = plan_from_json(record.plan).rollups
        chain = next(chain for chain in plans if chain.name == rollup)
        root = DevnetFiles(home, record.name).root
        found = await asyncio.to_thread(ever_keepers, root, chain)
        views = tuple(KeeperView.model_validate(keeper.to_json()) for keeper in found)
        return DataAvailabilityView(da=chain.da, keepers=views)

    return keepers


def _checkpoint_of(
    home: Path, control: ControlPlane
) -> Callable[[str, str], Awaitable[bytes | None]]:
    async def checkpoint(name: str, key: str) -> bytes | None:
        from control_plane.adapters.checkpoints import stored_object

        record = await control.record(name)
        return await asyncio.to_thread(stored_object, DevnetFiles(home, record.name).root, key)

    return checkpoint


class _Taken:
    """Ports that can't be had: those of other devnets, running or not, and those in use."""

    def __init__(self, others: Sequence[Plan]) -> None:
        self._planned = {chain.port for plan in others for chain in plan.chains}

    def __contains__(self, port: object) -> bool:
        return port in self._planned or (isinstance(port, int) and is_taken(port))


def plan_for_machine(
    spec: Spec, others: Sequence[Plan], keep: Plan | None, free_ports: bool
) -> Plan:
    """``control.MakePlan`` for this machine."""
    ports = _any_ports() if free_ports else None
    return make_plan(spec, _Taken(others), keep=keep, ports=ports)


def _any_ports() -> DefaultPorts:
    """Somewhere in a wide range, so that devnets planned at once by two homes rarely meet."""
    first = random.randrange(*_FREE_PORTS, 50)  # noqa: S311 - no secret
    return DefaultPorts(l1=first, rollups=first + 1)


def free_port(first: int, taken: frozenset[int]) -> int:
    """The first free loopback port from `first` on that is none of `taken`."""
    port = first
    while port in taken or is_taken(port):
        port += 1
    return port


def _fault() -> Fault:
    """The fault that a test asked for by :data:`FAULT_VARIABLE`, else none."""
    wanted = os.environ.get(FAULT_VARIABLE)
    if not wanted:
        return no_fault

    def kill(boundary: str) -> None:
        if boundary == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


@dataclass(frozen=True, slots=True)
class _About:
    """Implements the API's ``About``."""

    here: Listening
    control: ControlPlane

    async def end(self) -> None:
        await self.control.end_if_idle()

    async def __call__(self) -> DaemonView:
        return DaemonView(
            version=self.here.version,
            pid=self.here.pid,
            home=self.here.home,
            started_at=datetime.fromisoformat(self.here.started_at),
            socket=self.here.socket,
            port=self.here.port,
            devnets=len(await self.control.records()),
        )
