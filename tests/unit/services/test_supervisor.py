"""Agents whose role another process has."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from control_plane.agents.outpost import Outpost
from control_plane.domain.errors import Conflict, DeadlineExceeded, StorageFailed
from control_plane.domain.hub import Standing
from control_plane.domain.states import ServiceState
from control_plane.services import supervisor
from control_plane.services.supervisor import Supervisor

THERE = Standing("relayer", alive=True, ready=True)
GONE = Standing("relayer", alive=False, ready=False, problem="its process is gone")


class FakeAgent:
    def __init__(self, name: str = "relayer") -> None:
        self.name = name
        self.ready = asyncio.Event()
        self.problem: str | None = None

    async def run(self) -> None:
        self.ready.set()
        await asyncio.Event().wait()


class Role:
    """The right to run an agent: taken by another process, or by the supervisor."""

    def __init__(self) -> None:
        self.taken = False

    @contextmanager
    def __call__(self, service: str) -> Iterator[None]:
        if self.taken:
            raise Conflict(f"{service} runs already", "by process 7")
        self.taken = True
        try:
            yield
        finally:
            self.taken = False


async def until_state(agents: Supervisor, state: ServiceState) -> None:
    async with asyncio.timeout(5):
        while agents.views()[0].state is not state:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_role_is_held_while_the_agent_runs_and_free_when_it_is_stopped() -> None:
    role, seen = Role(), []
    agents = Supervisor(lease=role)
    await agents.start([FakeAgent()])
    await agents.wait_ready(5)
    seen.append(role.taken)
    await agents.hold("relayer")
    seen.append(role.taken)
    agents.release("relayer")
    await agents.wait_ready(5)
    seen.append(role.taken)
    await agents.stop()
    seen.append(role.taken)
    assert seen == [True, False, True, False]


async def test_agent_that_fails_while_it_is_stopped_is_not_started_again() -> None:
    class Clumsy(FakeAgent):
        starts = 0

        async def run(self) -> None:
            self.starts += 1
            try:
                await super().run()
            finally:
                raise RuntimeError("its clean-up failed")

    agents, clumsy = Supervisor(lease=Role()), Clumsy()
    await agents.start([clumsy])
    await agents.wait_ready(5)
    async with asyncio.timeout(5):
        await agents.stop()
    assert clumsy.starts == 1


async def test_agent_that_runs_elsewhere_is_waited_for_by_nobody_and_shown_as_it_is_there() -> None:
    role = Role()
    role.taken = True
    agents = Supervisor(lease=role)
    await agents.start([FakeAgent()])
    await agents.wait_ready(5)
    (view,) = agents.views()
    assert view.problem == "relayer runs already: by process 7"
    agents.note(THERE)
    (view,) = agents.views()
    assert (view.state, view.problem, view.restarts) == (ServiceState.READY, None, 0)
    agents.note(Standing("relayer", alive=True, ready=False, problem="op is out of reach"))
    (view,) = agents.views()
    assert (view.state, view.problem) == (ServiceState.STARTING, "op is out of reach")
    await agents.stop()


async def test_it_is_taken_over_when_the_other_process_ends() -> None:
    role = Role()
    role.taken = True
    agents = Supervisor(lease=role)
    await agents.start([FakeAgent()])
    await agents.wait_ready(5)
    agents.note(THERE)
    await asyncio.sleep(1.0)  # the pauses between two tries have grown
    role.taken = False
    agents.note(GONE)
    async with asyncio.timeout(0.2):
        while not role.taken:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await until_state(agents, ServiceState.READY)
    assert not agents.is_elsewhere("relayer")
    await agents.stop()


async def test_stopped_here_and_running_elsewhere_is_no_problem() -> None:
    agents = Supervisor(lease=Role())
    await agents.start([FakeAgent()])
    await agents.hold("relayer")
    assert agents.views()[0].state is ServiceState.STOPPED
    agents.note(THERE)
    assert agents.views()[0].state is ServiceState.READY
    agents.note(GONE)
    assert agents.views()[0].problem == "stopped by the user"
    await agents.stop()


async def test_agent_that_is_late_here_is_named() -> None:
    agent = FakeAgent()
    agent.run = asyncio.Event().wait  # type: ignore[method-assign,assignment]
    agents = Supervisor(lease=Role())
    await agents.start([agent])
    with pytest.raises(DeadlineExceeded, match="relayer"):
        await agents.wait_ready(0.05)
    await agents.stop()


class FakeCrew:
    """Containers by service; what happened to them, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def start(self, service: str) -> None:
        self.done.append(f"start {service}")

    async def stop(self, service: str) -> None:
        self.done.append(f"stop {service}")


async def test_agent_in_a_container_is_what_is_heard_of_it() -> None:
    agents, crew = Supervisor(), FakeCrew()
    await agents.start([Outpost("relayer", crew)])
    with pytest.raises(DeadlineExceeded, match="its container is not heard of"):
        await agents.wait_ready(0.05)
    agents.note(THERE)
    await agents.wait_ready(1)
    assert agents.views()[0].state is ServiceState.READY
    agents.note(GONE)
    (view,) = agents.views()
    assert (view.state, view.problem) == (ServiceState.STARTING, "its container is not heard of")
    assert crew.done == ["start relayer"]
    await agents.stop()


async def test_containers_outlive_the_daemon_and_end_with_a_stop() -> None:
    agents, crew = Supervisor(), FakeCrew()
    await agents.start([Outpost("relayer", crew)])
    await asyncio.sleep(0)
    await agents.leave()
    assert crew.done == ["start relayer"]
    agents.note(THERE)  # the next daemon hears of it before its agents start
    await agents.start([Outpost("relayer", crew)])
    await agents.wait_ready(1)
    await agents.hold("relayer")
    agents.release("relayer")
    await asyncio.sleep(0)
    await agents.stop()
    assert crew.done[1:] == ["start relayer", "stop relayer"] * 2


async def test_trouble_of_one_that_fails_again_and_again_is_told_between_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_PROVEN_AFTER", 0.2)
    seen: list[str | None] = []

    class Failing(FakeAgent):
        def __init__(self) -> None:
            super().__init__()
            self.runs = 0

        async def run(self) -> None:
            self.runs += 1
            self.ready.set()
            await asyncio.sleep(0.02)
            seen.append(agents.views()[0].problem)
            if self.runs < 4:
                raise StorageFailed("The disk is full", f"run {self.runs}")
            await asyncio.Event().wait()

    agents = Supervisor()
    await agents.start([Failing()])
    await until_state(agents, ServiceState.RESTARTING)
    async with asyncio.timeout(5):
        while len(seen) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert seen == [None, None, "The disk is full: run 2", "The disk is full: run 3"]
    await until_state(agents, ServiceState.READY)
    assert agents.views()[0].problem is None
    await agents.stop()
