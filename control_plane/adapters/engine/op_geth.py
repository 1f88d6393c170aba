"""op-geth as the node program: its command line, its genesis, what brings it back to its head.

Facts behind the flags (op-geth v1.101702.3, measured):

- ``--override.genesis`` starts an empty database from the genesis file: no ``init`` before.
- ``--state.scheme hash --gcmode archive`` answers ``eth_getProof`` and traces at every block, and
  loses least when it is killed: up to two blocks, which come back from the sequencer's journal.
- It has no accounts of its own: ``eth_accounts`` is empty, every transaction comes signed.
- Without a settings file it listens for peers on all addresses, whatever ``--maxpeers`` says.
- Hosts and origins are let in by the gate, which knows the spec's; op-geth itself is as open as
  Anvil, on an address that nobody can guess.
- Its pool takes 5,120 transactions by default, and refuses a tip below 1 wei.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.engine.arguments import value_after
from control_plane.adapters.engine.journal import Journal, bring_back, journal_directory
from control_plane.adapters.engine.op_geth_genesis import op_geth_genesis
from control_plane.adapters.engine.saved_state import StateHead, read_head, write_state
from control_plane.domain.ports.node import (
    Caller,
    First,
    Listen,
    NodePaths,
    NodeSpec,
    Rpc,
    SavedState,
)

_LEAST_DISK: Final = 64
"""Megabytes: with less free space it ends in good order, before its database is damaged."""
_ROOM_TO_START: Final = 32
"""Megabytes that it may take before it looks for the first time."""
_WAITING: Final = 65_536
"""Transactions that the pool holds."""
_APIS: Final = "eth,net,web3,debug,txpool"


class OpGethEngine:
    """Implements ``ports.node.Engine`` and the process runtime's ``ProcessEngine``."""

    name = "op-geth"
    has_engine_api = True
    marker = "--datadir"
    settings = '[Node.P2P]\nListenAddr = ""\n'
    flush_seconds = 15.0
    writes_where_told = True
    least_disk = (_LEAST_DISK + _ROOM_TO_START) * 2**20

    def genesis(self, spec: NodeSpec, alloc: Mapping[str, Any], timestamp: int) -> bytes:
        """See the port."""
        return op_geth_genesis(spec.chain.chain_id, alloc, timestamp)

    def arguments(self, spec: NodeSpec, listen: Listen, paths: NodePaths) -> tuple[str, ...]:
        """See the port."""
        host, port = listen.host, str(listen.port)
        return (
            *(("--config", str(paths.settings)) if paths.settings else ("--port", "0")),
            *(self.marker, str(paths.data), "--override.genesis", str(paths.genesis)),
            *("--networkid", str(spec.chain.chain_id), "--syncmode", "full"),
            *("--state.scheme", "hash", "--gcmode", "archive", "--cache", "64"),
            *("--datadir.minfreedisk", str(_LEAST_DISK)),
            *("--http", "--http.addr", host, "--http.port", port, "--http.api", _APIS),
            *("--http.vhosts", "*", "--http.corsdomain", "*"),
            *("--ws", "--ws.addr", host, "--ws.port", port, "--ws.api", _APIS),
            *("--ws.origins", "*"),
            *("--authrpc.addr", host, "--authrpc.port", str(listen.engine_port)),
            *("--authrpc.jwtsecret", str(paths.jwt), "--authrpc.vhosts", "*"),
            *("--rpc.gascap", "0", "--rpc.txfeecap", "0", "--rpc.logquerylimit", "0"),
            *("--rpc.batch-request-limit", "0", "--rpc.batch-response-max-size", "0"),
            "--rpc.allow-unprotected-txs",
            *("--txpool.globalslots", str(_WAITING), "--txpool.globalqueue", str(_WAITING)),
            *("--txpool.accountslots", str(_WAITING), "--txpool.accountqueue", str(_WAITING)),
            *("--log.format", "logfmt"),
            *("--nodiscover", "--maxpeers", "0", "--nat", "none", "--ipcdisable"),
            *("--rollup.disabletxpoolgossip", "--rollup.superchain-upgrades=false"),
        )

    def listens_on(self, arguments: Sequence[str]) -> Listen:
        """See ``ProcessEngine``."""
        return Listen(
            value_after("--http.addr", arguments),
            int(value_after("--http.port", arguments) or 0),
            int(value_after("--authrpc.port", arguments) or 0) or None,
        )

    async def prepare(self, spec: NodeSpec, node: Caller, engine_url: str | None) -> None:
        """See the port: gives back the blocks that a kill has cost."""
        if not spec.restore or engine_url is None:
            return
        journal = await asyncio.to_thread(Journal, journal_directory(spec.directory))
        await bring_back(engine_url, spec.directory / "jwt.hex", node, journal)

    async def save(self, spec: NodeSpec, rpc: Rpc, first: First | None = None) -> SavedState:
        """See the port: the node keeps its state itself; noted is how far it is."""
        head = await rpc.call("eth_getBlockByNumber", "latest", False)
        if first is not None:
            await first(None)
        found = StateHead(
            chain_id=spec.chain.chain_id,
            block=int(head["number"], 16),
            hash=head["hash"],
            at=time.time(),
            length=0,
        )
        await asyncio.to_thread(write_state, _mark(spec), found, b"")
        return SavedState(found.block, found.at)

    def saved(self, spec: NodeSpec) -> SavedState | None:
        """See the port."""
        head = read_head(_mark(spec))
        return None if head is None else SavedState(head.block, head.at)


def _mark(spec: NodeSpec) -> Path:
    return spec.directory / "state"
