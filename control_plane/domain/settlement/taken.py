"""What a rollup's newest block has of its L1."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import Origin


@dataclass(frozen=True, slots=True)
class Taken:
    """As the rollup itself tells it, whatever has become of the L1 since."""

    origin: Origin
    """The L1 block up to which all deposits are in."""
    since: tuple[Hex, ...] = ()
    """Hashes of users' deposits that came after the block that told of `origin`: of later L1
    blocks."""


ReadTaken = Callable[[], Awaitable[Taken]]
"""Reads what the block has that is about to be saved. TemporaryFailure when it went; RpcError."""
