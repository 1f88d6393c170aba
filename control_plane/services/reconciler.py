"""Drives one devnet from what it is to what its record desires, again and again.

Level-triggered: :meth:`Reconciler.wake` says only that something may have changed; what to do
follows from the record and from what really runs. Every step is idempotent, so a reconciler
that was killed anywhere continues when the next one looks at the same record.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from control_plane.domain.errors import (
    CalderaError,
    Conflict,
    Failed,
    MissingDependency,
    StorageFailed,
    most_telling,
)
from control_plane.domain.hub import EpochCertified, Hub, Wanted
from control_plane.domain.ids import Hex, Name
from control_plane.domain.network import Chain, GuardianKeys, Keys, Network
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.agent import Lease, Publish, Sealer, Share
from control_plane.domain.ports.node import Connect, Runtime
from control_plane.domain.ports.provision import (
    Bootstrap,
    Born,
    JoinGuardian,
    MakeAgents,
    MakeSeal,
    Programs,
    Provision,
)
from control_plane.domain.ports.store import Database
from control_plane.domain.records import DevnetRecord
from control_plane.domain.settlement.deposits import has_portal
from control_plane.domain.states import Desired, DevnetState, ServiceState
from control_plane.domain.switching import seals_alike
from control_plane.services.absent import Absent
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.guardian_keys import all_keys
from control_plane.services.nodes import Nodes, RunningNode
from control_plane.services.sharing import Sharing, no_lease, no_sharing, resting
from control_plane.services.steps import Fault, Steps, no_fault
from control_plane.services.supervisor import Supervisor, cancel_and_wait

log = logging.getLogger(__name__)

_TICK = 1.0
"""Seconds between two looks at the devnet's health when nothing wakes the reconciler."""
_AGENTS_DEADLINE = 20.0
_CONTAINERS_DEADLINE = 90.0
"""Seconds for agents in containers: each starts a Python of its own."""
_CERTIFY_DEADLINE = 30.0
_LONGEST_PAUSE = 30.0
_LONGEST_LACKING = 5.0
"""Likewise while something is missing that can come back at any moment."""
_FIRST_SAVE = 0.5
"""Seconds from ready to the first save."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The ports that a reconciler works through."""

    database: Database
    runtime: Runtime
    connect: Connect
    provision: Provision
    programs: Programs
    bootstrap: Bootstrap
    sealing: MakeSeal
    make_agents: MakeAgents
    join_guardian: JoinGuardian
    load_plan: Callable[[Mapping[str, Any]], Plan]
    """Plan from its JSON in the record."""
    dump_plan: Callable[[Plan], dict[str, Any]]
    free_port: Callable[[int, frozenset[int]], int]
    """A free loopback port at or above the first argument, none of the second."""
    remove_tree: Callable[[Path], None]
    lease: Lease = no_lease
    share: Share = no_sharing
    fault: Fault = no_fault


@dataclass(slots=True)
class Live:
    """What runs of the devnet in this process."""

    plan: Plan
    keys: Keys
    born: Born
    network: Network | None = None
    hub: Hub = field(default_factory=Hub)


