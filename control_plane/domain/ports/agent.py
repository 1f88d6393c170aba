"""Agents: small asynchronous loops that observe, decide, act and record where they are.

Invariants: an agent never blocks the event loop, stops within two seconds of its
cancellation, and a restart loses nothing and repeats nothing. The supervisor restarts an
agent that raises, with back-off, and shows its `problem` meanwhile.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from control_plane.domain.hub import Hub, Standing
from control_plane.domain.network import Keys, Network


class Agent(Protocol):
    name: str
    """Service name: ``op/sequencer``, ``guardian-0``, ``aggregator``, ``relayer``, ``indexer``."""
    ready: asyncio.Event
    """Set once subscribed and caught up; cleared while reconnecting."""

    @property
    def problem(self) -> str | None:
        """Why it can't do its work just now, in a sentence; None when it can."""
        ...

    async def run(self) -> None:
        """Until cancelled."""
        ...


@runtime_checkable
class Sealer(Protocol):
    """An agent that seals blocks."""

    def paused(self) -> AbstractAsyncContextManager[None]:
        """It seals no block inside."""
        ...


class Publish(Protocol):
    """Record an event (durably) and show it to everybody who follows the devnet's events."""

    async def __call__(
        self, type: str, data: Mapping[str, Any] | None = None, *, service: str | None = None
    ) -> None: ...


Lease = Callable[[Path, str], AbstractContextManager[None]]
"""Hold the right to run a service (its name) of the devnet whose agents' files are in a directory.
Entering raises Conflict that names who holds it."""


class Share(Protocol):
    """Lets agents in other processes take part in a devnet."""

    async def __call__(self, network: Network, keys: Keys, hub: Hub, directory: Path) -> None:
        """Keep `hub` one with theirs, and in `directory` all that they must know, until cancelled.

        Raises StorageFailed, PermanentFailure.
        """
        ...


@runtime_checkable
class Outside(Protocol):
    """An agent of this process in name: its work is done in a container, which goes on when this
    process ends."""

    def note(self, standing: Standing) -> None:
        """How it is there."""
        ...

    async def take_down(self) -> None:
        """End the container, after `run` was cancelled."""
        ...


class Crew(Protocol):
    """One devnet's agents in containers."""

    async def start(self, service: str) -> None:
        """Have the container of that agent run; at once when it does.

        Raises MissingDependency, ServiceFailed, StorageFailed, DeadlineExceeded.
        """
        ...

    async def stop(self, service: str) -> None:
        """Have it not run. Idempotent."""
        ...
