"""A validator: signs checkpoints of every chain's messages, for Hyperlane's multisig module.

It says on each chain where its checkpoints are to be found, reads the messages from the chains
themselves, and writes one signed checkpoint for each into its journal. It never signs two
checkpoints for one index of one chain: what the journal holds stays, in whatever process, even
when a reorg puts another message there.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.agents.link import Link, keep
from control_plane.agents.pauses import Pauses
from control_plane.domain.calls import selector, word
from control_plane.domain.errors import CalderaError, PermanentFailure
from control_plane.domain.hub import Checkpointed, Dispatched, Hub, Missed, News, Reorged
from control_plane.domain.hyperlane import Announcement, Checkpoint, SignedCheckpoint
from control_plane.domain.ids import Hex
from control_plane.domain.network import Network
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.checkpoints import CheckpointJournal, OpenJournal
from control_plane.domain.ports.metalayer import Sender
from control_plane.domain.ports.node import Connect
from control_plane.services.metalayer.checkpointing import TreeReader

_IDLE: Final = 5.0
"""Seconds after which a chain is looked at although nobody told of a message."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_ANNOUNCE_GAS: Final = 600_000
_LOCATIONS: Final = selector("getAnnouncedStorageLocations(address[])")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Signer:
    """A validator's key, as far as it is needed."""

    index: int
    address: Hex
    sign: Callable[[bytes], bytes]
    """ECDSA of a 32-byte digest: r, s and v (27 or 28), 65 bytes."""

    @property
    def name(self) -> str:
        return validator_name(self.index)


def validator_name(index: int) -> str:
    """Service name of the validator with that index."""
    return f"validator-{index}"


class Validator:
    """Implements ``ports.agent.Agent``."""

    def __init__(
        self,
        network: Network,
        signer: Signer,
        senders: Mapping[str, Sender],
        journal: OpenJournal,
        connect: Connect,
        hub: Hub,
        publish: Publish,
    ) -> None:
        """`senders` by chain name; each sends with the validator's own key."""
        self.name = signer.name
        self.ready = asyncio.Event()
        self._hub = hub
        self._links = [Link(connect, chain) for chain in network.chains]
        self._desks = [
            _Desk(link, network, signer, senders[link.chain.name], journal, hub, publish)
            for link in self._links
        ]

    @property
    def problem(self) -> str | None:
        """Which chains it can't see or be announced on."""
        found = [desk.problem for desk in self._desks if desk.problem]
        return "; ".join(found) or None

    async def run(self) -> None:
        """Sign until cancelled."""
        try:
            async with (
                self._hub.listen() as news,
                keep(self._links),
                asyncio.TaskGroup() as group,
            ):
                for desk in self._desks:
                    group.create_task(desk.run(), name=f"checkpoints of {desk.chain}")
                for desk in self._desks:
                    await desk.settled.wait()
                self.ready.set()
                while True:
                    self._hear(await news.get())
        finally:
            self.ready.clear()

    def _hear(self, item: News) -> None:
        for desk in self._desks:
            if isinstance(item, Missed) or (
                isinstance(item, Dispatched | Reorged) and item.chain == desk.chain
            ):
                desk.wake.set()


class _Desk:
    """One chain's checkpoints."""

    def __init__(
        self,
        link: Link,
        network: Network,
        signer: Signer,
        sender: Sender,
        journal: OpenJournal,
        hub: Hub,
        publish: Publish,
    ) -> None:
        self.chain = str(link.chain.name)
        self.problem: str | None = None
        self.wake = asyncio.Event()
        self.settled = asyncio.Event()
        """It was announced and has caught up, or found that it can't."""
        self._link = link
        self._contracts = network.contracts
        self._signer = signer
        self._sender = sender
        self._journal: CheckpointJournal = journal(self.chain)
        self._hub = hub
        self._publish = publish
        self._reader = self._fresh_reader()
        self._announced = False

    def _fresh_reader(self) -> TreeReader:
        return TreeReader(self._link.chain.domain, self._contracts["merkleTreeHook"])

    async def run(self) -> None:
        """Until cancelled."""
        pauses = Pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            self.wake.clear()
            try:
                await self._round()
            except CalderaError as error:
                self.problem = f"checkpoints of {self.chain} wait: {error}"
                log.warning("%s: %s", self._signer.name, self.problem)
                self._reader = self._fresh_reader()  # what was read may not have been signed
                self.settled.set()
                await pauses.wait()
                continue
            pauses.reset()
            self.problem = None
            self.settled.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_IDLE):
                    await self.wake.wait()

    async def _round(self) -> None:
        if not self._announced:
            await self._announce()
            self._announced = True
        found = await self._reader.news(self._link)
        if found:
            await self._sign(found)

    # ------------------------------------------------------------------ signing

    async def _sign(self, checkpoints: Sequence[Checkpoint]) -> None:
        taken = [c for c in checkpoints if not await self._keep(c)]
        await self._journal.reach(checkpoints[-1].index)
        self._hub.tell(Checkpointed(self.chain, self._signer.index, checkpoints[-1].index + 1))
        if taken:
            ids = ["0x" + checkpoint.message_id.hex() for checkpoint in taken]
            log.warning("%s: %s: other messages were signed before a reorg in place of %s",
                        self._signer.name, self.chain, ", ".join(ids))  # fmt: skip
            data = {"chain": self.chain, "ids": ids}
            await self._publish("checkpoint.refused", data, service=self._signer.name)

    async def _keep(self, checkpoint: Checkpoint) -> bool:
        """Have `checkpoint` signed in the journal; False when another one stands there."""
        found = await self._journal.read(checkpoint.index)
        if found is None:
            signature = self._signer.sign(checkpoint.digest)
            found = await self._journal.add(SignedCheckpoint(checkpoint, signature))
        return found.checkpoint == checkpoint

    # ------------------------------------------------------------------ announcing

    async def _announce(self) -> None:
        """Have every location of the journal on the chain, in their order, and in the journal."""
        validator = bytes.fromhex(self._signer.address[2:])
        mailbox = bytes.fromhex(self._contracts["mailbox"][2:])
        missing = await self._missing_locations()
        for at, location in enumerate(self._journal.locations):
            announcement = Announcement(validator, mailbox, self._link.chain.domain, location)
            signature = self._signer.sign(announcement.digest)
            if at == 0:
                await self._journal.announce(announcement, signature)
            if location in missing:
                await self._send(announcement.calldata(signature))

    async def _missing_locations(self) -> Sequence[str]:
        """Those that the chain does not have. A location's bytes are looked for in the answer: it
        is announced by this validator's key alone, and no location is part of another."""
        data = _LOCATIONS + word(32) + word(1) + word(bytes.fromhex(self._signer.address[2:]))
        call = {"to": self._contracts["validatorAnnounce"], "data": "0x" + data.hex()}
        answer = bytes.fromhex((await self._link.call("eth_call", call, "latest"))[2:])
        return [
            location
            for location in self._journal.locations
            if word(len(location.encode())) + location.encode() not in answer
        ]

    async def _send(self, data: bytes) -> None:
        to = self._contracts["validatorAnnounce"]
        pending = await self._sender.send(to, data, gas=_ANNOUNCE_GAS)
        receipt = await pending.receipt()
        if receipt["status"] != "0x1":
            raise PermanentFailure("An announcement was reverted", f"transaction {pending.hash}")
