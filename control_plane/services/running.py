"""What runs of devnets: looked at, its single services started and stopped."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from control_plane.domain.errors import Conflict
from control_plane.domain.network import GuardianKeys, Network
from control_plane.domain.states import Desired, DevnetState
from control_plane.services.live import Live
from control_plane.services.reconciler import Reconciler
from control_plane.services.supervisor import AgentView, cancel_and_wait
from control_plane.services.unknown import not_found
from control_plane.services.workers import Workers

T = TypeVar("T")

_NODE = "node"
_COMING_UP = 10.0
"""Seconds that whoever needs a devnet waits for one that is on its way up."""


class Running(Workers):
    """What this process runs of each devnet."""

    async def stop_service(self, name: str, service: str) -> None:
        """Stop one agent or node until it is started again; a node's state is saved first."""
        worker = await self._running(name)
        chain = self._node_of(worker, service)
        if chain is not None:
            plan = worker.live_plan()
            worker.held_nodes.add(chain)
            if chain in worker.nodes.running:
                await worker.nodes.save(plan, chain)
                await worker.nodes.stop(chain)
        else:
            await worker.agents.hold(service)
        worker.wake()

    async def start_service(self, name: str, service: str) -> None:
        """Start a service that was stopped; nothing happens to one that runs."""
        worker = await self._running(name)
        chain = self._node_of(worker, service)
        if chain is not None:
            worker.held_nodes.discard(chain)
        else:
            worker.agents.release(service)
        worker.wake()

    async def wait_service(self, name: str, service: str, timeout: float) -> None:
        """Until a service that was started does its work, a node with all that depends on it.

        Raises DeadlineExceeded, what :meth:`wait_settled` raises.
        """
        worker = await self._running(name)
        if self._node_of(worker, service) is not None:
            await self.wait_settled(name, timeout)
        else:
            others = set(worker.agents.names()) - {service}
            await worker.agents.wait_ready(timeout, without=others)

    def agents(self, name: str) -> list[AgentView]:
        """The agents that this process runs for a devnet; none when it runs none."""
        worker = self.worker(name)
        return worker.agents.views() if worker else []

    async def live(self, name: str) -> tuple[Live, Network]:
        """What runs of a devnet, waited for a moment; Conflict when its chains are not up."""
        worker = await self._running(name)
        if worker.live is None or worker.live.network is None:
            raise Conflict(
                f"{name} is starting",
                "its chains are not up yet",
                f"`caldera start {name}` returns when it is ready.",
            )
        return worker.live, worker.live.network

    async def join_guardian(self, name: str, number: int) -> GuardianKeys:
        """Start one more guardian of a running devnet; its keys."""
        return await (await self._running(name)).join_guardian(number)

    async def retire_guardian(self, name: str, number: int) -> None:
        """End a guardian that is in no set any more."""
        await (await self._running(name)).retire_guardian(number)

    def must_answer(self, name: str, chain: str) -> None:
        """Conflict when a chain's node does not run, stopped by the user or being restarted."""
        worker = self.worker(name)
        if worker is None or chain not in worker.nodes.running:
            raise Conflict(
                f"{chain}/node of {name} does not run",
                "the chain takes no transactions without it",
                f"`caldera status {name}` says why; `caldera start {name} --service {chain}/node`.",
            )

    async def while_there(self, name: str, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns; given up with Conflict when the devnet is removed meanwhile."""
        found = self._workers.get(name)
        task = asyncio.ensure_future(work)
        ends: set[asyncio.Future[Any]] = {task, found[1]} if found else {task}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.done():
            return task.result()
        await cancel_and_wait(task)
        raise Conflict(f"{name} was removed", "while this was under way", "See `caldera ls`.")

    async def _running(self, name: str) -> Reconciler:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_COMING_UP):
                await self._come_up(name)
        record = await self.record(name)
        worker = self.worker(name)
        if worker is None or worker.live is None:
            raise Conflict(
                f"{name} is {record.state}",
                "its services run only while it does",
                f"`caldera start {name}`",
            )
        return worker

    async def _come_up(self, name: str) -> None:
        """Until a devnet that is to run does, or did not start: right after a daemon was killed
        the next one is still taking its devnets over."""
        while True:
            worker = self.worker(name)
            change = worker.next_change() if worker else None
            record = await self.record(name)
            there = worker is not None and worker.live is not None and worker.live.network
            wanted = record.desired is Desired.RUNNING and record.state is not DevnetState.FAILED
            if there or change is None or not wanted:
                return
            await change.wait()

    @staticmethod
    def _node_of(worker: Reconciler, service: str) -> str | None:
        """The chain whose node `service` is, None for an agent; NotFound for neither."""
        nodes = [f"{chain.name}/{_NODE}" for chain in worker.live_plan().chains]
        if service in nodes:
            return service.removesuffix(f"/{_NODE}")
        if service in worker.agents:
            return None
        raise not_found("service", service, [*nodes, *worker.agents.names()])
