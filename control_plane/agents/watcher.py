"""The watcher: sees what guardians sign, and has those slashed that sign what they must not.

This is its door: it is there with the other agents, and does nothing before the devnet's first
certificate has been made for a while, so that it costs a start nothing. Its work is done in
``agents/watching.py``.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from control_plane.domain.hub import EpochCertified, Hub, News
from control_plane.domain.ports.agent import Agent

_LATER: Final = 1.0
"""Seconds after the first certificate."""


class Watcher:
    """Implements ``ports.agent.Agent``. `make` makes the agent that does the work."""

    def __init__(self, hub: Hub, make: Callable[["asyncio.Queue[News]"], Agent]) -> None:
        self.name = "watcher"
        self.ready = asyncio.Event()
        self._hub = hub
        self._make = make
        self._work: Agent | None = None

    @property
    def problem(self) -> str | None:
        return self._work.problem if self._work else None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with self._hub.listen() as news:
                self.ready.set()
                waiting = [await news.get()]
                while not isinstance(waiting[-1], EpochCertified):
                    waiting.append(await news.get())
                await asyncio.sleep(_LATER)
                for item in waiting:
                    news.put_nowait(item)
                self._work = self._make(news)
                await self._work.run()
        finally:
            self.ready.clear()
            self._work = None
