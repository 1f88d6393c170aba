"""Anvil as the node program: its command line, its clock, its saved state.

Facts behind the flags (Anvil 1.7.1, measured):

- ``--prune-history 128``: the states of the last 128 blocks answer ``eth_getProof``, nothing goes
  to disk. Each kept state holds all block hashes, so memory grows by 30 to 80 kB a block.
- ``--transaction-block-keeper``: transactions, receipts and logs of older blocks are dropped;
  without it their traces are kept for ever.
- ``--quiet`` hides the banner, which shows private keys; logging is switched on by RPC.
- A node whose genesis lies in the past counts time from there, and after ``anvil_loadState``
  also backwards from the loaded head: the clock is set at each start.
- ``anvil_dumpState`` holds blocks, transactions, receipts and the newest state, no older
  states and no waiting transactions. It reads the blocks first and the state a moment later: a
  block sealed between is in the state and not among the blocks. One dump of three is torn so
  while blocks are sealed all the time.

A rollup that settles takes deposit transactions: ``--network optimism``, whose hardforks have other
names (isthmus is Prague's rules). What that mode does beside them stands in ``deposit_builder.py``.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.engine.arguments import value_after
from control_plane.adapters.engine.deposit_blocks import taken_from_l1
from control_plane.adapters.engine.genesis import GAS_LIMIT, genesis_json
from control_plane.adapters.engine.saved_state import (
    StateHead,
    read_head,
    read_state,
    write_state,
)
from control_plane.domain.errors import ServiceFailed, StorageFailed, TemporaryFailure
from control_plane.domain.ids import node_service
from control_plane.domain.ports.node import (
    Caller,
    First,
    Listen,
    NodePaths,
    NodeSpec,
    Rpc,
    SavedState,
)
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import settles

DEFAULT_MNEMONIC: Final = "test test test test test test test test test test test junk"
"""Anvil's own; any other is passed in argv, where other users of the machine can read it:
a mnemonic in a spec is a public development key."""
STATES_KEPT: Final = 128
BLOCKS_WITH_TRANSACTIONS: Final = 8192
_SAVE_TIMEOUT: Final = 30.0
_TRIES: Final = 5
_ETHEREUM: Final = ("--hardfork", "prague", "--order", "fees")
_OP_STACK: Final = ("--network", "optimism", "--hardfork", "isthmus", "--order", "fifo")
"""By order of arrival: by fee, deposits, which pay none, would wait as long as a block is full
without them."""


class AnvilEngine:
    """Implements ``ports.node.Engine`` and the process runtime's ``ProcessEngine``."""

    name = "anvil"
    has_engine_api = False
    marker = "--cache-path"
    settings = ""
    flush_seconds = 0.0
    writes_where_told = False
    least_disk = 0

    def arguments(self, spec: NodeSpec, listen: Listen, paths: NodePaths) -> tuple[str, ...]:
        """See the port."""
        accounts = spec.plan.accounts
        arguments = [
            *("--host", listen.host, "--port", str(listen.port)),
            *("--chain-id", str(spec.chain.chain_id)),
            *(_OP_STACK if settles(spec.chain) else _ETHEREUM),
            *("--init", str(paths.genesis), self.marker, str(paths.cache)),
            *("--no-mining", "--gas-limit", str(GAS_LIMIT)),
            *("--accounts", str(accounts.count), "--slots-in-an-epoch", "1"),
            *("--prune-history", str(STATES_KEPT)),
            *("--transaction-block-keeper", str(BLOCKS_WITH_TRANSACTIONS)),
            *("--no-request-size-limit", "--quiet"),
        ]
        if accounts.mnemonic != DEFAULT_MNEMONIC:
            arguments += ["--mnemonic", accounts.mnemonic]
        return tuple(arguments)

    def listens_on(self, arguments: Sequence[str]) -> Listen:
        """See ``ProcessEngine``."""
        return Listen(value_after("--host", arguments), int(value_after("--port", arguments) or 0))

    def genesis(self, spec: NodeSpec, alloc: Mapping[str, Any], timestamp: int) -> bytes:
        """The genesis file of `spec`'s chain."""
        op_stack = settles(spec.chain)
        return genesis_json(spec.chain.chain_id, alloc, timestamp, op_stack=op_stack)

    # ------------------------------------------------------------------ after the start

    async def prepare(self, spec: NodeSpec, node: Caller, engine_url: str | None = None) -> None:  # noqa: ARG002
        """Load the saved state when asked and there is one, set the clock, switch logging on.

        Raises StorageFailed (unreadable state), ServiceFailed (the node refuses it).
        """
        if spec.restore and state_path(spec).exists():
            await self._restore(spec, node)
        head = await node.call("eth_getBlockByNumber", "latest", False)
        await node.call("evm_setTime", max(int(time.time()), int(head["timestamp"], 16)))
        await node.call("anvil_setLoggingEnabled", True)

    async def _restore(self, spec: NodeSpec, node: Caller) -> None:
        head, dump = await asyncio.to_thread(read_state, state_path(spec))
        if head.chain_id != spec.chain.chain_id:
            raise StorageFailed(
                "A saved chain is another one's",
                f"{state_path(spec)} is of chain {head.chain_id}, not {spec.chain.chain_id}",
                "Move the file away to start this chain from its genesis.",
            )
        try:
            await node.call("anvil_loadState", "0x" + dump.hex())
            block = await node.call("eth_getBlockByNumber", hex(head.block), False)
        except RpcError as error:
            raise _not_restored(spec, error.message) from error
        if block is None or block["hash"] != head.hash:
            raise _not_restored(spec, f"block {head.block} is not what was saved")

    # ------------------------------------------------------------------ saving

    async def save(self, spec: NodeSpec, rpc: Rpc, first: First | None = None) -> SavedState:
        """Write the chain's state; returns its head.

        Raises StorageFailed, TemporaryFailure (node gone, or blocks were sealed meanwhile),
        RpcError; what `first` raises.
        """
        head, dump = await self._dump(rpc)
        if first is not None:
            takes = settles(spec.chain)
            await first((lambda: taken_from_l1(rpc, head)) if takes else None)
        found = StateHead(
            chain_id=spec.chain.chain_id,
            block=int(head["number"], 16),
            hash=head["hash"],
            at=time.time(),
            length=(len(dump) - 2) // 2,
        )
        await asyncio.to_thread(_write, state_path(spec), found, dump)
        return SavedState(found.block, found.at)

    async def _dump(self, rpc: Rpc) -> tuple[dict[str, Any], str]:
        """The head and a dump of that very block: no other was sealed in the meantime."""
        head = await rpc.call("eth_getBlockByNumber", "latest", False)
        for _ in range(_TRIES):
            dump = await rpc.call("anvil_dumpState", timeout=_SAVE_TIMEOUT)
            now = await rpc.call("eth_getBlockByNumber", "latest", False)
            if now["hash"] == head["hash"]:
                return head, dump
            head = now
        raise TemporaryFailure(
            "The chain moves while it is saved",
            f"{_TRIES} times a block was sealed meanwhile, the last is {int(head['number'], 16)}",
            "It is tried again; does a program of yours call evm_mine all the time?",
        )

    def saved(self, spec: NodeSpec) -> SavedState | None:
        """The last save of `spec`'s chain."""
        head = read_head(state_path(spec))
        return None if head is None else SavedState(head.block, head.at)


def state_path(spec: NodeSpec) -> Path:
    """Where the chain's saved state is."""
    return spec.directory / "state"


def _write(path: Path, head: StateHead, dump: str) -> None:
    write_state(path, head, bytes.fromhex(dump[2:]))


def _not_restored(spec: NodeSpec, why: str) -> ServiceFailed:
    return ServiceFailed(
        f"{node_service(spec.chain.name)} can't go on from its saved state",
        f"{state_path(spec)}: {why}",
        "Move the file away to start this chain from its genesis.",
        service=node_service(spec.chain.name),
    )
