"""Reads what batchers posted: out of the L1's logs and transactions, and what these commit to."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import zstandard

from control_plane.domain.channels import MOST_BYTES, Channel, decode_channel
from control_plane.domain.columns import InvalidChannel
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.da import DataUnavailable, ReadsFrames
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import (
    FRAME_POSTED,
    Frame,
    InboxState,
    accumulate,
    decode_append,
    decode_rollup,
    rollup_call,
)

_RANGE: Final = 2_000
"""L1 blocks whose logs are asked for at once."""
_AT_ONCE: Final = 50
_CHANGING: Final = 0.3
"""Seconds after which an Anvil has sealed the block that it was sealing."""


class NotDerivable(ValueError):
    """What was posted is no rollup: where, and why."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far an inbox was read: up to the frame that completed a channel."""

    channels: int = 0
    accumulator: bytes = bytes(32)
    block: int = 0
    """Of the L1, with that frame's log."""
    log: int = -1
    """That log's place in the block."""


START: Final = Position()


class BadChannel(NotDerivable):
    """A channel that the inbox took and nobody can make blocks of: the rollup ends before it."""

    def __init__(self, why: str, last: int, after: Position) -> None:
        """`last`: the block that it ends with, as the inbox was told; `after`: where reading goes
        on."""
        super().__init__(why)
        self.last = last
        self.after = after


@dataclass(frozen=True, slots=True)
class Posted:
    """A channel and the L1 transaction that completed it."""

    number: int
    channel: Channel
    transaction: str
    bytes: int
    """Of all its frames' data."""
    after: Position
    """Where reading goes on; its accumulator is the commitment to all up to this channel."""


@dataclass(frozen=True, slots=True)
class PostedFrame:
    """A frame and the place of its log on the L1."""

    frame: Frame
    block: int
    log: int


class Inbox:
    """What the inbox at `address` holds for the rollup `chain_id`, as of one L1 block. `reader`
    gets the data that the L1 itself has not."""

    def __init__(self, l1: Rpc, address: str, chain_id: int, reader: ReadsFrames) -> None:
        self.l1 = l1
        self._reader = reader
        self._address = address.lower()
        self._chain_id = chain_id

    async def head(self) -> int:
        """The L1's newest block."""
        return int(await self.l1.call("eth_blockNumber"), 16)

    async def state(self, block: int) -> InboxState:
        """What the contract says of the rollup after `block`. NotDerivable without contract."""
        data = "0x" + rollup_call(self._chain_id).hex()
        answer = await self.l1.call("eth_call", {"to": self._address, "data": data}, hex(block))
        try:
            return decode_rollup(bytes.fromhex(answer[2:]))
        except ValueError as error:
            raise NotDerivable(f"there is no BatchInbox at {self._address}: {error}") from error

    async def state_at(self, block: int, channels: int, accumulator: bytes) -> InboxState:
        """As :meth:`state`, and once more when it is not what is expected: of its newest block an
        Anvil answers out of the state that the next one is just changing."""
        state = await self.state(block)
        if (state.channels, state.accumulator) != (channels, accumulator):
            await asyncio.sleep(_CHANGING)
            state = await self.state(block)
        return state

    async def channels(self, until: int, at: Position = START) -> AsyncIterator[Posted]:
        """All complete channels behind `at` up to L1 block `until`, in order, checked against what
        the contract commits to. BadChannel; NotDerivable, also when the L1 is not the one any more
        in which `at` was reached; DataUnavailable when somebody does not give what a frame
        promises."""
        frames: list[tuple[Frame, int]] = []
        accumulator, number = at.accumulator, at.channels
        async for frame, log in self._frames(until, at):
            if frame.number == 0:
                frames = []  # an open channel that is begun anew is void
            frames.append((frame, _place(log)[0]))
            if not frame.is_last:
                continue
            accumulator = accumulate(accumulator, [one for one, _ in frames])
            after = Position(number + 1, accumulator, *_place(log))
            try:
                parts = [await self._data(one, block, number) for one, block in frames]
                channel = _channel(b"".join(parts), frame, number)
            except InvalidChannel as error:
                raise BadChannel(str(error), frame.last, after) from error
            yield Posted(number, channel, log["transactionHash"], sum(map(len, parts)), after)
            number, frames = number + 1, []
        state = await self.state_at(until, number, accumulator)
        if (state.channels, state.accumulator) != (number, accumulator):
            raise NotDerivable(
                f"the inbox commits to {state.channels} channels, the L1's logs give {number}, or"
                " others"
            )

    async def frames(self, until: int, at: Position = START) -> AsyncIterator[PostedFrame]:
        """All frames behind `at` up to L1 block `until`, in order, those of open channels and void
        ones too; their data are not asked for. NotDerivable."""
        async for frame, log in self._frames(until, at):
            yield PostedFrame(frame, *_place(log))

    async def _data(self, frame: Frame, block: int, channel: int) -> bytes:
        where = f"channel {channel}, blocks {frame.first} to {frame.last}"
        try:
            return await self._reader.read(frame, block)
        except DataUnavailable as error:
            raise type(error)(error.title, f"{where}: {error.detail}", error.hint) from error
        except ValueError as error:
            raise InvalidChannel(f"{where}: {error}") from error

    async def _frames(
        self, until: int, at: Position
    ) -> AsyncIterator[tuple[Frame, Mapping[str, Any]]]:
        for start in range(at.block, until + 1, _RANGE):
            request = {
                "address": self._address,
                "fromBlock": hex(start),
                "toBlock": hex(min(start + _RANGE - 1, until)),
                "topics": ["0x" + FRAME_POSTED.hex(), "0x" + self._chain_id.to_bytes(32).hex()],
            }
            logs = await self.l1.call("eth_getLogs", request)
            logs = [log for log in logs if _place(log) > (at.block, at.log)]
            for first in range(0, len(logs), _AT_ONCE):
                part = logs[first : first + _AT_ONCE]
                calls = [("eth_getTransactionByHash", (log["transactionHash"],)) for log in part]
                for log, found in zip(part, await self.l1.batch(calls), strict=True):
                    yield _frame(log, found), log


def _place(log: Mapping[str, Any]) -> tuple[int, int]:
    return int(log["blockNumber"], 16), int(log["logIndex"], 16)


def _frame(log: Mapping[str, Any], transaction: object) -> Frame:
    where = f"L1 transaction {log['transactionHash']}"
    if isinstance(transaction, RpcError) or not isinstance(transaction, Mapping):
        raise NotDerivable(f"{where} can't be read")
    try:
        hashes = [bytes.fromhex(h[2:]) for h in transaction.get("blobVersionedHashes") or ()]
        frame = decode_append(bytes.fromhex(transaction["input"][2:]), hashes)
    except ValueError as error:
        raise NotDerivable(f"{where}: {error}") from error
    if log["data"][-64:] != keccak256(frame.data).hex():
        raise NotDerivable(f"{where}: its data are not those that it was logged with")
    return frame


def _channel(data: bytes, frame: Frame, number: int) -> Channel:
    try:
        channel = decode_channel(data, _decompress)
    except InvalidChannel as error:
        raise InvalidChannel(f"channel {number} can't be decoded: {error}") from error
    if (channel.first, channel.last) != (frame.first, frame.last):
        raise InvalidChannel(
            f"channel {number} holds blocks {channel.first} to {channel.last}, the inbox was told"
            f" {frame.first} to {frame.last}"
        )
    return channel


def _decompress(data: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=MOST_BYTES)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
