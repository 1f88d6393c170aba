"""The sequencer of a rollup on Anvil that takes deposits: seals as soon as one is on the L1.

The rollup's own rhythm stays: a new block of the L1 alone makes none. At block time 0 that would
be one for every batch that was posted, and each would be posted in turn.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from control_plane.agents.l1_following import L1Following
from control_plane.agents.rhythm import waiting_in_pool
from control_plane.agents.sequencer import head_mended
from control_plane.domain.ports.node import Rpc
from control_plane.domain.whole import to_its_end


class DepositSequencer(L1Following):
    """Seals by ``evm_mine``, with the deposits that are due."""

    @asynccontextmanager
    async def _attached(self, rpc: Rpc) -> AsyncIterator[None]:
        async with (
            super()._attached(rpc),
            head_mended(self._chain.name, rpc, self._turn, self._mine),
        ):
            yield

    async def _mine(self, rpc: Rpc) -> None:
        builder = self._present()
        taken = await to_its_end(builder.seal(await waiting_in_pool(rpc), empty=True))
        while taken is not None and builder.deposits_wait:  # those that one block could not take
            taken = await to_its_end(builder.seal(0, empty=False))

    async def _drain(self, rpc: Rpc) -> None:
        builder = self._present()
        waiting = await waiting_in_pool(rpc)
        while waiting or builder.deposits_wait:
            async with self._turn:
                taken = await to_its_end(builder.seal(waiting, empty=False))
            waiting = await waiting_in_pool(rpc)
            if taken is None and (waiting or builder.deposits_wait):
                # more empty blocks would not help
                self._trouble = (
                    f"{waiting} transactions wait that no block of {self._chain.name} takes"
                )
                return
            self._trouble = None  # while transactions keep coming this does not end
            self.ready.set()
        self._trouble = None
