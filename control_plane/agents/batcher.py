"""The batcher of one rollup: posts its blocks to the L1, so that anybody can rebuild it.

What is posted can't be taken back, so only blocks are posted that no kill takes away. On Anvil
these are those of its last saved state. op-geth has all blocks again that anybody saw, by its
sequencer's journal; but an L1 that goes back to its last save takes those with it that came from
later blocks, so the origin of what is posted is saved. Where it stands is what the inbox on the L1
says, and nothing else: a batcher that starts anew, or whose L1 lost blocks, goes on from there.
"""

import asyncio
import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from control_plane.agents.link import Link, keep
from control_plane.agents.pauses import Pauses
from control_plane.domain.blobs import Sidecar
from control_plane.domain.channels import encode_channel
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.hub import Head, Hub, Missed, News, Reorged
from control_plane.domain.ids import Hex, node_service
from control_plane.domain.network import Chain, Network
from control_plane.domain.op_stack import Origin
from control_plane.domain.pool_copies import PoolCopies
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.da import Carried, Carries
from control_plane.domain.ports.metalayer import Pending
from control_plane.domain.ports.node import Connect
from control_plane.domain.ports.store import Database
from control_plane.domain.settlement import (
    Frame,
    InboxState,
    decode_rollup,
    inbox_address,
    rollup_call,
)
from control_plane.services.settlement.posting import (
    last_upon,
    origin_behind,
    post_channel,
    read_channel,
)

_FRAME_GAS: Final = 200_000
_BYTE_GAS: Final = 40
"""Floor of a byte of calldata that is not zero (EIP-7623)."""
_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_FINAL: Final = "what is posted can't be taken back, so its batcher stops; the rollup goes on"

log = logging.getLogger(__name__)


