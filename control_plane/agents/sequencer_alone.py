"""What a sequencer does besides when it runs in a process of its own; both wrap one, and implement
``ports.agent.Agent``."""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from control_plane.agents.around import Around
from control_plane.domain.hub import Hub, News, Rest, Resting, Resume
from control_plane.domain.network import Chain
from control_plane.domain.ports.agent import Agent, Sealer

_LONGEST_REST: Final = 30.0

Paused = Callable[[], AbstractAsyncContextManager[None]]


class Yielding(Around):
    """Rests while another process saves the chain."""

    def __init__(self, agent: Agent, chain: Chain, hub: Hub) -> None:
        super().__init__(agent)
        self._chain = chain
        self._hub = hub

    def paused(self) -> AbstractAsyncContextManager[None]:
        """See ``ports.agent.Sealer``."""
        sealer: object = self._agent
        return sealer.paused() if isinstance(sealer, Sealer) else contextlib.nullcontext()

    async def run(self) -> None:
        yielding = asyncio.create_task(self._yield(), name=f"{self.name} rests")
        try:
            await self._agent.run()
        finally:
            yielding.cancel()
            await asyncio.gather(yielding, return_exceptions=True)

    async def _yield(self) -> None:
        async with self._hub.listen() as news:
            while True:
                item = await news.get()
                if isinstance(item, Rest) and item.chain == self._chain.name:
                    async with self.paused():
                        await self._rest(item, news)

    async def _rest(self, rest: Rest, news: "asyncio.Queue[News]") -> None:
        """Until it may go on; not for ever, should whoever asked for it be gone."""
        self._hub.tell(Resting(rest.chain, rest.number))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_REST):
                while await news.get() != Resume(rest.chain, rest.number):
                    pass


class Saver(Protocol):
    """Keeps a chain's state on disk."""

    @property
    def problem(self) -> str | None: ...

    async def save_regularly(self, interval: float, paused: Paused) -> None:
        """Until cancelled."""
        ...


class Keeping:
    """Saves the chain every `interval` seconds."""

    def __init__(self, agent: Yielding, saver: Saver, interval: float) -> None:
        self._agent = agent
        self._saver = saver
        self._interval = interval
        self.name = agent.name
        self.ready = agent.ready

    @property
    def problem(self) -> str | None:
        return self._agent.problem or self._saver.problem

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._agent.run(), name=self.name)
            saving = self._saver.save_regularly(self._interval, self._agent.paused)
            group.create_task(saving, name=f"save {self.name}")
