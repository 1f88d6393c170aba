"""Channels: a rollup's blocks as they are posted, so that anybody can rebuild it.

Format: docs/formats.md, "Channels". What belongs together stands together, in columns, because
that is what compresses: senders' nonces rise, recipients come again, gas limits are the same.
Signatures do not compress. Learnt from the OP Stack's span batches (its specification, "Delta").
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from control_plane.domain import rlp
from control_plane.domain.rlp import Decoded, Item

VERSION: Final = 1
ZSTD: Final = 1
"""How what follows the two bytes of a channel's head is compressed (RFC 8878)."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of one channel, decompressed: more is refused before it takes the memory."""

_RAW: Final = 0xFF
"""Kind of a transaction that is carried as it is: one whose fields this version does not know."""
_MOST_BITS: Final = 280
"""Of a number in a column: 256, by sevens."""
_LEGACY, _ACCESS_LIST, _DYNAMIC_FEE, _SET_CODE = 0, 1, 2, 4
_TYPED: Final = frozenset({_ACCESS_LIST, _DYNAMIC_FEE, _SET_CODE})
_ZERO: Final = b"\0"

T = TypeVar("T")


class InvalidChannel(ValueError):
    """Bytes that are not a channel of this format."""


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
class _Fields:
    """A transaction taken apart."""

    kind: int
    chain_id: int | None
    """None: a legacy transaction from before EIP-155."""
    nonce: int
    tip: bytes
    """This and the other numbers as they stand in RLP: big-endian without leading zeros."""
    fee: bytes
    """Gas price for kinds that have one price."""
    gas: bytes
    to: bytes
    """Empty where a contract is created."""
    value: bytes
    data: bytes
    access_list: Item
    authorizations: Item
    parity: int
    r: bytes
    s: bytes


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


# ---------------------------------------------------------------------- blocks


def _columns(channel: Channel) -> Item:
    blocks = channel.blocks
    transactions = [raw for block in blocks for raw in block.transactions]
    return [
        channel.parent_hash,
        rlp.encode_int(channel.first),
        _numbers([len(block.transactions) for block in blocks]),
        _deltas([block.timestamp for block in blocks]),
        _deltas([block.gas_limit for block in blocks]),
        _deltas([block.base_fee for block in blocks]),
        _table([block.miner for block in blocks]),
        _table([block.parent_beacon_root for block in blocks]),
        _table([block.extra_data for block in blocks]),
        b"".join(block.mix_hash for block in blocks),
        b"".join(block.state_root for block in blocks),
        b"".join(block.hash for block in blocks),
        _transaction_columns(transactions),
    ]


def _channel(columns: Sequence[Decoded]) -> Channel:
    parent_hash, number, *rest = columns
    counts = _read_numbers(_flat(rest[0]))
    size = len(counts)
    timestamps, limits, fees = (_read_deltas(_flat(column), size) for column in rest[1:4])
    miners, beacons, extras = (_read_table(column, size) for column in rest[4:7])
    mixes, roots, hashes = (_slices(_flat(column), 32, size) for column in rest[7:10])
    raws = iter(_read_transactions(rest[10], sum(counts)))
    if len(rest) != 11 or not size:
        raise InvalidChannel("a channel has thirteen columns and at least one block")
    first = int.from_bytes(_flat(number))
    blocks = tuple(
        ChannelBlock(
            number=first + at,
            timestamp=timestamps[at],
            miner=_sized(miners[at], 20),
            gas_limit=limits[at],
            base_fee=fees[at],
            mix_hash=mixes[at],
            parent_beacon_root=_sized(beacons[at], 32),
            extra_data=extras[at],
            state_root=roots[at],
            hash=hashes[at],
            transactions=tuple(next(raws) for _ in range(counts[at])),
        )
        for at in range(size)
    )
    return Channel(_sized(_flat(parent_hash), 32), blocks)


# ---------------------------------------------------------------------- transactions


