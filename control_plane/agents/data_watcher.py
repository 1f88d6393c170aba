"""Asks for a rollup's data where they are kept, and says so when they can't be had.

Whoever keeps them promised to; nobody tells when they stop. So what is new is asked for, and again
and again some of the rest.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from control_plane.domain.errors import CalderaError
from control_plane.domain.ports.agent import Agent, Publish
from control_plane.domain.ports.da import Availability, Missing

_EVERY: Final = 2.0
"""Seconds between two looks."""
_STARTING: Final = 10.0
"""Seconds that our own keepers are given to start."""

log = logging.getLogger(__name__)


class DataWatcher:
    """Implements ``ports.agent.Agent``. `keepers` are those of our own that keep data: nobody is
    told that these are missing while a keeper is only starting."""

    def __init__(
        self,
        rollup: str,
        availability: Availability,
        publish: Publish,
        keepers: Sequence[Agent] = (),
    ) -> None:
        self.name = f"{rollup}/data-watcher"
        self.ready = asyncio.Event()
        self.problem: str | None = None
        self._availability = availability
        self._publish = publish
        self._keepers = keepers
        self._missing: Mapping[int, Missing] = {}

    async def run(self) -> None:
        """Look, until cancelled."""
        try:
            await self._wait_for_keepers()
            while True:
                try:
                    await self._look()
                except CalderaError as error:
                    self.problem = f"can't look after the data: {error}"
                    log.info("%s: %s", self.name, error)
                self.ready.set()
                await asyncio.sleep(_EVERY)
        finally:
            self.ready.clear()
            await self._availability.close()

    async def _wait_for_keepers(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STARTING):
                for keeper in self._keepers:
                    await keeper.ready.wait()

    async def _look(self) -> None:
        found = {one.number: one for one in await self._availability.look()}
        for number, one in found.items():
            if number not in self._missing:
                log.warning("%s: %s", self.name, one.error)
                await self._tell("data.missing", one, {"reason": str(one.error)})
        for number, one in self._missing.items():
            if number not in found:
                await self._tell("data.returned", one, {})
        self._missing = found
        first = next(iter(found.values()), None)
        more = f"; {len(found) - 1} more are missing" if len(found) > 1 else ""
        self.problem = f"{first.error}{more}" if first else None

    async def _tell(self, type_: str, one: Missing, more: Mapping[str, Any]) -> None:
        data = {"channel": one.number, "from": one.first, "to": one.last, **more}
        await self._publish(type_, data, service=self.name)
