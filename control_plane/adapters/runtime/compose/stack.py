"""One devnet's containers: chains that start at the same time are started by one `up`."""

import asyncio
from dataclasses import dataclass
from typing import Final

from control_plane.adapters.runtime.compose.cli import alone, compose
from control_plane.adapters.runtime.compose.failures import NetworkTaken, PortTaken
from control_plane.adapters.runtime.compose.files import (
    Kit,
    addresses_of,
    draw_again,
    engine_route,
    volume_of,
    write_stack,
)
from control_plane.adapters.runtime.compose.link import Container, Link
from control_plane.adapters.runtime.compose.project import (
    Addresses,
    Project,
    compose_service,
    service_label,
)
from control_plane.adapters.runtime.gate import GATE, port_taken
from control_plane.adapters.runtime.ports import is_taken
from control_plane.domain.errors import CalderaError, ServiceFailed
from control_plane.domain.ids import Name
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.node import NodeSpec

_UP_DEADLINE: Final = 600.0
"""Images may have to be pulled."""
_QUIET: Final = 0.04
"""Seconds without another chain after which those that asked are started."""
_TRIES: Final = 4
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0


@dataclass(slots=True)
class _Asked:
    spec: NodeSpec
    waiter: "asyncio.Future[str]"


class Stack:
    """Used in one event loop; made for a devnet that may or may not have containers."""

    def __init__(self, project: Project, kit: Kit, link: Link) -> None:
        self.project = project
        self._kit = kit
        self._link = link
        self._plan: Plan | None = None
        self._asked: dict[Name, _Asked] = {}
        self._work: asyncio.Task[None] | None = None
        self._published: frozenset[int] = frozenset()
        self._news = asyncio.Event()
        self._mending: asyncio.Task[None] | None = None
        self.trouble: str | None = None
        """What is wrong with the gate."""

    def addresses(self, plan: Plan) -> Addresses:
        """Of its containers. Raises StorageFailed."""
        return addresses_of(self.project, plan)

    # ------------------------------------------------------------------ up

    async def start(self, spec: NodeSpec) -> str:
        """Make and start the container of `spec`'s node, in place of any there is; its id.

        Raises Conflict (port taken), MissingDependency, ServiceFailed, StorageFailed,
        DeadlineExceeded.
        """
        await self._need_port(spec.chain)
        self._plan = spec.plan
        waiter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked[spec.chain.name] = _Asked(spec, waiter)
        self._news.set()
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._run(), name=f"up {self.project.name}")
        return await waiter

    async def take_over(self, plan: Plan) -> None:
        """Nodes of `plan` run already; if its gate does not, it comes back."""
        self._plan = plan
        self._published = await asyncio.to_thread(self._ports_of_gate)
        if not self._published:
            self.mend_gate()

    def mend_gate(self) -> None:
        """The gate ended: start it again, unless the devnet is ended."""
        if self._plan is not None and (self._mending is None or self._mending.done()):
            self._mending = asyncio.create_task(self._mend(), name=f"gate of {self.project.name}")

    async def _mend(self) -> None:
        pause = _FIRST_PAUSE
        while self._plan is not None:
            if self._work is not None:
                await asyncio.wait([self._work])  # it starts the gate as well
            try:
                if not await asyncio.to_thread(self._ports_of_gate):
                    self.trouble = "the gate before it has ended; it is started again"
                    await self._up({})
                self.trouble = None
            except CalderaError as error:
                self.trouble = f"the gate before it has ended: {error}"
            else:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _need_port(self, chain: ChainPlan) -> None:
        if chain.port in self._published or not await asyncio.to_thread(is_taken, chain.port):
            return
        self._published = await asyncio.to_thread(self._ports_of_gate)
        if chain.port not in self._published:
            raise port_taken(chain.port)

    def _ports_of_gate(self) -> frozenset[int]:
        found = self._link.containers(project=self.project.name)
        gates = [each for each in found if each.service == GATE and each.state == "running"]
        return frozenset().union(*(gate.ports for gate in gates))

    async def _run(self) -> None:
        while self._asked:
            await self._gather()
            batch, self._asked = self._asked, {}
            try:
                found = await self._up(batch)
            except Exception as error:  # noqa: BLE001 - whoever asked is told
                for asked in batch.values():
                    if not asked.waiter.done():
                        asked.waiter.set_exception(error)
            else:
                for chain, container in found.items():
                    if not batch[chain].waiter.done():
                        batch[chain].waiter.set_result(container)
            finally:
                for asked in batch.values():
                    asked.waiter.cancel()

    async def _gather(self) -> None:
        """Until every chain of the plan has asked, or no further one does."""
        while self._plan is not None and len(self._asked) < len(self._plan.chains):
            self._news.clear()
            try:
                async with asyncio.timeout(_QUIET):
                    await self._news.wait()
            except TimeoutError:
                return

    async def _up(self, batch: dict[Name, _Asked]) -> dict[Name, str]:
        """Start the gate and the nodes of `batch`; containers by chain. A chain whose port is
        taken is told so and left out."""
        closed: set[str] = set()
        for _ in range(_TRIES):
            wanted = [asked.spec.chain for name, asked in batch.items() if name not in closed]
            services = [compose_service(chain.name) for chain in wanted]
            up = ("up", "-d", "--no-deps", GATE, *services)
            try:
                async with alone(self.project) as lock:
                    await self._clear(wanted)
                    await asyncio.to_thread(self._write, closed)
                    await compose(self.project, *up, deadline=_UP_DEADLINE, lock=lock)
            except PortTaken as taken:
                closed.add(self._refuse(batch, taken))
            except NetworkTaken:
                draw_again(self.project)
            else:
                found = await asyncio.to_thread(self._link.containers, project=self.project.name)
                self._published = frozenset().union(*(each.ports for each in found))
                by_service = {each.service: each.id for each in found}
                return {chain.name: by_service[service_label(chain)] for chain in wanted}
        raise ServiceFailed(
            "The devnet's network or ports can't be had",
            f"{_TRIES} times another one had them",
            "Look at `docker network ls` and at who listens on the devnet's ports.",
            service=GATE,
        )

    def _refuse(self, batch: dict[Name, _Asked], taken: PortTaken) -> str:
        """Tell the chain whose port was taken between the look and the start; its name."""
        for name, asked in batch.items():
            if asked.spec.chain.port == taken.port:
                if not asked.waiter.done():
                    asked.waiter.set_exception(port_taken(taken.port))
                return name
        if self._plan is not None:
            for chain in self._plan.chains:
                if chain.port == taken.port:
                    raise port_taken(taken.port)
            addresses = self.addresses(self._plan)
            for chain in self._plan.chains:
                if addresses.engine_port(chain.name) == taken.port:
                    return engine_route(chain)  # a daemon that has a route does without
        raise port_taken(taken.port)

    def _write(self, closed: set[str]) -> None:
        if self._plan is None:
            raise RuntimeError("a stack without a plan")
        write_stack(self._kit, self.project, self._plan, self._link.has_image, closed)

    async def _clear(self, chains: list[ChainPlan]) -> None:
        """No container of these nodes stays: one that nobody recorded may hold anything."""
        labels = {service_label(chain) for chain in chains}
        found = await asyncio.to_thread(self._link.containers, project=self.project.name)
        await self._remove([each for each in found if each.service in labels])

    # ------------------------------------------------------------------ down

    async def remove(self, service: str | None) -> int:
        """Remove the container with that ``dev.caldera.service``, or all; how many were nodes
        that ran."""
        if service is None:
            await self._end_work()
        async with alone(self.project):
            found = await asyncio.to_thread(self._link.containers, project=self.project.name)
            found = [each for each in found if service in {None, each.service}]
            await self._remove(found)
        return sum(each.runs and each.service != GATE for each in found)

    async def drop(self, chain: str) -> None:
        """Remove the chain's volume; it has no container any more. Idempotent. The gate keeps
        its port until another chain starts: a new gate breaks every connection."""
        await asyncio.to_thread(self._link.remove_volume, self.project, volume_of(chain))

    async def down(self) -> None:
        """Remove all that the engine has of the devnet: containers, volumes, network. As
        ``docker compose down -v`` does, by the project's labels, in a third of its time; and it
        needs neither the file nor Compose."""
        await self.remove(None)
        await asyncio.to_thread(self._link.remove_rest, self.project.name)

    async def _remove(self, found: list[Container]) -> None:
        await asyncio.gather(*(asyncio.to_thread(self._link.remove, each.id) for each in found))

    async def let_go(self) -> None:
        """Start nothing more; what runs goes on."""
        await self._end_work()

    async def _end_work(self) -> None:
        """A start that is under way ends, and whoever waits for it."""
        self._plan = self.trouble = None
        under_way = [task for task in (self._work, self._mending) if task is not None]
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)
        for asked in self._asked.values():
            asked.waiter.cancel()
        self._asked.clear()
        self._published = frozenset()
