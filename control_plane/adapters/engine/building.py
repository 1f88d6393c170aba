"""Opens the block builders of chains that take deposits: for their sequencers, and on op-geth for
block 1 before that."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from control_plane.adapters.engine.block_builder import BlockBuilder
from control_plane.adapters.engine.journal import Journal, journal_directory
from control_plane.adapters.evm.engine_api import connect_engine
from control_plane.adapters.evm.l1_view import L1View
from control_plane.domain.errors import PermanentFailure
from control_plane.domain.network import Chain
from control_plane.domain.op_stack import portal_address
from control_plane.domain.pool_copies import Copier
from control_plane.domain.ports.engine_api import Builder, OpenBuilder
from control_plane.domain.ports.node import Rpc
from control_plane.domain.settlement import inbox_address, posts_batches

if TYPE_CHECKING:
    from control_plane.domain.seams import WrapEngine

_SAVING: Final = 1.0
"""Seconds that a save may take."""


def builder_of(
    chain: Chain, contracts: Mapping[str, str], around: "WrapEngine | None" = None
) -> OpenBuilder:
    """For `chain`; `around`: what stands before its engine. Opening raises TemporaryFailure,
    RpcError, StorageFailed, PermanentFailure, Conflict (another sequencer runs) at the first
    block."""

    @asynccontextmanager
    async def opened(node: Rpc, l1: Rpc) -> AsyncIterator[Builder]:
        if chain.engine_url is None or chain.directory is None:
            raise PermanentFailure(
                f"The blocks of {chain.name} can't be sealed here",
                "its engine and its journal are out of this process's reach",
                "Run its sequencer where the node's directory is.",
            )
        jwt, directory = chain.directory / "jwt.hex", journal_directory(chain.directory)
        chain_id = chain.plan.chain_id
        inbox = (inbox_address(contracts), int(chain_id)) if posts_batches(chain.plan) else None
        journal = await asyncio.to_thread(Journal, directory)
        try:
            engine = await connect_engine(chain.engine_url, jwt)
            try:
                view = L1View(l1, portal_address(contracts, chain_id), inbox)
                between = around(engine, node) if around else engine
                builder = BlockBuilder(between, node, journal, view)
                await builder.open()
                yield builder
            finally:
                await engine.close()
        finally:
            journal.close()

    return opened


def deposit_builder_of(
    chain: Chain,
    contracts: Mapping[str, str],
    save_interval: float,
    copier: Copier | None = None,
) -> OpenBuilder:
    """For `chain`, a rollup on Anvil that settles, whose L1 is saved every `save_interval` seconds;
    `copier`: of its transactions, for its batcher. Opening raises TemporaryFailure, RpcError."""

    @asynccontextmanager
    async def opened(node: Rpc, l1: Rpc) -> AsyncIterator[Builder]:
        from control_plane.adapters.engine.deposit_builder import DepositBuilder

        view = L1View(l1, portal_address(contracts, chain.plan.chain_id))
        builder = DepositBuilder(node, view, lag=save_interval + _SAVING, copier=copier)
        await builder.open()
        yield builder

    return opened
