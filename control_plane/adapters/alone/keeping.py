"""Anvil chains that go on where they were, without the daemon: saved by their sequencer, restored
before anything is sealed.

``DIR/CHAIN/state`` is the file that the daemon writes too (``engine/saved_state.py``).
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.evm.rpc import connect
from control_plane.domain.errors import CalderaError
from control_plane.domain.network import Chain
from control_plane.domain.plan import Plan
from control_plane.domain.ports.node import NodeSpec, Rpc

log = logging.getLogger(__name__)

Paused = Callable[[], AbstractAsyncContextManager[None]]


class Keeper:
    """The saved state of one Anvil chain, below `directory`."""

    def __init__(self, plan: Plan, chain: Chain, directory: Path) -> None:
        own = directory / chain.name
        self._engine = AnvilEngine()
        self._spec = NodeSpec(plan.name, chain.plan, plan, own, own / "genesis.json", restore=True)
        self._chain = chain
        self._saved = -1
        self._mending = asyncio.Lock()
        self.problem: str | None = None

    async def connect(self, url: str, *, deadline: float | None = None) -> Rpc:
        """A connection to the node, which is brought back to its saved state first when it has
        just been started. What ``ports.node.Connect`` raises, StorageFailed, ServiceFailed."""
        rpc = await connect(url, deadline=deadline)
        try:
            await self.mend(rpc)
        except BaseException:
            await rpc.close()
            raise
        return rpc

    async def mend(self, rpc: Rpc) -> None:
        """Bring a node that is at its genesis back to where it was saved."""
        async with self._mending:
            if int(await rpc.call("eth_blockNumber"), 16) > 0:
                return
            saved = self._engine.saved(self._spec)
            await self._engine.prepare(self._spec, rpc, None)
            self._saved = -1
            if saved:
                log.info("%s goes on from its saved block %d", self._chain.name, saved.block)

    async def save_regularly(self, interval: float, paused: Paused) -> None:
        """Save every `interval` seconds, and at the end, until cancelled. `paused` keeps the
        chain's sequencer from sealing meanwhile."""
        try:
            while True:
                await self._try_to_save(paused)
                await asyncio.sleep(interval)
        except asyncio.CancelledError:
            await self._try_to_save(paused)
            raise

    async def _try_to_save(self, paused: Paused) -> None:
        """`problem` tells what did not succeed; that a node does not answer its sequencer says."""
        try:
            rpc = await connect(self._chain.ws_url)
        except CalderaError:
            return
        try:
            await self._save(rpc, paused)
            self.problem = None
        except (CalderaError, OSError) as error:
            self.problem = f"{self._chain.name} is not saved: {error}"
            log.warning("%s", self.problem)
        finally:
            with suppress(CalderaError, OSError):
                await rpc.close()

    async def _save(self, rpc: Rpc, paused: Paused) -> None:
        """Save the chain if its head moved."""
        if int(await rpc.call("eth_blockNumber"), 16) in {0, self._saved}:
            return
        self._spec.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with paused():
            self._saved = (await self._engine.save(self._spec, rpc)).block
