"""Follows one chain: new heads by subscription, missed blocks by range, reorgs by walking back."""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from control_plane.agents.pauses import Pauses
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.hub import Delivered, Dispatched, Head, Hub, Reorged, Retry
from control_plane.domain.network import Chain
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.node import Connect, Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.whole import to_its_end
from control_plane.services.metalayer.blocks import (
    BlockHead,
    ChainMoved,
    block_head,
    read_hashes,
    read_head,
    read_logs,
    read_range,
)
from control_plane.services.metalayer.logs import Log, Seen, decode, log_filter
from control_plane.services.metalayer.recording import Recorded, Recorder, Rewound, ids

_IDLE = 5.0
"""Seconds without a new head after which the chain is asked (a rollback tells no subscriber, and
a stopped process none that it stopped)."""
_CONNECT_DEADLINE = 3.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_RANGE = 64
"""Blocks read at once when catching up."""
_REMEMBERED = 4096
"""Block hashes kept in memory, to find where a reorg began."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all followers of a devnet share."""

    contracts: dict[str, str]
    connect: Connect
    hub: Hub
    publish: Publish
    clock: Callable[[], float]


class Follower:
    """Reads one chain into the database and tells the hub.

    `settled` is set once the chain was read up to its head, or could not be reached: the
    devnet's other chains don't wait for it. `problem` says why it is not being read.
    """

    def __init__(self, chain: Chain, recorder: Recorder, around: Surroundings) -> None:
        self.chain = chain
        self.settled = asyncio.Event()
        self.problem: str | None = None
        self._recorder = recorder
        self._around = around
        self._filter = log_filter(around.contracts)
        self._hashes: OrderedDict[int, str] = OrderedDict()
        self._block = -1
        self._hash = ""

    async def run(self) -> None:
        """Until cancelled; a broken connection is made anew."""
        pauses = Pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            try:
                rpc = await self._around.connect(self.chain.ws_url, deadline=_CONNECT_DEADLINE)
            except CalderaError as error:
                self._failed(f"can't reach {self.chain.name}/node: {error}")
            else:
                pauses.reset()
                try:
                    await self._follow(rpc)
                except ChainMoved as error:
                    log.info("%s: %s; reading again", self.chain.name, error)
                except (TemporaryFailure, RpcError) as error:
                    self._failed(f"{self.chain.name}/node does not answer: {error}")
                finally:
                    with contextlib.suppress(CalderaError, OSError):
                        await rpc.close()
            await pauses.wait()

    def _failed(self, why: str) -> None:
        if self.problem is None:
            log.warning("%s", why)
        self.problem = why
        self.settled.set()

    # ------------------------------------------------------------------ one connection

    async def _follow(self, rpc: Rpc) -> None:
        heads: asyncio.Queue[BlockHead | Exception] = asyncio.Queue()
        pump = asyncio.create_task(_pump(rpc, heads), name=f"heads of {self.chain.name}")
        try:
            await self._start(rpc)
            await self._advance(rpc, await read_head(rpc))
            self.problem = None
            self.settled.set()
            while True:
                await self._advance(rpc, await self._next_head(rpc, heads))
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _next_head(self, rpc: Rpc, heads: asyncio.Queue[BlockHead | Exception]) -> BlockHead:
        """The newest head that waits; asks the chain when none comes for a while."""
        try:
            async with asyncio.timeout(_IDLE):
                head = await heads.get()
        except TimeoutError:
            return await read_head(rpc)
        while not heads.empty() and not isinstance(head, Exception):
            head = heads.get_nowait()
        if isinstance(head, Exception):
            raise head
        return head

    async def _start(self, rpc: Rpc) -> None:
        """Take up the recorded cursor; a chain never read before begins at its genesis."""
        if self._block < 0:
            found = await self._recorder.cursor()
            if found is None:
                genesis = (await read_hashes(rpc, [0]))[0]
                found = (0, genesis)
            self._remember(*found)

    async def _advance(self, rpc: Rpc, head: BlockHead) -> None:
        """Read everything up to `head`, mending first what a reorg broke."""
        if head.number == self._block and head.hash == self._hash:
            return
        if head.number == 0 < self._block:
            raise TemporaryFailure("it has no block yet", "it is about to be restored or set up")
        if head.number == self._block + 1 and head.parent == self._hash:
            await self._record([head], await read_logs(rpc, head, self._filter), live=True)
            return
        hashes = await read_hashes(rpc, [self._block])
        if hashes.get(self._block) != self._hash:
            await self._mend(rpc)
        while self._block < head.number:
            last = min(self._block + _RANGE, head.number)
            first = self._block + 1
            heads, logs = await read_range(rpc, self._hash, first, last, self._filter)
            live = head.number - self._block <= _RANGE
            await self._record(heads, logs, live=live)

    async def _record(self, heads: list[BlockHead], logs: list[Log], *, live: bool) -> None:
        """Write down consecutive blocks and tell the hub.

        Messages are timed by our clock while the chain is followed live, by their last block's
        timestamp when they are read up later.
        """
        last = heads[-1]
        at = self._around.clock() if live else float(last.timestamp)
        # what is committed must be told: the next indexer starts behind it, and the other agents
        # look into the database at their own start only
        done = await to_its_end(self._write_and_tell(heads, decode(logs), at))
        name = self.chain.name
        for type_, messages in (
            ("message.dispatched", done.dispatched),
            ("message.delivered", done.delivered),
        ):
            if messages:
                data = {"chain": name, "block": last.number, "ids": ids(messages)}
                await self._around.publish(type_, data, service="indexer")

    async def _write_and_tell(self, heads: list[BlockHead], seen: Seen, at: float) -> Recorded:
        last = heads[-1]
        done = await self._recorder.record(seen, last.number, last.hash, at)
        for head in heads:
            self._remember(head.number, head.hash)
        hub, name = self._around.hub, self.chain.name
        hub.tell(Head(name, last.number, last.hash, last.timestamp))
        if done.dispatched:
            hub.tell(Dispatched(name, done.dispatched))
        if done.delivered:
            hub.tell(Delivered(name, done.delivered))
        if done.paid:
            hub.tell(Retry(done.paid))
        return done

    def _remember(self, number: int, hash_: str) -> None:
        self._block, self._hash = number, hash_
        self._hashes[number] = hash_
        while len(self._hashes) > _REMEMBERED:
            self._hashes.popitem(last=False)

    # ------------------------------------------------------------------ reorgs

    async def _mend(self, rpc: Rpc) -> None:
        """The cursor's block is not on the chain any more: go back to the last one that is."""
        number, hash_ = await self._ancestor(rpc)
        old, latest = self._block, await read_head(rpc)
        back = await self._came_back_at(number + 1, old, latest.number)
        lost = back is not None
        what = f"blocks {number + 1} to {old} of {self.chain.name}"
        why = (
            f"was lost: the node came back at block {back} ({what})"
            if lost
            else f"was replaced by a reorg ({what})"
        )
        at = self._around.clock()
        gone = await to_its_end(self._rewind_and_tell(number, hash_, why, at))
        await self._tell_lost(gone, number + 1, old, lost=lost)

    async def _came_back_at(self, first: int, last: int, head: int) -> int | None:
        """Where the node was restored to when it lost some of these blocks; None when it did not,
        and they were replaced. An engine that keeps its chain comes back with it."""
        if _keeps_its_chain(self.chain):
            return None
        lost = await self._recorder.lost_blocks()
        if lost is not None and lost[0] <= last and first <= lost[1]:
            return lost[0] - 1  # it may be higher again by now
        return head if head < last else None

    async def _rewind_and_tell(self, number: int, hash_: str, why: str, at: float) -> Rewound:
        gone = await self._recorder.rewind(number, hash_, why, at)
        for later in [n for n in self._hashes if n > number]:
            del self._hashes[later]
        self._remember(number, hash_)
        self._around.hub.tell(Reorged(self.chain.name, number + 1))
        return gone

    async def _tell_lost(self, gone: Rewound, first: int, last: int, *, lost: bool) -> None:
        log.warning(
            "%s: blocks %d to %d went, with %d dispatched and %d delivered messages",
            self.chain.name, first, last, len(gone.reorged), len(gone.undelivered),
        )  # fmt: skip
        data = {
            "chain": self.chain.name,
            "from": first,
            "to": last,
            "cause": "node restored" if lost else "reorg",
            "reorged": ids(gone.reorged),
            "undelivered": ids(gone.undelivered),
        }
        await self._around.publish("chain.reorged", data, service="indexer")
        if gone.reorged:
            data = {"chain": self.chain.name, "ids": ids(gone.reorged)}
            await self._around.publish("message.reorged", data, service="indexer")
        late = [message for message in gone.reorged if message.reorged_after_delivery]
        if late:
            data = {"chain": self.chain.name, "ids": ids(late)}
            await self._around.publish("message.reorged_after_delivery", data, service="indexer")

    async def _ancestor(self, rpc: Rpc) -> tuple[int, str]:
        """The highest known block that the chain still has; its genesis if there is none.

        Not above the cursor: relayers note deliveries in blocks that were not read here yet.
        """
        known = await self._recorder.known_blocks() | self._hashes
        numbers = sorted((number for number in known if number <= self._block), reverse=True)
        for start in range(0, len(numbers), _RANGE):
            now = await read_hashes(rpc, numbers[start : start + _RANGE])
            for number in sorted(now, reverse=True):
                if now[number] == known[number]:
                    return number, known[number]
        genesis = await read_hashes(rpc, [0])
        return 0, genesis[0]


def _keeps_its_chain(chain: Chain) -> bool:
    return chain.engine_url is not None


async def _pump(rpc: Rpc, heads: asyncio.Queue[BlockHead | Exception]) -> None:
    """Subscribed heads into a queue; the error that ends the subscription comes last."""
    try:
        async for header in rpc.subscribe("newHeads"):
            heads.put_nowait(block_head(header))
    except CalderaError as error:
        heads.put_nowait(error)
    else:
        heads.put_nowait(TemporaryFailure("The subscription to new heads ended"))
