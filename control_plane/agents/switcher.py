"""Has a rollup switch when its rules want it (docs/concepts/switching.md).

It looks when something can have changed: a block has come, the load has fallen since the last, a
point of a schedule is there, the least time between two switches is over, the privacy flag was set.
A change of the rules is a change of the plan, with which it begins anew; what the rollup becomes is
none of its concern, so it goes on over switches. What was decided is recorded with the switch
itself; nothing here has to outlive it but the measured load, which its maker keeps.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from control_plane.domain.errors import CalderaError
from control_plane.domain.hub import FlagSet, Head, Hub, Missed, News
from control_plane.domain.load import LoadMeter, Loads, is_of_load
from control_plane.domain.network import Chain
from control_plane.domain.ports.node import Connect, Rpc

_LONGEST: Final = 60.0
"""Seconds between two looks at most: a machine that slept, or whose clock was set, has missed a
timer."""
_RANGE: Final = 256
"""Blocks asked for at once."""

Consider = Callable[[Loads], Awaitable[float | None]]
"""Decide, and have the rollup switch; answers when to look again, in Unix seconds."""

log = logging.getLogger(__name__)


class Switcher:
    """Implements ``ports.agent.Agent``. Times of the meter are of the monotonic clock, those of
    schedules of this machine's clock."""

    def __init__(
        self,
        chain: Chain,
        connect: Connect,
        hub: Hub,
        meter: LoadMeter,
        up: Callable[[], Awaitable[None]],
        consider: Consider,
    ) -> None:
        """`up` waits until the devnet is."""
        self.name = f"{chain.name}/switcher"
        self.ready = asyncio.Event()
        self.problem: str | None = None
        self._chain = chain
        self._rules = chain.plan.rules
        self._connect = connect
        self._hub = hub
        self._meter = meter
        self._up = up
        self._consider = consider
        self._held: frozenset[int] | None = None
        """Rules of load that held at the last look; None: before the first."""
        self._again_at: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        self._meter.measure(self._rules)
        measures = any(is_of_load(rule) for rule in self._rules)
        try:
            async with self._hub.listen() as news:
                self.ready.set()
                await self._up()
                if not measures:
                    await self._follow(news, None)
                rpc = await self._connect(self._chain.ws_url)
                try:
                    await self._follow(news, rpc)
                finally:
                    with contextlib.suppress(CalderaError, OSError):
                        await rpc.close()
        finally:
            self.ready.clear()

    async def _follow(self, news: "asyncio.Queue[News]", rpc: Rpc | None) -> None:
        """Count what blocks carry, and look at the rules whenever one may hold or cease to."""
        if rpc is not None:
            await self._count(rpc, int(await rpc.call("eth_blockNumber"), 16))
        while True:
            await self._look()
            height = await self._next_head(news)
            if rpc is not None and height is not None:
                await self._count(rpc, height)

    async def _look(self) -> None:
        now = time.monotonic()
        held = frozenset(
            place for place, rule in enumerate(self._rules) if self._meter.holds(rule, now)
        )
        due = self._again_at is not None and self._again_at <= time.time()
        if held == self._held and not due:
            return
        self._again_at = await self._consider(Loads(held, self._meter.rates(self._rules, now)))
        self._held = held

    async def _next_head(self, news: "asyncio.Queue[News]") -> int | None:
        """The newest height of the rollup; None when it is time to look without one."""
        height = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait()):
                while height is None and self._held is not None:
                    height = self._height(await news.get())
        while not news.empty():
            newer = self._height(news.get_nowait())
            height = newer if newer is not None else height
        return height

    def _height(self, item: News) -> int | None:
        if isinstance(item, FlagSet) and item.rollup == self._chain.name:
            self._held = None  # look, whatever the load
        if isinstance(item, Missed):
            return self._meter.block  # the next head tells what came meanwhile
        return item.number if isinstance(item, Head) and item.chain == self._chain.name else None

    def _wait(self) -> float:
        """Seconds until something changes, if no block comes."""
        waits = [_LONGEST]
        now = time.monotonic()
        change = self._meter.next_change(self._rules, now)
        if change is not None:
            waits.append(change - now)
        if self._again_at is not None:
            waits.append(self._again_at - time.time())
        return max(0.0, min(waits))

    async def _count(self, rpc: Rpc, height: int) -> None:
        """Add the transactions of the blocks that are new. A chain that went back, because a
        node lost blocks, goes on from there; what was counted stays counted."""
        known = self._meter.block if self._meter.block is not None else height
        first = min(known + 1, height) if known != height else height + 1
        for start in range(first, height + 1, _RANGE):
            numbers = range(start, min(start + _RANGE, height + 1))
            found = await rpc.batch(
                [("eth_getBlockTransactionCountByNumber", [hex(number)]) for number in numbers]
            )
            counts = [int(each, 16) for each in found if isinstance(each, str)]
            own = 1 if self._chain.plan.engine == "op-geth" else 0  # it begins with the L1's state
            self._meter.add(time.monotonic(), sum(max(0, count - own) for count in counts))
        self._meter.block = height
