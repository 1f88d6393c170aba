"""Nodes as plain processes of this machine.

A node is started in a session of its own, writes its log itself and is waited for by pidfd, so
it neither notices nor minds when the daemon ends; the next daemon adopts it. It listens on a
private loopback address; programs reach it on its public port through the gate
(gate_process.py), the control plane's own agents directly.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Final

from control_plane.adapters.engine.jwt_secret import ensure_secret
from control_plane.adapters.runtime import exits, node_failures
from control_plane.adapters.runtime.gate import Gate, port_taken
from control_plane.adapters.runtime.http import NodeHttp
from control_plane.adapters.runtime.identity import (
    LINUX,
    Process,
    Usage,
    command_of,
    identity_of,
    is_alive,
    processes_with,
    usage_of,
)
from control_plane.adapters.runtime.logs import bound_log, last_lines, open_log
from control_plane.adapters.runtime.node_program import (
    ProcessEngine,
    log_path,
    make_handle,
    node_directory,
    node_paths,
)
from control_plane.adapters.runtime.ports import LOOPBACK, is_taken, private_listen
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.node import First, Listen, NodeHandle, NodeSpec, Rpc, SavedState
from control_plane.domain.rpc import RpcError

FindProgram = Callable[[NodeSpec, threading.Event], Path]
"""The program that runs a node. It may block for minutes, when the program must be fetched or
built, until the event is set; it raises MissingDependency, ServiceFailed, DeadlineExceeded,
StorageFailed."""

_LOOK: Final = 0.002
"""Seconds between two tries to connect to a node that starts."""
_ADOPT_DEADLINE: Final = 3.0
_LAST_MOMENT: Final = 1.0
_CONFINED: Final = Path(__file__).with_name("confined.py")


class ProcessRuntime:
    """Implements ``ports.node.Runtime``. `engines` and `find` go by the names of engines.

    Without a `gate` nodes listen on their public ports themselves, where any web page of this
    machine's browsers reaches them: for tests and tools only.
    """

    def __init__(
        self,
        engines: Mapping[str, ProcessEngine],
        find: Mapping[str, FindProgram],
        gate: Gate | None = None,
        *,
        start_deadline: float = 30.0,
    ) -> None:
        self._engines = engines
        self._find = find
        self._markers = frozenset(engine.marker for engine in engines.values())
        self._gate = gate
        self._deadline = start_deadline

    # ------------------------------------------------------------------ start

    async def start_node(self, spec: NodeSpec) -> NodeHandle:
        """See the port."""
        program = await self._program(spec)
        if _ever_started(spec):
            await self.kill_strays(spec.directory)
        if self._gate is None and is_taken(spec.chain.port):
            raise port_taken(spec.chain.port)
        handle, offset = self._spawn(spec, program)
        try:
            if self._engine(spec).saved(spec) is None:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._open_gate(spec, handle))
                    group.create_task(self._bring_up(spec, handle, offset))
            else:  # nobody shall see it before it is where it was
                await self._bring_up(spec, handle, offset)
                await self._open_gate(spec, handle)
        except BaseException as error:  # a cancellation as well: nothing stays behind
            await asyncio.shield(self._clear_away(handle))
            if isinstance(error, BaseExceptionGroup):
                raise node_failures.most_telling(error) from None
            raise
        return handle

    async def _program(self, spec: NodeSpec) -> Path:
        """The program to run; nobody who goes away leaves a build of it behind."""
        gone = threading.Event()
        try:
            return await asyncio.to_thread(self._find[spec.chain.engine], spec, gone)
        finally:
            gone.set()

    def _engine(self, spec: NodeSpec) -> ProcessEngine:
        return self._engines[spec.chain.engine]

    def _spawn(self, spec: NodeSpec, program: Path) -> tuple[NodeHandle, int]:
        """Start the process; its handle, and where in the log its lines begin."""
        engine = self._engine(spec)
        public = spec.chain.port if self._gate is None else None
        listen = private_listen(public=public, engine_api=engine.has_engine_api)
        command = (str(program), *engine.arguments(spec, listen, node_paths(spec, engine)))
        path = log_path(spec)
        try:
            _make_files(spec, engine)
            bound_log(path)
            output = open_log(path)
            offset = os.fstat(output).st_size
        except OSError as error:
            raise node_failures.storage(spec, error) from error
        try:
            process = subprocess.Popen(
                _confined(spec, engine, command) if engine.writes_where_told else command,
                cwd=spec.directory,
                env=_environment(spec, engine),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise node_failures.no_program(spec, command, path, error) from error
        finally:
            os.close(output)
        # From here on the pid is waited for by pidfd; the object must not think it lost a child.
        process.returncode = 0
        identity = identity_of(process.pid)
        if identity is None:
            exits.reap(process.pid)
        return make_handle(spec, process.pid, identity or "gone", command, listen), offset

    async def _open_gate(self, spec: NodeSpec, handle: NodeHandle) -> None:
        if self._gate is not None:
            target = self._listen(spec, handle)
            await self._gate.open(
                spec.chain.port, (target.host, target.port), spec.plan.origins, handle.pid
            )

    def _listen(self, spec: NodeSpec, handle: NodeHandle) -> Listen:
        return self._engine(spec).listens_on(handle.command)

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
                if broke:  # a node that ends in good order first closes its connections
                    await asyncio.wait([gone], timeout=_LAST_MOMENT)
                if not work.done() or (broke and not is_alive(handle.pid, handle.identity)):
                    raise node_failures.exited(spec, handle, offset)
                work.result()
        except TimeoutError:
            raise node_failures.too_slow(handle, self._deadline) from None
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _prepare(self, spec: NodeSpec, handle: NodeHandle) -> None:
        listen = self._listen(spec, handle)
        async with _connection(handle, listen.host, listen.port) as node:
            found = int(await node.call("eth_chainId"), 16)
            if found != spec.chain.chain_id:
                raise node_failures.other_service(spec, found)
            if listen.engine_port is not None:
                async with _connection(handle, listen.host, listen.engine_port):
                    pass  # somebody listens there too
            try:
                await self._engine(spec).prepare(spec, node, handle.engine_url)
            except RpcError as error:
                raise node_failures.not_set_up(handle, error) from error

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
        process = self._recorded(spec, pid, identity)
        if process is None:
            return None
        listen = self._engine(spec).listens_on(process.command)
        if not self._fits(spec, listen):
            return None
        handle = make_handle(spec, process.pid, process.identity, process.command, listen)
        try:
            async with (
                asyncio.timeout(_ADOPT_DEADLINE),
                _connection(handle, listen.host, listen.port) as node,
            ):
                if int(await node.call("eth_chainId"), 16) != spec.chain.chain_id:
                    return None
        except (TimeoutError, TemporaryFailure, RpcError):
            return None
        await self._open_gate(spec, handle)
        return handle

    def _recorded(self, spec: NodeSpec, pid: int | None, identity: str | None) -> Process | None:
        if pid is None or identity is None or not is_alive(pid, identity):
            return None
        process = Process(pid, identity, command_of(pid))
        marker = self._engine(spec).marker
        return process if node_directory(process, {marker}) == spec.directory else None

    def _fits(self, spec: NodeSpec, listen: Listen) -> bool:
        """Whether the node listens where it should, given how this runtime exposes nodes."""
        return ((listen.host, listen.port) == (LOOPBACK, spec.chain.port)) is (self._gate is None)

    # ------------------------------------------------------------------ state

    async def save_state(self, spec: NodeSpec, rpc: Rpc, first: First | None = None) -> SavedState:
        """See the port. Also keeps the node's log within bounds."""
        saved = await self._engine(spec).save(spec, rpc, first)
        await asyncio.to_thread(bound_log, log_path(spec))
        return saved

    def saved_state(self, spec: NodeSpec) -> SavedState | None:
        """See the port."""
        return self._engine(spec).saved(spec)

    # ------------------------------------------------------------------ end

    async def stop_node(self, handle: NodeHandle, *, grace: float = 2.0) -> None:
        """See the port. A node with a database of its own gets the time that it needs to close
        it."""
        if grace > 0:
            grace = max(grace, self._flush_seconds(handle))
        await exits.end(handle.pid, handle.identity, grace=grace)
        if self._gate is not None and identity_of(handle.pid) is None:
            await self._gate.close(handle.port, handle.pid)

    async def wait_exit(self, handle: NodeHandle) -> str | None:
        """See the port. The cause is what the node itself complained of at its end."""
        await exits.wait_gone(handle.pid, handle.identity)
        return node_failures.last_complaint(last_lines(handle.log))

    def trouble(self, handle: NodeHandle) -> str | None:  # noqa: ARG002
        """See the port: a process runs or it has ended."""
        return None

    async def kill_strays(self, directory: Path) -> int:
        """See the port."""
        strays = [
            process
            for process in processes_with(*self._markers)
            if node_directory(process, self._markers).is_relative_to(directory)
        ]
        await asyncio.gather(*(exits.end(p.pid, p.identity, grace=0) for p in strays))
        return len(strays)

    async def forget(self, directory: Path) -> None:
        """See the port: a process keeps nothing elsewhere."""

    def _flush_seconds(self, handle: NodeHandle) -> float:
        engines = [e for e in self._engines.values() if e.marker in handle.command]
        return max((engine.flush_seconds for engine in engines), default=0.0)

    def usage(self, handle: NodeHandle) -> Usage | None:
        """Memory and processor time of a node; None when it is gone."""
        if not is_alive(handle.pid, handle.identity):
            return None
        return usage_of(handle.pid)


