"""What the process runtime knows of a node's program: its files, its argv, its handle."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from control_plane.adapters.engine.arguments import value_after
from control_plane.adapters.runtime.identity import Process
from control_plane.domain.ids import node_service
from control_plane.domain.ports.node import Engine, Listen, NodeHandle, NodePaths, NodeSpec


class ProcessEngine(Engine, Protocol):
    """An engine whose program can be a plain process of this machine."""

    marker: str
    """A flag followed by a path directly inside the node's directory, in every command line: by
    it a node is found whose record was lost."""
    settings: str
    """What stands in ``NodePaths.settings``; empty: the program needs no such file."""
    flush_seconds: float
    """What the program may need to end in good order."""

    writes_where_told: bool
    """Its RPC has calls that write files of the caller's choice."""
    least_disk: int
    """Free bytes on the disk of its directory without which it does not run."""

    def listens_on(self, arguments: Sequence[str]) -> Listen:
        """Where a node with these arguments listens."""
        ...


def log_path(spec: NodeSpec) -> Path:
    """What the node says."""
    return spec.directory / "node.log"


def node_paths(spec: NodeSpec, engine: ProcessEngine) -> NodePaths:
    """The node's files: a process sees them where they are."""
    return NodePaths(
        genesis=spec.genesis,
        data=spec.directory / "data",
        cache=spec.directory / "cache",
        jwt=spec.directory / "jwt.hex",
        settings=spec.directory / "settings.toml" if engine.settings else None,
    )


def node_directory(process: Process, markers: Collection[str]) -> Path:
    """The directory whose node this process is."""
    found = next((marker for marker in markers if marker in process.command), "")
    return Path(value_after(found, process.command)).parent


def make_handle(
    spec: NodeSpec, pid: int, identity: str, command: tuple[str, ...], listen: Listen
) -> NodeHandle:
    """The handle of a node that listens on `listen`."""
    host, port = listen.host, listen.port
    return NodeHandle(
        service=node_service(spec.chain.name),
        pid=pid,
        identity=identity,
        port=spec.chain.port,
        http_url=f"http://{host}:{port}",
        ws_url=f"ws://{host}:{port}",
        command=command,
        log=log_path(spec),
        engine_url=f"http://{host}:{listen.engine_port}" if listen.engine_port else None,
    )
