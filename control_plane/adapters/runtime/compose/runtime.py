"""Nodes as containers of one Compose project a devnet; see docs/decisions/0010-compose.md."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.runtime import node_failures
from control_plane.adapters.runtime.compose.crew import ComposeCrew
from control_plane.adapters.runtime.compose.files import Kit
from control_plane.adapters.runtime.compose.following import Following
from control_plane.adapters.runtime.compose.link import Link
from control_plane.adapters.runtime.compose.project import (
    FILE,
    SERVICE_LABEL,
    Project,
    home_id,
    routes,
    service_label,
)
from control_plane.adapters.runtime.compose.stack import Stack
from control_plane.adapters.runtime.compose.watch import Watch
from control_plane.adapters.runtime.http import NodeHttp
from control_plane.adapters.runtime.logs import bound_log
from control_plane.adapters.runtime.node_program import ProcessEngine, log_path
from control_plane.adapters.runtime.ports import LOOPBACK
from control_plane.domain.errors import CalderaError, ServiceFailed, TemporaryFailure
from control_plane.domain.ids import node_service
from control_plane.domain.network import Keys, Network
from control_plane.domain.ports.node import First, NodeHandle, NodeSpec, Rpc, SavedState
from control_plane.domain.rpc import RpcError

_LOOK: Final = 0.01
"""Seconds between two tries to reach a node that starts."""
_ADOPT_DEADLINE: Final = 5.0
_LAST_LINES: Final = 15


class ComposeRuntime:
    """Implements ``ports.node.Runtime`` for the devnets of one home."""

    def __init__(self, home: Path, kit: Kit, *, start_deadline: float = 60.0) -> None:
        self._home = home_id(home)
        self._kit = kit
        self._deadline = start_deadline
        self._link = Link()
        self._watch = Watch(self._link, self._home, self._gate_ended)
        self._logs = Following(self._link)
        self._stacks: dict[Path, Stack] = {}
        self._given: dict[str, tuple[ProcessEngine, Stack]] = {}
        """Of the containers whose handles were given out."""

    async def close(self) -> None:
        """Let go of the engine; containers go on."""
        for stack in self._stacks.values():
            await stack.let_go()
        self._logs.close()
        await self._watch.close()
        self._link.close()

    # ------------------------------------------------------------------ start

    async def start_node(self, spec: NodeSpec) -> NodeHandle:
        """See the port."""
        self._watch.start()
        stack = self._stack(_root(spec))
        container = await stack.start(spec)
        try:
            handle = await self._handle(spec, stack, container)
            self._logs.begin(container, handle.log)
            await self._bring_up(spec, handle)
        except BaseException:  # a cancellation as well: nothing stays behind
            await asyncio.shield(self._end(container, grace=0))
            raise
        return handle

    async def _bring_up(self, spec: NodeSpec, handle: NodeHandle) -> None:
        """Until the node answers and is prepared; notices at once when it ends."""
        node = asyncio.ensure_future(self._prepare(spec, handle))
        work: asyncio.Future[Any] = asyncio.gather(node, _passes_gate(spec))
        gone: asyncio.Future[Any] = asyncio.ensure_future(self._watch.gone(handle.identity))
        try:
            async with asyncio.timeout(self._deadline):
                await asyncio.wait([work, gone], return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    raise await self._exited(handle, gone.result())
                work.result()
        except TimeoutError:
            public = f"http://{LOOPBACK}:{handle.port}"
            asked = replace(handle, http_url=public) if node.done() else handle
            raise node_failures.too_slow(asked, self._deadline) from None
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)

    async def _prepare(self, spec: NodeSpec, handle: NodeHandle) -> None:
        if handle.engine_url is not None:
            async with _answering(handle.engine_url):
                pass  # somebody listens there too
        while True:
            try:
                async with _answering(handle.http_url) as node:
                    found = int(await node.call("eth_chainId"), 16)
                    if found != spec.chain.chain_id:
                        raise node_failures.other_service(spec, found)
                    await self._set_up(spec, handle, node)
                    return
            except TemporaryFailure:  # the gate is there before the node is
                await asyncio.sleep(_LOOK)

    async def _set_up(self, spec: NodeSpec, handle: NodeHandle, node: NodeHttp) -> None:
        engine = self._kit.engines[spec.chain.engine]
        try:
            await engine.prepare(spec, node, handle.engine_url)
        except RpcError as error:
            raise node_failures.not_set_up(handle, error) from error

    async def _exited(self, handle: NodeHandle, why: str) -> ServiceFailed:
        lines = await self._last_lines(handle)
        last = node_failures.last_complaint(lines) or (lines[-1] if lines else "it said nothing")
        return ServiceFailed(
            f"{handle.service} (port {handle.port}) ended while starting",
            f"{why}; {last}",
            f"See {handle.log}.",
            service=handle.service,
            command=handle.command,
            log=str(handle.log),
            last_lines=lines,
        )

    async def _last_lines(self, handle: NodeHandle) -> tuple[str, ...]:
        said = ""
        with contextlib.suppress(CalderaError):
            said = await asyncio.to_thread(self._link.tail, handle.identity, _LAST_LINES)
        return tuple(line.rstrip() for line in said.splitlines() if line.strip())

    async def _handle(self, spec: NodeSpec, stack: Stack, container: str) -> NodeHandle:
        """Containers are reached directly where this machine has a route to their network (no
        way is shorter, and agents go on while the gate is away), else through the gate."""
        engine = self._kit.engines[spec.chain.engine]
        self._given[container] = engine, stack
        addresses = await asyncio.to_thread(stack.addresses, spec.plan)
        name = spec.chain.name
        if addresses.network in await asyncio.to_thread(routes):
            host, port = addresses.node(name), addresses.port(name)
        else:
            host, port = LOOPBACK, spec.chain.port
        found = await asyncio.to_thread(self._link.inspect, container)
        command = tuple(found["Config"]["Cmd"] or ()) if found else ()
        return NodeHandle(
            service=node_service(name),
            pid=0,
            identity=container,
            port=spec.chain.port,
            http_url=f"http://{host}:{port}",
            ws_url=f"ws://{host}:{port}",
            command=command,
            log=log_path(spec),
            engine_url=f"http://{host}:{addresses.engine_port(name)}"
            if engine.has_engine_api
            else None,
        )

    # ------------------------------------------------------------------ adoption

    async def adopt_node(
        self,
        spec: NodeSpec,
        pid: int | None,  # noqa: ARG002 - containers have none
        identity: str | None,
    ) -> NodeHandle | None:
        """See the port."""
        if identity is None or not _has_containers(_root(spec)):
            return None
        self._watch.start()
        stack = self._stack(_root(spec))
        found = await asyncio.to_thread(self._link.inspect, identity)
        if found is None or found["Config"]["Labels"].get(SERVICE_LABEL) != service_label(
            spec.chain
        ):
            return None
        if not found["State"]["Running"]:
            return None
        handle = await self._handle(spec, stack, identity)
        try:
            async with asyncio.timeout(_ADOPT_DEADLINE), _answering(handle.http_url) as node:
                if int(await node.call("eth_chainId"), 16) != spec.chain.chain_id:
                    return None
        except (TimeoutError, TemporaryFailure, RpcError):
            return None
        self._logs.begin(identity, handle.log)
        await stack.take_over(spec.plan)
        return handle

    # ------------------------------------------------------------------ agents

    def crew(self, root: Path, network: Network, keys: Keys, database_url: str) -> ComposeCrew:
        """Runs the agents of `network`, whose directory is `root`, beside its nodes."""
        return ComposeCrew(
            self._kit.templates,
            self._kit.images,
            self._link.has_image,
            Project(root, self._home),
            network,
            keys,
            database_url,
        )

    # ------------------------------------------------------------------ state

    async def save_state(self, spec: NodeSpec, rpc: Rpc, first: First | None = None) -> SavedState:
        """See the port. Also keeps the node's log within bounds."""
        saved = await self._kit.engines[spec.chain.engine].save(spec, rpc, first)
        await asyncio.to_thread(bound_log, log_path(spec))
        return saved

    def saved_state(self, spec: NodeSpec) -> SavedState | None:
        """See the port."""
        return self._kit.engines[spec.chain.engine].saved(spec)

    # ------------------------------------------------------------------ end

    async def stop_node(self, handle: NodeHandle, *, grace: float = 2.0) -> None:
        """See the port. A node with a database gets the time that it needs to close it."""
        given = self._given.get(handle.identity)
        if grace > 0 and given is not None:
            grace = max(grace, given[0].flush_seconds)
        await self._end(handle.identity, grace=grace)

    async def _end(self, container: str, *, grace: float) -> None:
        await asyncio.to_thread(self._link.remove, container, grace=grace)
        self._logs.end(container)
        self._watch.forget(container)
        self._given.pop(container, None)

    async def wait_exit(self, handle: NodeHandle) -> str:
        """See the port."""
        why = await self._watch.gone(handle.identity)
        complaint = node_failures.last_complaint(await self._last_lines(handle))
        self._logs.end(handle.identity)
        return f"{why}; {complaint}" if complaint else why

    def trouble(self, handle: NodeHandle) -> str | None:
        """See the port."""
        found = self._watch.trouble(handle.identity)
        given = self._given.get(handle.identity)
        return found or (given[1].trouble if given else None)

    def _gate_ended(self, project: str) -> None:
        for stack in self._stacks.values():
            if stack.project.name == project:
                stack.mend_gate()

    async def kill_strays(self, directory: Path) -> int:
        """See the port."""
        ended = 0
        for root in _roots(directory):
            service = None if root.is_relative_to(directory) else f"{directory.name}/node"
            ended += await self._stack(root).remove(service)
        return ended

    async def forget(self, directory: Path) -> None:
        """See the port."""
        for root in _roots(directory):
            if root.is_relative_to(directory):
                await self._stack(root).down()
                self._stacks.pop(root, None)
            else:
                await self._stack(root).drop(directory.name)

    def _stack(self, root: Path) -> Stack:
        if root not in self._stacks:
            self._stacks[root] = Stack(Project(root, self._home), self._kit, self._link)
        return self._stacks[root]


