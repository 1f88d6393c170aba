"""What transactions of the OP Stack pay for their data and to the operator, from Jovian on.

Sources: the OP Stack's specifications, "L1-Cost fees" of Fjord, "Operator fee" of Isthmus and
Jovian, "DA footprint block limit" of Jovian; op-geth's ``core/types/rollup_cost.go``. The length
of the data is estimated from what FastLZ would make of the transaction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.domain.op_stack import DEPOSIT_TYPE, JOVIAN, Deposit, InvalidDeposit

_INTERCEPT, _COEFFICIENT = -42_585_600, 836_500
_LEAST_SIZE: Final = 100 * 10**6
_MILLIONTHS_SQUARED: Final = 10**12
_CALLDATA_GAS: Final = 16
_OPERATOR_FACTOR: Final = 100
_JOVIAN_LENGTH: Final = 178
_WINDOW, _BUCKETS = 0x1FFF, 8192
_LONGEST_LITERALS, _LONGEST_MATCH = 32, 262
NO_SCALAR: Final = 0

Read = Callable[[int], int]
"""The word in a slot of ``L1Block``."""


@dataclass(frozen=True, slots=True)
class Charges:
    """Of one block."""

    data: int
    """Wei for 10¹² bytes."""
    operator_scalar: int
    operator_constant: int

    def data_fee(self, size: int) -> int:
        """Wei for `size` millionths of a byte."""
        return size * self.data // _MILLIONTHS_SQUARED

    def operator_fee(self, gas: int) -> int:
        """Wei."""
        return gas * self.operator_scalar * _OPERATOR_FACTOR + self.operator_constant


FREE: Final = Charges(0, 0, 0)


def charges_of(read: Read) -> Charges:
    """As ``L1Block`` has them: base fee in slot 1, its scalars in slot 3, blob base fee in slot 7,
    the operator's in slot 8."""
    scalars, operator = read(3).to_bytes(32), read(8).to_bytes(32)
    base, blob = (int.from_bytes(scalars[at : at + 4]) for at in (16, 20))
    return Charges(
        base * read(1) * _CALLDATA_GAS + blob * read(7),
        int.from_bytes(operator[20:24]),
        int.from_bytes(operator[24:]),
    )


def footprint_scalar(transactions: Sequence[bytes]) -> int:
    """Gas for each byte of data, as a block's first transaction tells it; 0 where it tells none."""
    if not transactions or transactions[0][:1] != bytes((DEPOSIT_TYPE,)):
        return NO_SCALAR
    try:
        data = Deposit.decode(transactions[0]).data
    except InvalidDeposit:
        return NO_SCALAR
    is_jovian = data[:4] == JOVIAN and len(data) >= _JOVIAN_LENGTH
    return int.from_bytes(data[_JOVIAN_LENGTH - 2 : _JOVIAN_LENGTH]) if is_jovian else NO_SCALAR


def estimated_size(raw: bytes) -> int:
    """Millionths of a byte that a transaction takes in a batch."""
    return max(_LEAST_SIZE, _INTERCEPT + _COEFFICIENT * compressed_length(raw))


def compressed_length(data: bytes) -> int:
    """Bytes that FastLZ makes of `data`, as op-geth counts them."""
    end = len(data) - 13
    table = [0] * _BUCKETS
    size, anchor, at = 0, 0, 2
    while at < end:
        while True:
            word = data[at] | data[at + 1] << 8 | data[at + 2] << 16
            bucket = (2654435769 * word & 0xFFFFFFFF) >> 19
            earlier, table[bucket] = table[bucket], at
            distance = at - earlier
            if at >= end:
                break
            at += 1
            if distance <= _WINDOW and data[earlier : earlier + 3] == data[at - 1 : at + 2]:
                break
        if at >= end:
            break
        at -= 1
        if at > anchor:
            size += _literals(at - anchor)
        length = _common(data, earlier + 3, at + 3, end + 9)
        size += _match(length)
        at += length
        for _ in range(2):
            word = data[at] | data[at + 1] << 8 | data[at + 2] << 16
            table[(2654435769 * word & 0xFFFFFFFF) >> 19] = at
            at += 1
        anchor = at
    return size + _literals(len(data) - anchor)


def _literals(count: int) -> int:
    whole, rest = divmod(count, _LONGEST_LITERALS)
    return (_LONGEST_LITERALS + 1) * whole + (rest + 1 if rest else 0)


def _match(length: int) -> int:
    whole, rest = divmod(length - 1, _LONGEST_MATCH)
    return 3 * whole + (3 if rest >= 6 else 2)


def _common(data: bytes, left: int, right: int, end: int) -> int:
    """How far both places go on alike, the first byte that differs counted."""
    for length in range(end - right):
        if data[left + length] != data[right + length]:
            return length + 1
    return max(end - right, 0)
