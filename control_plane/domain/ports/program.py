"""Programs beside the nodes: a framework's own services, each a process that answers HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from control_plane.domain.ids import ServiceName


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """All that is needed to run one program. Equal specs are served by the same process."""

    service: ServiceName
    """``op/op-node`` …"""
    program: str
    """Which program it is, by the name that `caldera engine ls` shows."""
    arguments: tuple[str, ...]
    """argv after the program; never a secret."""
    directory: Path
    """Its own (0700). Also its marker: its path stands in the process's argv."""
    log: Path
    host: str
    port: int
    """Where it listens, on a loopback address of its own."""
    question: str
    """Path that it answers with HTTP status 200 once it works."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to ours; private keys are given by it."""
    needs: tuple[ServiceName, ...] = ()
    """Services that must be ready before it starts."""


@dataclass(frozen=True, slots=True)
class ProgramHandle:
    """A process that runs a program."""

    spec: ProgramSpec
    pid: int
    identity: str
    """Differs for any other process that ever has the same pid."""
    command: tuple[str, ...]


class Programs(Protocol):
    """Runs programs as processes of this machine."""

    async def start(self, spec: ProgramSpec) -> ProgramHandle:
        """The process that serves `spec`: the one that runs already, of whichever earlier
        daemon, or a new one. Returns when it answers; nothing stays behind when it fails.

        Raises ServiceFailed (command, log, last lines), MissingDependency, StorageFailed,
        DeadlineExceeded.
        """
        ...

    async def stop(self, handle: ProgramHandle, *, grace: float = 1.5) -> None:
        """Terminate, then kill after `grace` seconds; returns when the process is gone."""
        ...

    async def wait_exit(self, handle: ProgramHandle) -> None:
        """Return when the process is gone, whoever started it; event-driven. Keeps its log within
        bounds meanwhile."""
        ...

    async def end_below(self, directory: Path) -> int:
        """End every program whose directory is below `directory`; how many."""
        ...
