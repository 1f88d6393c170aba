"""Brings the chains of a devnet up: side by side, each from its node to its contracts."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Protocol

from control_plane.domain.errors import CalderaError, Conflict
from control_plane.domain.ids import Hex, Name
from control_plane.domain.network import Chain, Network
from control_plane.domain.plan import ChainPlan
from control_plane.domain.ports.agent import Publish
from control_plane.services.absent import Absent
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.live import Live, Tools
from control_plane.services.nodes import Nodes, RunningNode
from control_plane.services.steps import Steps


class Update(Protocol):
    def __call__(self, **changes: object) -> Awaitable[None]:
        """Write something else into the devnet's record."""
        ...


class Chains:
    """Those of the devnet `name`."""

    def __init__(
        self,
        name: str,
        files: DevnetFiles,
        tools: Tools,
        nodes: Nodes,
        absent: Absent,
        publish: Publish,
        update: Update,
    ) -> None:
        self._name = name
        self._files = files
        self._tools = tools
        self._nodes = nodes
        self._absent = absent
        self._publish = publish
        self._update = update

    async def start(
        self, live: Live, devnet_id: bytes, steps: Steps, is_held: Callable[[ChainPlan], bool]
    ) -> Network:
        """All that the plan wants but those that are held; what can be reached then, and where
        the others will be. The first that fails takes the others with it."""
        network_id: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        chains = {c.name: _endpoint(c) for c in live.plan.chains if is_held(c)}
        if is_held(live.plan.l1) and live.network is not None:
            network_id.set_result(live.network.network_id)

        async def bring(chain: ChainPlan) -> None:
            async with steps.step(f"node:{chain.name}") as detail:
                node = await self._start_node(live, chain)
                detail["pid"] = node.handle.pid
            chains[chain.name] = self._chain(node)
            if chain.is_l1:
                found = await self._tools.bootstrap.network_id(
                    node.rpc, live.born.contracts, devnet_id
                )
                network_id.set_result(found)
            part = self._network(live, devnet_id, await network_id, chains)
            async with (
                steps.step(f"bootstrap:{chain.name}"),
                self._tools.sealing(chains[chain.name], node.rpc, part, live.keys) as seal,
            ):
                await self._tools.bootstrap(node.chain, node.rpc, part, live.keys, seal)

        async def bring_external(chain: ChainPlan) -> None:
            """The others do without it."""
            try:
                await bring(chain)
            except CalderaError as error:
                await self._nodes.stop(chain.name)
                await self._nodes.mark_failed(chain.name, error)
                self._absent.note(chain, error)
                chains[chain.name] = _endpoint(chain)
            else:
                self._absent.forget(chain.name)

        wanted = [chain for chain in live.plan.chains if not is_held(chain)]
        await _all_or_none([(bring_external if c.is_external else bring)(c) for c in wanted])
        return self._network(live, devnet_id, network_id.result(), chains)

    async def drop(self, name: Name) -> None:
        """End one that the plan has no more, and leave nothing of it."""
        await self._nodes.stop(name)
        await self._tools.runtime.forget(self._files.node(name))
        self._tools.remove_tree(self._files.node(name))
        async with self._tools.database.begin() as unit:
            await unit.services.remove(self._name, f"{name}/node")

    def _chain(self, node: RunningNode) -> Chain:
        handle = node.handle
        if handle.is_external:
            return _endpoint(node.chain)
        directory = self._files.node(node.chain.name)
        return Chain(node.chain, handle.http_url, handle.ws_url, handle.engine_url, directory)

    def _network(
        self, live: Live, devnet_id: bytes, network_id: bytes, chains: Mapping[Name, Chain]
    ) -> Network:
        contracts: Mapping[str, Hex] = live.born.contracts
        ordered = tuple(chains[c.name] for c in live.plan.chains if c.name in chains)
        return Network(self._name, devnet_id, network_id, live.plan, ordered, contracts)

    async def _start_node(self, live: Live, chain: ChainPlan) -> RunningNode:
        """Start `chain`'s node; when it can't be, its record tells why."""
        spec = self._files.node_spec(live.plan, chain)
        try:
            await self._tools.provision.genesis(spec, live.keys)
            return await self._ensure_node(live, chain)
        except CalderaError as error:
            await self._nodes.mark_failed(chain.name, error)
            raise

    async def _ensure_node(self, live: Live, chain: ChainPlan) -> RunningNode:
        """A default port taken since planning is replaced once."""
        try:
            return await self._nodes.ensure(live.plan, chain)
        except Conflict:
            if chain.port_named:
                raise
            moved = await self._move_port(live, chain)
            return await self._nodes.ensure(live.plan, moved)

    async def _move_port(self, live: Live, chain: ChainPlan) -> ChainPlan:
        taken = frozenset(c.port for c in live.plan.chains)
        port = self._tools.free_port(chain.port + 1, taken)
        moved = replace(chain, port=port)
        note = f"port {chain.port} of {chain.name} is taken; it listens on {port}"
        live.plan = replace(
            live.plan,
            chains=tuple(moved if c.name == chain.name else c for c in live.plan.chains),
            notes=(*live.plan.notes, note),
        )
        await self._update(plan=self._tools.dump_plan(live.plan))
        await self._publish(
            "plan.port_moved", {"from": chain.port, "to": port}, service=f"{chain.name}/node"
        )
        return moved


def _endpoint(chain: ChainPlan) -> Chain:
    """Where a chain listens when its node runs."""
    return Chain(chain, chain.http_url, chain.ws_url)


async def _all_or_none(parts: list[Coroutine[object, object, None]]) -> None:
    """Run side by side; the first error cancels the rest, and all errors are told together."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)
