"""Asks for what a rollup's batcher posted, as anybody would who rebuilds the rollup."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.adapters.da.kzg import Kzg
from control_plane.adapters.da.opening import open_reader
from control_plane.adapters.da.places import keepers_of
from control_plane.adapters.derivation.l1 import START, Inbox, NotDerivable, Position, PostedFrame
from control_plane.adapters.evm.rpc import connect
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.da import DataUnavailable, Missing, ReadsFrames
from control_plane.domain.ports.node import Rpc
from control_plane.domain.settlement import Carrier, accumulate, inbox_address

_NEWEST: Final = 4
_AGAIN: Final = 4
"""Channels besides the newest that are asked for again each time, one after the other."""


@dataclass(frozen=True, slots=True)
class _Channel:
    number: int
    frames: tuple[PostedFrame, ...]
    """Those whose data are not the L1's calldata."""
    first: int
    last: int


class PostedData:
    """Implements ``ports.da.Availability`` of one rollup. Several may ask one of these: what one
    of them found missing the others hear."""

    def __init__(self, network: Network, chain: Chain, kzg: Kzg | None = None) -> None:
        """`kzg` of whoever posts, if that is in this process."""
        self._chain = chain
        self._kzg = kzg
        self._l1_url = network.chain(network.plan.l1.name).ws_url
        self._inbox = "0x" + inbox_address(network.contracts).hex()
        self._l1: Rpc | None = None
        self._reader: ReadsFrames | None = None
        self._turn = asyncio.Lock()
        self._forget()

    def _forget(self) -> None:
        self._at: Position = START
        self._open: list[PostedFrame] = []
        self._channels: list[_Channel] = []
        self._missing: dict[int, DataUnavailable] = {}
        self._next = 0
        """Place in `_channels` from which on some are asked for again."""

    async def look(self) -> Sequence[Missing]:
        """See the port."""
        async with self._turn:
            try:
                before = len(self._channels)
                await self._read_on()
                for channel in self._due(before):
                    await self._ask(channel)
            except TemporaryFailure:
                await self._disconnect()
                raise
        known = {channel.number: channel for channel in self._channels}
        found = ((known[number], error) for number, error in sorted(self._missing.items()))
        return [Missing(one.number, one.first, one.last, error) for one, error in found]

    async def frames_of(self, number: int) -> Sequence[PostedFrame]:
        """Frames of a complete channel that are not in calldata; none of other channels.
        TemporaryFailure."""
        async with self._turn:
            await self._read_on()
        found = (channel for channel in self._channels if channel.number == number)
        return next((channel.frames for channel in found), ())

    async def close(self) -> None:
        """See the port; it can then be used again."""
        async with self._turn:
            await self._close()

    async def _close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
        await self._disconnect()

    async def _disconnect(self) -> None:
        l1, self._l1 = self._l1, None
        if l1 is not None:
            await l1.close()

    # ------------------------------------------------------------------ what is posted

    async def _read_on(self) -> None:
        """Channels that are new; all of them anew when the L1 is not the one any more that was
        read."""
        inbox = await self._opened()
        until = await inbox.head()
        try:
            async for posted in inbox.frames(until, self._at):
                self._take(posted)
            state = await inbox.state_at(until, self._at.channels, self._at.accumulator)
        except NotDerivable as error:
            self._forget()
            raise TemporaryFailure("What is posted can't be read", str(error)) from error
        if (state.channels, state.accumulator) != (self._at.channels, self._at.accumulator):
            self._forget()
            raise TemporaryFailure("The L1 lost blocks while what is posted was read")

    def _take(self, posted: PostedFrame) -> None:
        frame = posted.frame
        if frame.number == 0:
            self._open = []  # an open channel that is begun anew is void
        self._open.append(posted)
        if not frame.is_last:
            return
        number = self._at.channels
        accumulator = accumulate(self._at.accumulator, [one.frame for one in self._open])
        elsewhere = tuple(o for o in self._open if o.frame.carrier is not Carrier.CALLDATA)
        if elsewhere:
            self._channels.append(_Channel(number, elsewhere, frame.first, frame.last))
        self._at = Position(number + 1, accumulator, posted.block, posted.log)
        self._open = []

    async def _opened(self) -> Inbox:
        if self._reader is None:
            self._reader = open_reader(self._l1_url, keepers_of(self._chain), self._kzg)
        if self._l1 is None:
            self._l1 = await connect(self._l1_url)
        return Inbox(self._l1, self._inbox, int(self._chain.plan.chain_id), self._reader)

    # ------------------------------------------------------------------ what can be had

    def _due(self, before: int) -> Iterable[_Channel]:
        """New channels, missing ones, the newest, and the next few of all."""
        count = len(self._channels)
        again = [(self._next + at) % count for at in range(min(_AGAIN, count))]
        self._next = (self._next + _AGAIN) % count if count else 0
        newest = range(max(0, min(before, count - _NEWEST)), count)
        missing = (at for at, one in enumerate(self._channels) if one.number in self._missing)
        return [self._channels[at] for at in sorted({*again, *newest, *missing})]

    async def _ask(self, channel: _Channel) -> None:
        if self._reader is None:
            raise ValueError("it is opened before")
        try:
            for posted in channel.frames:
                await self._reader.read(posted.frame, posted.block)
        except DataUnavailable as error:
            where = f"channel {channel.number}, blocks {channel.first} to {channel.last}"
            self._missing[channel.number] = type(error)(
                error.title, f"{where}: {error.detail}", error.hint
            )
        except ValueError:
            self._missing.pop(channel.number, None)  # it is there, and nobody can decode it
        else:
            self._missing.pop(channel.number, None)
