"""Copies transactions out of a rollup's pool while they wait, for its batcher."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from control_plane.agents.link import Link, keep
from control_plane.domain.errors import CalderaError
from control_plane.domain.network import Chain
from control_plane.domain.pool_copies import PoolCopies
from control_plane.domain.ports.node import Connect

_AT_ONCE: Final = 1_000
_OLD: Final = 0.02
"""Seconds that a transaction has waited before it is copied where there are deposits: whoever hands
the node a deposit and seals a block with it by hand does so sooner."""

log = logging.getLogger(__name__)


class PoolCopier:
    """Fills `copies` with what is announced, over a connection of its own.

    Implements ``domain.pool_copies.Copier``. Anvil dies of a question for the raw bytes of a
    deposit that is in a block by then. Where there are deposits, only what has waited a while and
    is in no block is copied, right before the sequencer seals one; the rest is never asked for.
    """

    def __init__(
        self, chain: Chain, connect: Connect, copies: PoolCopies, *, deposits: bool
    ) -> None:
        self._link = Link(connect, chain)
        self._copies = copies
        self._deposits = deposits
        self._announced: deque[tuple[float, str]] = deque()
        self._more = asyncio.Event()

    def note(self, hash_: str) -> None:
        """The pool has a transaction of that hash."""
        if self._copies.lacks(hash_):
            self._announced.append((asyncio.get_running_loop().time(), hash_))
            self._more.set()

    async def run(self) -> None:
        """Until cancelled: copy whatever comes, where no deposits do."""
        async with keep((self._link,)):
            while True:
                await self._more.wait()
                self._more.clear()
                if not self._deposits:
                    await self._copy_until(asyncio.get_running_loop().time())

    async def before_block(self) -> None:
        """See the port."""
        await self._copy_until(asyncio.get_running_loop().time() - _OLD)

    def after_block(self, hashes: Sequence[str]) -> None:
        """See the port."""
        self._copies.note_sealed(hashes)

    def keep(self, hash_: str, raw: bytes) -> None:
        """See the port."""
        self._copies.keep(hash_, raw)

    async def _copy_until(self, latest: float) -> None:
        """What was announced by then. What can't be copied is read out of its block later."""
        while self._announced and self._announced[0][0] <= latest:
            wanted: list[str] = []
            while self._announced and self._announced[0][0] <= latest and len(wanted) < _AT_ONCE:
                _, hash_ = self._announced.popleft()
                if self._copies.lacks(hash_):
                    wanted.append(hash_)
            try:
                await self._copy(await self._pending(wanted) if self._deposits else wanted)
            except CalderaError as error:
                log.debug("%s: its pool is not copied: %s", self._link.chain.name, error)

    async def _pending(self, hashes: list[str]) -> list[str]:
        """Those of `hashes` that are in no block, whoever made one."""
        found = await self._ask("eth_getTransactionReceipt", hashes)
        return [hash_ for hash_, receipt in zip(hashes, found, strict=True) if receipt is None]

    async def _copy(self, hashes: list[str]) -> None:
        found = await self._ask("eth_getRawTransactionByHash", hashes)
        for hash_, raw in zip(hashes, found, strict=True):
            if isinstance(raw, str) and len(raw) > 2:
                self._copies.keep(hash_, bytes.fromhex(raw[2:]))

    async def _ask(self, method: str, hashes: list[str]) -> list[Any]:
        calls = [(method, (hash_,)) for hash_ in hashes]
        return await self._link.batch(calls) if calls else []
