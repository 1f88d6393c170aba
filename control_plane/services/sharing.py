"""A devnet's agents in several processes: what the daemon does so that all of them are one."""

import asyncio
import itertools
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final

from control_plane.domain.errors import CalderaError
from control_plane.domain.hub import Hub, Rest, Resting, Resume, Standing
from control_plane.domain.network import Keys, Network
from control_plane.domain.ports.agent import Share
from control_plane.services.supervisor import Supervisor, cancel_and_wait

_FIRST: Final = 0.15
"""Seconds until the hub is shared for the first time, where no agent waits for it: in nobody's way
who waits for ready."""
_PAUSE: Final = 5.0
_REST_DEADLINE: Final = 1.0
_numbers: Final = itertools.count(secrets.randbits(48))
"""Of pauses; no two processes begin at the same one."""

log = logging.getLogger(__name__)


class Sharing:
    """Shares one devnet's hub while its agents run, and tells their supervisor of those that run
    elsewhere. What goes wrong with it is logged and tried again: agents in this process go on."""

    def __init__(self, share: Share, agents: Supervisor, directory: Path) -> None:
        self._share = share
        self._agents = agents
        self._directory = directory
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, network: Network, keys: Keys, hub: Hub) -> None:
        """Share the hub of `network`, instead of what was shared before."""
        await self.stop()
        self._tasks = [
            asyncio.create_task(self._keep(network, keys, hub), name="share the hub"),
            asyncio.create_task(self._listen(hub), name="agents elsewhere"),
        ]

    async def stop(self) -> None:
        """Share no more; nothing happens when nothing is shared."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            await cancel_and_wait(task)

    async def _keep(self, network: Network, keys: Keys, hub: Hub) -> None:
        if network.plan.agents == "daemon":
            await asyncio.sleep(_FIRST)
        while True:
            try:
                await self._share(network, keys, hub, self._directory)
            except (CalderaError, OSError) as error:
                log.warning("%s: agents of other processes are cut off: %s", network.devnet, error)
            await asyncio.sleep(_PAUSE)

    async def _listen(self, hub: Hub) -> None:
        async with hub.listen() as news:
            while True:
                item = await news.get()
                if isinstance(item, Standing):
                    self._agents.note(item)


@asynccontextmanager
async def resting(hub: Hub, chain: str) -> AsyncIterator[None]:
    """The sequencer of `chain`, in another process, seals no block inside. One that does not
    answer in time is not waited for: whoever saves the chain sees for himself that it moves."""
    number = next(_numbers)
    async with hub.listen() as news:
        hub.tell(Rest(chain, number))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_REST_DEADLINE):
                    while await news.get() != Resting(chain, number):
                        pass
            yield
        finally:
            hub.tell(Resume(chain, number))


def no_lease(_directory: Path, _service: str) -> AbstractContextManager[None]:
    """Every role is free."""
    return nullcontext()


async def no_sharing(network: Network, keys: Keys, hub: Hub, directory: Path) -> None:  # noqa: ARG001
    """All agents run in this process."""
    await asyncio.Event().wait()
