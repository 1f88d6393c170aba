"""Nodes as plain processes of this machine.

A node is started in a session of its own, writes its log itself and is waited for by pidfd, so
it neither notices nor minds when the daemon ends; the next daemon adopts it. It listens on a
private loopback address; programs reach it on its public port through the gate
(gate_process.py), the control plane's own agents directly.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from control_plane.adapters.engine.anvil import MARKER, AnvilEngine, cache_directory
from control_plane.adapters.runtime import exits
from control_plane.adapters.runtime.gate import GATE, Gate, port_taken
from control_plane.adapters.runtime.http import NodeHttp
from control_plane.adapters.runtime.identity import (
    Process,
    Usage,
    command_of,
    identity_of,
    is_alive,
    processes_with,
    usage_of,
)
from control_plane.adapters.runtime.logs import bound_log, last_lines, open_log
from control_plane.adapters.runtime.ports import LOOPBACK, is_taken, private_endpoint
from control_plane.domain.errors import (
    Conflict,
    DeadlineExceeded,
    MissingDependency,
    ServiceFailed,
    StorageFailed,
    TemporaryFailure,
)
from control_plane.domain.ids import node_service
from control_plane.domain.ports.node import NodeHandle, NodeSpec, Rpc, SavedState
from control_plane.domain.rpc import RpcError

_LOOK: Final = 0.002
"""Seconds between two tries to connect to a node that starts."""
_ADOPT_DEADLINE: Final = 3.0

log = logging.getLogger(__name__)


class ProcessRuntime:
    """Implements ``ports.node.Runtime``.

    Without a `gate` nodes listen on their public ports themselves, where any web page of this
    machine's browsers reaches them: for tests and tools only.
    """

    def __init__(
        self, engine: AnvilEngine, gate: Gate | None = None, *, start_deadline: float = 30.0
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._deadline = start_deadline

    # ------------------------------------------------------------------ start

    async def start_node(self, spec: NodeSpec) -> NodeHandle:
        """See the port."""
        await asyncio.to_thread(self._engine.load)
        if _ever_started(spec):
            await self.kill_strays(spec.directory)
        if self._gate is None and is_taken(spec.chain.port):
            raise port_taken(spec.chain.port)
        handle, offset = self._spawn(spec)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._open_gate(spec, handle))
                group.create_task(self._bring_up(spec, handle, offset))
        except BaseException as error:  # a cancellation as well: nothing stays behind
            await asyncio.shield(self._clear_away(handle))
            if isinstance(error, BaseExceptionGroup):
                raise _most_telling(error) from None
            raise
        return handle

    def _spawn(self, spec: NodeSpec) -> tuple[NodeHandle, int]:
        """Start the process; its handle, and where in the log its lines begin."""
        listen = (LOOPBACK, spec.chain.port) if self._gate is None else private_endpoint()
        command = self._engine.command(spec, listen)
        path = _log_path(spec)
        try:
            _clean_directory(spec)
            bound_log(path)
            output = open_log(path)
            offset = os.fstat(output).st_size
        except OSError as error:
            raise _storage(spec, error) from error
        try:
            process = subprocess.Popen(
                command,
                cwd=spec.directory,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise _no_program(spec, command, path, error) from error
        finally:
            os.close(output)
        # From here on the pid is waited for by pidfd; the object must not think it lost a child.
        process.returncode = 0
        identity = identity_of(process.pid)
        if identity is None:
            exits.reap(process.pid)
        return _handle(spec, process.pid, identity or "gone", command), offset

    async def _open_gate(self, spec: NodeSpec, handle: NodeHandle) -> None:
        if self._gate is not None:
            target = _listens_on(handle.command)
            await self._gate.open(spec.chain.port, target, spec.plan.origins, handle.pid)

    async def _bring_up(self, spec: NodeSpec, handle: NodeHandle, offset: int) -> None:
        """Until the node answers and is prepared; notices at once when it exits."""
        work = asyncio.ensure_future(self._prepare(spec, handle))
        try:
            async with (
                asyncio.timeout(self._deadline),
                exits.exit_of(handle.pid, handle.identity) as gone,
            ):
                await asyncio.wait([work, gone], return_when=asyncio.FIRST_COMPLETED)
                broke = work.done() and isinstance(work.exception(), TemporaryFailure)
                if not work.done() or (broke and not is_alive(handle.pid, handle.identity)):
                    raise _exited(spec, handle, offset)
                work.result()
        except TimeoutError:
            raise _too_slow(handle, self._deadline) from None
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _prepare(self, spec: NodeSpec, handle: NodeHandle) -> None:
        async with _connection(handle) as node:
            found = int(await node.call("eth_chainId"), 16)
            if found != spec.chain.chain_id:
                raise _other_service(spec, found)
            try:
                await self._engine.prepare(spec, node)
            except RpcError as error:
                raise ServiceFailed(
                    f"{handle.service} could not be set up",
                    str(error),
                    service=handle.service,
                    command=handle.command,
                    log=str(handle.log),
                    last_lines=last_lines(handle.log),
                ) from error

    async def _clear_away(self, handle: NodeHandle) -> None:
        """Nothing of a failed start stays."""
        await exits.end(handle.pid, handle.identity, grace=0)
        if self._gate is not None:
            await self._gate.close(handle.port, handle.pid)

    # ------------------------------------------------------------------ adoption

    async def adopt_node(
        self, spec: NodeSpec, pid: int | None, identity: str | None
    ) -> NodeHandle | None:
        """See the port. Raises Conflict when another program took the public port meanwhile."""
        if not _ever_started(spec):
            return None  # looking through all processes takes milliseconds
        process = _recorded(spec, pid, identity)
        if process is None:
            return None
        handle = _handle(spec, process.pid, process.identity, process.command)
        if not self._fits(spec, handle):
            return None
        try:
            async with asyncio.timeout(_ADOPT_DEADLINE), _connection(handle) as node:
                if int(await node.call("eth_chainId"), 16) != spec.chain.chain_id:
                    return None
        except (TimeoutError, TemporaryFailure, RpcError):
            return None
        await self._open_gate(spec, handle)
        return handle

    def _fits(self, spec: NodeSpec, handle: NodeHandle) -> bool:
        """Whether the node listens where it should, given how this runtime exposes nodes."""
        return (_listens_on(handle.command) == (LOOPBACK, spec.chain.port)) is (self._gate is None)

    # ------------------------------------------------------------------ state

    async def save_state(self, spec: NodeSpec, rpc: Rpc) -> SavedState:
        """See the port. Also keeps the node's log within bounds."""
        saved = await self._engine.save(spec, rpc)
        await asyncio.to_thread(bound_log, _log_path(spec))
        return saved

    def saved_state(self, spec: NodeSpec) -> SavedState | None:
        """See the port."""
        return self._engine.saved(spec)

    # ------------------------------------------------------------------ end

    async def stop_node(self, handle: NodeHandle, *, grace: float = 2.0) -> None:
        """See the port."""
        await exits.end(handle.pid, handle.identity, grace=grace)
        if self._gate is not None and identity_of(handle.pid) is None:
            await self._gate.close(handle.port, handle.pid)

    async def wait_exit(self, handle: NodeHandle) -> None:
        """See the port."""
        await exits.wait_gone(handle.pid, handle.identity)

    async def kill_strays(self, directory: Path) -> int:
        """See the port."""
        strays = [p for p in processes_with(MARKER) if _node_directory(p).is_relative_to(directory)]
        await asyncio.gather(*(exits.end(p.pid, p.identity, grace=0) for p in strays))
        return len(strays)

    async def forget(self, directory: Path) -> None:
        """See the port: a process keeps nothing elsewhere."""

    def usage(self, handle: NodeHandle) -> Usage | None:
        """Memory and processor time of a node; None when it is gone."""
        if not is_alive(handle.pid, handle.identity):
            return None
        return usage_of(handle.pid)


