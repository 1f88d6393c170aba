"""The sequencer of a chain on Anvil, whose node runs with mining switched off.

Blocks are stamped by the node with the second they are sealed in, never a later one.

An admin call (`anvil_setBalance`) changes the state without a block: the head's header then holds
another state root than the node proves, and nobody who starts reading the chain can attest its
head. So whoever takes a chain over looks once it is quiet, and seals a block when that is so.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from control_plane.agents.rhythm import Rhythm, waiting_in_pool
from control_plane.domain.errors import CalderaError
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError

MINE_DEADLINE: Final = 30.0
"""Seconds that a block of 60 M gas may take on a busy machine."""
_QUIET: Final = 0.5
"""Seconds from the connection to the look at the head, in nobody's way who waits for ready."""
_NOBODY: Final = "0x" + "00" * 20
"""Any account does: a proof begins with the root of all."""

log = logging.getLogger(__name__)


class SequencerAgent(Rhythm):
    """Seals by ``evm_mine``."""

    @asynccontextmanager
    async def _attached(self, rpc: Rpc) -> AsyncIterator[None]:
        async with head_mended(self._chain.name, rpc, self._turn, self._mine):
            yield

    async def _mine(self, rpc: Rpc) -> None:
        await rpc.call("evm_mine", timeout=MINE_DEADLINE)

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
                self._trouble = (
                    f"{waiting} transactions wait that no block of {self._chain.name} takes"
                )
                return
            self._trouble = None  # while transactions keep coming this does not end
            self.ready.set()
        self._trouble = None


@asynccontextmanager
async def head_mended(
    name: str, rpc: Rpc, turn: asyncio.Lock, mine: Callable[[Rpc], Awaitable[None]]
) -> AsyncIterator[None]:
    """A moment after it is entered, `mine` a block if the head's state is not the one that its
    header says."""
    look = asyncio.create_task(_mend_head(name, rpc, turn, mine), name=f"{name} head")
    try:
        yield
    finally:
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)


async def _mend_head(
    name: str, rpc: Rpc, turn: asyncio.Lock, mine: Callable[[Rpc], Awaitable[None]]
) -> None:
    await asyncio.sleep(_QUIET)
    try:
        async with turn:
            if not await _head_stands(rpc):
                log.info("%s: its state was changed by hand; sealed", name)
                await mine(rpc)
    except CalderaError as error:
        log.info("%s: its head was not looked at: %s", name, error)


async def _head_stands(rpc: Rpc) -> bool:
    """Whether the node's state is that of its head. TemporaryFailure, RpcError."""
    head, proof = await rpc.batch(
        [
            ("eth_getBlockByNumber", ("latest", False)),
            ("eth_getProof", (_NOBODY, (), "latest")),
        ]
    )
    for answer in (head, proof):
        if isinstance(answer, RpcError):
            raise answer
    root = keccak256(bytes.fromhex(proof["accountProof"][0][2:]))
    return "0x" + root.hex() == head["stateRoot"] or int(head["number"], 16) == 0
