"""RLP, the encoding of block headers and trie nodes. Source: Ethereum yellow paper, appendix B.

Of our own, because guardians decode a hundred nodes an epoch and the general package costs
0.16 s of import. Decoding is strict: every item has exactly one accepted encoding.
"""

from collections.abc import Sequence
from typing import TypeAlias

Item: TypeAlias = "bytes | Sequence[Item]"
"""Bytes, or a sequence of items."""
Decoded: TypeAlias = "bytes | list[Decoded]"


class InvalidRlp(ValueError):
    """Bytes that are not the canonical RLP of anything."""


def encode(item: Item) -> bytes:
    """RLP of bytes or of nested sequences of bytes."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _head(0x80, len(item)) + item
    body = b"".join([encode(part) for part in item])
    return _head(0xC0, len(body)) + body


def encode_int(value: int) -> bytes:
    """The big-endian bytes without leading zeros as which a number enters RLP; empty for 0."""
    return value.to_bytes((value.bit_length() + 7) // 8)


def decode(data: bytes) -> Decoded:
    """The item of which `data` is the RLP. InvalidRlp."""
    item, end = _item(data, 0, len(data))
    if end != len(data):
        raise InvalidRlp("bytes follow the item")
    return item


def decode_list(data: bytes) -> list[Decoded]:
    """The list of which `data` is the RLP. InvalidRlp if it is anything else."""
    item = decode(data)
    if isinstance(item, bytes):
        raise InvalidRlp("a list is expected")
    return item


def _head(base: int, length: int) -> bytes:
    if length < 56:
        return bytes((base + length,))
    size = encode_int(length)
    return bytes((base + 55 + len(size),)) + size


def _item(data: bytes, start: int, limit: int) -> tuple[Decoded, int]:
    """The item at `start` and where it ends; it must end at `limit` or before."""
    if start >= limit:
        raise InvalidRlp("an item is missing")
    first = data[start]
    if first < 0x80:
        return data[start : start + 1], start + 1
    base = 0x80 if first < 0xC0 else 0xC0
    begin, end = _extent(data, start, limit, first - base)
    if base == 0x80:
        if end - begin == 1 and data[begin] < 0x80:
            raise InvalidRlp("a small byte stands for itself")
        return data[begin:end], end
    items: list[Decoded] = []
    while begin < end:
        first = data[begin]
        if first < 0x80:
            items.append(data[begin : begin + 1])
            begin += 1
        elif first == 0x80 or 0x82 <= first < 0xB8:  # short strings, most of every trie node
            stop = begin + first - 0x7F
            if stop > end:
                raise InvalidRlp("an item is cut off")
            items.append(data[begin + 1 : stop])
            begin = stop
        else:
            item, begin = _item(data, begin, end)
            items.append(item)
    return items, end


def _extent(data: bytes, start: int, limit: int, tag: int) -> tuple[int, int]:
    """Where the payload of the item at `start` begins and ends."""
    begin = start + 1
    length = tag
    if tag > 55:
        begin += tag - 55
        if begin > limit:
            raise InvalidRlp("a length is cut off")
        length = int.from_bytes(data[start + 1 : begin])
        if length < 56 or data[start + 1] == 0:
            raise InvalidRlp("a length is not in its shortest form")
    if begin + length > limit:
        raise InvalidRlp("an item is cut off")
    return begin, begin + length
