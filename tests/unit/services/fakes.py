"""Ports without the world behind them: nodes that are a flag, agents that are an event."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from control_plane.adapters.evm.sealing import sealing
from control_plane.domain.errors import CalderaError
from control_plane.domain.hub import EpochCertified, Hub, Wanted
from control_plane.domain.ids import ChainId, Domain, Hex, Name
from control_plane.domain.network import Keys, Network
from control_plane.domain.plan import AccountsPlan, ChainPlan, GuardianPlan, MetalayerPlan, Plan
from control_plane.domain.plan_json import plan_from_json, plan_to_json
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.node import Account, First, NodeHandle, NodeSpec, Rpc, SavedState
from control_plane.domain.ports.provision import Born, Say, Seal
from control_plane.domain.ports.store import Database
from control_plane.domain.records import EpochRecord
from control_plane.services.live import Tools


def make_plan(name: str = "shop", rollups: Sequence[str] = ("op", "arb")) -> Plan:
    chains = [
        ChainPlan(
            Name(n),
            ChainId(900 + i),
            Domain(900 + i),
            40_000 + i,
            False,
            "anvil",
            0.0,
            0.0,
            "op-stack" if i else None,
            i == 0,
        )
        for i, n in enumerate(["l1", *rollups])
    ]
    return Plan(
        Name(name),
        "process",
        tuple(chains),
        MetalayerPlan(GuardianPlan(4, 10**23), 1.0, "free"),
        AccountsPlan(10, 10**22, "test"),
        60.0,
        (),
    )


class FakeRpc:
    """Of a chain at block 1, which announces the blocks that a test puts into `announced`."""

    def __init__(self) -> None:
        self.closed = False
        self.announced: asyncio.Queue[int] = asyncio.Queue()

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        head = {"number": "0x1", "hash": "0x" + "01" * 32}
        return {"eth_blockNumber": "0x1", "eth_getBlockByNumber": head}[method]

    async def subscribe(self, kind: str, *params: Any) -> AsyncIterator[Any]:
        assert kind == "newHeads"
        while True:
            yield {"number": hex(await self.announced.get())}
            self.announced.task_done()

    async def close(self) -> None:
        self.closed = True


@dataclass
class FakeRuntime:
    """Counts what runs; a chain named in `broken` does not start."""

    broken: dict[str, CalderaError] = field(default_factory=dict)
    running: dict[str, asyncio.Event] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    pids: int = 100
    troubles: dict[str, str] = field(default_factory=dict)
    """By service."""

    async def start_node(self, spec: NodeSpec) -> NodeHandle:
        await asyncio.sleep(0)
        if error := self.broken.get(spec.chain.name):
            raise error
        self.started.append(spec.chain.name)
        self.running[spec.chain.name] = asyncio.Event()
        self.pids += 1
        return self._handle(spec)

    def _handle(self, spec: NodeSpec) -> NodeHandle:
        port = spec.chain.port
        return NodeHandle(
            f"{spec.chain.name}/node",
            self.pids,
            f"id-{self.pids}",
            port,
            f"http://127.0.0.1:{port}",
            f"ws://127.0.0.1:{port}",
            ("node",),
            Path("log"),
        )

    async def adopt_node(
        self, spec: NodeSpec, pid: int | None, identity: str | None
    ) -> NodeHandle | None:
        return self._handle(spec) if spec.chain.name in self.running else None

    async def save_state(self, spec: NodeSpec, rpc: Rpc, first: First | None = None) -> SavedState:
        if first is not None:
            await first(None)
        self.saved.append(spec.chain.name)
        return SavedState(1, 0.0)

    def saved_state(self, spec: NodeSpec) -> SavedState | None:
        return SavedState(1, 0.0) if spec.chain.name in self.saved else None

    async def stop_node(self, handle: NodeHandle, *, grace: float = 2.0) -> None:
        event = self.running.pop(handle.service.removesuffix("/node"), None)
        if event:
            event.set()

    def kill(self, chain: str) -> None:
        """The node dies by itself."""
        self.running.pop(chain).set()

    async def wait_exit(self, handle: NodeHandle) -> None:
        event = self.running.get(handle.service.removesuffix("/node"))
        if event:
            await event.wait()

    def trouble(self, handle: NodeHandle) -> str | None:
        return self.troubles.get(handle.service)

    async def kill_strays(self, directory: Path) -> int:
        return 0

    async def forget(self, directory: Path) -> None:
        return None


class FakeProvision:
    async def keys(self, directory: Path, guardians: int, validators: int = 0) -> Keys:
        account = Account(Hex("0x" + "11" * 20), bytes(32))
        return Keys(account, account, account, account, ())

    async def contracts(self, directory: Path, validators: Sequence[Account] = ()) -> Born:
        return Born({}, "hash")

    async def genesis(self, spec: NodeSpec, keys: Keys) -> None:
        return None


@dataclass
class FakePrograms:
    needed: tuple[str, ...] = ()
    brought: list[str] = field(default_factory=list)

    def of(self, plan: Plan) -> Sequence[str]:
        return self.needed

    async def bring(self, name: str, plan: Plan, say: Say) -> None:
        await say(f"{name}: 50 packages compiled")
        self.brought.append(name)


@dataclass
class FakeBootstrap:
    done: list[str] = field(default_factory=list)

    async def network_id(self, l1: Rpc, contracts: Mapping[str, Hex], devnet_id: bytes) -> bytes:
        return bytes(32)

    async def __call__(
        self, chain: ChainPlan, rpc: Rpc, network: Network, keys: Keys, seal: Seal
    ) -> None:
        self.done.append(chain.name)


class FakeAgent:
    def __init__(self, name: str) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self.problem: str | None = None
        self.fail: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.runs = 0

    async def run(self) -> None:
        self.runs += 1
        self.ready.set()
        await asyncio.shield(self.fail)


class FakeAggregator(FakeAgent):
    """Certifies every chain as soon as somebody wants an epoch."""

    def __init__(self, network: Network, hub: Hub) -> None:
        super().__init__("aggregator")
        self._network, self._hub = network, hub

    async def run(self) -> None:
        async with self._hub.listen() as news:
            self.ready.set()
            while True:
                if isinstance(await news.get(), Wanted):
                    leaves = tuple({"domain": int(c.domain)} for c in self._network.chains)
                    record = EpochRecord(self._network.devnet, 1, {}, "0x", leaves, 0.0)
                    self._hub.tell(EpochCertified(record))


@dataclass
class Agents:
    made: list[Agent] = field(default_factory=list)

    def __call__(self, network: Network, keys: Keys, hub: Hub, publish: Publish) -> Sequence[Agent]:
        agents: list[Agent] = [FakeAgent(f"{c.name}/sequencer") for c in network.chains]
        agents += [FakeAgent("relayer"), FakeAggregator(network, hub)]
        self.made += agents
        return agents


def moved(plan: Plan, *names: str) -> Plan:
    """`plan` with rollups of these names instead."""
    return replace(plan, chains=(plan.l1, *make_plan(rollups=names).rollups))


def make_tools(database: Database, **given: Any) -> Tools:
    """Fakes of everything but the database; those that are `given` by name in place of new ones."""

    async def connect(url: str, *, deadline: float | None = None) -> Rpc:
        return cast(Rpc, FakeRpc())

    fakes: dict[str, Any] = {
        "runtime": FakeRuntime(),
        "connect": connect,
        "provision": FakeProvision(),
        "programs": FakePrograms(),
        "bootstrap": FakeBootstrap(),
        "sealing": sealing,
        "make_agents": Agents(),
        "join_guardian": lambda network, guardian, hub: FakeAgent("guardian"),
        "load_plan": plan_from_json,
        "dump_plan": plan_to_json,
        "free_port": lambda at, taken: at + 100,
        "remove_tree": lambda path: None,
    }
    return Tools(database=database, **(fakes | given))