def _transaction_columns(raws: Sequence[bytes]) -> Item:
    parts = [_take_apart(raw) for raw in raws]
    found = [part for part in parts if isinstance(part, _Fields)]
    return [
        bytes(part.kind if isinstance(part, _Fields) else _RAW for part in parts),
        [part for part in parts if isinstance(part, bytes)],
        _table([b"" if f.chain_id is None else rlp.encode_int(f.chain_id + 1) for f in found]),
        _numbers([f.nonce for f in found]),
        _table([f.tip for f in found]),
        _table([f.fee for f in found]),
        _table([f.gas for f in found]),
        _table([f.to for f in found]),
        _table([f.value for f in found]),
        _numbers([len(f.data) for f in found]),
        b"".join(f.data for f in found),
        [f.access_list for f in found if f.kind != _LEGACY],
        [f.authorizations for f in found if f.kind == _SET_CODE],
        bytes(f.parity for f in found),
        b"".join(f.r for f in found),
        b"".join(f.s for f in found),
    ]


def _read_transactions(column: Decoded, count: int) -> Iterator[bytes]:
    columns = _nested(column)
    kinds = _flat(columns[0])
    known = sum(kind != _RAW for kind in kinds)
    if len(kinds) != count or len(columns) != 16:
        raise InvalidChannel("the columns of transactions do not fit together")
    raws = iter(_nested(columns[1]))
    chains = _read_table(columns[2], known)
    nonces = _read_numbers(_flat(columns[3]), known)
    tips, fees, gas, to, value = (_read_table(part, known) for part in columns[4:9])
    data = _split(_flat(columns[10]), _read_numbers(_flat(columns[9]), known))
    lists, authorizations = iter(_nested(columns[11])), iter(_nested(columns[12]))
    parities = _flat(columns[13])
    r, s = (_slices(_flat(part), 32, known) for part in columns[14:16])
    at = 0
    for kind in kinds:
        if kind == _RAW:
            yield _flat(next(raws))
            continue
        chain = chains[at]
        fields = _Fields(
            kind=kind,
            chain_id=int.from_bytes(chain) - 1 if chain else None,
            nonce=nonces[at],
            tip=tips[at].lstrip(_ZERO),
            fee=fees[at].lstrip(_ZERO),
            gas=gas[at].lstrip(_ZERO),
            to=to[at],
            value=value[at].lstrip(_ZERO),
            data=data[at],
            access_list=next(lists) if kind != _LEGACY else (),
            authorizations=next(authorizations) if kind == _SET_CODE else (),
            parity=parities[at],
            r=r[at],
            s=s[at],
        )
        yield _put_together(fields)
        at += 1


def _take_apart(raw: bytes) -> _Fields | bytes:
    """The fields, or `raw` where putting them together would not give the same bytes."""
    try:
        return _typed(raw) if raw[0] < 0x80 else _legacy(rlp.decode_list(raw))
    except (ValueError, IndexError, TypeError, OverflowError):
        return raw


def _legacy(items: Sequence[Decoded]) -> _Fields:
    nonce, price, gas, to, value, data, v, r, s = (_flat(item) for item in items)
    number = int.from_bytes(_shortest(v))
    chain_id = (number - 35) // 2 if number >= 35 else None
    parity = (number - 35) % 2 if number >= 35 else number - 27
    return _fields(_LEGACY, chain_id, (nonce, b"", price, gas, to, value, data), (parity, r, s))


def _typed(raw: bytes) -> _Fields:
    items, kind = rlp.decode_list(raw[1:]), raw[0]
    fees = 1 if kind == _ACCESS_LIST else 2
    if kind not in _TYPED or len(items) != 10 + fees + (kind == _SET_CODE):
        raise InvalidChannel("a transaction of an unknown form")
    chain_id = int.from_bytes(_shortest(_flat(items[0])))
    parity, r, s = (_flat(item) for item in items[-3:])
    nonce, *prices = (_flat(item) for item in items[1 : 2 + fees])
    gas, to, value, data = (_flat(item) for item in items[2 + fees : 6 + fees])
    tip, fee = (b"", prices[0]) if fees == 1 else (prices[0], prices[1])
    return _fields(
        kind,
        chain_id,
        (nonce, tip, fee, gas, to, value, data),
        (int.from_bytes(_shortest(parity)), r, s),
        items[6 + fees],
        items[7 + fees] if kind == _SET_CODE else (),
    )


