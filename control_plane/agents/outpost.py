"""An agent in a container, as the daemon sees it."""

import asyncio
from typing import Final

from control_plane.domain.hub import Standing
from control_plane.domain.ports.agent import Crew

_FIRST_PATIENCE: Final = 1.0
_LONGEST_PATIENCE: Final = 30.0
_STEADY_AFTER: Final = 60.0


class Outpost:
    """Implements ``ports.agent.Agent`` and ``ports.agent.Outside``: has the container of `service`
    run, and is what is heard of it over the hub."""

    def __init__(self, service: str, crew: Crew) -> None:
        self.name = service
        self.ready = asyncio.Event()
        self._crew = crew
        self._standing: Standing | None = None
        self._gone = asyncio.Event()
        """It was heard of, and is gone."""
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
        if standing.alive:
            self._gone.clear()
        else:
            self._gone.set()
        self._show()

    def _show(self) -> None:
        if self._runs and self._standing is not None and self._standing.ready:
            self.ready.set()
        else:
            self.ready.clear()

    async def run(self) -> None:
        """Have the container run, until cancelled."""
        patience, loop = _FIRST_PATIENCE, asyncio.get_running_loop()
        try:
            while True:
                await self._crew.start(self.name)
                self._runs = True
                self._show()
                began = loop.time()
                await self._gone.wait()
                if loop.time() - began > _STEADY_AFTER:
                    patience = _FIRST_PATIENCE
                # the Docker engine starts what crashed, but not what somebody killed
                await asyncio.sleep(patience)
                patience = min(2 * patience, _LONGEST_PATIENCE)
        finally:
            self._runs = False
            self.ready.clear()

    async def take_down(self) -> None:
        """See the port."""
        await self._crew.stop(self.name)
