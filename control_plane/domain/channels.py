"""Channels: a rollup's blocks as they are posted, so that anybody can rebuild it.

Format: docs/formats.md, "Channels". What belongs together stands together, in columns, because
that is what compresses: senders' nonces rise, recipients come again, gas limits are the same.
Signatures do not compress. Learnt from the OP Stack's span batches (its specification, "Delta").
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.domain import rlp
from control_plane.domain.channel_transactions import read_transactions, transaction_columns
from control_plane.domain.columns import (
    InvalidChannel,
    deltas,
    flat,
    numbers,
    read_deltas,
    read_numbers,
    read_table,
    sized,
    slices,
    table,
)
from control_plane.domain.rlp import Decoded, Item

VERSION: Final = 1
ZSTD: Final = 1
"""How what follows the two bytes of a channel's head is compressed (RFC 8878)."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of one channel, decompressed: more is refused before it takes the memory."""


@dataclass(frozen=True, slots=True)
class ChannelBlock:
    """What a block says beyond what follows from executing it."""

    number: int
    timestamp: int
    """Seconds."""
    miner: bytes
    gas_limit: int
    base_fee: int
    """Wei for each gas."""
    mix_hash: bytes
    """PREVRANDAO (EIP-4399)."""
    parent_beacon_root: bytes
    extra_data: bytes
    state_root: bytes
    """After the block: what whoever derives it compares with."""
    hash: bytes
    transactions: tuple[bytes, ...]
    """As they were signed: EIP-2718 envelopes."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Consecutive blocks, at least one. ValueError for others."""

    parent_hash: bytes
    """Of the block before the first one; the first channel's is the hash of block 0."""
    blocks: tuple[ChannelBlock, ...]

    def __post_init__(self) -> None:
        if not self.blocks:
            raise ValueError("a channel has at least one block")
        if any(block.number != self.first + at for at, block in enumerate(self.blocks)):
            raise ValueError("a channel's blocks follow each other")

    @property
    def first(self) -> int:
        """Number of the first block."""
        return self.blocks[0].number

    @property
    def last(self) -> int:
        """Number of the last block."""
        return self.blocks[-1].number


def encode_channel(channel: Channel, compress: Callable[[bytes], bytes]) -> bytes:
    """The bytes of a channel; `compress` makes a Zstandard frame."""
    return bytes((VERSION, ZSTD)) + compress(rlp.encode(_columns(channel)))


def decode_channel(data: bytes, decompress: Callable[[bytes], bytes]) -> Channel:
    """The channel of which `data` are the bytes. `decompress` raises ValueError for what is no
    Zstandard frame or comes to more than :data:`MOST_BYTES`. InvalidChannel."""
    if len(data) < 2 or data[0] != VERSION or data[1] != ZSTD:
        raise InvalidChannel(f"neither version nor compression is known: 0x{data[:2].hex()}")
    try:
        return _channel(rlp.decode_list(decompress(data[2:])))
    except (ValueError, IndexError, TypeError, OverflowError, RuntimeError) as error:
        # RuntimeError: a column that ended before its readers did, or lists nested without end
        raise InvalidChannel(str(error) or type(error).__name__) from error


def _columns(channel: Channel) -> Item:
    blocks = channel.blocks
    transactions = [raw for block in blocks for raw in block.transactions]
    return [
        channel.parent_hash,
        rlp.encode_int(channel.first),
        numbers([len(block.transactions) for block in blocks]),
        deltas([block.timestamp for block in blocks]),
        deltas([block.gas_limit for block in blocks]),
        deltas([block.base_fee for block in blocks]),
        table([block.miner for block in blocks]),
        table([block.parent_beacon_root for block in blocks]),
        table([block.extra_data for block in blocks]),
        b"".join(block.mix_hash for block in blocks),
        b"".join(block.state_root for block in blocks),
        b"".join(block.hash for block in blocks),
        transaction_columns(transactions),
    ]


def _channel(columns: Sequence[Decoded]) -> Channel:
    parent_hash, number, *rest = columns
    counts = read_numbers(flat(rest[0]))
    size = len(counts)
    timestamps, limits, fees = (read_deltas(flat(column), size) for column in rest[1:4])
    miners, beacons, extras = (read_table(column, size) for column in rest[4:7])
    mixes, roots, hashes = (slices(flat(column), 32, size) for column in rest[7:10])
    raws = iter(read_transactions(rest[10], sum(counts)))
    if len(rest) != 11 or not size:
        raise InvalidChannel("a channel has thirteen columns and at least one block")
    first = int.from_bytes(flat(number))
    blocks = tuple(
        ChannelBlock(
            number=first + at,
            timestamp=timestamps[at],
            miner=sized(miners[at], 20),
            gas_limit=limits[at],
            base_fee=fees[at],
            mix_hash=mixes[at],
            parent_beacon_root=sized(beacons[at], 32),
            extra_data=extras[at],
            state_root=roots[at],
            hash=hashes[at],
            transactions=tuple(next(raws) for _ in range(counts[at])),
        )
        for at in range(size)
    )
    return Channel(sized(flat(parent_hash), 32), blocks)
