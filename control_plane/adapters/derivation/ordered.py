"""The deposits that an L1 orders of a rollup, followed while it is derived."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from control_plane.adapters.derivation.deposits import Balance, Order, Orders, Taken
from control_plane.adapters.derivation.origins import OriginOrders
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.op_stack import is_op_geth
from control_plane.domain.ports.node import Rpc


def rules_of(genesis: Mapping[str, Any]) -> type[Orders]:
    """Of the program that runs the rollup with this ``genesis.json``."""
    return OriginOrders if is_op_geth(genesis) else Orders


class Ordered:
    """Of the rollup whose portal is at `portal`; `window`: of sequencing, in seconds."""

    def __init__(self, portal: str, window: float, rules: type[Orders] = Orders) -> None:
        self._rules = rules
        self._portal = portal
        self._window = window
        self._l1 = _Through()
        self.forget()

    def forget(self) -> None:
        """The rollup is derived anew."""
        self._orders = self._rules(cast("Rpc", self._l1), self._portal, self._window)
        self._read: tuple[int, str] | None = None
        """Number and hash of the L1's block up to which it was read."""

    async def read(self, l1: Rpc, until: int) -> bool:
        """Read on up to the L1's block `until`; False when the L1 is not the one any more that was
        read. ValueError for a log that is no deposit."""
        self._l1.rpc = l1
        if self._read is not None and await self._hash(self._read[0]) != self._read[1]:
            return False
        await self._orders.read(until)
        self._read = until, await self._hash(until)
        return True

    async def check(self, block: ChannelBlock, balance: Balance) -> None:
        """Take note of the next block. DepositsDiffer."""
        await self._orders.check(block, balance)

    @property
    def at(self) -> tuple[int, str] | None:
        """Number and hash of the L1's block up to which it was read."""
        return self._read

    @property
    def taken(self) -> Taken:
        """How far the rollup is after the block that was checked last."""
        return self._orders.taken

    def waiting(self, at: Taken, until: int) -> tuple[Order, ...]:
        """Deposits up to the L1's block `until` that were in no block at that point."""
        return self._orders.waiting(at, until)

    def drop(self, at: Taken) -> None:
        """Forget those that had been taken by then."""
        self._orders.drop(at)

    def resume(
        self, block: int, at: Taken, waiting: Sequence[Order], until: tuple[int, str]
    ) -> None:
        """Go on behind the rollup's `block`; `waiting` at the L1's block `until`, number and
        hash."""
        self.forget()
        self._orders.resume(block, at, waiting, until[0])
        self._read = until

    async def _hash(self, number: int) -> str:
        block = await self._l1.call("eth_getBlockByNumber", hex(number), False)
        return str(block["hash"]) if block else ""


class _Through:
    """Asks by the connection of the moment."""

    rpc: Rpc | None = None

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        if self.rpc is None:
            raise ValueError("the L1 is read first")
        return await self.rpc.call(method, *params, timeout=timeout)
