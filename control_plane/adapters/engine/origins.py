"""Which L1 block each of a rollup's blocks came from, as far down as it is asked for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import NO_ORIGIN, InvalidDeposit, Origin, origin_of
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError

_REMEMBERED: Final = 1_024


@dataclass(frozen=True, slots=True)
class Mark:
    """The last block of the rollup that has this origin, and where it stands."""

    origin: Origin
    number: int
    hash: Hex


class Origins:
    """The rollup's blocks by origin, the newest last; older ones are read from its node."""

    def __init__(self, node: Rpc) -> None:
        self._node = node
        self._marks: list[Mark] = []

    def put(self, mark: Mark) -> None:
        """`mark` is of the rollup's head now."""
        while self._marks and self._marks[-1].number >= mark.number:
            self._marks.pop()
        if self._marks and self._marks[-1].origin.hash == mark.origin.hash:
            self._marks.pop()
        self._marks.append(mark)
        del self._marks[:-_REMEMBERED]

    async def last(self, holds: Callable[[Origin], Awaitable[bool]]) -> Mark:
        """The newest block for whose origin `holds` is true; the genesis if there is none."""
        async for mark in self._downwards():
            if mark.origin == NO_ORIGIN or await holds(mark.origin):
                return mark
        raise AssertionError("the genesis comes last")

    async def at_most(self, number: int) -> Mark | None:
        """The newest block whose origin is not above the L1's block `number`; None when that is
        very far down."""
        looked = 0
        async for mark in self._downwards():
            if mark.origin.number <= number:
                return mark
            looked += 1
            if looked > _REMEMBERED:
                break
        return None

    async def _downwards(self) -> AsyncIterator[Mark]:
        """The last block of every origin, from the head to the genesis."""
        at = len(self._marks) - 1
        while True:
            mark = self._marks[at]
            yield mark
            if mark.origin == NO_ORIGIN:
                return
            if at > 0:
                at -= 1
            else:
                self._marks.insert(0, await self.read(mark.number - mark.origin.sequence - 1))

    async def read(self, number: int) -> Mark:
        """The rollup's block `number` and its origin, from its node."""
        block, first = await self._node.batch(
            [
                ("eth_getBlockByNumber", (hex(number), False)),
                ("eth_getTransactionByBlockNumberAndIndex", (hex(number), "0x0")),
            ]
        )
        for answer in (block, first):
            if isinstance(answer, RpcError):
                raise answer
        if block is None:
            raise TemporaryFailure("A block is not there any more", f"block {number}")
        return Mark(_origin(number, first), number, Hex(block["hash"]))


def _origin(number: int, first: dict[str, Any] | None) -> Origin:
    if number == 0:
        return NO_ORIGIN
    try:
        return origin_of(bytes.fromhex((first or {"input": "0x"})["input"][2:]))
    except InvalidDeposit as error:
        raise TemporaryFailure("A block tells no L1 origin", f"block {number}: {error}") from error
