"""Compares the deposits of a rollup's blocks with those that its L1 orders.

The rules (docs/formats.md, "Deposits"): blocks take the L1's deposits in its order, each once; the
L1's attributes name a block of the L1 up to which all deposits are in; no block goes without a
deposit that has waited longer than the sequencing window.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from control_plane.adapters.derivation.replay import Differs
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.op_stack import (
    DEPOSIT_TYPE,
    DEPOSITED_TOPIC,
    DEPOSITOR,
    Deposit,
    InvalidDeposit,
    L1Block,
    deposit_of_log,
    l1_attributes,
    origin_of,
)
from control_plane.domain.ports.node import Rpc
from control_plane.domain.settlement.deposits import FREE, bare, is_refused

_RANGE: Final = 2_000
"""L1 blocks whose logs are asked for at once."""
_KIND: Final = bytes((DEPOSIT_TYPE,))

Balance = Callable[[bytes], int]
"""Wei of an account before the block."""


class DepositsDiffer(Differs):
    """A block whose deposits are not the L1's."""

    def __init__(self, number: int, claimed: str, found: str) -> None:
        super().__init__(number, "deposits", claimed, found)
        self.args = (f"block {number} {claimed}; {found}",)


@dataclass(frozen=True, slots=True)
class Order:
    """A deposit and the number of the L1 block that orders it."""

    deposit: Deposit
    block: int

    def __str__(self) -> str:
        sender = self.deposit.sender.hex()
        return f"deposit {self.deposit.hash} of 0x{sender} in L1 block {self.block}"


@dataclass(frozen=True, slots=True)
class Taken:
    """How far a rollup was with the L1's deposits after a block."""

    count: int
    """Of deposits, in the L1's order."""
    order: int
    """L1 block of the last of them; -1 for none."""
    origin: int
    """L1 block up to which all are in, as the last attributes told; -1 for none."""
    sequence: int = 0
    """Blocks before it with the same origin, on op-geth."""


