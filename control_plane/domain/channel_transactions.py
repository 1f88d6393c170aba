"""Transactions as channels carry them: taken apart into columns, put together to the same bytes."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, cast

from control_plane.domain import rlp
from control_plane.domain.columns import (
    InvalidChannel,
    flat,
    nested,
    numbers,
    read_numbers,
    read_table,
    slices,
    split,
    table,
)
from control_plane.domain.rlp import Decoded, Item

_RAW: Final = 0xFF
"""Kind of a transaction that is carried as it is: one whose fields this version does not know."""
_LEGACY, _ACCESS_LIST, _DYNAMIC_FEE, _SET_CODE = 0, 1, 2, 4
_ZERO: Final = b"\0"
_SIGNATURE: Final = (bytes, bytes, bytes)
_FORMS: Final = {
    _ACCESS_LIST: [*[bytes] * 7, list, *_SIGNATURE],
    _DYNAMIC_FEE: [*[bytes] * 8, list, *_SIGNATURE],
    _SET_CODE: [*[bytes] * 8, list, list, *_SIGNATURE],
}
"""What the items of a transaction of each kind are (EIP-2930, 1559, 7702)."""


class _Fields(NamedTuple):
    """A transaction taken apart. A tuple, as there are hundreds in a block while others wait."""

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


def transaction_columns(raws: Sequence[bytes]) -> Item:
    """The sixteen columns of transactions as they were signed."""
    parts = [_take_apart(raw) for raw in raws]
    found = [part for part in parts if isinstance(part, _Fields)]
    return [
        bytes(part.kind if isinstance(part, _Fields) else _RAW for part in parts),
        [part for part in parts if isinstance(part, bytes)],
        table([b"" if f.chain_id is None else rlp.encode_int(f.chain_id + 1) for f in found]),
        numbers([f.nonce for f in found]),
        table([f.tip for f in found]),
        table([f.fee for f in found]),
        table([f.gas for f in found]),
        table([f.to for f in found]),
        table([f.value for f in found]),
        numbers([len(f.data) for f in found]),
        b"".join(f.data for f in found),
        [f.access_list for f in found if f.kind != _LEGACY],
        [f.authorizations for f in found if f.kind == _SET_CODE],
        bytes(f.parity for f in found),
        b"".join(f.r for f in found),
        b"".join(f.s for f in found),
    ]


def read_transactions(column: Decoded, count: int) -> Iterator[bytes]:
    """From what :func:`transaction_columns` gave of `count` transactions. InvalidChannel, or what
    else goes wrong with bytes that are none."""
    columns = nested(column)
    kinds = flat(columns[0])
    known = sum(kind != _RAW for kind in kinds)
    if len(kinds) != count or len(columns) != 16:
        raise InvalidChannel("the columns of transactions do not fit together")
    raws = iter(nested(columns[1]))
    chains = read_table(columns[2], known)
    nonces = read_numbers(flat(columns[3]), known)
    tips, fees, gas, to, value = (read_table(part, known) for part in columns[4:9])
    data = split(flat(columns[10]), read_numbers(flat(columns[9]), known))
    lists, authorizations = iter(nested(columns[11])), iter(nested(columns[12]))
    parities = flat(columns[13])
    r, s = (slices(flat(part), 32, known) for part in columns[14:16])
    at = 0
    for kind in kinds:
        if kind == _RAW:
            yield flat(next(raws))
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
    nonce, price, gas, to, value, data, v, r, s = (flat(item) for item in items)
    number = int.from_bytes(_shortest(v))
    chain_id = (number - 35) // 2 if number >= 35 else None
    parity = (number - 35) % 2 if number >= 35 else number - 27
    return _fields(_LEGACY, chain_id, (nonce, b"", price, gas, to, value, data), (parity, r, s))


def _typed(raw: bytes) -> _Fields:
    items, kind = rlp.decode_list(raw[1:]), raw[0]
    if list(map(type, items)) != _FORMS.get(kind):
        raise InvalidChannel("a transaction of an unknown form")
    if kind == _ACCESS_LIST:
        items.insert(2, b"")  # it has one price, and no tip
    chain_id, nonce, tip, fee, gas, to, value, data = cast("list[bytes]", items[:8])
    parity, r, s = cast("list[bytes]", items[-3:])
    return _fields(
        kind,
        int.from_bytes(_shortest(chain_id)),
        (nonce, tip, fee, gas, to, value, data),
        (int.from_bytes(_shortest(parity)), r, s),
        items[8],
        items[9] if kind == _SET_CODE else (),
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
    if _ZERO in [number[:1] for number in (nonce, tip, fee, gas, value, r, s)]:
        raise InvalidChannel("a number with leading zeros")
    if parity not in {0, 1} or len(r) > 32 or len(s) > 32:
        raise InvalidChannel("a signature of an unknown form")
    whole = r.rjust(32, _ZERO), s.rjust(32, _ZERO)
    lists = access_list, authorizations
    number = int.from_bytes(nonce)
    return _Fields(kind, chain_id, number, tip, fee, gas, to, value, data, *lists, parity, *whole)


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
