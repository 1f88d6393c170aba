"""The relayer: takes certified messages to their destinations, each destination by itself.

What it holds in memory (trees, epochs, what waits) is rebuilt from the database when it starts;
what was delivered is always read from the chains. Killed anywhere and started again it loses
nothing, and a mailbox processes no message twice.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from control_plane.agents.delivery import Delivery
from control_plane.agents.link import Link, keep
from control_plane.agents.trials import Office
from control_plane.domain.hub import (
    Checkpointed,
    Delivered,
    Dispatched,
    EpochCertified,
    FinalityWanted,
    Hub,
    Missed,
    News,
    Reorged,
    Retry,
    SetCarried,
)
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.metalayer import DecodeError, Sender
from control_plane.domain.ports.node import Connect
from control_plane.domain.ports.store import Database
from control_plane.domain.records import MessageRecord
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.book import MessageBook
from control_plane.services.metalayer.coverage import CertifiedEpoch, Coverage, Trees

if TYPE_CHECKING:
    from control_plane.domain.ports.checkpoints import Checkpoints
    from control_plane.services.metalayer.modules import Modules

_EPOCHS_AT_START = 16


class Relayer:
    """Implements ``ports.agent.Agent``."""

    def __init__(  # noqa: PLR0913, PLR0917 - its ports
        self,
        network: Network,
        senders: Mapping[str, Sender],
        decode: DecodeError,
        connect: Connect,
        database: Database,
        hub: Hub,
        publish: Publish,
        clock: Callable[[], float],
        withheld: Callable[[MessageRecord], str | None] = lambda _: None,
        checkpoints: "Checkpoints | None" = None,
    ) -> None:
        """`senders` by chain name; each sends with the relayer's own key. `withheld` tells why a
        message is not carried, None when it is. `checkpoints` are for Hyperlane's multisig
        module; None: no validators sign any."""
        self.name = "relayer"
        self.ready = asyncio.Event()
        self._network = network
        self._database = database
        self._hub = hub
        self._clock = clock
        self._book = MessageBook(database, network.devnet)
        self._trees = Trees(database, network.devnet)
        self._coverage = Coverage(self._trees)
        self._senders = senders
        self._links = {chain.name: Link(connect, chain) for chain in network.chains}
        self._office = Office(
            contracts=network.contracts,
            coverage=self._coverage,
            book=self._book,
            publish=publish,
            decode=decode,
            clock=clock,
            prepaid=network.plan.metalayer.fees == "prepaid",
            withheld=withheld,
            await_finality=self._await_finality,
        )
        self._deliveries: dict[int, Delivery] = {}
        self._checkpoints = checkpoints

    @property
    def problem(self) -> str | None:
        """Which destinations can't be reached or refuse what is brought."""
        found = [d.problem for d in self._deliveries.values() if d.problem]
        found += [link.problem for link in self._links.values() if link.problem]
        return "; ".join(found) or None

    async def run(self) -> None:
        """Deliver until cancelled."""
        self._deliveries = {
            chain.domain: Delivery(
                chain,
                self._links[chain.name],
                self._senders[chain.name],
                self._office,
                self._modules(chain),
            )
            for chain in self._network.chains
        }
        try:
            async with self._hub.listen() as news, keep(self._links.values()):
                await self._load()
                async with asyncio.TaskGroup() as group:
                    for delivery in self._deliveries.values():
                        group.create_task(delivery.run(), name=f"deliver to {delivery.chain.name}")
                    self.ready.set()
                    while True:
                        await self._hear(await news.get())
        finally:
            self.ready.clear()
            self._deliveries = {}

    def _modules(self, chain: Chain) -> "Modules | None":
        if self._checkpoints is None:
            return None
        from control_plane.services.metalayer.modules import Modules

        mailbox = self._network.contracts["mailbox"]
        return Modules(self._links[chain.name], mailbox, self._checkpoints)

    async def _load(self) -> None:
        """Trees, the last epochs and what is still to be delivered, from the database."""
        for chain in self._network.chains:
            await self._trees.load(chain.domain)
        async with self._database.begin() as unit:
            epochs = await unit.epochs.list(self._network.devnet, limit=_EPOCHS_AT_START)
            certified = await unit.epochs.latest(self._network.devnet, certified=True)
        for record in {e.epoch: e for e in (*epochs, certified) if e and e.certificate}.values():
            self._coverage.add(CertifiedEpoch.of(record))
        await self._load_answers()
        await self._reload()

    async def _load_answers(self) -> None:
        """Epochs that answer reads of messages that are still to be delivered."""
        numbers = {m.epoch for m in await self._book.open() if m.reads and m.epoch is not None}
        async with self._database.begin() as unit:
            found = [await unit.epochs.get(self._network.devnet, n) for n in sorted(numbers)]
        for record in found:
            if record is not None and record.certificate:
                self._coverage.add_answers(CertifiedEpoch.of(record))

    def _await_finality(self, messages: Sequence[MessageRecord]) -> None:
        for message in messages:
            chain = self._network.by_domain(message.origin)
            if chain is not None:
                self._hub.tell(FinalityWanted(chain.name, (message.origin_block,)))

    async def _reload(self) -> None:
        messages = await self._book.open()
        for domain, delivery in self._deliveries.items():
            delivery.outbox.replace([m for m in messages if m.destination == domain])
            delivery.wake()
        await self._note_strays(messages)

    async def _note_strays(self, messages: Iterable[MessageRecord]) -> None:
        """Messages to domains that are no chain of this devnet wait for good, and say so."""
        strays = {m.id: m.destination for m in messages if m.destination not in self._deliveries}
        now = self._clock()
        await self._book.change(
            list(strays),
            lambda m: moves.waiting(m, f"no chain of this devnet has domain {m.destination}", now),
        )

    # ------------------------------------------------------------------ news

    async def _hear(self, item: News) -> None:
        if isinstance(item, Dispatched):
            await self._dispatched(item)
        elif isinstance(item, EpochCertified):
            self._coverage.add(CertifiedEpoch.of(item.epoch))
            self._wake_all()
        elif isinstance(item, Delivered):
            self._coverage.settle(m.id for m in item.messages if m.reads)
            for message in item.messages:
                delivery_ = self._deliveries.get(message.destination)
                if delivery_ is not None:
                    delivery_.outbox.drop([message.id])
        elif isinstance(item, Checkpointed):
            for delivery in self._deliveries.values():
                delivery.checkpointed()
        elif isinstance(item, Retry):
            await self._retry(item)
        else:
            await self._look_again(item)

    async def _retry(self, item: Retry) -> None:
        """Also what was a dead letter till now, and is in no outbox."""
        open_ = [m for m in await self._book.read(item.ids) if m.state in moves.OPEN]
        for domain, delivery in self._deliveries.items():
            mine = [m for m in open_ if m.destination == domain]
            if mine:
                delivery.outbox.put(mine)
                delivery.outbox.hasten(item.ids, self._clock())
                delivery.disorient()  # what the chain takes may have changed, too

    async def _look_again(self, item: News) -> None:
        """What was known of a chain, or of all, may be wrong."""
        if isinstance(item, SetCarried):
            # what it refused before it may take now
            delivery = self._deliveries.get(self._network.chain(item.chain).domain)
            if delivery is not None:
                delivery.disorient()
        if isinstance(item, Reorged):
            await self._reorged(item)
        elif isinstance(item, Missed):
            for delivery in self._deliveries.values():
                delivery.disorient()
            await self._load()

    def _wake_all(self) -> None:
        for delivery in self._deliveries.values():
            delivery.wake()

    async def _dispatched(self, item: Dispatched) -> None:
        origin = self._network.chain(item.chain).domain
        await self._trees.append(origin, item.messages)
        waiting = [m for m in item.messages if m.state in moves.OPEN]
        for domain, delivery in self._deliveries.items():
            mine = [m for m in waiting if m.destination == domain]
            if mine:
                delivery.outbox.put(mine)
                delivery.wake()
        await self._note_strays(waiting)

    async def _reorged(self, item: Reorged) -> None:
        chain = self._network.chain(item.chain)
        await self._trees.load(chain.domain)
        self._deliveries[chain.domain].disorient()
        await self._reload()
