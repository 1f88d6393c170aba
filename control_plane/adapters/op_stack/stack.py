"""The OP Stack's own services as the rest of the control plane uses them.

The parts are imported when a rollup has such services: few devnets do.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from control_plane.adapters.engine.journal import Journal, journal_directory
from control_plane.domain.errors import DeadlineExceeded
from control_plane.domain.native_services import BEACON
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.ports.engine_api import PayloadJournal
from control_plane.domain.ports.node import Connect, Rpc
from control_plane.domain.ports.program import Programs, ProgramSpec
from control_plane.domain.ports.provision import Seal

_BLOCK_DEADLINE: Final = 60.0
_LOOK: Final = 0.05
_FIRST: Final = (f"/{BEACON}", "/op-node")
"""What makes blocks; the others only need them."""


class NativeStack:
    """Rollups with ``services: native``. Their op-node seals the blocks, ours has no part in it."""

    def __init__(self, run: Programs, connect: Connect) -> None:
        self.programs = run
        self._connect = connect
        self._turn = asyncio.Lock()
        """One rollup after the other uses the governor's account on L1."""

    @asynccontextmanager
    async def sealing(
        self, chain: Chain, rpc: Rpc, network: Network, keys: Keys
    ) -> AsyncIterator[Seal]:
        """Implements ``ports.provision.MakeSeal``: makes the rollup ready for its services; when a
        block is asked for, op-node is started and the next block waited for."""
        from control_plane.adapters.op_stack.programs import programs
        from control_plane.adapters.op_stack.site import prepare

        l1 = await self._connect(network.chains[0].ws_url)
        try:
            async with self._turn:
                site = await prepare(chain, rpc, l1, network, keys)
        finally:
            await l1.close()
        first = [spec for spec in programs(site) if spec.service.endswith(_FIRST)]

        async def seal() -> None:
            for spec in first:
                await self.programs.start(spec)
            await _next_block(chain, rpc, first[-1])

        yield seal

    @staticmethod
    @asynccontextmanager
    async def journal(chain: Chain) -> AsyncIterator[PayloadJournal]:
        """Where the blocks of `chain` are written down, from which a killed node gets back what
        it lost. Raises StorageFailed; Conflict at the first block when somebody else writes."""
        if chain.directory is None:
            raise ValueError(f"the files of {chain.name} are not here")
        journal = await asyncio.to_thread(Journal, journal_directory(chain.directory))
        try:
            yield journal
        finally:
            journal.close()

    @staticmethod
    def services(chain: Chain, network: Network, keys: Keys) -> list[ProgramSpec]:
        """What runs beside the node of `chain`, in the order of its start; nothing where the node
        itself is held."""
        from control_plane.adapters.op_stack.programs import programs
        from control_plane.adapters.op_stack.site import site_of

        return programs(site_of(chain, network, keys)) if chain.engine_url else []


async def _next_block(chain: Chain, rpc: Rpc, op_node: ProgramSpec) -> None:
    head = int(await rpc.call("eth_blockNumber"), 16)
    deadline = _BLOCK_DEADLINE + 3 * chain.plan.block_time
    try:
        async with asyncio.timeout(deadline):
            while int(await rpc.call("eth_blockNumber"), 16) <= head:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK)
    except TimeoutError:
        raise DeadlineExceeded(
            f"{chain.name} makes no blocks",
            f"op-node made none after block {head} within {deadline:g} s; log: {op_node.log}",
            f"See `caldera logs --service {op_node.service}`.",
        ) from None
