"""Compares the origins and deposits of blocks on op-geth with what the L1 has and orders.

The rules (docs/formats.md, "Deposits on op-geth"): each block begins with the attributes of an L1
block, its origin; behind them stand all deposits since the origin before, and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from control_plane.adapters.derivation.deposits import Balance, DepositsDiffer, Order, Orders, Taken
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.op_stack import (
    DEPOSIT_TYPE,
    DEPOSITOR,
    FEE_RECIPIENT,
    Deposit,
    Fees,
    InvalidDeposit,
    L1Block,
    l1_attributes,
    origin_of,
)

_KIND: Final = bytes((DEPOSIT_TYPE,))
_FEES: Final = Fees()


class OriginOrders(Orders):
    """The deposits of a rollup on op-geth, and the L1 blocks that its blocks tell of."""

    _sequence = -1
    """Of the last block: blocks before it with the same origin."""

    async def check(self, block: ChannelBlock, balance: Balance) -> None:  # noqa: ARG002
        """See :meth:`Orders.check`."""
        self._block = block.number
        attributes, deposits = _deposits(block)
        origin = await self._take_origin(block, attributes)
        for deposit in deposits:
            self._take(block.number, deposit, None)
            if self._order > origin:
                claimed = f"takes a deposit of L1 block {self._order}"
                raise DepositsDiffer(block.number, claimed, f"its origin is L1 block {origin}")
        if self._taken < len(self._orders) and self._orders[self._taken].block <= origin:
            claimed = f"has L1 block {origin} as its origin"
            found = f"{self._orders[self._taken]} is in no block"
            raise DepositsDiffer(block.number, claimed, found)
        late = await self.late(block.timestamp)
        if late is not None and not deposits:
            raise self._without(block, late)

    @property
    def taken(self) -> Taken:
        """See :meth:`Orders.taken`."""
        return replace(super().taken, sequence=self._sequence)

    def resume(self, block: int, at: Taken, waiting: Sequence[Order], until: int) -> None:
        """See :meth:`Orders.resume`."""
        super().resume(block, at, waiting, until)
        self._sequence = at.sequence

    async def _take_origin(self, block: ChannelBlock, told: Deposit) -> int:
        try:
            number = origin_of(told.data).number
        except InvalidDeposit as error:
            raise DepositsDiffer(block.number, "tells nothing of the L1", str(error)) from error
        claimed = f"has L1 block {number} as its origin"
        if number < self._origin:
            raise DepositsDiffer(block.number, claimed, f"it was at {self._origin} before")
        header = await self._header(number)
        if header is None:
            raise DepositsDiffer(block.number, claimed, "the L1 has none of that number")
        l1 = L1Block.of_header(header)
        sequence = self._sequence + 1 if number == self._origin else 0
        if told != l1_attributes(l1, sequence, _FEES, jovian=True):
            raise DepositsDiffer(block.number, claimed, "what it tells of that one is not so")
        if l1.timestamp > block.timestamp and self._origin >= 0:
            found = f"that is of {l1.timestamp}, the block itself of {block.timestamp}"
            raise DepositsDiffer(block.number, claimed, found)
        _check_header(block, l1)
        self._origin, self._sequence = number, sequence
        return number


def _deposits(block: ChannelBlock) -> tuple[Deposit, Sequence[Deposit]]:
    """The L1's attributes, and users' deposits."""
    kinds = [raw[:1] == _KIND for raw in block.transactions]
    count = kinds.index(False) if False in kinds else len(kinds)
    if any(kinds[count:]):
        found = "deposits come first"
        raise DepositsDiffer(block.number, "takes a deposit behind a transaction", found)
    try:
        found_ = [Deposit.decode(raw) for raw in block.transactions[:count]]
    except InvalidDeposit as error:
        raise DepositsDiffer(block.number, "takes what is no deposit", str(error)) from error
    if not found_ or found_[0].sender != DEPOSITOR:
        raise DepositsDiffer(block.number, "tells nothing of the L1", "each block begins with that")
    return found_[0], found_[1:]


def _check_header(block: ChannelBlock, l1: L1Block) -> None:
    for what, claimed, found in (
        ("mix hash", block.mix_hash, l1.randao),
        ("parent beacon root", block.parent_beacon_root, l1.beacon_root),
        ("miner", block.miner, FEE_RECIPIENT),
    ):
        if claimed != found:
            told = f"has 0x{claimed.hex()} as its {what}"
            raise DepositsDiffer(block.number, told, f"its origin gives 0x{found.hex()}")
