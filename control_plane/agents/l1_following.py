"""Sequencers of rollups that take deposits: how they follow the L1, whatever their engine."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from control_plane.agents.pool_copier import PoolCopier
from control_plane.agents.rhythm import Rhythm
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.network import Chain
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.engine_api import Builder, OpenBuilder, Replaced
from control_plane.domain.ports.node import Connect, Rpc
from control_plane.domain.whole import to_its_end

_LOOK: Final = 1.0
"""Seconds without a new head after which the L1 is asked: a rollback tells no subscriber."""
_PAUSE: Final = 0.2
_PATIENCE: Final = 5.0
"""Seconds without the L1 that are nobody's concern: it starts again after a kill."""

log = logging.getLogger(__name__)


class L1Following(Rhythm):
    """Seals with the builder that `open_builder` makes."""

    def __init__(
        self,
        chain: Chain,
        l1: Chain,
        connect: Connect,
        open_builder: OpenBuilder,
        publish: Publish | None = None,
        *,
        clock: Callable[[], float] = time.time,
        copier: PoolCopier | None = None,
    ) -> None:
        super().__init__(chain, connect, clock=clock, copier=copier)
        self._l1 = l1
        self._open = open_builder
        self._publish = publish
        self._builder: Builder | None = None
        self._astray: tuple[float, str] | None = None
        """Since when (monotonic seconds) and why the L1 is not followed."""

    @property
    def problem(self) -> str | None:
        """What keeps it from sealing, or for a while from following the L1: then no deposits come,
        though transactions do."""
        if self._trouble is None and self._astray is not None:
            since, why = self._astray
            if time.monotonic() - since > _PATIENCE:
                return f"{self._chain.name} takes no deposits, as it can't follow the L1: {why}"
        return self._trouble

    @asynccontextmanager
    async def _attached(self, rpc: Rpc) -> AsyncIterator[None]:
        l1 = await self._connect(self._l1.ws_url)
        try:
            async with self._open(rpc, l1) as builder:
                await self._take_up(builder)
                follower = asyncio.create_task(self._follow(builder, l1), name=f"{self.name} l1")
                self._builder = builder
                try:
                    yield
                finally:
                    self._builder = None
                    follower.cancel()
                    await asyncio.gather(follower, return_exceptions=True)
        finally:
            await l1.close()

    def _present(self) -> Builder:
        if self._builder is None:
            raise TemporaryFailure(f"The sequencer of {self._chain.name} is not connected")
        return self._builder

    # ------------------------------------------------------------------ the L1

    async def _follow(self, builder: Builder, l1: Rpc) -> None:
        """Until cancelled, over one connection after the other; while the L1 is out of reach,
        blocks keep their origin."""
        told = ""
        while True:
            try:
                await self._follow_over(builder, l1)
            except CalderaError as error:
                since = self._astray[0] if self._astray is not None else time.monotonic()
                self._astray = since, str(error)
                if str(error) != told:
                    told = str(error)
                    log.info("%s does not follow the L1: %s", self._chain.name, told)
            await asyncio.sleep(_PAUSE)
            await l1.close()
            with contextlib.suppress(CalderaError):
                l1 = await self._connect(self._l1.ws_url)
                builder.look_at(l1)

    async def _follow_over(self, builder: Builder, l1: Rpc) -> None:
        moved = asyncio.Event()
        listener = asyncio.create_task(_note_heads(l1, moved), name=f"{self.name} l1 heads")
        try:
            while True:
                await self._take_up(builder)
                await self._something(moved, _LOOK)
                moved.clear()
                if listener.done():
                    listener.result()
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def _take_up(self, builder: Builder) -> None:
        """What is new on the L1."""
        async with self._turn:
            replaced = await to_its_end(builder.follow_l1())
        self._astray = None
        if builder.deposits_wait:
            self._waits.set()
        if replaced is not None:
            await self._tell(replaced)

    async def _tell(self, replaced: Replaced) -> None:
        log.warning(
            "%s: blocks %d to %d were built anew upon L1 block %d; %d transactions back in the "
            "pool, %d dropped",
            *(self._chain.name, replaced.first, replaced.last, replaced.origin),
            *(replaced.returned, replaced.dropped),
        )
        if self._publish is not None:
            data = {
                "chain": self._chain.name,
                "from": replaced.first,
                "to": replaced.last,
                "origin": replaced.origin,
                "returned": replaced.returned,
                "dropped": replaced.dropped,
            }
            await self._publish("rollup.reorged", data, service=self.name)


async def _note_heads(l1: Rpc, moved: asyncio.Event) -> None:
    try:
        async for _ in l1.subscribe("newHeads"):
            moved.set()
    finally:
        moved.set()
