"""Keeps a devnet's agents running: one task each, restarted with back-off when it raises.

An agent that runs in a process of its own is left to it: its role is not to be had (`Conflict`
from the lease), and how it is there (:class:`Standing`) is shown as if it ran here.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field

from control_plane.domain.errors import CalderaError, Conflict, DeadlineExceeded, most_telling
from control_plane.domain.hub import Standing
from control_plane.domain.ports.agent import Agent, Outside
from control_plane.domain.states import ServiceState
from control_plane.services.agent_log import LoggedAs, logged_as

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 10.0
_STEADY_AFTER = 5.0
"""Seconds of undisturbed work after which the back-off starts from the beginning."""
_PROVEN_AFTER = 1.0
"""Seconds ready after which an agent that failed again and again is said to work."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watched:
    agent: Agent
    task: asyncio.Task[None] | None = None
    problem: str | None = None
    restarts: int = 0
    held: bool = False
    elsewhere: asyncio.Event = field(default_factory=asyncio.Event)
    """Another process has its role."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when that process is gone."""
    since: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class AgentView:
    """What status tells of one agent."""

    name: str
    state: ServiceState
    problem: str | None
    restarts: int
    since: float = 0.0
    """Unix seconds of its last start."""


class Supervisor:
    """The agents of one devnet.

    `on_change` is called, without arguments, when an agent failed or was restarted. `lease` is
    entered with an agent's name while it runs, and raises Conflict when another process runs it.
    """

    def __init__(
        self,
        on_change: Callable[[], None] = lambda: None,
        devnet: str = "",
        lease: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        self._devnet = devnet
        self._lease = lease
        self._agents: dict[str, _Watched] = {}
        self._on_change = on_change
        self._elsewhere: dict[str, Standing] = {}
        """How agents are in other processes, last heard of."""

    def __contains__(self, name: str) -> bool:
        return name in self._agents

    def names(self) -> list[str]:
        return list(self._agents)

    def agent(self, name: str) -> Agent | None:
        """The agent of that name; None when there is none."""
        watched = self._agents.get(name)
        return watched.agent if watched else None

    async def start(self, agents: Iterable[Agent], *, held: frozenset[str] = frozenset()) -> None:
        """Start `agents`; one with the name of a running agent replaces it. Those in `held`
        stay stopped until the user starts them."""
        fresh = list(agents)
        await self.stop([agent.name for agent in fresh])
        for agent in fresh:
            watched = _Watched(agent, held=agent.name in held)
            self._agents[agent.name] = watched
            heard = self._elsewhere.get(agent.name)
            if heard is not None and isinstance(agent, Outside):
                agent.note(heard)
            if not watched.held:
                self._launch(watched)

    async def stop(self, names: Iterable[str] | None = None) -> None:
        """Stop and forget the named agents, all when None; unknown names are ignored."""
        chosen = list(self._agents) if names is None else [n for n in names if n in self._agents]
        watched = [self._agents.pop(name) for name in chosen]
        await self._cancel(watched)
        await self._take_down(watched)

    async def leave(self) -> None:
        """Stop and forget all agents of this process; those in containers go on."""
        watched = list(self._agents.values())
        self._agents.clear()
        await self._cancel(watched)

    async def hold(self, name: str) -> None:
        """Stop one agent until :meth:`release`."""
        watched = self._agents[name]
        watched.held = True
        await self._cancel([watched])
        await self._take_down([watched])
        self._on_change()

    def release(self, name: str) -> None:
        """Start a held agent again; nothing happens to one that runs."""
        watched = self._agents[name]
        watched.held = False
        watched.problem = None
        if watched.task is None:
            self._launch(watched)
        self._on_change()

    def is_elsewhere(self, name: str) -> bool:
        """Whether an agent of ours runs in another process."""
        watched, there = self._agents.get(name), self._elsewhere.get(name)
        if watched is None or there is None or not there.alive:
            return False
        outside = isinstance(watched.agent, Outside)
        return watched.held or watched.elsewhere.is_set() or outside

    def note(self, standing: Standing) -> None:
        """Take note of how an agent is that runs in another process."""
        self._elsewhere[standing.service] = standing
        watched = self._agents.get(standing.service)
        if watched is not None:
            if not standing.alive:
                watched.gone.set()
            if isinstance(watched.agent, Outside):
                watched.agent.note(standing)
            self._on_change()

    async def wait_ready(self, timeout: float, *, without: Collection[str] = ()) -> None:
        """Until every agent that is not held is ready, or runs elsewhere, those `without` left
        out; DeadlineExceeded names the late ones."""
        waiting = [w for n, w in self._agents.items() if not w.held and n not in without]
        try:
            async with asyncio.timeout(timeout):
                for watched in waiting:
                    await _either(watched.agent.ready, watched.elsewhere)
        except TimeoutError:
            late = {
                w.agent.name: w.problem or w.agent.problem
                for w in waiting
                if not (w.agent.ready.is_set() or w.elsewhere.is_set())
            }
            told = "; ".join(
                f"{name} ({why or 'no problem reported'})" for name, why in late.items()
            )
            raise DeadlineExceeded(
                "Agents did not become ready",
                f"after {timeout:g} s still waiting for {told}",
                "See the daemon's log, `caldera logs --service NAME`.",
            ) from None

    def views(self) -> list[AgentView]:
        return [self._view(watched) for watched in self._agents.values()]

    def _view(self, watched: _Watched) -> AgentView:
        problem = watched.problem or watched.agent.problem
        there = self._elsewhere.get(watched.agent.name)
        if there is not None and self.is_elsewhere(watched.agent.name):
            state = ServiceState.READY if there.ready else ServiceState.STARTING
            problem = there.problem
        elif watched.held:
            state, problem = ServiceState.STOPPED, "stopped by the user"
        elif watched.problem:
            state = ServiceState.RESTARTING
        elif watched.agent.ready.is_set():
            state = ServiceState.READY
        else:
            state = ServiceState.STARTING
        return AgentView(watched.agent.name, state, problem, watched.restarts, watched.since)

    def _launch(self, watched: _Watched) -> None:
        watched.task = asyncio.create_task(self._keep(watched), name=watched.agent.name)

    async def _cancel(self, agents: Iterable[_Watched]) -> None:
        tasks = []
        for watched in agents:
            if watched.task is not None:
                watched.task.cancel()
                tasks.append(watched.task)
                watched.task = None
            watched.agent.ready.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    async def _take_down(agents: Iterable[_Watched]) -> None:
        """End what was done outside of this process. What can't be is logged."""
        outside = [watched.agent for watched in agents if isinstance(watched.agent, Outside)]
        answers = await asyncio.gather(
            *(agent.take_down() for agent in outside), return_exceptions=True
        )
        for error in answers:
            if isinstance(error, Exception):
                log.warning("a container of an agent was not ended: %s", error)

    async def _keep(self, watched: _Watched) -> None:
        logged_as.set(LoggedAs(self._devnet, watched.agent.name))  # in this task's own context
        log.info("agent %s starts", watched.agent.name)
        logged_as.set(LoggedAs(self._devnet, watched.agent.name))
        pause, failures = _FIRST_PAUSE, 0
        while True:
            started, watched.since = time.monotonic(), time.time()
            proving = asyncio.create_task(self._prove(watched)) if watched.problem else None
            try:
                await self._run(watched)
                failures = 0
            except Exception as error:  # it is started again, and its trouble told
                watched.problem = _told(watched.agent.name, most_telling(error))
                # not by `cancelling`: a group of tasks that failed inside leaves its count there
                if watched.task is not asyncio.current_task():  # it was to end, and that went wrong
                    raise asyncio.CancelledError from error
                watched.restarts += 1
                failures += 1
            finally:
                if proving is not None:
                    proving.cancel()
            watched.agent.ready.clear()
            self._on_change()
            if time.monotonic() - started > _STEADY_AFTER:
                pause, failures = _FIRST_PAUSE, 0
            await self._rest(watched, pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            if failures < 2:
                watched.problem = None
                self._on_change()

    async def _prove(self, watched: _Watched) -> None:
        """Tell the trouble of one that failed again until it has worked for a moment: else
        status would say between two failures that all is well."""
        await watched.agent.ready.wait()
        await asyncio.sleep(_PROVEN_AFTER)
        watched.problem = None
        self._on_change()

    async def _run(self, watched: _Watched) -> None:
        """Run the agent, unless it runs in another process. A container takes the role itself."""
        outside = isinstance(watched.agent, Outside)
        with ExitStack() as stack:
            try:
                if not outside:
                    stack.enter_context(self._lease(watched.agent.name))
            except Conflict as error:
                watched.problem = str(error)
                watched.elsewhere.set()
                return
            watched.elsewhere.clear()
            await watched.agent.run()
        watched.problem = "ended by itself"
        watched.restarts += 1

    @staticmethod
    async def _rest(watched: _Watched, seconds: float) -> None:
        """Pause before the next try; not when the other process that had the role is gone."""
        watched.gone.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await watched.gone.wait()


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    """Until one of the two is set."""
    if one.is_set() or other.is_set():
        return
    waits = {asyncio.ensure_future(event.wait()) for event in (one, other)}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _told(name: str, error: BaseException) -> str:
    if isinstance(error, CalderaError):
        log.warning("agent %s failed: %s", name, error)
        return str(error)
    log.error("agent %s raised", name, exc_info=error)
    return f"{type(error).__name__}: {error}"


async def cancel_and_wait(task: asyncio.Task[object] | None) -> None:
    """Cancel a task and wait until it is gone; its own errors are not ours."""
    if task is None:
        return
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