def _fields(
    kind: int,
    chain_id: int | None,
    body: tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes],
    signature: tuple[int, bytes, bytes],
    access_list: Item = (),
    authorizations: Item = (),
) -> _Fields:
    """ValueError where :func:`_put_together` would not give the same bytes: RLP has one encoding of
    each list, so that is where a number could be written otherwise."""
    nonce, tip, fee, gas, to, value, data = body
    parity, r, s = signature
    for number in (nonce, tip, fee, gas, value, r, s):
        _shortest(number)
    if parity not in {0, 1} or len(r) > 32 or len(s) > 32:
        raise InvalidChannel("a signature of an unknown form")
    return _Fields(
        *(kind, chain_id, int.from_bytes(nonce), tip, fee, gas, to, value, data),
        *(access_list, authorizations, parity, r.rjust(32, _ZERO), s.rjust(32, _ZERO)),
    )


def _shortest(number: bytes) -> bytes:
    if number[:1] == _ZERO:
        raise InvalidChannel("a number with leading zeros")
    return number


def _put_together(fields: _Fields) -> bytes:
    """The transaction's bytes (EIP-155, 2930, 1559, 7702)."""
    number = rlp.encode_int
    call: list[Item] = [fields.gas, fields.to, fields.value, fields.data]
    r, s = fields.r.lstrip(_ZERO), fields.s.lstrip(_ZERO)
    if fields.kind == _LEGACY:
        base = 27 if fields.chain_id is None else 35 + 2 * fields.chain_id
        head: list[Item] = [number(fields.nonce), fields.fee]
        return rlp.encode([*head, *call, number(base + fields.parity), r, s])
    prices = [fields.fee] if fields.kind == _ACCESS_LIST else [fields.tip, fields.fee]
    signed = [number(fields.parity), r, s]
    lists: list[Item] = [fields.access_list]
    if fields.kind == _SET_CODE:
        lists.append(fields.authorizations)
    chain_id = number(fields.chain_id or 0)
    body: list[Item] = [chain_id, number(fields.nonce), *prices, *call, *lists, *signed]
    return bytes((fields.kind,)) + rlp.encode(body)


# ---------------------------------------------------------------------- columns


def _numbers(values: Sequence[int]) -> bytes:
    """LEB128: seven bits a byte, the low ones first."""
    out = bytearray()
    for value in values:
        rest = value
        while rest > 0x7F:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
    return bytes(out)


def _read_numbers(data: bytes, count: int | None = None) -> list[int]:
    values, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if shift > _MOST_BITS:
            raise InvalidChannel("a number has no end")
        if byte < 0x80:
            values.append(value)
            value, shift = 0, 0
    if shift or (count is not None and len(values) != count):
        raise InvalidChannel("a column of numbers has another length")
    return values


def _deltas(values: Sequence[int]) -> bytes:
    """Differences to the value before, the sign in the lowest bit."""
    before, found = 0, []
    for value in values:
        change = value - before
        found.append(change * 2 if change >= 0 else -change * 2 - 1)
        before = value
    return _numbers(found)


def _read_deltas(data: bytes, count: int) -> list[int]:
    values, value = [], 0
    for folded in _read_numbers(data, count):
        value += -(folded + 1) // 2 if folded & 1 else folded // 2
        values.append(value)
    return values


def _table(values: Sequence[bytes]) -> Item:
    """Every value once, in the order in which they come, and which one stands where."""
    places: dict[bytes, int] = {}
    order = [places.setdefault(value, len(places)) for value in values]
    return [list(places), _numbers(order)]


def _read_table(column: Decoded, count: int) -> list[bytes]:
    entries, order = _nested(column)
    values = [_flat(entry) for entry in _nested(entries)]
    return [values[at] for at in _read_numbers(_flat(order), count)]


def _slices(data: bytes, size: int, count: int) -> list[bytes]:
    if len(data) != size * count:
        raise InvalidChannel("a column of words has another length")
    return [data[at : at + size] for at in range(0, len(data), size)]


def _split(data: bytes, lengths: Sequence[int]) -> list[bytes]:
    if sum(lengths) != len(data):
        raise InvalidChannel("a column of bytes has another length")
    found, at = [], 0
    for length in lengths:
        found.append(data[at : at + length])
        at += length
    return found


def _flat(item: Decoded) -> bytes:
    if not isinstance(item, bytes):
        raise InvalidChannel("bytes are expected where a list stands")
    return item


def _nested(item: Decoded) -> list[Decoded]:
    if isinstance(item, bytes):
        raise InvalidChannel("a list is expected where bytes stand")
    return item


def _sized(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise InvalidChannel(f"a field has {len(data)} bytes instead of {size}")
    return data