class SendsBlobs(Protocol):
    """A sender of the batcher's own transactions, with or without blobs."""

    async def send(
        self, to: Hex, data: bytes, *, gas: int, sidecar: Sidecar | None = None
    ) -> Pending: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What a batcher posts with."""

    sender: SendsBlobs
    carrying: Carries
    compress: Callable[[bytes], bytes]
    """Makes a Zstandard frame."""
    copies: PoolCopies = field(default_factory=PoolCopies)
    """Of transactions of the rollup."""


class Batcher:
    """Implements ``ports.agent.Agent``."""

    def __init__(
        self,
        network: Network,
        chain: Chain,
        means: Means,
        connect: Connect,
        database: Database,
        hub: Hub,
        publish: Publish,
    ) -> None:
        self.name = f"{chain.name}/batcher"
        self.ready = asyncio.Event()
        self.problem: str | None = None
        self._network = network
        self._chain = chain
        self._means = means
        self._rollup = Link(connect, chain)
        self._l1 = Link(connect, network.chain(network.plan.l1.name))
        self._database = database
        self._hub = hub
        self._publish = publish
        self._inbox = Hex("0x" + inbox_address(network.contracts).hex())
        self._posted: tuple[int, bytes] | None = None
        """Number and hash of the last block that this process posted."""

    async def run(self) -> None:
        """Post what there is, then whenever there is more, until cancelled."""
        try:
            async with self._hub.listen() as news, keep((self._rollup, self._l1)):
                while True:
                    await self._post_patiently()
                    await self._something_new(news)
        finally:
            self.ready.clear()

    async def _something_new(self, news: "asyncio.Queue[News]") -> None:
        """A block of the rollup, or an L1 that may have lost what was posted."""
        while True:
            item = await news.get()
            if isinstance(item, Missed):
                return
            if isinstance(item, Reorged) and item.chain == self._l1.chain.name:
                return
            if isinstance(item, Head) and item.chain == self._chain.name:
                return

    async def _post_patiently(self) -> None:
        """Until all is posted that there was at the beginning."""
        pauses = Pauses(_PAUSE, _LONGEST_PAUSE)
        while True:
            try:
                if await self._post_all():
                    return
                pauses.reset()
            except CalderaError as error:
                self.problem = f"posts nothing: {error}"
                log.info("%s: %s", self.name, error)
            await pauses.wait()

    async def _post_all(self) -> bool:
        """Post what stays; whether the head is among it."""
        state = await self._state()
        head = int(await self._rollup.call("eth_blockNumber"), 16)
        last = await self._lasting(state.next_block, head)
        self.ready.set()
        while state.next_block <= last:
            await self._post(state, last)
            state = await self._state()
        self.problem = None
        return state.next_block > head

    async def _state(self) -> InboxState:
        data = "0x" + rollup_call(self._chain.plan.chain_id).hex()
        answer = await self._l1.call("eth_call", {"to": self._inbox, "data": data}, "latest")
        try:
            state = decode_rollup(bytes.fromhex(answer[2:]))
        except ValueError as error:
            raise TemporaryFailure("The inbox on the L1 does not answer", str(error)) from error
        if not state.next_block:
            raise TemporaryFailure(f"{self._chain.name} is not known to the inbox on the L1")
        if self._posted and state.next_block <= self._posted[0]:
            self._posted = None  # the L1 lost it
        return state

    async def _lasting(self, first: int, head: int) -> int:
        """The newest of the blocks `first` to `head` that no kill takes away; below `first` where
        there is none."""
        if self._chain.plan.engine != "op-geth":
            return min(head, await self._saved(self._chain))
        if first > head:
            return head
        return await last_upon(self._rollup, first, head, await self._saved(self._l1.chain))

    async def _saved(self, chain: Chain) -> int:
        async with self._database.begin() as unit:
            record = await unit.services.get(self._network.devnet, node_service(chain.name))
        return (record.saved_block or 0) if record else 0

    async def _post(self, state: InboxState, last: int) -> None:
        copies = self._means.copies
        channel = await read_channel(self._rollup, state.next_block, last, copies)
        if self._posted and channel.parent_hash != self._posted[1]:
            raise TemporaryFailure(
                f"Block {self._posted[0]} of {self._chain.name} is another one than was posted",
                f"posted 0x{self._posted[1].hex()}, now 0x{channel.parent_hash.hex()}; {_FINAL}",
                "Go back to the chain that was posted, or take the rollup away and add it anew.",
            )
        content = await asyncio.to_thread(encode_channel, channel, self._means.compress)
        send = self._send
        if self._chain.plan.engine == "op-geth":
            send = functools.partial(self._send_upon, origin_behind(channel))
        done = await post_channel(
            self._chain.plan.chain_id, channel, content, self._means.carrying, send
        )
        self._posted = channel.last, channel.blocks[-1].hash
        data = {
            "from": channel.first,
            "to": channel.last,
            "frames": len(done),
            "bytes": len(content),
            "transactions": sum(len(block.transactions) for block in channel.blocks),
            "carriers": sorted({one.carrier.name.lower() for one in done}),
        }
        notes = {one.note for one in done if one.note}
        await self._publish(
            "batch.posted", data | ({"note": "; ".join(notes)} if notes else {}), service=self.name
        )

    async def _send_upon(self, origin: Origin, frame: Frame, carried: Carried) -> None:
        """Unless the L1 has lost meanwhile what the blocks came from: nobody could derive them."""
        found = await self._l1.call("eth_getBlockByNumber", hex(origin.number), False)
        if found is None or found["hash"] != "0x" + origin.hash.hex():
            raise TemporaryFailure(
                f"Blocks {frame.first} to {frame.last} of {self._chain.name} are not posted",
                f"they came from block {origin.number} of the L1, which has another one now",
                "Its sequencer builds them anew.",
            )
        await self._send(frame, carried)

    async def _send(self, frame: Frame, carried: Carried) -> None:
        data = frame.encode()
        gas = _FRAME_GAS + _BYTE_GAS * len(data)
        pending = await self._means.sender.send(self._inbox, data, gas=gas, sidecar=carried.sidecar)
        receipt = await pending.receipt()
        if int(receipt["status"], 16) != 1:
            raise TemporaryFailure(
                f"Blocks {frame.first} to {frame.last} were refused by the inbox",
                f"transaction {pending.hash}",
                f"See it: cast run {pending.hash} --rpc-url {self._l1.chain.http_url}",
            )
