"""A channel that nobody can make blocks of ends the rollup, for everybody who reads it: an output
behind it is wrong, not unknown."""

from typing import Any, cast

import pytest
import zstandard

from control_plane.adapters.derivation.chronicle import Chronicle, NotDerived
from control_plane.adapters.derivation.l1 import START, BadChannel, Inbox
from control_plane.domain.calls import word
from control_plane.domain.channels import Channel, encode_channel
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.da import DataWithheld
from control_plane.domain.settlement import FRAME_POSTED, Frame, accumulate
from tests.integration.derivation.test_proving import used
from tests.integration.derivation.test_replay import Site, site

__all__ = ["site"]

_INBOX = "0x" + "0a" * 20


class FakeL1:
    """Holds frames, one channel and one block each."""

    def __init__(self, frames: list[Frame]) -> None:
        self.frames = frames

    @property
    def accumulators(self) -> list[bytes]:
        found = [bytes(32)]
        for frame in self.frames:
            found.append(accumulate(found[-1], [frame]))
        return found

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_blockNumber":
            return hex(len(self.frames))
        if method == "eth_call":
            count, last = len(self.frames), self.frames[-1].last
            values = (0, last + 1, 0, count, 0, 0, self.accumulators[-1])
            return "0x" + b"".join(word(value) for value in values).hex()
        assert method == "eth_getLogs"
        until = int(params[0]["toBlock"], 16)
        return [self._log(n) for n in range(1, min(until, len(self.frames)) + 1)]

    async def batch(self, calls: Any) -> list[Any]:
        numbers = [int(params[0], 16) for _, params in calls]
        return [{"input": "0x" + self.frames[n - 1].encode().hex()} for n in numbers]

    def _log(self, number: int) -> dict[str, Any]:
        frame = self.frames[number - 1]
        return {
            "topics": ["0x" + FRAME_POSTED.hex()],
            "data": "0x" + keccak256(frame.data).hex(),
            "blockNumber": hex(number),
            "logIndex": "0x0",
            "transactionHash": hex(number),
        }


class Reader:
    """Gives what is in the frame, but nothing of the channels that end with `withheld`."""

    def __init__(self, withheld: int | None = None) -> None:
        self.withheld = withheld

    async def read(self, frame: Frame, block: int) -> bytes:
        del block
        if frame.last == self.withheld:
            raise DataWithheld("Data are withheld")
        if frame.data == b"no commitment":
            raise ValueError("not a commitment")
        return frame.data

    async def close(self) -> None: ...


def frame(first: int, last: int, data: bytes) -> Frame:
    return Frame(900, first, last, 0, True, data)


def posted(channel: Channel, first: int, last: int) -> Frame:
    before = channel.parent_hash if first == 1 else channel.blocks[first - 2].hash
    part = Channel(before, channel.blocks[first - 1 : last])
    return frame(first, last, encode_channel(part, zstandard.ZstdCompressor().compress))


async def follow(chronicle: Chronicle, l1: FakeL1, reader: Reader | None = None) -> None:
    async def tell(_: int) -> None: ...

    await chronicle.follow(Inbox(cast("Any", l1), _INBOX, 900, reader or Reader()), tell)


@pytest.mark.parametrize("what", ["garbage", "other blocks", "no commitment"])
async def test_it_ends_there_and_what_follows_is_read_all_the_same(site: Site, what: str) -> None:
    channel = await used(site)
    bad = {
        "garbage": frame(3, 4, b"garbage"),
        "other blocks": frame(3, 4, posted(channel, 3, 5).data),
        "no commitment": frame(3, 4, b"no commitment"),
    }[what]
    l1 = FakeL1([posted(channel, 1, 2), bad, posted(channel, 5, 6)])
    chronicle = Chronicle(site.genesis)
    await follow(chronicle, l1)
    assert chronicle.reach.last == 2
    assert chronicle.reach.stuck
    assert "channel 1" in chronicle.reach.stuck
    assert [chronicle.last_of(each) for each in l1.accumulators[1:]] == [2, 4, 6]
    assert chronicle.block(2).hash == channel.blocks[1].hash
    for number in (3, 4, 5, 6):
        with pytest.raises(NotDerived, match="channel 1"):
            chronicle.block(number)
        with pytest.raises(NotDerived, match="channel 1"):
            chronicle.trace(number)
    l1.frames.append(frame(7, 9, b"more garbage"))
    await follow(chronicle, l1)
    assert chronicle.last_of(l1.accumulators[-1]) == 9
    assert "channel 1" in str(chronicle.reach.stuck)


async def test_the_first_one_is_bad(site: Site) -> None:
    l1 = FakeL1([frame(1, 2, b"garbage")])
    chronicle = Chronicle(site.genesis)
    await follow(chronicle, l1)
    assert chronicle.last_of(l1.accumulators[1]) == 2
    with pytest.raises(NotDerived, match="channel 0"):
        chronicle.block(2)
    with pytest.raises(BadChannel):
        async for _ in Inbox(cast("Any", l1), _INBOX, 900, Reader()).channels(1, START):
            pass


async def test_an_l1_that_lost_it_starts_anew(site: Site) -> None:
    channel = await used(site)
    l1 = FakeL1([posted(channel, 1, 2), frame(3, 4, b"garbage")])
    chronicle = Chronicle(site.genesis)
    await follow(chronicle, l1)
    l1.frames[1:] = [posted(channel, 3, 4)]
    await follow(chronicle, l1)
    assert chronicle.reach.stuck is None
    assert chronicle.reach.last == 4


async def test_withheld_data_are_no_bad_channel(site: Site) -> None:
    channel = await used(site)
    l1 = FakeL1([posted(channel, 1, 2), posted(channel, 3, 4)])
    chronicle = Chronicle(site.genesis)
    with pytest.raises(TemporaryFailure, match="withheld"):
        await follow(chronicle, l1, Reader(withheld=4))
    assert chronicle.reach.last == 2
    assert chronicle.reach.stuck is None
    assert chronicle.last_of(l1.accumulators[2]) is None
    await follow(chronicle, l1)
    assert chronicle.last_of(l1.accumulators[2]) == 4
