"""Nodes as the services see them: processes or containers that answer JSON-RPC."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from control_plane.domain.ids import Hex
from control_plane.domain.plan import ChainPlan, Plan


class Rpc(Protocol):
    """One persistent JSON-RPC connection (WebSocket). Results are the JSON values.

    Every call has a deadline. Raises RpcError (a CalderaError with `code`, `data`, see
    domain/rpc.py) for an error answer, TemporaryFailure when the connection breaks or the
    deadline passes. A broken Rpc stays broken; callers connect anew.
    """

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any: ...

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        """Results in order; an error answer is returned as an RpcError instance in its place."""
        ...

    def subscribe(self, kind: str, *params: Any) -> AsyncIterator[Any]:
        """`eth_subscribe`; the iterator ends with TemporaryFailure when the connection breaks."""
        ...

    async def close(self) -> None: ...


class Connect(Protocol):
    async def __call__(self, url: str, *, deadline: float | None = None) -> Rpc: ...


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """All that is needed to run one chain's node."""

    devnet: str
    chain: ChainPlan
    plan: Plan
    directory: Path
    """The node's own directory (0700): genesis.json, state, log, cache. Also its marker: its
    path stands in the node's argv, by which a node whose record was lost is found again."""
    genesis: Path
    restore: bool
    """Start from the saved state when there is one."""


@dataclass(frozen=True, slots=True)
class NodeHandle:
    service: str
    pid: int
    identity: str
    """Differs for any other process that ever has the same pid."""
    port: int
    http_url: str
    ws_url: str
    command: tuple[str, ...]
    log: Path


@dataclass(frozen=True, slots=True)
class SavedState:
    block: int
    at: float


class Runtime(Protocol):
    """Runs nodes, as plain processes or in containers."""

    async def start_node(self, spec: NodeSpec) -> NodeHandle:
        """Start and wait until the RPC answers with the right chain id (deadline), restoring
        saved state when asked. Nothing is left running when it fails.

        Raises ServiceFailed (command, log, last lines), Conflict (port taken),
        MissingDependency, StorageFailed, DeadlineExceeded.
        """
        ...

    async def adopt_node(
        self, spec: NodeSpec, pid: int | None, identity: str | None
    ) -> NodeHandle | None:
        """The handle of the node that runs for `spec`, by its recorded identity, and answers;
        None if none does. A node that nobody recorded is never adopted: whoever started it may
        have been killed before the node was given its saved state."""
        ...

    async def save_state(self, spec: NodeSpec, rpc: Rpc) -> SavedState:
        """Write the chain's state durably (atomic replace). Blocks must not be sealed meanwhile:
        TemporaryFailure when they are, after some tries."""
        ...

    def saved_state(self, spec: NodeSpec) -> SavedState | None: ...

    async def stop_node(self, handle: NodeHandle, *, grace: float = 2.0) -> None:
        """Terminate, then kill after `grace` seconds; returns when the process is gone.
        Idempotent; never touches a process whose identity differs."""
        ...

    async def wait_exit(self, handle: NodeHandle) -> None:
        """Return when the process is gone, children or adopted alike; event-driven."""
        ...

    async def kill_strays(self, directory: Path) -> int:
        """End every process of ours whose argv names a path below `directory`; how many."""
        ...


class Engine(Protocol):
    """A node program: its command line, readiness and admin calls."""

    name: str

    def command(self, spec: NodeSpec) -> tuple[str, ...]: ...

    def genesis(self, spec: NodeSpec, alloc: Mapping[str, Any], timestamp: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Account:
    address: Hex
    """Lower-case 0x, 20 bytes."""
    key: bytes
    """32 bytes, secret."""
