"""Reads what batchers posted: out of the L1's logs and calldata, and nothing else."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import zstandard

from control_plane.domain.channels import MOST_BYTES, Channel, InvalidChannel, decode_channel
from control_plane.domain.hashing import keccak256
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


class NotDerivable(ValueError):
    """What was posted is no rollup: where, and why."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A channel and the L1 transaction that completed it."""

    number: int
    channel: Channel
    transaction: str
    bytes: int
    """On the L1, of all its frames."""


class Inbox:
    """What the inbox at `address` holds for the rollup `chain_id`, as of one L1 block."""

    def __init__(self, l1: Rpc, address: str, chain_id: int) -> None:
        self._l1 = l1
        self._address = address.lower()
        self._chain_id = chain_id

    async def head(self) -> int:
        """The L1's newest block."""
        return int(await self._l1.call("eth_blockNumber"), 16)

    async def state(self, block: int) -> InboxState:
        """What the contract says of the rollup after `block`. NotDerivable without contract."""
        data = "0x" + rollup_call(self._chain_id).hex()
        answer = await self._l1.call("eth_call", {"to": self._address, "data": data}, hex(block))
        try:
            return decode_rollup(bytes.fromhex(answer[2:]))
        except ValueError as error:
            raise NotDerivable(f"there is no BatchInbox at {self._address}: {error}") from error

    async def channels(self, until: int) -> AsyncIterator[Posted]:
        """All complete channels up to L1 block `until`, in order, checked against what the
        contract commits to. NotDerivable."""
        frames: list[Frame] = []
        accumulator, number = bytes(32), 0
        async for frame, transaction in self._frames(until):
            if frame.number == 0:
                frames = []  # an open channel that is begun anew is void
            frames.append(frame)
            if not frame.is_last:
                continue
            parts = [each.data for each in frames]
            accumulator = accumulate(accumulator, frame.first, frame.last, parts)
            channel = _channel(b"".join(parts), frame, number)
            yield Posted(number, channel, transaction, sum(map(len, parts)))
            frames, number = [], number + 1
        state = await self.state(until)
        if (state.channels, state.accumulator) != (number, accumulator):
            raise NotDerivable(
                f"the inbox commits to {state.channels} channels, the L1's logs give {number}, or"
                " others"
            )

    async def _frames(self, until: int) -> AsyncIterator[tuple[Frame, str]]:
        for start in range(0, until + 1, _RANGE):
            request = {
                "address": self._address,
                "fromBlock": hex(start),
                "toBlock": hex(min(start + _RANGE - 1, until)),
                "topics": ["0x" + FRAME_POSTED.hex(), "0x" + self._chain_id.to_bytes(32).hex()],
            }
            logs = await self._l1.call("eth_getLogs", request)
            for at in range(0, len(logs), _AT_ONCE):
                part = logs[at : at + _AT_ONCE]
                calls = [("eth_getTransactionByHash", (log["transactionHash"],)) for log in part]
                for log, found in zip(part, await self._l1.batch(calls), strict=True):
                    yield _frame(log, found), log["transactionHash"]


def _frame(log: Mapping[str, Any], transaction: object) -> Frame:
    where = f"L1 transaction {log['transactionHash']}"
    if isinstance(transaction, RpcError) or not isinstance(transaction, Mapping):
        raise NotDerivable(f"{where} can't be read")
    try:
        frame = decode_append(bytes.fromhex(transaction["input"][2:]))
    except ValueError as error:
        raise NotDerivable(f"{where}: {error}") from error
    if log["data"][-64:] != keccak256(frame.data).hex():
        raise NotDerivable(f"{where}: its data are not those that it was logged with")
    return frame


def _channel(data: bytes, frame: Frame, number: int) -> Channel:
    try:
        channel = decode_channel(data, _decompress)
    except InvalidChannel as error:
        raise NotDerivable(f"channel {number} can't be decoded: {error}") from error
    if (channel.first, channel.last) != (frame.first, frame.last):
        raise NotDerivable(
            f"channel {number} holds blocks {channel.first} to {channel.last}, the inbox was told"
            f" {frame.first} to {frame.last}"
        )
    return channel


def _decompress(data: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=MOST_BYTES)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
