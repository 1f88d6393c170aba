"""The agents of a devnet at work: who starts, who stays when something changed, who comes later."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from control_plane.domain.errors import Failed
from control_plane.domain.hub import EpochCertified, Wanted
from control_plane.domain.network import Chain, GuardianKeys, Network
from control_plane.domain.ports.agent import Publish
from control_plane.domain.settlement.deposits import has_portal
from control_plane.domain.states import ServiceState
from control_plane.domain.switching import seals_alike
from control_plane.services.live import Live, Tools
from control_plane.services.nodes import Nodes
from control_plane.services.sharing import Sharing
from control_plane.services.supervisor import Supervisor

_AGENTS_DEADLINE: Final = 20.0
_CONTAINERS_DEADLINE: Final = 90.0
"""Seconds for agents in containers: each starts a Python of its own."""
_CERTIFY_DEADLINE: Final = 30.0


class Crew:
    """Those whom `agents` supervises, of the devnet `name`."""

    def __init__(
        self,
        name: str,
        tools: Tools,
        agents: Supervisor,
        sharing: Sharing,
        nodes: Nodes,
        publish: Publish,
    ) -> None:
        self._name = name
        self._tools = tools
        self._agents = agents
        self._sharing = sharing
        self._nodes = nodes
        self._publish = publish
        self._network: Network | None = None
        """What the agents that run were made for."""

    def is_of(self, network: Network) -> bool:
        """Whether they were made for `network`, as it is."""
        return self._network == network

    async def start(self, live: Live, network: Network) -> None:
        """Start what is missing. A sequencer whose chain is where it was, and its L1 if it takes
        deposits from there, keeps running, and so does who looks at a rollup's rules; the other
        agents look at all chains, so they start anew when any of them moved."""
        if network == self._network and self._agents.names():
            # they reconnect by themselves
            await self._agents.wait_ready(_AGENTS_DEADLINE, without=self._idle(live))
            return
        await self._sharing.start(network, live.keys, live.hub)
        agents = self._tools.make_agents(network, live.keys, live.hub, self._publish)
        wanted = {agent.name for agent in agents}
        await self._agents.stop([name for name in self._agents.names() if name not in wanted])
        held = frozenset(v.name for v in self._agents.views() if v.state is ServiceState.STOPPED)
        kept = self._kept(network)
        fresh = [a for a in agents if not (a.name in kept and a.name in self._agents)]
        await self._agents.start(fresh, held=held)
        self._network = network
        outside = network.plan.agents == "containers"
        deadline = _CONTAINERS_DEADLINE if outside else _AGENTS_DEADLINE
        await self._agents.wait_ready(deadline, without=self._idle(live))

    async def stop(self) -> None:
        """All of them."""
        await self._agents.stop()
        await self._sharing.stop()
        self._network = None

    async def stop_of(self, chain: str) -> None:
        """Those of a chain that goes."""
        await self._agents.stop([a for a in self._agents.names() if a.startswith(f"{chain}/")])

    async def join(self, live: Live, keys: GuardianKeys) -> None:
        """One more guardian, beside those that run."""
        if live.network is None or f"guardian-{keys.index}" in self._agents:
            return
        agent = self._tools.join_guardian(live.network, keys, live.hub)
        await self._agents.start([agent])
        others = {other for other in self._agents.names() if other != agent.name}
        await self._agents.wait_ready(_AGENTS_DEADLINE, without=others)

    async def retire(self, live: Live, number: int) -> None:
        """End the guardian of that number, which is in no set any more."""
        live.keys = replace(live.keys, retired=live.keys.retired | {number})
        await self._agents.stop([f"guardian-{number}"])

    async def certify(self, live: Live, network: Network, problem: Callable[[], str | None]) -> int:
        """Wait for an epoch over every chain that runs; its number. Failed tells the devnet's
        `problem`."""
        # not what should run: a node that the user starts right now comes at the next look
        domains = {chain.domain for chain in network.chains if chain.name in self._nodes.running}
        async with live.hub.listen() as news:
            live.hub.tell(Wanted("a certificate over every chain"))
            try:
                async with asyncio.timeout(_CERTIFY_DEADLINE):
                    while True:
                        item = await news.get()
                        if not isinstance(item, EpochCertified):
                            continue
                        if domains <= {int(leaf["domain"]) for leaf in item.epoch.leaves}:
                            return item.epoch.epoch
            except TimeoutError:
                raise Failed(
                    "No certificate over every chain",
                    f"after {_CERTIFY_DEADLINE:g} s; {problem() or 'no agent complains'}",
                    f"See `caldera logs {self._name} --service aggregator`.",
                ) from None

    def _kept(self, network: Network) -> set[str]:
        """Sequencers and switchers that can go on."""
        before = self._network.chains if self._network else ()
        sequencers = {
            f"{chain.name}/sequencer"
            for chain in network.chains
            if any(_sealed_alike(chain, known) for known in before)
            and (not has_portal(chain.plan) or network.chains[0] in before)
        }
        return sequencers | {
            f"{chain.name}/switcher"
            for chain in network.chains
            if any(_ruled_alike(chain, known) for known in before)
        }

    def _idle(self, live: Live) -> set[str]:
        """Sequencers that can't seal because the user stopped a node: their own chain's, or the
        L1's that those with an Engine API follow."""
        plan, running = live.plan, self._nodes.running
        followers = () if plan.l1.name in running else plan.rollups
        idle = [chain for chain in plan.chains if chain.name not in running]
        idle += [chain for chain in followers if chain.engine != "anvil"]
        return {f"{chain.name}/sequencer" for chain in idle}


def _sealed_alike(chain: Chain, other: Chain) -> bool:
    """Whether the sequencer of `other` can go on with `chain`."""
    return seals_alike(chain.plan, other.plan) and replace(chain, plan=other.plan) == other


def _ruled_alike(chain: Chain, other: Chain) -> bool:
    """Whether the switcher of `other` can go on with `chain`: what it became is not its concern."""
    return chain.plan.rules == other.plan.rules and replace(chain, plan=other.plan) == other
