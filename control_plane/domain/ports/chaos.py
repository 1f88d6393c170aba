"""Breaking a devnet on purpose, and mending it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from control_plane.domain.faults import Fault
from control_plane.domain.hub import Hub
from control_plane.domain.network import Keys, Network
from control_plane.domain.quorum import Roster
from control_plane.domain.seams import Seams


class Services(Protocol):
    """The agents of a devnet."""

    def __contains__(self, name: str) -> bool: ...
    async def hold(self, name: str) -> None:
        """Stop one until :meth:`release`."""
        ...

    def release(self, name: str) -> None: ...
    def is_elsewhere(self, name: str) -> bool:
        """Whether it runs in another process."""
        ...


class Tell(Protocol):
    """Record what a fault did."""

    async def __call__(self, what: str, *, last: bool = False) -> None:
        """In a sentence; with `last` it will do nothing more, and is over."""
        ...


@dataclass(frozen=True, slots=True)
class Ground:
    """What a fault works on."""

    id: str
    network: Network
    keys: Keys
    hub: Hub
    seams: Seams
    services: Services
    tell: Tell
    roster: Callable[[], Awaitable[Roster]]
    """The guardian set of the moment."""
    next_epoch: Callable[[], Awaitable[int]]
    """A number that no epoch has yet."""


class Breaker(Protocol):
    """Begins and ends faults. Both are idempotent."""

    def check(self, fault: Fault, ground: Ground) -> None:
        """Conflict when the fault is not to be had on this devnet, and why."""
        ...

    async def begin(self, fault: Fault, ground: Ground) -> str | None:
        """Break it. What came of it, when it is a single act; None while it goes on.

        Raises Conflict, TemporaryFailure, RpcError.
        """
        ...

    async def end(self, fault: Fault, ground: Ground) -> None:
        """Mend it."""
        ...
