"""Columns of a channel: numbers, words and bytes of which many stand one after the other."""

from collections.abc import Sequence
from typing import Final

from control_plane.domain.rlp import Decoded, Item

_MOST_BITS: Final = 280
"""Of a number in a column: 256, by sevens."""


class InvalidChannel(ValueError):
    """Bytes that are not a channel of this format."""


def numbers(values: Sequence[int]) -> bytes:
    """LEB128: seven bits a byte, the low ones first."""
    if max(values, default=0) < 0x80:
        return bytes(values)
    out = bytearray()
    for value in values:
        rest = value
        while rest > 0x7F:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
    return bytes(out)


def read_numbers(data: bytes, count: int | None = None) -> list[int]:
    """From what :func:`numbers` gave, `count` of them where that is known. InvalidChannel."""
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


def deltas(values: Sequence[int]) -> bytes:
    """Differences to the value before, the sign in the lowest bit."""
    before, found = 0, []
    for value in values:
        change = value - before
        found.append(change * 2 if change >= 0 else -change * 2 - 1)
        before = value
    return numbers(found)


def read_deltas(data: bytes, count: int) -> list[int]:
    """From what :func:`deltas` gave. InvalidChannel."""
    values, value = [], 0
    for folded in read_numbers(data, count):
        value += -(folded + 1) // 2 if folded & 1 else folded // 2
        values.append(value)
    return values


def table(values: Sequence[bytes]) -> Item:
    """Every value once, in the order in which they come, and which one stands where."""
    places: dict[bytes, int] = {}
    order = [places.setdefault(value, len(places)) for value in values]
    return [list(places), numbers(order)]


def read_table(column: Decoded, count: int) -> list[bytes]:
    """From what :func:`table` gave. InvalidChannel."""
    entries, order = nested(column)
    values = [flat(entry) for entry in nested(entries)]
    return [values[at] for at in read_numbers(flat(order), count)]


def slices(data: bytes, size: int, count: int) -> list[bytes]:
    """`count` words of `size` bytes each. InvalidChannel."""
    if len(data) != size * count:
        raise InvalidChannel("a column of words has another length")
    return [data[at : at + size] for at in range(0, len(data), size)]


def split(data: bytes, lengths: Sequence[int]) -> list[bytes]:
    """Bytes of those lengths, which come to all of `data`. InvalidChannel."""
    if sum(lengths) != len(data):
        raise InvalidChannel("a column of bytes has another length")
    found, at = [], 0
    for length in lengths:
        found.append(data[at : at + length])
        at += length
    return found


def flat(item: Decoded) -> bytes:
    """An item that is bytes. InvalidChannel."""
    if not isinstance(item, bytes):
        raise InvalidChannel("bytes are expected where a list stands")
    return item


def nested(item: Decoded) -> list[Decoded]:
    """An item that is a list. InvalidChannel."""
    if isinstance(item, bytes):
        raise InvalidChannel("a list is expected where bytes stand")
    return item


def sized(data: bytes, size: int) -> bytes:
    """`data`, which has `size` bytes. InvalidChannel."""
    if len(data) != size:
        raise InvalidChannel(f"a field has {len(data)} bytes instead of {size}")
    return data
