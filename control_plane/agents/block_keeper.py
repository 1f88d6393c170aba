"""Writes down the blocks of an op-geth rollup that op-node makes, as our own sequencer would.

A killed op-geth lacks its last block or two. From the journal it gets them back before anybody
else talks to it, so that what was seen for longer than a moment stays.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.native_services import JOURNAL
from control_plane.domain.network import Chain
from control_plane.domain.ports.engine_api import Payload, PayloadJournal
from control_plane.domain.ports.node import Connect, Rpc
from control_plane.domain.rpc import RpcError

OpenJournal = Callable[[], AbstractAsyncContextManager[PayloadJournal]]

_PAUSE: Final = 0.5
_DEEPEST: Final = 64
"""Blocks that are written at once when some were missed; a killed node lacks far fewer."""
_FIELDS: Final = {
    # of the payload: of the header
    "parentHash": "parentHash",
    "feeRecipient": "miner",
    "stateRoot": "stateRoot",
    "receiptsRoot": "receiptsRoot",
    "logsBloom": "logsBloom",
    "prevRandao": "mixHash",
    "blockNumber": "number",
    "gasLimit": "gasLimit",
    "gasUsed": "gasUsed",
    "timestamp": "timestamp",
    "extraData": "extraData",
    "baseFeePerGas": "baseFeePerGas",
    "blockHash": "hash",
    "blobGasUsed": "blobGasUsed",
    "excessBlobGas": "excessBlobGas",
    "withdrawalsRoot": "withdrawalsRoot",
}


class BlockKeeper:
    """Implements ``ports.agent.Agent`` for `chain`."""

    def __init__(self, chain: Chain, connect: Connect, journal: OpenJournal) -> None:
        self.name = f"{chain.name}/{JOURNAL}"
        self.ready = asyncio.Event()
        self.problem: str | None = None
        self._chain = chain
        self._connect = connect
        self._open = journal

    async def run(self) -> None:
        """Until cancelled, over one connection after the other."""
        while True:
            try:
                await self._follow()
            except TemporaryFailure as error:
                self.problem = f"writes no blocks down: {error}"
            await asyncio.sleep(_PAUSE)

    async def _follow(self) -> None:
        async with self._open() as journal:
            rpc = await self._connect(self._chain.ws_url)
            try:
                await self._keep(rpc, journal)
            finally:
                self.ready.clear()
                await rpc.close()

    async def _keep(self, rpc: Rpc, journal: PayloadJournal) -> None:
        head = await rpc.call("eth_getBlockByNumber", "latest", False)
        await self._write(rpc, journal, head)
        self.problem = None
        self.ready.set()
        async for announced in rpc.subscribe("newHeads"):
            head = await rpc.call("eth_getBlockByHash", announced["hash"], False)
            if head is not None:
                await self._write(rpc, journal, head)

    async def _write(self, rpc: Rpc, journal: PayloadJournal, head: Mapping[str, Any]) -> None:
        """`head`, and below it what the journal has not or has of another branch."""
        missing: list[Mapping[str, Any]] = []
        block: Mapping[str, Any] | None = head
        while block is not None and len(missing) < _DEEPEST:
            number = int(block["number"], 16)
            known = await asyncio.to_thread(journal.read, number)
            if number == 0 or (known is not None and known.hash == block["hash"]):
                break
            missing.append(block)
            block = await rpc.call("eth_getBlockByHash", block["parentHash"], False)
        for found in reversed(missing):
            await journal.append(await _payload(rpc, found))


async def _payload(rpc: Rpc, block: Mapping[str, Any]) -> Payload:
    """The block as the engine takes it. Raises TemporaryFailure when it is gone meanwhile."""
    count = len(block["transactions"])
    calls = [
        ("eth_getRawTransactionByBlockHashAndIndex", (block["hash"], hex(index)))
        for index in range(count)
    ]
    raws = await rpc.batch(calls) if calls else []
    for raw in raws:
        if isinstance(raw, RpcError):
            raise raw
        if not raw or raw == "0x":
            raise TemporaryFailure("A block is gone before it was written down", block["hash"])
    execution = {name: block[field] for name, field in _FIELDS.items()}
    execution |= {"transactions": raws, "withdrawals": []}
    return Payload(execution, Hex(block["parentBeaconBlockRoot"]))
