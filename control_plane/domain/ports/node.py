"""Nodes as the services see them: processes or containers that answer JSON-RPC."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from control_plane.domain.ids import Hex
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.settlement.taken import ReadTaken


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
    """0 when it is no process of this machine: a container."""
    identity: str
    """Differs for any other process that ever has the same pid; of a container its id."""
    port: int
    http_url: str
    ws_url: str
    command: tuple[str, ...]
    log: Path
    engine_url: str | None = None
    """HTTP endpoint of the authenticated Engine API, of engines that have one. Its secret is
    ``jwt.hex`` in the node's directory."""
    is_external: bool = False
    """Somebody else's node: only connected to."""


@dataclass(frozen=True, slots=True)
class SavedState:
    block: int
    at: float


First = Callable[[ReadTaken | None], Awaitable[None]]
"""What has to be done when a chain's state has been read and before it is written; when it raises,
what was saved before stays. It is given how to find out what that state took of an L1; None where
the node program can go back behind a saved state, or takes nothing."""


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

    async def save_state(self, spec: NodeSpec, rpc: Rpc, first: First | None = None) -> SavedState:
        """Write the chain's state durably (atomic replace). Blocks must not be sealed until
        `first` is called: TemporaryFailure when they are, after some tries."""
        ...

    def saved_state(self, spec: NodeSpec) -> SavedState | None: ...

    async def stop_node(self, handle: NodeHandle, *, grace: float = 2.0) -> None:
        """Terminate, then kill after `grace` seconds; returns when the process is gone.
        Idempotent; never touches a process whose identity differs."""
        ...

    async def wait_exit(self, handle: NodeHandle) -> str | None:
        """Return when the process is gone, children or adopted alike; event-driven. Why it
        ended, where the runtime knows: killed, out of memory, an exit code."""
        ...

    def trouble(self, handle: NodeHandle) -> str | None:
        """What keeps a node that has not ended from its work, as the runtime sees it: paused,
        its health check fails, the container engine does not answer. None: nothing."""
        ...

    async def kill_strays(self, directory: Path) -> int:
        """End every process (container) of ours whose node's directory is `directory` or below
        it; how many. What they keep outside of it stays."""
        ...

    async def forget(self, directory: Path) -> None:
        """Remove what the runtime keeps outside `directory` for the nodes there and below:
        volumes, networks. None of them runs. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a node listens."""

    host: str
    port: int
    """HTTP and WebSocket JSON-RPC."""
    engine_port: int | None = None
    """Engine API, of engines that have one."""


class Caller(Protocol):
    """The JSON-RPC calls that :meth:`Engine.prepare` makes of a node that has just started."""

    async def call(self, method: str, *params: Any) -> Any: ...


class Engine(Protocol):
    """A node program: its command line, its files, its saved state. Used by every runtime."""

    name: str
    has_engine_api: bool

    def genesis(self, spec: NodeSpec, alloc: Mapping[str, Any], timestamp: int) -> bytes:
        """The genesis file of `spec`'s chain, from the accounts it begins with."""
        ...

    def arguments(self, spec: NodeSpec, listen: Listen, paths: "NodePaths") -> tuple[str, ...]:
        """argv without the program; `paths` are as the node sees them."""
        ...

    async def prepare(self, spec: NodeSpec, node: Caller, engine_url: str | None) -> None:
        """Bring a node that has just started to where it was (saved state, journal of payloads)
        and set it up. Raises StorageFailed, ServiceFailed, RpcError, TemporaryFailure."""
        ...

    async def save(self, spec: NodeSpec, rpc: Rpc, first: First | None = None) -> SavedState:
        """Write what is needed to go on from here; its head. As ``Runtime.save_state``."""
        ...

    def saved(self, spec: NodeSpec) -> SavedState | None: ...


@dataclass(frozen=True, slots=True)
class NodePaths:
    """A node's files as the node sees them: on this machine, or inside its container."""

    genesis: Path
    data: Path
    """A directory that outlives the node: its database."""
    cache: Path
    """A directory emptied at each start."""
    jwt: Path
    """The secret of the Engine API: 32 bytes as hex."""
    settings: Path | None = None
    """A file of settings for which the program has no flag; None where it goes without."""


@dataclass(frozen=True, slots=True)
class Account:
    address: Hex
    """Lower-case 0x, 20 bytes."""
    key: bytes
    """32 bytes, secret."""
