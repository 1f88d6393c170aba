"""Copies transactions out of a rollup's pool while they wait, for its batcher."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from control_plane.agents.link import Link, keep
from control_plane.domain.errors import CalderaError
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain
from control_plane.domain.pool_copies import PoolCopies
from control_plane.domain.ports.node import Connect

_AT_ONCE: Final = 1_000
_MANY: Final = 16
"""Transactions from which on copying before a block costs less than reading them back."""
_OLD: Final = 0.02
"""Seconds after which a transaction that still waits does so for a tick: a moment more is free."""
_FREE: Final = "\u00d7 0 wei"
"""How ``txpool_inspect`` ends for a deposit, which pays nothing. No other transaction does."""

log = logging.getLogger(__name__)


class PoolCopier:
    """Fills `copies` with what is announced, over a connection of its own.

    Implements ``domain.pool_copies.Copier``. Anvil dies of a question for the raw bytes of a
    deposit that is in a block by then, and anybody can hand it one and seal a block. So where there
    are deposits, copies are made right before the sequencer seals a block, and only when all that
    was announced still waits and none of it is a deposit. What is left out is read back later.
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

    async def before_block(self, tip: Hex) -> None:
        """See the port."""
        if not self._announced:
            return
        now = asyncio.get_running_loop().time()
        if len(self._announced) >= _MANY or self._announced[0][0] <= now - _OLD:
            await self._copy_until(now, tip)

    def after_block(self, hashes: Sequence[str]) -> None:
        """See the port."""
        self._copies.note_sealed(hashes)

    def keep(self, hash_: str, raw: bytes) -> None:
        """See the port."""
        self._copies.keep(hash_, raw)

    async def _copy_until(self, latest: float, tip: Hex | None = None) -> None:
        """What was announced by then. What can't be copied is read out of its block later."""
        while wanted := self._take(latest):
            try:
                if tip is None or await self._all_wait(tip):
                    await self._copy(wanted)
            except CalderaError as error:
                log.debug("%s: its pool is not copied: %s", self._link.chain.name, error)

    def _take(self, latest: float) -> list[str]:
        """The next hashes that were announced by then."""
        wanted: list[str] = []
        while self._announced and self._announced[0][0] <= latest and len(wanted) < _AT_ONCE:
            _, hash_ = self._announced.popleft()
            if self._copies.lacks(hash_):
                wanted.append(hash_)
        return wanted

    async def _all_wait(self, tip: Hex) -> bool:
        """Whether no deposit is among what was announced: none waits, and nobody else sealed a
        block with one. In this order, for one that waited at first would be seen."""
        waiting = await self._link.call("txpool_inspect")
        queues = [queue for part in waiting.values() for queue in part.values()]
        if any(text.endswith(_FREE) for queue in queues for text in queue.values()):
            return False
        block = await self._link.call("eth_getBlockByNumber", "latest", False)
        return bool(block["hash"] == tip)

    async def _copy(self, hashes: list[str]) -> None:
        found = await self._ask("eth_getRawTransactionByHash", hashes)
        for hash_, raw in zip(hashes, found, strict=True):
            if isinstance(raw, str) and len(raw) > 2:
                self._copies.keep(hash_, bytes.fromhex(raw[2:]))

    async def _ask(self, method: str, hashes: list[str]) -> list[Any]:
        calls = [(method, (hash_,)) for hash_ in hashes]
        return await self._link.batch(calls) if calls else []