def _ever_started(spec: NodeSpec) -> bool:
    """Whether a node was ever started for `spec`: its log is made before its process."""
    return log_path(spec).exists()


def _environment(spec: NodeSpec, engine: ProcessEngine) -> dict[str, str]:
    """Ours, without our own settings (they may hold keys, and how Python keeps memory is not how
    nodes do)."""
    names = (name for name in os.environ if not name.startswith(("CALDERA_", "MALLOC_")))
    ours = {name: os.environ[name] for name in names}
    elsewhere = {"TMPDIR": str(node_paths(spec, engine).cache)} if engine.writes_where_told else {}
    return ours | elsewhere


def _confined(spec: NodeSpec, engine: ProcessEngine, command: tuple[str, ...]) -> tuple[str, ...]:
    """`command`, able to write into the node's own database and cache only. The process becomes
    `command` itself in a moment. Raises OSError when there is no such program."""
    Path(command[0]).stat()
    paths = node_paths(spec, engine)
    for path in (paths.data, paths.cache):
        path.mkdir(mode=0o700, exist_ok=True)
    where = (str(paths.data), str(paths.cache), "--")
    return (sys.executable, "-I", "-S", str(_CONFINED), *where, *command) if LINUX else command


def _make_files(spec: NodeSpec, engine: ProcessEngine) -> None:
    paths = node_paths(spec, engine)
    spec.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (free := shutil.disk_usage(spec.directory).free) < engine.least_disk:
        raise node_failures.no_room(spec, free, engine.least_disk)
    shutil.rmtree(paths.cache, ignore_errors=True)
    if engine.has_engine_api:
        ensure_secret(paths.jwt)
    if paths.settings is not None:
        paths.settings.write_text(engine.settings)
    spec.genesis.open("rb").close()


@contextlib.asynccontextmanager
async def _connection(handle: NodeHandle, host: str, port: int) -> AsyncIterator[NodeHttp]:
    """A connection as soon as somebody listens; the caller has the deadline."""
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
