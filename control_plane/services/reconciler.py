"""Drives one devnet from what it is to what its record desires, again and again.

Level-triggered: :meth:`Reconciler.wake` says only that something may have changed; what to do
follows from the record and from what really runs. Every step is idempotent, so a reconciler
that was killed anywhere continues when the next one looks at the same record.
"""

import asyncio
import contextlib
import logging
import time
from dataclasses import replace

from control_plane.domain.errors import (
    CalderaError,
    MissingDependency,
    StorageFailed,
    most_telling,
)
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Name
from control_plane.domain.network import GuardianKeys, Keys
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.agent import Publish, Sealer
from control_plane.domain.records import DevnetRecord
from control_plane.domain.states import Desired, DevnetState
from control_plane.services.absent import Absent
from control_plane.services.chains import Chains
from control_plane.services.crew import Crew
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.guardian_keys import all_keys
from control_plane.services.live import Live, Tools
from control_plane.services.nodes import Nodes
from control_plane.services.sharing import Sharing, resting
from control_plane.services.steps import Steps
from control_plane.services.supervisor import Supervisor, cancel_and_wait
from control_plane.services.symptoms import symptoms_of

log = logging.getLogger(__name__)

_TICK = 1.0
"""Seconds between two looks at the devnet's health when nothing wakes the reconciler."""
_LONGEST_PAUSE = 30.0
_LONGEST_LACKING = 5.0
"""Likewise while something is missing that can come back at any moment."""
_FIRST_SAVE = 0.5
"""Seconds from ready to the first save."""


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
        self._chains = Chains(name, files, tools, self.nodes, self.absent, publish, self._update)
        self._crew = Crew(name, tools, self.agents, self._sharing, self.nodes, publish)
        self.last_error: BaseException | None = None
        self.lacks: MissingDependency | None = None
        """Somebody has to do something, start the Docker engine for one; it is tried again."""
        self._given_up = False
        self._trouble: str | None = None
        """What went wrong at the last look, until one succeeds."""

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
        if not self._crew.is_of(self.live.network):
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
        return symptoms_of(self.nodes, self.absent, self.agents, self.held_nodes)

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
        live, devnet_id = self.live, from_hex(record.devnet_id)
        live.network = await self._chains.start(live, devnet_id, steps, self._is_held)
        async with steps.step("agents"):
            await self._crew.start(live, live.network)
        async with steps.step("certify") as detail:
            detail["epoch"] = await self._crew.certify(live, live.network, self.problem)
        if self._saver is None or self._saver.done():
            self._saver = asyncio.create_task(self._save_regularly(), name=f"save {self.name}")

    async def _bring_programs(self, plan: Plan, steps: Steps) -> None:
        for name in self._tools.programs.of(plan):

            async def say(line: str, name: str = name) -> None:
                await self._publish("program.progress", {"program": name, "line": line})

            async with steps.step(f"program:{name}"):
                await self._tools.programs.bring(name, plan, say)

    async def _keys(self, plan: Plan, *, joining: int = -1) -> Keys:
        tools = self._tools
        return await all_keys(
            tools.provision, tools.database, self._files.root, plan, joining=joining
        )

    async def join_guardian(self, number: int) -> GuardianKeys:
        """Start the guardian of that number, beside those that run; its keys."""
        live = self._live()
        live.keys = await self._keys(live.plan, joining=number)
        await self._crew.join(live, live.keys.guardians[number])
        return live.keys.guardians[number]

    async def retire_guardian(self, number: int) -> None:
        """End the guardian of that number, which is in no set any more."""
        await self._crew.retire(self._live(), number)

    # ------------------------------------------------------------------ down

    async def _drop_removed_chains(self, plan: Plan) -> None:
        names = {chain.name for chain in plan.chains}
        known = {*self.nodes.running, *self.nodes.ended, *self.absent.reasons()}
        self.absent.keep(names)
        for name in known - names:
            await self._crew.stop_of(name)
            await self._chains.drop(Name(name))

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
        await self._crew.stop()
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