def _root(spec: NodeSpec) -> Path:
    """The devnet's directory: nodes have theirs in ``DEVNET/nodes``."""
    return spec.directory.parent.parent


def _has_containers(root: Path) -> bool:
    return (root / FILE).exists()


def _roots(directory: Path) -> Iterator[Path]:
    """Directories of devnets with containers: above a node's directory, at it, or below it.
    The engine is never asked for a devnet that has none."""
    for place in (directory, *directory.parents[:2]):
        if _has_containers(place):
            yield place
            return
    yield from (file.parent for file in directory.glob(f"devnets/*/{FILE}"))


async def _passes_gate(spec: NodeSpec) -> None:
    """Returns when the node answers at its public port."""
    while True:
        try:
            async with _answering(f"http://{LOOPBACK}:{spec.chain.port}") as node:
                await node.call("eth_chainId")
                return
        except TemporaryFailure:  # the engine listens there before the gate does
            await asyncio.sleep(_LOOK)


@contextlib.asynccontextmanager
async def _answering(url: str) -> AsyncIterator[NodeHttp]:
    """A connection as soon as somebody listens; the caller has the deadline."""
    host, _, port = url.removeprefix("http://").partition(":")
    while True:
        try:
            node = await NodeHttp.connect(host, int(port))
            break
        except OSError:
            await asyncio.sleep(_LOOK)
    try:
        yield node
    finally:
        await node.close()
