"""The nodes of one devnet: started or adopted, watched, saved at intervals, healed, stopped."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from control_plane.domain.errors import (
    CalderaError,
    MissingDependency,
    ServiceFailed,
    StorageFailed,
    TemporaryFailure,
    most_telling,
)
from control_plane.domain.ids import Name, node_service
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.node import Connect, NodeHandle, Rpc, Runtime
from control_plane.domain.ports.store import Database, UnitOfWork
from control_plane.domain.records import ServiceRecord
from control_plane.domain.settlement.taken import ReadTaken, Taken
from control_plane.domain.states import ServiceState
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.supervisor import cancel_and_wait

T = TypeVar("T")

_FAILED = ServiceState.FAILED
_EXIT_NEWS = 0.1
"""Seconds within which the end of a process is noticed."""
_BROKEN = 2.0
"""The same once a connection broke: a busy container engine takes its time to say why."""
_REST_DEADLINE = 2.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class RunningNode:
    chain: ChainPlan
    handle: NodeHandle
    rpc: Rpc
    """The control plane's own connection, for admin calls and saving."""
    watch: asyncio.Task[None] | None = None
    heads: asyncio.Task[None] | None = None
    """Notes the chain's head, block by block."""
    saved_head: str = ""
    """Hash of the last block that was saved since it runs."""
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)


