"""Takes devnets down whose time to live is over."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from control_plane.domain.errors import CalderaError
from control_plane.domain.records import DevnetRecord

_AGAIN: Final = 5.0

log = logging.getLogger(__name__)


class Expiry:
    """Looks at `records`, and hands the name of each devnet whose time is over to `expire`."""

    def __init__(
        self,
        records: Callable[[], Awaitable[Sequence[DevnetRecord]]],
        expire: Callable[[str], Awaitable[None]],
    ) -> None:
        self._records = records
        self._expire = expire
        self._changed = asyncio.Event()

    def look_again(self) -> None:
        """Somebody's time may have changed."""
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._changed.clear()
            try:
                pause = await self._once()
            except CalderaError as error:  # a full disk, perhaps; there may be room later
                log.warning("devnets whose time is over are not removed: %s", error)
                pause = _AGAIN
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _once(self) -> float | None:
        """Remove what is due; seconds until the next is, None when there is none."""
        while True:
            dying = [(r.expires_at, r.name) for r in await self._records() if r.expires_at]
            soonest = min(dying, default=None)
            if soonest is not None and soonest[0] <= time.time():
                await self._expire(soonest[1])
                continue
            return max(0.0, soonest[0] - time.time()) if soonest else None