# ---------------------------------------------------------------- processes and their argv


def _log_path(spec: NodeSpec) -> Path:
    return spec.directory / "node.log"


def _ever_started(spec: NodeSpec) -> bool:
    """Whether a node was ever started for `spec`: its log is made before its process."""
    return _log_path(spec).exists()


def _recorded(spec: NodeSpec, pid: int | None, identity: str | None) -> Process | None:
    if pid is None or identity is None or not is_alive(pid, identity):
        return None
    process = Process(pid, identity, command_of(pid))
    return process if _node_directory(process) == spec.directory else None


def _node_directory(process: Process) -> Path:
    """The directory whose node this process is."""
    return Path(_value(process.command, MARKER)).parent


def _listens_on(command: tuple[str, ...]) -> tuple[str, int]:
    return _value(command, "--host"), int(_value(command, "--port") or 0)


def _value(command: tuple[str, ...], flag: str) -> str:
    """The argument after `flag`; empty when there is none."""
    with contextlib.suppress(ValueError, IndexError):
        return command[command.index(flag) + 1]
    return ""


def _handle(spec: NodeSpec, pid: int, identity: str, command: tuple[str, ...]) -> NodeHandle:
    host, port = _listens_on(command)
    return NodeHandle(
        service=node_service(spec.chain.name),
        pid=pid,
        identity=identity,
        port=spec.chain.port,
        http_url=f"http://{host}:{port}",
        ws_url=f"ws://{host}:{port}",
        command=command,
        log=_log_path(spec),
    )


