"""The sequencer of a chain on op-geth: drives its engine, and follows the L1.

At block time 0 a block is sealed when a transaction waits in the pool or a deposit on the L1, never
an empty one; with a block time, one at each tick, empty or not. Timestamps are whole seconds: a
burst of blocks runs ahead of the clock, by 30 s at most, and then there is one a second.
"""

import asyncio
from typing import Final

from control_plane.agents.l1_following import L1Following
from control_plane.agents.rhythm import waiting_in_pool
from control_plane.domain.ports.node import Rpc
from control_plane.domain.whole import to_its_end

_TRIES: Final = 3
"""Blocks that may be given up because they took none of the transactions that wait."""


class EngineSequencer(L1Following):
    """Seals over the Engine API."""

    async def _mine(self, rpc: Rpc) -> None:
        builder = self._present()
        await asyncio.sleep(builder.behind())
        await to_its_end(builder.seal(await waiting_in_pool(rpc), empty=True))

    async def _drain(self, rpc: Rpc) -> None:
        builder, vain = self._present(), 0
        while (waiting := await waiting_in_pool(rpc)) or builder.deposits_wait:
            if builder.behind():
                await asyncio.sleep(builder.behind())
                waiting = await waiting_in_pool(rpc)
            async with self._turn:
                taken = await to_its_end(builder.seal(waiting, empty=False))
            self.ready.set()  # while transactions keep coming this does not end
            if taken is not None:
                self._trouble = None
            if self._changed.is_set():
                return
            vain = vain + 1 if taken is None else 0
            if vain == _TRIES:
                self._trouble = (
                    f"{waiting} transactions wait that no block of {self._chain.name} takes"
                )
                return
        self._trouble = None
