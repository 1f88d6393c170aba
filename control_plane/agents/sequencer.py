"""The sequencer of one chain: seals its blocks.

Nodes run with mining switched off. At block time 0 a block is sealed as soon as a transaction
waits, and all that wait together share it; with a block time, blocks are sealed at ticks of the
wall clock, offset by the chain's phase so that no two chains of a devnet tick together.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Final

from control_plane.domain.errors import CalderaError
from control_plane.domain.network import Chain
from control_plane.domain.ports.node import Connect, Rpc
from control_plane.domain.rpc import RpcError

_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 2.0
_LOOK: Final = 1.0
"""Seconds between two looks into the pool when no transaction is announced."""

log = logging.getLogger(__name__)


class SequencerAgent:
    """Implements ``ports.agent.Agent`` for `chain`."""

    def __init__(
        self, chain: Chain, connect: Connect, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.name = f"{chain.name}/sequencer"
        self.ready = asyncio.Event()
        self.problem: str | None = None
        self._chain = chain
        self._connect = connect
        self._clock = clock
        self._waits = asyncio.Event()

    async def run(self) -> None:
        """Seal until cancelled, over one connection after the other."""
        pause = _FIRST_PAUSE
        while True:
            try:
                rpc = await self._connect(self._chain.ws_url)
            except CalderaError as error:
                self._lost(error)
            else:
                try:
                    await self._seal_over(rpc)
                except CalderaError as error:
                    self._lost(error)
                    if not isinstance(error, RpcError):
                        pause = _FIRST_PAUSE
                finally:
                    self.ready.clear()
                    await rpc.close()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _lost(self, error: CalderaError) -> None:
        self.problem = f"{self._chain.name} seals no blocks: {error}"
        log.info("%s", self.problem)

    async def _seal_over(self, rpc: Rpc) -> None:
        if self._chain.plan.block_time > 0:
            await self._tick(rpc)
            return
        listener = asyncio.create_task(self._listen(rpc), name=f"{self.name} pool")
        try:
            await self._seal_when_waiting(rpc, listener)
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    # ------------------------------------------------------------------ block time 0

    async def _listen(self, rpc: Rpc) -> None:
        try:
            async for _ in rpc.subscribe("newPendingTransactions"):
                self._waits.set()
        finally:
            self._waits.set()

    async def _seal_when_waiting(self, rpc: Rpc, listener: "asyncio.Task[None]") -> None:
        self._waits.set()  # something may have waited before anybody listened
        while True:
            try:
                async with asyncio.timeout(_LOOK):
                    await self._waits.wait()
            except TimeoutError:
                pass
            self._waits.clear()
            if listener.done():
                listener.result()
            while await _pending(rpc):
                await rpc.call("evm_mine")
            self.problem = None
            self.ready.set()

    # ------------------------------------------------------------------ a block time

    async def _tick(self, rpc: Rpc) -> None:
        period = self._chain.plan.block_time
        offset = self._chain.plan.phase * period
        self.problem = None
        self.ready.set()
        last = math.floor((self._clock() - offset) / period)
        while True:
            last = max(last + 1, math.floor((self._clock() - offset) / period))
            await asyncio.sleep(max(0.0, last * period + offset - self._clock()))
            await rpc.call("evm_mine")


async def _pending(rpc: Rpc) -> bool:
    """Whether a transaction could go into the next block."""
    status = await rpc.call("txpool_status")
    return int(status["pending"], 16) > 0
