"""What a batcher reads and makes: a rollup's blocks, cut into channels and frames."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from control_plane.domain.channels import Channel, ChannelBlock
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.op_stack import Deposit, InvalidDeposit, Origin, origin_of
from control_plane.domain.pool_copies import PoolCopies
from control_plane.domain.ports.da import Carried, Carries
from control_plane.domain.settlement import Frame
from control_plane.services.settlement.reading import Asks, read_blocks

MOST_BLOCKS: Final = 256
"""Of one channel."""
MOST_PLAIN_BYTES: Final = 1_000_000
"""Of the transactions of one channel, if it has more than one block."""
_AT_ONCE: Final = 64
"""Blocks that are asked for in one batch of calls."""


class SendFrame(Protocol):
    async def __call__(self, frame: Frame, carried: Carried) -> None: ...


async def read_channel(
    link: Asks, first: int, last: int, copies: PoolCopies | None = None
) -> Channel:
    """Blocks `first` to `last`, or as many of them as one channel takes. `copies`: of their
    transactions, as far as there are any. TemporaryFailure when the chain has not got them, or was
    reorganised meanwhile."""
    blocks: list[ChannelBlock] = []
    parent = b""
    size = 0
    last = min(last, first + MOST_BLOCKS - 1)
    for start in range(first, last + 1, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, last + 1))
        for block, transactions in await read_blocks(link, numbers, copies or PoolCopies()):
            size += sum(len(raw) for raw in transactions)
            if blocks and size > MOST_PLAIN_BYTES:
                return Channel(parent, tuple(blocks))
            follows = _bytes(block["parentHash"])
            if blocks and follows != blocks[-1].hash:
                raise TemporaryFailure("The chain was reorganised while it was read")
            parent = parent or follows
            blocks.append(_block(block, transactions))
    return Channel(parent, tuple(blocks))


async def post_channel(
    chain_id: int, channel: Channel, data: bytes, carrying: Carries, send: SendFrame
) -> Sequence[Carried]:
    """Have `data`, the bytes of `channel`, carried frame by frame in order, and each frame sent;
    how each was carried. Errors of both."""
    size = carrying.frame_bytes
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    done = []
    for number, part in enumerate(parts):
        carried = await carrying.carry(part)
        is_last = number == len(parts) - 1
        await send(
            Frame(
                *(chain_id, channel.first, channel.last, number, is_last),
                carried.data,
                carried.carrier,
            ),
            carried,
        )
        done.append(carried)
    return done


async def last_upon(link: Asks, first: int, head: int, saved: int) -> int:
    """The newest of the blocks `first` to `head` whose origin is not above the L1's block `saved`;
    `first` - 1 where there is none. Of a rollup whose blocks all begin with the L1's attributes, so
    that origins rise with blocks. TemporaryFailure."""
    low, high = first - 1, head
    looked = high  # most often all of them are
    while low < high:
        if await _origin(link, looked) <= saved:
            low = looked
        else:
            high = looked - 1
        looked = (low + high + 1) // 2
    return low


def origin_behind(channel: Channel) -> Origin:
    """The L1 block from which a channel's last block came. TemporaryFailure, see `last_upon`."""
    last = channel.blocks[-1]
    try:
        return origin_of(Deposit.decode(last.transactions[0]).data)
    except (IndexError, InvalidDeposit) as error:
        why = f"block {last.number}: {error}"
        raise TemporaryFailure("A block tells no L1 origin", why) from error


async def _origin(link: Asks, number: int) -> int:
    """Number of the L1 block from which a block came."""
    asked = ("eth_getTransactionByBlockNumberAndIndex", (hex(number), "0x0"))
    (first,) = await link.batch([asked])
    try:
        return origin_of(_bytes(first["input"])).number
    except (TypeError, KeyError, InvalidDeposit) as error:
        why = f"block {number}: {error}"
        raise TemporaryFailure("A block tells no L1 origin", why) from error


def _block(block: Mapping[str, Any], transactions: tuple[bytes, ...]) -> ChannelBlock:
    return ChannelBlock(
        number=int(block["number"], 16),
        timestamp=int(block["timestamp"], 16),
        miner=_bytes(block["miner"]),
        gas_limit=int(block["gasLimit"], 16),
        base_fee=int(block["baseFeePerGas"], 16),
        mix_hash=_bytes(block["mixHash"]),
        parent_beacon_root=_bytes(block.get("parentBeaconBlockRoot") or "0x" + "00" * 32),
        extra_data=_bytes(block["extraData"]),
        state_root=_bytes(block["stateRoot"]),
        hash=_bytes(block["hash"]),
        transactions=transactions,
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
