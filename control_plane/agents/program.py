"""A program of a framework as an agent: the supervisor keeps it like every other one."""

import asyncio
from collections.abc import Sequence

from control_plane.domain.errors import ServiceFailed
from control_plane.domain.ports.agent import Agent
from control_plane.domain.ports.program import ProgramHandle, Programs, ProgramSpec


class ProgramAgent:
    """Implements ``ports.agent.Agent``: starts the program of `spec`, or takes over the one that
    runs, and stops it when it is cancelled. `needs` must be ready before."""

    def __init__(self, spec: ProgramSpec, programs: Programs, needs: Sequence[Agent] = ()) -> None:
        self.name = str(spec.service)
        self.ready = asyncio.Event()
        self.problem: str | None = None
        self._spec = spec
        self._programs = programs
        self._needs = needs

    async def run(self) -> None:
        """Until the process ends (then ServiceFailed tells how) or this is cancelled."""
        try:
            for other in self._needs:
                self.problem = None if other.ready.is_set() else f"waits for {other.name}"
                await other.ready.wait()
            self.problem = None
            handle = await self._programs.start(self._spec)
            self.ready.set()
            await self._watch(handle)
        finally:
            self.ready.clear()

    async def _watch(self, handle: ProgramHandle) -> None:
        try:
            await self._programs.wait_exit(handle)
        except asyncio.CancelledError:
            await asyncio.shield(self._programs.stop(handle))
            raise
        raise ServiceFailed(
            f"{self.name} ended",
            f"its process {handle.pid} ended unexpectedly; log: {self._spec.log}",
            "It is started again.",
            service=self.name,
            command=handle.command,
            log=str(self._spec.log),
        )


def program_agents(specs: Sequence[ProgramSpec], programs: Programs) -> list[Agent]:
    """An agent for each program, in the order given; those that one needs come before it."""
    made: dict[str, Agent] = {}
    for spec in specs:
        made[spec.service] = ProgramAgent(spec, programs, [made[name] for name in spec.needs])
    return list(made.values())
