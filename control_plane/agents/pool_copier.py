"""Copies transactions out of a rollup's pool while they wait, for its batcher."""

import asyncio
import logging
from typing import Final

from control_plane.agents.link import Link, keep
from control_plane.domain.errors import CalderaError
from control_plane.domain.network import Chain
from control_plane.domain.pool_copies import PoolCopies
from control_plane.domain.ports.node import Connect

_AT_ONCE: Final = 1_000

log = logging.getLogger(__name__)


class PoolCopier:
    """Fills `copies` with what is announced. Over a connection of its own: Anvil breaks the one
    over which the raw bytes of a deposit are asked for that is in a block by then."""

    def __init__(self, chain: Chain, connect: Connect, copies: PoolCopies) -> None:
        self._link = Link(connect, chain)
        self._copies = copies
        self._announced: list[str] = []
        self._more = asyncio.Event()

    def note(self, hash_: str) -> None:
        """The pool has a transaction of that hash."""
        if hash_ not in self._copies:
            self._announced.append(hash_)
            self._more.set()

    async def run(self) -> None:
        """Until cancelled. What can't be copied is read out of its block later."""
        async with keep((self._link,)):
            while True:
                await self._more.wait()
                self._more.clear()
                while self._announced:
                    wanted = self._announced[:_AT_ONCE]
                    del self._announced[:_AT_ONCE]
                    try:
                        await self._copy(wanted)
                    except CalderaError as error:
                        log.debug("%s: its pool is not copied: %s", self._link.chain.name, error)

    async def _copy(self, hashes: list[str]) -> None:
        calls = [("eth_getRawTransactionByHash", (hash_,)) for hash_ in hashes]
        for hash_, answer in zip(hashes, await self._link.batch(calls), strict=True):
            if isinstance(answer, str) and len(answer) > 2:
                self._copies.keep(hash_, bytes.fromhex(answer[2:]))
