"""An agent in a container, as the daemon sees it."""

import asyncio

from control_plane.domain.hub import Standing
from control_plane.domain.ports.agent import Crew


class Outpost:
    """Implements ``ports.agent.Agent`` and ``ports.agent.Outside``: has the container of `service`
    run, and is what is heard of it over the hub."""

    def __init__(self, service: str, crew: Crew) -> None:
        self.name = service
        self.ready = asyncio.Event()
        self._crew = crew
        self._standing: Standing | None = None
        self._runs = False

    @property
    def problem(self) -> str | None:
        """What it says itself, or that nothing is heard of it."""
        if not self._runs:
            return None
        if self._standing is None or not self._standing.alive:
            return "its container is not heard of"
        return self._standing.problem

    def note(self, standing: Standing) -> None:
        """See the port."""
        self._standing = standing
        self._show()

    def _show(self) -> None:
        if self._runs and self._standing is not None and self._standing.ready:
            self.ready.set()
        else:
            self.ready.clear()

    async def run(self) -> None:
        """Have the container run, until cancelled."""
        try:
            await self._crew.start(self.name)
            self._runs = True
            self._show()
            await asyncio.Event().wait()
        finally:
            self._runs = False
            self.ready.clear()

    async def take_down(self) -> None:
        """See the port."""
        await self._crew.stop(self.name)