class Reconciler:
    """One devnet's worker."""

    def __init__(self, name: str, files: DevnetFiles, tools: Tools, publish: Publish) -> None:
        self.name = name
        self._files = files
        self._tools = tools
        self._publish = publish
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._pause = 0.0
        self.agents = Supervisor(
            self.wake, name, lambda service: tools.lease(files.agents, service)
        )
        self._sharing = Sharing(tools.share, self.agents, files.agents)
        self.nodes = Nodes(
            files, tools.runtime, tools.connect, tools.database, publish, self.wake, self._paused
        )
        self.live: Live | None = None
        self._saver: asyncio.Task[None] | None = None
        self.healing = False
        """A running devnet is being brought back to what its plan says."""
        self.held_nodes: set[str] = set()
        """Chains whose node the user stopped."""
        self.absent = Absent(tools.connect, self.wake)
        """Somebody else's chains that can't be reached."""
        self.last_error: BaseException | None = None
        self.lacks: MissingDependency | None = None
        """Somebody has to do something, start the Docker engine for one; it is tried again."""
        self._given_up = False
        self._trouble: str | None = None
        """What went wrong at the last look, until one succeeds."""
        self._agents_network: Network | None = None
        """What the running agents were made for."""

    # ------------------------------------------------------------------ from outside

    def wake(self) -> None:
        """Something may have changed: look again."""
        self._wake.set()

    def give_up(self) -> None:
        """Remove the devnet, although its record could not be told."""
        self._given_up = True
        self.wake()

    def next_change(self) -> asyncio.Event:
        """Set when the record's state is written once more. Take it before looking at the
        record, wait for it afterwards: nothing is missed between."""
        return self._changed

    async def run(self) -> None:
        """Reconcile until the devnet is gone."""
        while True:
            self._wake.clear()
            try:
                record = await self.record()
                if record is None or await self._once(record):
                    return
                self._pause, self._trouble = 0.0, None
            except Exception as error:  # noqa: BLE001 - a devnet's failure must not end its worker
                await self._failed(error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(_TICK, self._pause)):
                    await self._wake.wait()

    def is_settled(self, plan: Plan) -> bool:
        """Whether what runs is what `plan` wants, and nothing is under way."""
        return not self.healing and self._complete(plan)

    def live_plan(self) -> Plan:
        """The plan of what runs; RuntimeError when nothing does."""
        return self._live().plan

    async def let_go(self) -> None:
        """Leave the devnet as it is, nodes running, because this process ends."""
        await cancel_and_wait(self._saver)
        await self.agents.leave()
        await self._sharing.stop()
        self.absent.keep(())
        if self.live is not None:
            await self.nodes.save_all(self.live.plan)
        await self.nodes.let_go()

    async def record(self) -> DevnetRecord | None:
        """The devnet's record as it stands in the database."""
        async with self._tools.database.begin() as unit:
            return await unit.devnets.get(self.name)

    # ------------------------------------------------------------------ one look

    async def _once(self, record: DevnetRecord) -> bool:
        """Act on one difference between desire and reality; True when the devnet is gone."""
        if record.desired is Desired.ABSENT or self._given_up:
            await self._remove()
            return True
        if record.desired is Desired.STOPPED:
            if record.state is not DevnetState.STOPPED:
                await self._stop()
            return False
        if record.state is DevnetState.FAILED:
            return False
        plan = self._tools.load_plan(record.plan)
        if self._complete(plan) and record.state in {DevnetState.READY, DevnetState.DEGRADED}:
            await self._assess(record)
        else:
            await self._bring_up(record, plan)
        return False

    def _complete(self, plan: Plan) -> bool:
        """Whether all that the plan wants runs in this process."""
        if self.live is None or self.live.network is None or self.live.plan != plan:
            return False
        if self._agents_network != self.live.network:
            return False
        return all(c.name in self.nodes.running or self._is_held(c) for c in plan.chains)

    def _is_held(self, chain: ChainPlan) -> bool:
        return chain.name in self.held_nodes or chain.name in self.absent

    async def _assess(self, record: DevnetRecord) -> None:
        self.healing = False
        problem = self._symptoms()
        state = DevnetState.DEGRADED if problem else DevnetState.READY
        if (state, problem) != (record.state, record.problem):
            await self._set_state(state, problem)

    def problem(self) -> str | None:
        """What is wrong with the running devnet, in sentences; None when all is well."""
        found = [part for part in (self._trouble, self._symptoms()) if part]
        return "; ".join(found) or None

    def _symptoms(self) -> str | None:
        """What is wrong with what runs."""
        found = [
            f"{name}/node: {why}; restarting"
            for name, why in self.nodes.ended.items()
            if name not in self.absent
        ]
        found += [f"{name}/node: {why}" for name, why in self.absent.reasons().items()]
        found += [f"{name}/node: {why}" for name, why in self.nodes.troubles().items()]
        found += [
            f"{view.name}: {view.problem}"
            for view in self.agents.views()
            if view.problem or view.state is ServiceState.RESTARTING
        ]
        found += [f"{name}/node: stopped by the user" for name in sorted(self.held_nodes)]
        found += [f"{name}/node: not saved: {why}" for name, why in self.nodes.unsaved.items()]
        return "; ".join(found) or None

    # ------------------------------------------------------------------ up

    async def _bring_up(self, record: DevnetRecord, plan: Plan) -> None:
        healing = (
            record.state in {DevnetState.READY, DevnetState.DEGRADED} and self.live is not None
        )
        left = record.state in {DevnetState.READY, DevnetState.DEGRADED}
        began = time.monotonic()
        self.healing, self.lacks = healing, None
        if healing:
            await self._set_state(DevnetState.DEGRADED, self.problem() or "changing")
        else:
            await self._set_state(DevnetState.STARTING, None)
        steps = Steps(self.name, self._tools.database, self._publish, self._tools.fault)
        try:
            await self.nodes.unless_one_ends(self._converge(record, plan, steps))
        except Exception as error:  # not a cancellation: then this process ends, the nodes go on
            if left and isinstance(most_telling(error), MissingDependency):
                # what an earlier process left behind may well run: nobody could look
                await self._set_state(DevnetState.DEGRADED, str(most_telling(error)))
            elif not healing:
                await self._roll_back(record, error)
            raise
        ms = round((time.monotonic() - began) * 1000, 1)
        self.healing = False
        await self._set_ready(steps, None if healing else ms)

    async def _converge(self, record: DevnetRecord, plan: Plan, steps: Steps) -> None:
        async with steps.step("provision"):
            keys = await self._keys(plan)
            born = await self._tools.provision.contracts(self._files.root, keys.validators)
        await self._bring_programs(plan, steps)
        await self.nodes.recall()
        if self.live is None:
            self.live = Live(plan, keys, born)
        await self._drop_removed_chains(plan)
        self.live.plan, self.live.keys = plan, keys
        network = await self._start_chains(record, steps)
        async with steps.step("agents"):
            await self._start_agents(network)
        async with steps.step("certify") as detail:
            detail["epoch"] = await self._certify(network)
        if self._saver is None or self._saver.done():
            self._saver = asyncio.create_task(self._save_regularly(), name=f"save {self.name}")

    async def _bring_programs(self, plan: Plan, steps: Steps) -> None:
        for name in self._tools.programs.of(plan):

            async def say(line: str, name: str = name) -> None:
                await self._publish("program.progress", {"program": name, "line": line})

            async with steps.step(f"program:{name}"):
                await self._tools.programs.bring(name, plan, say)

    async def _start_chains(self, record: DevnetRecord, steps: Steps) -> Network:
        live = self._live()
        devnet_id = bytes.fromhex(record.devnet_id.removeprefix("0x"))
        network_id: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        chains = {c.name: _endpoint(c) for c in live.plan.chains if self._is_held(c)}
        if self._is_held(live.plan.l1) and live.network is not None:
            network_id.set_result(live.network.network_id)

        async def bring(chain: ChainPlan) -> None:
            async with steps.step(f"node:{chain.name}") as detail:
                node = await self._start_node(chain)
                detail["pid"] = node.handle.pid
            chains[chain.name] = self._chain(node)
            if chain.is_l1:
                found = await self._tools.bootstrap.network_id(
                    node.rpc, live.born.contracts, devnet_id
                )
                network_id.set_result(found)
            part = self._network(devnet_id, await network_id, live.born.contracts, chains)
            async with (
                steps.step(f"bootstrap:{chain.name}"),
                self._tools.sealing(chains[chain.name], node.rpc, part, live.keys) as seal,
            ):
                await self._tools.bootstrap(node.chain, node.rpc, part, live.keys, seal)

        async def bring_external(chain: ChainPlan) -> None:
            """The others do without it."""
            try:
                await bring(chain)
            except CalderaError as error:
                await self.nodes.stop(chain.name)
                await self.nodes.mark_failed(chain.name, error)
                self.absent.note(chain, error)
                chains[chain.name] = _endpoint(chain)
            else:
                self.absent.forget(chain.name)

        wanted = [chain for chain in live.plan.chains if not self._is_held(chain)]
        await _all_or_none([(bring_external if c.is_external else bring)(c) for c in wanted])
        network = self._network(devnet_id, network_id.result(), live.born.contracts, chains)
        live.network = network
        return network

    def _chain(self, node: RunningNode) -> Chain:
        handle = node.handle
        if handle.is_external:
            return _endpoint(node.chain)
        directory = self._files.node(node.chain.name)
        return Chain(node.chain, handle.http_url, handle.ws_url, handle.engine_url, directory)

    def _network(
        self,
        devnet_id: bytes,
        network_id: bytes,
        contracts: Mapping[str, Hex],
        chains: Mapping[Name, Chain],
    ) -> Network:
        plan = self._live().plan
        ordered = tuple(chains[c.name] for c in plan.chains if c.name in chains)
        return Network(self.name, devnet_id, network_id, plan, ordered, contracts)

    async def _start_node(self, chain: ChainPlan) -> RunningNode:
        """Start `chain`'s node; when it can't be, its record tells why."""
        live = self._live()
        spec = self._files.node_spec(live.plan, chain)
        try:
            await self._tools.provision.genesis(spec, live.keys)
            return await self._ensure_node(chain)
        except CalderaError as error:
            await self.nodes.mark_failed(chain.name, error)
            raise

    async def _ensure_node(self, chain: ChainPlan) -> RunningNode:
        """A default port taken since planning is replaced once."""
        try:
            return await self.nodes.ensure(self._live().plan, chain)
        except Conflict:
            if chain.port_named:
                raise
            moved = await self._move_port(chain)
            return await self.nodes.ensure(self._live().plan, moved)

    async def _move_port(self, chain: ChainPlan) -> ChainPlan:
        live = self._live()
        taken = frozenset(c.port for c in live.plan.chains)
        port = self._tools.free_port(chain.port + 1, taken)
        moved = replace(chain, port=port)
        note = f"port {chain.port} of {chain.name} is taken; it listens on {port}"
        live.plan = replace(
            live.plan,
            chains=tuple(moved if c.name == chain.name else c for c in live.plan.chains),
            notes=(*live.plan.notes, note),
        )
        await self._update(plan=self._tools.dump_plan(live.plan))
        await self._publish(
            "plan.port_moved", {"from": chain.port, "to": port}, service=f"{chain.name}/node"
        )
        return moved

    async def _start_agents(self, network: Network) -> None:
        """Start what is missing. A sequencer whose chain is where it was, and its L1 if it takes
        deposits from there, keeps running; the other agents look at all chains, so they start anew
        when any of them moved."""
        live = self._live()
        if network == self._agents_network and self.agents.names():
            # they reconnect by themselves
            await self.agents.wait_ready(_AGENTS_DEADLINE, without=self._idle())
            return
        await self._sharing.start(network, live.keys, live.hub)
        agents = self._tools.make_agents(network, live.keys, live.hub, self._publish)
        wanted = {agent.name for agent in agents}
        await self.agents.stop([name for name in self.agents.names() if name not in wanted])
        held = frozenset(v.name for v in self.agents.views() if v.state is ServiceState.STOPPED)
        before = self._agents_network.chains if self._agents_network else ()
        kept = {
            f"{chain.name}/sequencer"
            for chain in network.chains
            if any(_sealed_alike(chain, known) for known in before)
            and (not has_portal(chain.plan) or network.chains[0] in before)
        }
        fresh = [a for a in agents if not (a.name in kept and a.name in self.agents)]
        await self.agents.start(fresh, held=held)
        self._agents_network = network
        outside = network.plan.agents == "containers"
        deadline = _CONTAINERS_DEADLINE if outside else _AGENTS_DEADLINE
        await self.agents.wait_ready(deadline, without=self._idle())

    async def _keys(self, plan: Plan, *, joining: int = -1) -> Keys:
        tools = self._tools
        return await all_keys(
            tools.provision, tools.database, self._files.root, plan, joining=joining
        )

    async def join_guardian(self, number: int) -> GuardianKeys:
        """Start the guardian of that number, beside those that run; its keys."""
        live = self._live()
        live.keys = await self._keys(live.plan, joining=number)
        keys = live.keys.guardians[number]
        if live.network is not None and f"guardian-{number}" not in self.agents:
            agent = self._tools.join_guardian(live.network, keys, live.hub)
            await self.agents.start([agent])
            await self.agents.wait_ready(_AGENTS_DEADLINE, without=self._others(agent.name))
        return keys

    async def retire_guardian(self, number: int) -> None:
        """End the guardian of that number, which is in no set any more."""
        live = self._live()
        live.keys = replace(live.keys, retired=live.keys.retired | {number})
        await self.agents.stop([f"guardian-{number}"])

    def _others(self, name: str) -> set[str]:
        return {other for other in self.agents.names() if other != name}

    def _idle(self) -> set[str]:
        """Sequencers that can't seal because the user stopped a node: their own chain's, or the
        L1's that those with an Engine API follow."""
        plan, running = self._live().plan, self.nodes.running
        followers = () if plan.l1.name in running else plan.rollups
        idle = [chain for chain in plan.chains if chain.name not in running]
        idle += [chain for chain in followers if chain.engine != "anvil"]
        return {f"{chain.name}/sequencer" for chain in idle}

    async def _certify(self, network: Network) -> int:
        """Wait for an epoch over every chain that runs; its number."""
        # not what should run: a node that the user starts right now comes at the next look
        domains = {chain.domain for chain in network.chains if chain.name in self.nodes.running}
        async with self._live().hub.listen() as news:
            self._live().hub.tell(Wanted("a certificate over every chain"))
            try:
                async with asyncio.timeout(_CERTIFY_DEADLINE):
                    while True:
                        item = await news.get()
                        if not isinstance(item, EpochCertified):
                            continue
                        if domains <= {int(leaf["domain"]) for leaf in item.epoch.leaves}:
                            return item.epoch.epoch
            except TimeoutError:
                raise Failed(
                    "No certificate over every chain",
                    f"after {_CERTIFY_DEADLINE:g} s; {self.problem() or 'no agent complains'}",
                    f"See `caldera logs {self.name} --service aggregator`.",
                ) from None

    # ------------------------------------------------------------------ down

    async def _drop_removed_chains(self, plan: Plan) -> None:
        names = {chain.name for chain in plan.chains}
        known = {*self.nodes.running, *self.nodes.ended, *self.absent.reasons()}
        self.absent.keep(names)
        for name in known - names:
            await self.agents.stop([a for a in self.agents.names() if a.startswith(f"{name}/")])
            await self.nodes.stop(name)
            await self._tools.runtime.forget(self._files.node(name))
            self._tools.remove_tree(self._files.node(name))
            async with self._tools.database.begin() as unit:
                await unit.services.remove(self.name, f"{name}/node")

    async def _stop(self) -> None:
        await self._set_state(DevnetState.STOPPING, None)
        await self._halt(save=True)
        await self._set_state(DevnetState.STOPPED, None)

    async def _halt(self, *, save: bool) -> None:
        """Agents first, then the nodes; strays of an earlier process included."""
        await cancel_and_wait(self._saver)
        self._saver = None
        if save:
            await self._adopt_for_saving()
        await self.agents.stop()
        await self._sharing.stop()
        self._agents_network = None
        self.absent.keep(())
        if save and self.live is not None:
            await self.nodes.save_all(self.live.plan)
            self._refuse_to_lose_blocks()
        await self.nodes.stop_all(grace=2.0 if save else 0.0)
        await self._tools.runtime.kill_strays(self._files.root)
        self.live = None

    def _refuse_to_lose_blocks(self) -> None:
        """A node whose state could not be saved goes on running."""
        if self.nodes.unsaved:
            why = "; ".join(f"{name}/node: {why}" for name, why in self.nodes.unsaved.items())
            raise StorageFailed(
                f"{self.name} can't be saved, so it is not stopped",
                why,
                f"Once that is mended it stops; `caldera down {self.name}` gives its blocks up.",
            )

    async def _adopt_for_saving(self) -> None:
        """A devnet that nobody of this process started yet is taken over to be saved."""
        record = await self.record()
        if self.live is not None or record is None:
            return
        plan = self._tools.load_plan(record.plan)
        keys = await self._keys(plan)
        born = await self._tools.provision.contracts(self._files.root, keys.validators)
        self.live = Live(plan, keys, born)
        await self.nodes.recall()
        for chain in plan.chains:
            spec = self._files.node_spec(plan, chain)
            known = await self.nodes.record(chain.name)
            if known and await self._tools.runtime.adopt_node(spec, known.pid, known.identity):
                await self.nodes.ensure(plan, chain)

    async def _remove(self) -> None:
        with contextlib.suppress(StorageFailed):  # there is room when its files are gone
            await self._set_state(DevnetState.STOPPING, None)
        await self._halt(save=False)
        await self._tools.runtime.forget(self._files.root)
        self._tools.remove_tree(self._files.root)
        async with self._tools.database.begin() as unit:
            await unit.devnets.remove(self.name)
        await self._publish("devnet.removed", {})
        self._notify()

    async def _roll_back(self, record: DevnetRecord, error: Exception) -> None:
        """A start that failed leaves nothing running; files and logs stay for the user to read,
        and so does the state of chains that ran before."""
        if record.ready_at is not None and self.live is not None:
            await self.nodes.save_all(self.live.plan)
        await self._halt(save=False)
        if record.ready_at is None:  # nor a volume or a network that never held anything
            await self._tools.runtime.forget(self._files.root)
        log.warning("devnet %s did not start: %s", self.name, error)

    async def _failed(self, error: Exception) -> None:
        """Record what went wrong; a running devnet is degraded and tried again, one that was
        starting has failed."""
        first = most_telling(error)
        if not isinstance(first, CalderaError):
            log.error("reconciling %s", self.name, exc_info=error)
        problem = (
            str(first) if isinstance(first, CalderaError) else f"{type(first).__name__}: {first}"
        )
        self.lacks = first if isinstance(first, MissingDependency) else None
        longest = _LONGEST_LACKING if self.lacks else _LONGEST_PAUSE
        self._pause = min(max(0.5, self._pause * 2), longest)
        self.last_error, self._trouble = first, problem
        try:
            await self._record_failure(problem)
        except CalderaError as second:
            log.warning("%s: what failed could not be recorded: %s", self.name, second)

    async def _record_failure(self, problem: str) -> None:
        record = await self.record()
        if record is None:
            return
        starting = record.state in {DevnetState.PLANNED, DevnetState.STARTING, DevnetState.STOPPING}
        await self._set_state(DevnetState.FAILED if starting else DevnetState.DEGRADED, problem)

    def _paused(self, chain: str) -> contextlib.AbstractAsyncContextManager[None]:
        """No block of `chain` is sealed inside, by whichever process seals them."""
        if self.live is not None and self.agents.is_elsewhere(f"{chain}/sequencer"):
            return resting(self.live.hub, chain)
        agent: object = self.agents.agent(f"{chain}/sequencer")
        return agent.paused() if isinstance(agent, Sealer) else contextlib.nullcontext()

    # ------------------------------------------------------------------ records

    async def _set_ready(self, steps: Steps, ms: float | None) -> None:
        changes: dict[str, object] = {"ready_at": time.time()}
        if ms is not None:
            changes |= {"ready_ms": ms, "timings": dict(steps.timings)}
        problem = self.problem()
        state = DevnetState.DEGRADED if problem else DevnetState.READY
        await self._set_state(state, problem, **changes)

    async def _set_state(self, state: DevnetState, problem: str | None, **changes: object) -> None:
        await self._update(state=state, problem=problem, **changes)
        await self._publish(f"devnet.{state}", {"problem": problem} if problem else {})
        self._notify()

    async def _update(self, **changes: object) -> None:
        async with self._tools.database.begin() as unit:
            record = await unit.devnets.get(self.name)
            if record is not None:
                await unit.devnets.put(replace(record, **changes))  # type: ignore[arg-type]

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _live(self) -> Live:
        if self.live is None:
            raise RuntimeError("the devnet is not up")
        return self.live

    async def _save_regularly(self) -> None:
        """The first save waits a moment, so that it is in nobody's way who waits for ready."""
        await asyncio.sleep(_FIRST_SAVE)
        while True:
            live = self._live()
            await self.nodes.save_all(live.plan)
            await asyncio.sleep(live.plan.save_interval)


def _endpoint(chain: ChainPlan) -> Chain:
    """Where a chain listens when its node runs."""
    return Chain(chain, chain.http_url, chain.ws_url)


async def _all_or_none(parts: list[Coroutine[object, object, None]]) -> None:
    """Run side by side; the first error cancels the rest, and all errors are told together."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)


def _sealed_alike(chain: Chain, other: Chain) -> bool:
    """Whether the sequencer of `other` can go on with `chain`."""
    return seals_alike(chain.plan, other.plan) and replace(chain, plan=other.plan) == other
