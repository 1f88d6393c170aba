"""When blocks are sealed: what the sequencers of all engines have in common.

At block time 0 a block is sealed as soon as a transaction waits, and all that wait together share
it; with a block time, blocks are sealed at ticks of the wall clock, t ≡ phase · block_time (mod
block_time), so that no two chains of a devnet tick together.
"""

import asyncio
import contextlib
import logging
import math
import random
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from control_plane.agents.pool_copier import PoolCopier
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.hub import FinalityWanted, Hub
from control_plane.domain.network import Chain
from control_plane.domain.ports.node import Connect, Rpc
from control_plane.domain.rpc import RpcError
from control_plane.services.metalayer.finality import DEPTH

_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 2.0
_LOOK: Final = 1.0
"""Seconds between two looks into the pool when no transaction is announced."""

log = logging.getLogger(__name__)


class Rhythm(ABC):
    """Implements ``ports.agent.Agent`` and ``Sealer`` for `chain`, but for the sealing itself."""

    def __init__(
        self,
        chain: Chain,
        connect: Connect,
        *,
        clock: Callable[[], float] = time.time,
        hub: Hub | None = None,
        decides: Iterable[str] = (),
        copier: PoolCopier | None = None,
    ) -> None:
        """`decides`: the chains whose blocks become final by blocks of this one, which are sealed
        when somebody on the `hub` waits for that. `copier` hears of whatever comes to wait."""
        self.name = f"{chain.name}/sequencer"
        self.ready = asyncio.Event()
        self._trouble: str | None = None
        self._chain = chain
        self._connect = connect
        self._clock = clock
        self._hub = hub
        self._decides = frozenset(decides)
        self._copier = copier
        self._block_time = chain.plan.block_time
        self._rpc: Rpc | None = None
        self._waits = asyncio.Event()
        """Set when something may wait for a block."""
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()
        """Held while a block is sealed."""

    # ------------------------------------------------------------------ of each engine

    @abstractmethod
    async def _mine(self, rpc: Rpc) -> None:
        """Seal a block, empty or not, while :attr:`_turn` is held."""

    @abstractmethod
    async def _drain(self, rpc: Rpc) -> None:
        """Seal blocks until nothing waits that a block would take."""

    @abstractmethod
    def _attached(self, rpc: Rpc) -> AbstractAsyncContextManager[None]:
        """What sealing over the connection `rpc` needs besides."""

    # ------------------------------------------------------------------ from outside

    @property
    def problem(self) -> str | None:
        """Why no block is sealed, or none with what waits; None when all is well."""
        return self._trouble

    @property
    def block_time(self) -> float:
        """Seconds between blocks; 0: a block as soon as a transaction waits."""
        return self._block_time

    def set_block_time(self, seconds: float) -> None:
        """Seal in another rhythm from now on."""
        self._block_time = seconds
        self._changed.set()

    async def seal_now(self) -> None:
        """Seal a block now, empty or not. TemporaryFailure when the node is out of reach."""
        if self._rpc is None:
            raise TemporaryFailure(
                f"{self._chain.name} can't seal a block now",
                self._trouble or "its sequencer is not connected",
                f"See `caldera logs --service {self.name}`.",
            )
        await self._mine_one(self._rpc)

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """It seals no block inside; what waits is sealed afterwards."""
        async with self._turn:
            yield

    async def run(self) -> None:
        """Seal until cancelled, over one connection after the other."""
        beside = [asyncio.create_task(self._hasten(), name=f"{self.name} finality")]
        if self._copier is not None:
            beside.append(asyncio.create_task(self._copier.run(), name=f"{self.name} copies"))
        try:
            await self._seal()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _seal(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                rpc = await self._connect(self._chain.ws_url)
            except CalderaError as error:
                self._lost(error)
            else:
                try:
                    async with self._attached(rpc):
                        self._rpc = rpc
                        await self._seal_over(rpc)
                except CalderaError as error:
                    self._lost(error)
                    if not isinstance(error, RpcError):
                        pause = _FIRST_PAUSE
                finally:
                    self._rpc = None
                    self.ready.clear()
                    await rpc.close()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _lost(self, error: CalderaError) -> None:
        why = f"{self._chain.name} seals no blocks: {error}"
        if why != self._trouble:
            log.info("%s", why)
        self._trouble = why

    async def _seal_over(self, rpc: Rpc) -> None:
        while True:
            self._changed.clear()
            if self._block_time <= 0:
                async with self._listening(rpc) as listener:
                    await self._seal_when_waiting(rpc, listener)
            elif self._copier is not None:
                async with self._listening(rpc):
                    await self._tick(rpc, self._block_time)
            else:
                await self._tick(rpc, self._block_time)

    async def _mine_one(self, rpc: Rpc) -> None:
        async with self._turn:
            await self._mine(rpc)

    # ------------------------------------------------------------------ finality

    async def _hasten(self) -> None:
        """At block time 0 no block would come upon one that is to be final: seal them."""
        if self._hub is None or not self._decides:
            return
        async with self._hub.listen() as news:
            while True:
                item = await news.get()
                if isinstance(item, FinalityWanted) and item.chain in self._decides:
                    with contextlib.suppress(CalderaError):
                        await self._seal_upon(item)

    async def _seal_upon(self, item: FinalityWanted) -> None:
        """As many blocks as make those final that somebody waits for."""
        rpc = self._rpc
        if rpc is None or self._block_time > 0:
            return
        head = int(await rpc.call("eth_blockNumber"), 16)
        wanted = max(item.blocks, default=0) if item.chain == self._chain.name else head
        for _ in range(head, wanted + DEPTH):
            await self._mine_one(rpc)

    # ------------------------------------------------------------------ the pool

    @asynccontextmanager
    async def _listening(self, rpc: Rpc) -> AsyncIterator["asyncio.Task[None]"]:
        """A task that notes announced transactions; it ends with the connection only."""
        listener = asyncio.create_task(self._listen(rpc), name=f"{self.name} pool")
        try:
            yield listener
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def _listen(self, rpc: Rpc) -> None:
        try:
            async for announced in rpc.subscribe("newPendingTransactions"):
                self._waits.set()
                if self._copier is not None:
                    self._copier.note(announced)
        finally:
            self._waits.set()

    # ------------------------------------------------------------------ block time 0

    async def _seal_when_waiting(self, rpc: Rpc, listener: "asyncio.Task[None]") -> None:
        self._waits.set()  # something may have waited before anybody listened
        while not self._changed.is_set():
            await self._something(self._waits, _LOOK)
            self._waits.clear()
            if listener.done():
                listener.result()
            await self._drain(rpc)
            self.ready.set()

    # ------------------------------------------------------------------ a block time

    async def _tick(self, rpc: Rpc, period: float) -> None:
        self._trouble = None
        self.ready.set()
        offset = self._chain.plan.phase * period
        last = math.floor((self._clock() - offset) / period)
        while not self._changed.is_set():
            now = math.floor((self._clock() - offset) / period)
            # a tick that woke too early does not come twice; a clock set back is believed
            last = max(now, last + 1) if now >= last - 1 else now + 1
            await self._something(self._changed, last * period + offset - self._clock())
            if not self._changed.is_set():
                await self._mine_one(rpc)

    async def _something(self, event: asyncio.Event, seconds: float) -> None:
        """Until `event` is set or `seconds` have passed."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await event.wait()
        except TimeoutError:
            pass


async def waiting_in_pool(rpc: Rpc) -> int:
    """Transactions in the node's pool that a block could take."""
    return int((await rpc.call("txpool_status"))["pending"], 16)