class Orders:
    """The deposits of the rollup whose portal is at `portal`; `window`: seconds."""

    def __init__(self, l1: Rpc, portal: str, window: float) -> None:
        self._l1 = l1
        self._portal = portal
        self._window = window
        self._orders: list[Order] = []
        self._read = -1
        self._dropped = 0
        """Deposits that were taken long ago and are not in the list any more."""
        self._taken = 0
        self._order = -1
        self._origin = -1
        self._block = 0
        self._times: dict[int, int] = {}

    async def read(self, until: int) -> None:
        """Read the L1 up to its block `until`. ValueError for a log that is no deposit."""
        for start in range(self._read + 1, until + 1, _RANGE):
            request = {
                "address": self._portal,
                "topics": ["0x" + DEPOSITED_TOPIC.hex()],
                "fromBlock": hex(start),
                "toBlock": hex(min(start + _RANGE - 1, until)),
            }
            for log in await self._l1.call("eth_getLogs", request):
                self._orders.append(Order(deposit_of_log(log), int(log["blockNumber"], 16)))
        self._read = until

    async def check(self, block: ChannelBlock, balance: Balance) -> None:
        """Take note of the next block. DepositsDiffer."""
        self._block = block.number
        attributes, deposits = _deposits(block)
        for at, deposit in enumerate(deposits):
            self._take(block.number, deposit, balance if at == 0 else None)
        if len(attributes) > 1:
            raise DepositsDiffer(block.number, "tells of the L1 twice", "once is what it may")
        for one in attributes:
            await self._take_attributes(block.number, one)
        late = await self.late(block.timestamp)
        if late is not None and not deposits:
            raise self._without(block, late)

    @property
    def taken(self) -> Taken:
        """How far the rollup is with them."""
        return Taken(self._dropped + self._taken, self._order, self._origin)

    def waiting(self, at: Taken, until: int) -> tuple[Order, ...]:
        """Those up to the L1's block `until` that were in no block at that point."""
        some = self._orders[at.count - self._dropped :]
        return tuple(order for order in some if order.block <= until)

    def drop(self, at: Taken) -> None:
        """Forget those that had been taken by then."""
        count = at.count - self._dropped
        del self._orders[:count]
        self._dropped, self._taken = at.count, self._taken - count

    def resume(self, block: int, at: Taken, waiting: Sequence[Order], until: int) -> None:
        """Go on behind the rollup's `block`, with what :meth:`waiting` said of L1 block `until`."""
        self._block, self._read = block, until
        self._orders, self._dropped, self._taken = list(waiting), at.count, 0
        self._order, self._origin = at.order, at.origin

    async def missing(self, until: int) -> DepositsDiffer | None:
        """What is wrong when no block has a deposit that has waited longer than the window at the
        L1's block `until`."""
        header = await self._header(until)
        now = int(header["timestamp"], 16) if header else 0
        late = await self.late(now)
        if late is None:
            return None
        found = _waited(self._window, now)
        return DepositsDiffer(self._block + 1, f"is not posted with {late}", found)

    async def late(self, now: int) -> Order | None:
        """The deposit that has waited longer than the window at `now`, in Unix seconds."""
        if self._taken == len(self._orders):
            return None
        order = self._orders[self._taken]
        return order if await self._time(order.block) + self._window < now else None

    def _without(self, block: ChannelBlock, late: Order) -> DepositsDiffer:
        waited = _waited(self._window, block.timestamp)
        return DepositsDiffer(block.number, f"goes without {late}", waited)

    def _take(self, number: int, deposit: Deposit, balance: Balance | None) -> None:
        claimed = f"takes deposit {deposit.hash} of 0x{deposit.sender.hex()}"
        if self._taken == len(self._orders):
            raise DepositsDiffer(number, claimed, "the L1 orders no further one")
        order = self._orders[self._taken]
        wanted = order.deposit
        if deposit != wanted:
            if deposit != bare(wanted):
                raise DepositsDiffer(number, claimed, f"the L1 orders {order}")
            if balance is None or not is_refused(wanted, balance(wanted.sender)):
                found = f"{order} can be executed there"
                raise DepositsDiffer(number, f"takes no more than the mint of {order}", found)
        self._taken, self._order = self._taken + 1, order.block

    async def _take_attributes(self, number: int, told: Deposit) -> None:
        try:
            origin = origin_of(told.data)
        except InvalidDeposit as error:
            raise DepositsDiffer(number, "tells nothing of the L1", str(error)) from error
        claimed = f"tells of L1 block {origin.number}"
        header = await self._header(origin.number)
        wanted = header and l1_attributes(L1Block.of_header(header), 0, FREE, jovian=False)
        if told != wanted:
            raise DepositsDiffer(number, claimed, "the L1 has another one, or none")
        if origin.number <= self._origin:
            raise DepositsDiffer(number, claimed, f"it is at L1 block {self._origin} already")
        if self._taken < len(self._orders) and self._orders[self._taken].block <= origin.number:
            found = f"{self._orders[self._taken]} is in no block"
            raise DepositsDiffer(number, claimed, found)
        self._origin = origin.number

    async def _time(self, block: int) -> int:
        if block not in self._times:
            header = await self._header(block)
            self._times = {block: int(header["timestamp"], 16) if header else 0}
        return self._times[block]

    async def _header(self, number: int) -> Mapping[str, Any] | None:
        if number > self._read:
            return None
        found: Mapping[str, Any] | None = await self._l1.call(
            "eth_getBlockByNumber", hex(number), False
        )
        return found


def _deposits(block: ChannelBlock) -> tuple[Sequence[Deposit], Sequence[Deposit]]:
    """The L1's attributes, and users' deposits."""
    attributes: list[Deposit] = []
    deposits: list[Deposit] = []
    for raw in block.transactions:
        if raw[:1] != _KIND:
            continue
        try:
            deposit = Deposit.decode(raw)
        except InvalidDeposit as error:
            raise DepositsDiffer(block.number, "takes what is no deposit", str(error)) from error
        (attributes if deposit.sender == DEPOSITOR else deposits).append(deposit)
    return attributes, deposits


def _waited(window: float, now: int) -> str:
    return f"which has waited longer than the sequencing window of {window:g} s at {now}"
