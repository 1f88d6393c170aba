"""Keeps a devnet's agents running: one task each, restarted with back-off when it raises."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from control_plane.domain.errors import CalderaError, DeadlineExceeded, most_telling
from control_plane.domain.ports.agent import Agent
from control_plane.domain.states import ServiceState
from control_plane.services.agent_log import LoggedAs, logged_as

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 10.0
_STEADY_AFTER = 5.0
"""Seconds of undisturbed work after which the back-off starts from the beginning."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watched:
    agent: Agent
    task: asyncio.Task[None] | None = None
    problem: str | None = None
    restarts: int = 0
    held: bool = False
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

    `on_change` is called, without arguments, when an agent failed or was restarted.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None, devnet: str = "") -> None:
        self._devnet = devnet
        self._agents: dict[str, _Watched] = {}
        self._on_change = on_change

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
            if not watched.held:
                self._launch(watched)

    async def stop(self, names: Iterable[str] | None = None) -> None:
        """Stop and forget the named agents, all when None; unknown names are ignored."""
        chosen = list(self._agents) if names is None else [n for n in names if n in self._agents]
        await self._cancel(self._agents[name] for name in chosen)
        for name in chosen:
            del self._agents[name]

    async def hold(self, name: str) -> None:
        """Stop one agent until :meth:`release`."""
        watched = self._agents[name]
        watched.held = True
        await self._cancel([watched])
        self._on_change()

    def release(self, name: str) -> None:
        """Start a held agent again; nothing happens to one that runs."""
        watched = self._agents[name]
        watched.held = False
        watched.problem = None
        if watched.task is None:
            self._launch(watched)
        self._on_change()

    async def wait_ready(self, timeout: float) -> None:
        """Until every agent that is not held is ready; DeadlineExceeded names the late ones."""
        waiting = [w for w in self._agents.values() if not w.held]
        try:
            async with asyncio.timeout(timeout):
                for watched in waiting:
                    await watched.agent.ready.wait()
        except TimeoutError:
            late = {
                w.agent.name: w.problem or w.agent.problem
                for w in waiting
                if not w.agent.ready.is_set()
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

    @staticmethod
    def _view(watched: _Watched) -> AgentView:
        problem = watched.problem or watched.agent.problem
        if watched.held:
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

    async def _keep(self, watched: _Watched) -> None:
        logged_as.set(LoggedAs(self._devnet, watched.agent.name))  # in this task's own context
        log.info("agent %s starts", watched.agent.name)
        logged_as.set(LoggedAs(self._devnet, watched.agent.name))
        pause = _FIRST_PAUSE
        while True:
            started, watched.since = time.monotonic(), time.time()
            try:
                await watched.agent.run()
                watched.problem = "ended by itself"
            except Exception as error:  # noqa: BLE001 - it is started again, and its trouble told
                watched.problem = _told(watched.agent.name, most_telling(error))
            watched.agent.ready.clear()
            watched.restarts += 1
            self._on_change()
            if time.monotonic() - started > _STEADY_AFTER:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            watched.problem = None
            self._on_change()


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
