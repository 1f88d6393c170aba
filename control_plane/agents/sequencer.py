"""The sequencer of a chain on Anvil, whose node runs with mining switched off.

Blocks are stamped by the node with the second they are sealed in, never a later one.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from control_plane.agents.rhythm import Rhythm, waiting_in_pool
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError

_MINE_DEADLINE: Final = 30.0
"""Seconds that a block of 60 M gas may take on a busy machine."""


class SequencerAgent(Rhythm):
    """Seals by ``evm_mine``."""

    @asynccontextmanager
    async def _attached(self, rpc: Rpc) -> AsyncIterator[None]:  # noqa: ARG002 - it needs no more
        yield

    async def _mine(self, rpc: Rpc) -> None:
        await rpc.call("evm_mine", timeout=_MINE_DEADLINE)

    async def _drain(self, rpc: Rpc) -> None:
        waiting = await waiting_in_pool(rpc)
        while waiting:
            await self._mine_one(rpc)
            status, taken = await rpc.batch(
                [("txpool_status", ()), ("eth_getBlockTransactionCountByNumber", ("latest",))]
            )
            for answer in (status, taken):
                if isinstance(answer, RpcError):
                    raise answer
            waiting = int(status["pending"], 16)
            if waiting and not int(taken, 16):  # more empty blocks would not help
                self.problem = (
                    f"{waiting} transactions wait that no block of {self._chain.name} takes"
                )
                return
            self.problem = None  # while transactions keep coming this does not end
            self.ready.set()
        self.problem = None