def _environment() -> dict[str, str]:
    """Ours, without our own settings (they may hold keys)."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CALDERA_")}


def _clean_directory(spec: NodeSpec) -> None:
    spec.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.rmtree(cache_directory(spec), ignore_errors=True)
    spec.genesis.open("rb").close()


@contextlib.asynccontextmanager
async def _connection(handle: NodeHandle) -> AsyncIterator[NodeHttp]:
    """A connection as soon as somebody listens; the caller has the deadline."""
    host, port = _listens_on(handle.command)
    while True:
        try:
            node = await NodeHttp.connect(host, port)
            break
        except OSError:
            if identity_of(handle.pid) != handle.identity:
                raise TemporaryFailure("The node is gone", f"process {handle.pid}") from None
            await asyncio.sleep(_LOOK)
    try:
        yield node
    finally:
        await node.close()


# ---------------------------------------------------------------- what can go wrong


def _most_telling(error: BaseException) -> BaseException:
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


def _exited(spec: NodeSpec, handle: NodeHandle, offset: int) -> ServiceFailed | Conflict:
    with handle.log.open("rb") as file:
        file.seek(offset)
        said = file.read(64 * 1024).decode(errors="replace")
    if "Address already in use" in said:
        return port_taken(spec.chain.port)
    lines = tuple([line.rstrip() for line in said.splitlines() if line.strip()][-15:])
    return ServiceFailed(
        f"{handle.service} (port {handle.port}) exited while starting",
        lines[-1] if lines else "it said nothing",
        f"See {handle.log}.",
        service=handle.service,
        command=handle.command,
        log=str(handle.log),
        last_lines=lines,
    )


def _too_slow(handle: NodeHandle, seconds: float) -> DeadlineExceeded:
    lines = "; ".join(last_lines(handle.log, 3))
    return DeadlineExceeded(
        f"{handle.service} (port {handle.port}) did not answer",
        f"waited {seconds:g} s for eth_chainId on {handle.http_url}; log: {handle.log}"
        + (f"; it ends: {lines}" if lines else ""),
        "Try again when the machine is less busy, or look into the log.",
    )


def _other_service(spec: NodeSpec, found: int) -> Conflict:
    return Conflict(
        f"Port {spec.chain.port} answers for another chain",
        f"expected chain {spec.chain.chain_id}, found {found}",
        "Stop the program that listens there, or name another port in the spec.",
    )


def _no_program(
    spec: NodeSpec, command: tuple[str, ...], path: Path, error: OSError
) -> MissingDependency | ServiceFailed:
    if not spec.directory.is_dir():
        return _failed_to_run(spec, command, path, f"{spec.directory} is gone")
    if isinstance(error, FileNotFoundError):
        return MissingDependency(
            "Anvil is missing",
            f"there is no program at {command[0]}",
            "Run `caldera engine install anvil`, or set ANVIL_BIN to an Anvil that works.",
        )
    return _failed_to_run(spec, command, path, f"{command[0]}: {error.strerror}")


def _failed_to_run(spec: NodeSpec, command: tuple[str, ...], path: Path, why: str) -> ServiceFailed:
    service = node_service(spec.chain.name)
    return ServiceFailed(
        f"{service} (port {spec.chain.port}) could not be run",
        why,
        "Check that the program is an Anvil for this machine (ANVIL_BIN).",
        service=service,
        command=command,
        log=str(path),
    )


def _storage(spec: NodeSpec, error: OSError) -> StorageFailed:
    return StorageFailed(
        f"The directory of {node_service(spec.chain.name)} can't be used",
        f"{error.filename or spec.directory}: {error.strerror}",
        "Check its permissions and the free space on its disk.",
    )
