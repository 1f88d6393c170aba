"""Somebody else's chains that a devnet can't reach now, and the news that one is back."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from control_plane.domain.errors import CalderaError
from control_plane.domain.plan import ChainPlan
from control_plane.domain.ports.node import Connect

_LOOK: Final = 0.5
"""Seconds between two tries to connect: nothing tells that a node of somebody else is back."""
_LONGEST_PAUSE: Final = 30.0
_CONNECT_DEADLINE: Final = 3.0


@dataclass(slots=True)
class _Away:
    why: str
    task: asyncio.Task[None] | None


class Absent:
    """The chains of one devnet that can't be reached. `wake` is called when one may be back."""

    def __init__(self, connect: Connect, wake: Callable[[], None]) -> None:
        self._connect = connect
        self._wake = wake
        self._away: dict[str, _Away] = {}
        self._pauses: dict[str, float] = {}

    def __contains__(self, name: object) -> bool:
        found = self._away.get(str(name))
        return found is not None

    def reasons(self) -> dict[str, str]:
        """Why, by chain."""
        return {name: away.why for name, away in self._away.items()}

    def note(self, chain: ChainPlan, error: CalderaError) -> None:
        """`chain` can't be reached, or not used; it is looked for again, each time later."""
        name = str(chain.name)
        self._end(name)
        pause = self._pauses[name] = min(2 * self._pauses.get(name, _LOOK / 2), _LONGEST_PAUSE)
        task = asyncio.create_task(self._look_for(chain, pause), name=f"look for {name}")
        self._away[name] = _Away(f"{error}; waiting for it", task)

    def forget(self, name: str) -> None:
        """It is there."""
        self._end(name)
        self._pauses.pop(name, None)

    def keep(self, names: Collection[str]) -> None:
        """Forget all others."""
        for name in [name for name in self._away if name not in names]:
            self.forget(name)

    def _end(self, name: str) -> None:
        away = self._away.pop(name, None)
        if away is not None and away.task is not None:
            away.task.cancel()

    async def _look_for(self, chain: ChainPlan, pause: float) -> None:
        await asyncio.sleep(pause)
        while not await self._answers(chain):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(_LOOK)
        self._away.pop(str(chain.name), None)
        self._wake()

    async def _answers(self, chain: ChainPlan) -> bool:
        with contextlib.suppress(CalderaError):
            rpc = await self._connect(chain.ws_url, deadline=_CONNECT_DEADLINE)
            await rpc.close()
            return True
        return False
