"""What can go wrong with a node that is a process, as errors that name the next step."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from control_plane.adapters.runtime.gate import GATE, port_taken
from control_plane.adapters.runtime.logs import last_lines
from control_plane.domain.errors import (
    Conflict,
    DeadlineExceeded,
    MissingDependency,
    ServiceFailed,
    StorageFailed,
)
from control_plane.domain.ids import node_service
from control_plane.domain.ports.node import NodeHandle, NodeSpec
from control_plane.domain.rpc import RpcError

_COMPLAINT: Final = re.compile(r"\blvl=(error|crit)\b|^Fatal: ")
"""As op-geth logs it."""


def most_telling(error: BaseException) -> BaseException:
    """Of several failures of one start the one to show: a port that is taken, or else what the
    node itself did; the gate complains of a node that has ended only because it has."""
    found = [error]
    while any(isinstance(one, BaseExceptionGroup) for one in found):
        found = [
            part
            for one in found
            for part in (one.exceptions if isinstance(one, BaseExceptionGroup) else [one])
        ]
    found.sort(key=lambda one: (not isinstance(one, Conflict), _is_about_the_gate(one)))
    return found[0]


def _is_about_the_gate(error: BaseException) -> bool:
    return isinstance(error, ServiceFailed) and error.service == GATE


def exited(spec: NodeSpec, handle: NodeHandle, offset: int) -> ServiceFailed | Conflict:
    """It ended before it answered; its log of this start begins at `offset`."""
    with handle.log.open("rb") as file:
        file.seek(offset)
        said = file.read(64 * 1024).decode(errors="replace")
    if "address already in use" in said.lower():
        return port_taken(spec.chain.port)
    lines = tuple([line.rstrip() for line in said.splitlines() if line.strip()][-15:])
    return ServiceFailed(
        f"{handle.service} (port {handle.port}) exited while starting",
        last_complaint(lines) or (lines[-1] if lines else "it said nothing"),
        f"See {handle.log}.",
        service=handle.service,
        command=handle.command,
        log=str(handle.log),
        last_lines=lines,
    )


def last_complaint(lines: Sequence[str]) -> str | None:
    """The last of a log's lines in which a node says what is wrong."""
    return next((line for line in reversed(lines) if _COMPLAINT.search(line)), None)


def no_room(spec: NodeSpec, free: int, least: int) -> StorageFailed:
    """The disk has `free` bytes, and the node would not run with less than `least`."""
    return StorageFailed(
        f"There is too little room for {node_service(spec.chain.name)}",
        f"{free / 2**20:.0f} MB are free at {spec.directory}, {spec.chain.engine} wants "
        f"{least / 2**20:.0f} MB",
        "Free some space: it starts as soon as there is enough.",
    )


def too_slow(handle: NodeHandle, seconds: float) -> DeadlineExceeded:
    """It did not answer, or was not prepared, within `seconds`."""
    lines = "; ".join(last_lines(handle.log, 3))
    return DeadlineExceeded(
        f"{handle.service} (port {handle.port}) did not answer",
        f"waited {seconds:g} s for eth_chainId on {handle.http_url}; log: {handle.log}"
        + (f"; it ends: {lines}" if lines else ""),
        "Try again when the machine is less busy, or look into the log.",
    )


def other_service(spec: NodeSpec, found: int) -> Conflict:
    """What answers there is of chain `found`."""
    return Conflict(
        f"Port {spec.chain.port} answers for another chain",
        f"expected chain {spec.chain.chain_id}, found {found}",
        "Stop the program that listens there, or name another port in the spec.",
    )


def no_program(
    spec: NodeSpec, command: tuple[str, ...], path: Path, error: OSError
) -> MissingDependency | ServiceFailed:
    """The program `command` could not be run; `path` is its log."""
    if not spec.directory.is_dir():
        return _failed_to_run(spec, command, path, f"{spec.directory} is gone")
    name = spec.chain.engine
    if isinstance(error, FileNotFoundError):
        from control_plane.adapters.engine.go_build import variable_of

        return MissingDependency(
            f"{name} is missing",
            f"there is no program at {command[0]}",
            f"Run `caldera engine install {name}`, or set {variable_of(name)} to one that works.",
        )
    return _failed_to_run(spec, command, path, f"{command[0]}: {error.strerror}")


def _failed_to_run(spec: NodeSpec, command: tuple[str, ...], path: Path, why: str) -> ServiceFailed:
    from control_plane.adapters.engine.go_build import variable_of

    service, name = node_service(spec.chain.name), spec.chain.engine
    return ServiceFailed(
        f"{service} (port {spec.chain.port}) could not be run",
        why,
        f"Check that the program is an {name} for this machine ({variable_of(name)}).",
        service=service,
        command=command,
        log=str(path),
    )


def storage(spec: NodeSpec, error: OSError) -> StorageFailed:
    """The node's directory can't be written."""
    return StorageFailed(
        f"The directory of {node_service(spec.chain.name)} can't be used",
        f"{error.filename or spec.directory}: {error.strerror}",
        "Check its permissions and the free space on its disk.",
    )


def not_set_up(handle: NodeHandle, error: RpcError) -> ServiceFailed:
    """A call that prepares the node was refused."""
    return ServiceFailed(
        f"{handle.service} could not be set up",
        str(error),
        service=handle.service,
        command=handle.command,
        log=str(handle.log),
        last_lines=last_lines(handle.log),
    )