class Nodes:
    """All nodes of one devnet. `on_exit` is called when a node ended that nobody stopped;
    nothing of ours seals a block of a chain while its `paused` is entered."""

    def __init__(
        self,
        files: DevnetFiles,
        runtime: Runtime,
        connect: Connect,
        database: Database,
        publish: Publish,
        on_exit: Callable[[], None],
        paused: Callable[[str], AbstractAsyncContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        self._files = files
        self._runtime = runtime
        self._connect = connect
        self._database = database
        self._publish = publish
        self._on_exit = on_exit
        self._paused = paused
        self.running: dict[str, RunningNode] = {}
        self.ended: dict[str, str] = {}
        """Chains whose node ended that nobody stopped, and how; until it runs again."""
        self.unsaved: dict[str, str] = {}
        """Chains whose state could not be saved the last time, and why."""
        self._known: dict[str, ServiceRecord] = {}
        self._heads: dict[str, int] = {}
        """The last block that each chain is known to have had, its node running or not."""
        self._listeners: set[asyncio.Future[ServiceFailed]] = set()

    async def recall(self) -> None:
        """Read what the database knows of all nodes, at once, before they are ensured."""
        async with self._database.begin() as unit:
            records = await unit.services.list(self._files.name)
        self._known = {record.service: record for record in records}

    async def ensure(self, plan: Plan, chain: ChainPlan) -> RunningNode:
        """The node of `chain`, adopted when it runs already, else started (from saved state).
        :meth:`recall` comes before.

        Raises what ``Runtime.start_node`` raises; nothing is left running then.
        """
        if chain.name in self.running:
            self.running[chain.name].chain = chain  # it may have switched, which no node notices
            return self.running[chain.name]
        spec = self._files.node_spec(plan, chain)
        record = self._known.get(node_service(chain.name))
        handle = await self._runtime.adopt_node(
            spec, record.pid if record else None, record.identity if record else None
        )
        if handle is not None:
            rpc = await self._take_on(handle, record, plan, chain, adopted=True)
        else:
            async with self._nothing_sealed(chain.name):  # least of all before it is restored
                handle = await self._runtime.start_node(spec)
                try:
                    rpc = await self._take_on(handle, record, plan, chain, adopted=False)
                except BaseException:
                    await self._runtime.stop_node(handle)
                    raise
        node = RunningNode(chain, handle, rpc)
        node.watch = asyncio.create_task(self._watch(node), name=f"watch {handle.service}")
        node.heads = asyncio.create_task(self._note_heads(node), name=f"heads {handle.service}")
        self.running[chain.name] = node
        self.ended.pop(chain.name, None)
        self.unsaved.pop(chain.name, None)
        return node

    @contextlib.asynccontextmanager
    async def _nothing_sealed(self, chain: str) -> AsyncIterator[None]:
        """Nothing of ours seals a block of `chain` inside: a sequencer finds a node that comes
        back where the old one was as soon as it listens. One that hangs is not waited for."""
        async with contextlib.AsyncExitStack() as stack:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REST_DEADLINE):
                    await stack.enter_async_context(self._paused(chain))
            yield

    async def _take_on(
        self,
        handle: NodeHandle,
        record: ServiceRecord | None,
        plan: Plan,
        chain: ChainPlan,
        *,
        adopted: bool,
    ) -> Rpc:
        """Connect to a node that runs and write it down."""
        rpc = await self._connect(handle.ws_url, deadline=10.0)
        await self._put_started(handle, record, adopted=adopted, rpc=rpc, plan=plan, chain=chain)
        return rpc

    async def record(self, chain: str) -> ServiceRecord | None:
        """What the database knows of the chain's node."""
        async with self._database.begin() as unit:
            return await unit.services.get(self._files.name, f"{chain}/node")

    async def stop(self, chain: str, *, grace: float = 2.0) -> None:
        """Stop one node; nothing happens when it does not run."""
        self.ended.pop(chain, None)
        self.unsaved.pop(chain, None)
        node = self.running.pop(chain, None)
        if node is None:
            return
        await self._part_from(node)
        await self._runtime.stop_node(node.handle, grace=grace)
        with contextlib.suppress(StorageFailed):  # its process is gone, whatever the record says
            await self._mark(chain, ServiceState.STOPPED, None)

    async def stop_all(self, *, grace: float = 2.0) -> None:
        """Stop every node, the last started first, side by side."""
        names = list(reversed(self.running))
        await asyncio.gather(*(self.stop(name, grace=grace) for name in names))
        self.ended.clear()
        self.unsaved.clear()

    async def let_go(self) -> None:
        """Forget the nodes without stopping them: they outlive this process."""
        for node in list(self.running.values()):
            await self._part_from(node)
        self.running.clear()

    @staticmethod
    async def _part_from(node: RunningNode) -> None:
        """Watch it no more, and say nothing more to it."""
        await cancel_and_wait(node.watch)
        await cancel_and_wait(node.heads)
        await node.rpc.close()

    async def save(self, plan: Plan, chain: str) -> None:
        """Save a chain's state if its head moved since the last save and its node runs.

        Raises StorageFailed or TemporaryFailure; the node goes on either way.
        """
        node = self.running.get(chain)
        if node is None or node.handle.is_external:
            return
        async with node.saving:
            head = await node.rpc.call("eth_getBlockByNumber", "latest", False)
            self._heads[chain] = int(head["number"], 16)
            if head["hash"] == node.saved_head:
                return
            spec = self._files.node_spec(plan, node.chain)
            async with contextlib.AsyncExitStack() as pause:
                await pause.enter_async_context(self._paused(chain))

                async def first(read: ReadTaken | None) -> None:
                    await pause.aclose()
                    if read is not None:
                        await self._save_l1(plan, node, await read())

                saved = await self._runtime.save_state(spec, node.rpc, first)
            # before the head is held to be saved: what could not be recorded is saved again
            await self._change(chain, saved_block=saved.block, saved_at=saved.at)
            # another one of that height may have taken its place before the pause
            node.saved_head = head["hash"] if saved.block == self._heads[chain] else ""

    async def _save_l1(self, plan: Plan, node: RunningNode, taken: Taken) -> None:
        """Save the L1 if an older save of it lacks what the rollup of `node` took from there."""
        from control_plane.services.l1_first import rests_on_disk

        base = plan.l1.name
        l1, record = self.running.get(base), await self.record(base)
        saved = record.saved_block if record and record.saved_block is not None else -1
        if await rests_on_disk(l1.rpc if l1 else None, taken, saved):
            return
        if l1 is not None:
            await self.save(plan, base)
        if l1 is None or self.running.get(base) is not l1:  # another one may have lost something
            raise TemporaryFailure(
                f"{node.chain.name} is not saved while {base} is away",
                "the L1 may come back without what the rollup took from it",
            )

    def troubles(self) -> dict[str, str]:
        """Chains whose node runs and can't do its work, and why."""
        found = {name: self._runtime.trouble(node.handle) for name, node in self.running.items()}
        return {name: why for name, why in found.items() if why}

    async def save_all(self, plan: Plan) -> None:
        """Save every chain; `unsaved` tells what did not succeed."""
        await asyncio.gather(*(self._try_to_save(plan, chain) for chain in list(self.running)))

    async def _try_to_save(self, plan: Plan, chain: str) -> None:
        node = self.running.get(chain)
        try:
            await self.save(plan, chain)
        except CalderaError as error:
            if self.running.get(chain) is node:  # else it failed because the node ended
                self.unsaved[chain] = str(error)
        else:
            self.unsaved.pop(chain, None)

    async def unless_one_ends(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns. When a node ends meanwhile that nobody stopped, `work` is
        cancelled, and ServiceFailed tells of that node."""
        ended: asyncio.Future[ServiceFailed] = asyncio.get_running_loop().create_future()
        either: set[asyncio.Future[Any]] = {ended}
        task = asyncio.create_task(work)
        either.add(task)
        self._listeners.add(ended)
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and (error := task.exception()) is not None:
                # a broken connection is noticed a moment before the end of who broke it
                broke = isinstance(most_telling(error), TemporaryFailure)
                await asyncio.wait({ended}, timeout=_BROKEN if broke else _EXIT_NEWS)
            if ended.done():
                failure = ended.result()
                await self.mark_failed(failure.service.partition("/")[0], failure)
                raise failure
            return task.result()
        finally:
            self._listeners.discard(ended)
            ended.cancel()
            await cancel_and_wait(task)

    async def _watch(self, node: RunningNode) -> None:
        chain, handle = node.chain.name, node.handle
        cause = await self._runtime.wait_exit(handle)
        why = _why_ended(handle, cause)
        self.ended[chain] = why
        log.warning("%s: %s", handle.service, why)
        with contextlib.suppress(CalderaError):  # a full disk must not hide the node's end
            await self._mark(chain, ServiceState.RESTARTING, why)
            await self._publish("service.exited", {"problem": why}, service=handle.service)
        if node.heads is not None:  # what it said last may still be on its way
            await asyncio.wait({node.heads}, timeout=_EXIT_NEWS)
            await cancel_and_wait(node.heads)
        self.running.pop(chain, None)
        await node.rpc.close()
        for listener in self._listeners:
            # of somebody else's node the others don't depend
            if not listener.done() and not handle.is_external:
                listener.set_result(_ended(handle, why))
        self._on_exit()

    async def _note_heads(self, node: RunningNode) -> None:
        """Take note of each block, so that none can go unnoticed: who asks the chain, and the
        indexer with its records, come later."""
        with contextlib.suppress(CalderaError):  # a broken connection; the node's end is watched
            async for header in node.rpc.subscribe("newHeads"):
                self._heads[node.chain.name] = int(header["number"], 16)

    async def _put_started(
        self,
        handle: NodeHandle,
        old: ServiceRecord | None,
        *,
        adopted: bool,
        rpc: Rpc,
        plan: Plan,
        chain: ChainPlan,
    ) -> None:
        before = self._heads.get(chain.name)
        head = await _head(rpc)
        saved = self._runtime.saved_state(self._files.node_spec(plan, chain))
        async with self._database.begin() as unit:
            if before is None:
                before = await self._last_indexed(unit, chain)
            lost = (head + 1, before) if before > head and not adopted else None
            record = ServiceRecord(
                devnet=self._files.name,
                service=handle.service,
                state=ServiceState.READY,
                pid=handle.pid,
                identity=handle.identity,
                port=handle.port,
                command=handle.command,
                log=None if handle.is_external else str(handle.log),
                restarts=(old.restarts if old else 0) + (0 if adopted or old is None else 1),
                saved_block=saved.block if saved else None,
                saved_at=saved.at if saved else None,
                lost_blocks=lost or (old.lost_blocks if old else None),
            )
            await unit.services.put(record)
        self._heads[chain.name] = head
        if lost:
            await self._publish(
                "service.lost_blocks",
                {"from": lost[0], "to": lost[1], "restored": record.saved_block},
                service=handle.service,
            )

    async def _last_indexed(self, unit: UnitOfWork, chain: ChainPlan) -> int:
        """The last block that an earlier process wrote down; -1 for none."""
        cursor = await unit.cursors.get(self._files.name, "indexer", chain.name)
        return cursor.block if cursor else -1

    async def _mark(self, chain: str, state: ServiceState, problem: str | None) -> None:
        await self._change(chain, state=state, problem=problem)

    async def _change(self, chain: str, **changes: Any) -> None:
        async with self._database.begin() as unit:
            record = await unit.services.get(self._files.name, node_service(Name(chain)))
            if record is not None:
                await unit.services.put(replace(record, **changes))

    async def mark_failed(self, chain: str, error: CalderaError) -> None:
        """Record why a node could not be started."""
        service = node_service(Name(chain))
        base = await self.record(chain) or ServiceRecord(self._files.name, service, _FAILED)
        told = error if isinstance(error, ServiceFailed) else None
        failed = replace(
            base,
            state=_FAILED,
            problem=str(error),
            # a container engine that does not answer says nothing of the containers
            pid=base.pid if isinstance(error, MissingDependency) else None,
            identity=base.identity if isinstance(error, MissingDependency) else None,
            command=told.command if told else base.command,
            log=(told.log if told else "") or base.log,
        )
        async with self._database.begin() as unit:
            await unit.services.put(failed)


async def _head(rpc: Rpc) -> int:
    return int(await rpc.call("eth_blockNumber"), 16)


def _why_ended(handle: NodeHandle, cause: str | None) -> str:
    how = f" ({cause})" if cause else ""
    if handle.is_external:
        return f"{handle.http_url} does not answer any more{how}"
    what = f"process {handle.pid}" if handle.pid else f"container {handle.identity[:12]}"
    return f"its {what} ended unexpectedly{how}; log: {handle.log}"


def _ended(handle: NodeHandle, why: str) -> ServiceFailed:
    return ServiceFailed(
        f"{handle.service} (port {handle.port}) ended",
        why,
        f"See {handle.log}.",
        service=handle.service,
        command=handle.command,
        log=str(handle.log),
    )
