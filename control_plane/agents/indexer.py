"""The indexer: reads every chain's messages into the database, one task per chain."""

import asyncio
from collections.abc import Callable

from control_plane.agents.follower import Follower, Surroundings
from control_plane.domain.hub import Hub
from control_plane.domain.network import Network
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.node import Connect
from control_plane.domain.ports.store import Database
from control_plane.services.metalayer.recording import INDEXER, Early, Recorder


class Indexer:
    """Implements ``ports.agent.Agent``; records survive it, hence a restart loses nothing."""

    def __init__(
        self,
        network: Network,
        connect: Connect,
        database: Database,
        hub: Hub,
        publish: Publish,
        clock: Callable[[], float],
    ) -> None:
        self.name = INDEXER
        self.ready = asyncio.Event()
        self._network = network
        self._database = database
        self._around = Surroundings(dict(network.contracts), connect, hub, publish, clock)
        self._followers: list[Follower] = []

    @property
    def problem(self) -> str | None:
        """Which chains can't be read, and why."""
        found = [f.problem for f in self._followers if f.problem]
        return "; ".join(found) or None

    async def run(self) -> None:
        """Follow all chains until cancelled."""
        early = Early()
        router = self._network.contracts["metalayerRouter"]
        recorders = [
            Recorder(self._database, self._network.devnet, chain, early, router)
            for chain in self._network.chains
        ]
        self._followers = [
            Follower(chain, recorder, self._around)
            for chain, recorder in zip(self._network.chains, recorders, strict=True)
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for follower in self._followers:
                    group.create_task(follower.run(), name=f"index {follower.chain.name}")
                for follower in self._followers:
                    await follower.settled.wait()
                self.ready.set()
        finally:
            self.ready.clear()
            self._followers = []
