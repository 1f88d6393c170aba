"""Delivery to one destination: try out what is new there, batch what is known, settle receipts."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from control_plane.agents.link import Link
from control_plane.agents.pauses import Pauses
from control_plane.agents.trials import MOST_GAS, Office, Trials
from control_plane.domain.errors import CalderaError
from control_plane.domain.network import Chain
from control_plane.domain.ports.metalayer import Pending, Sender
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.attempts import (
    Trial,
    find_deliveries,
    read_outcome,
    read_standing,
)
from control_plane.services.metalayer.outbox import Batch, Ready, pack

if TYPE_CHECKING:
    from control_plane.services.metalayer.modules import Modules

_IN_FLIGHT = 6
"""Transactions that may wait for their receipts at once."""
_IN_A_ROUND = 1000
"""Messages looked at in a round: more than may be under way at once."""
_QUICK = 0.1
"""Seconds within which a receipt makes the note that a message is on its way superfluous."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_LOST_PAUSE = 1.0
_INDEXED_PAUSE = 5.0
"""Seconds that the indexer has to read the block of a delivery."""
_WITHHELD_PAUSE = 0.5
"""Seconds until it is asked again whether a message is carried."""

log = logging.getLogger(__name__)


class Delivery:
    """Brings messages to `chain`. Nothing here is durable and nothing needs to be: what is
    delivered is read from the chain, and processing a message twice is impossible there."""

    def __init__(
        self,
        chain: Chain,
        link: Link,
        sender: Sender,
        office: Office,
        modules: "Modules | None" = None,
    ) -> None:
        """`modules`: what guards recipients; None where all want meta-proofs."""
        self.chain = chain
        self.problem: str | None = None
        self._link = link
        self._sender = sender
        self._office = office
        self._modules = modules
        self._trials = Trials(chain, link, office)
        self._gas = self._trials.gas
        self.outbox = self._trials.outbox
        self._there: dict[int, tuple[str, float] | None] = {}
        """Epochs whose certificate this chain has or is being brought, and by which transaction."""
        self._wake = asyncio.Event()
        self._mined: set[int] = set()
        """Those of them that are on the chain already."""
        self._doubtful: set[str] = set()
        """Messages of transactions whose end is not known."""
        self._flights: set[asyncio.Task[None]] = set()
        self._module: str | None = None
        """Messages that it guards are proven together; None: the chain knows no groups."""
        asking = ("finalizedIsm", "metalayerRouter")
        self._others = frozenset(
            office.contracts[name] for name in asking if name in office.contracts
        )
        """Modules that ask it."""
        self._oriented = False

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def checkpointed(self) -> None:
        """Validators signed something."""
        if self._modules is not None and self._modules.waiting:
            self.outbox.release(self._modules.waiting)
            self._wake.set()

    def disorient(self) -> None:
        """The chain lost blocks: what it knows must be looked up again."""
        self._oriented = False
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        pauses = Pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
        try:
            while True:
                self._wake.clear()
                try:
                    busy = await self._round()
                    pauses.reset()
                    self.problem = None
                except CalderaError as error:
                    await self._stalled(error)
                    await pauses.wait()
                    continue
                if not busy:
                    await self._sleep()
        finally:
            for flight in self._flights:
                flight.cancel()
            await asyncio.gather(*self._flights, return_exceptions=True)

    async def _stalled(self, error: CalderaError) -> None:
        self._oriented = False
        why = self.problem = f"delivery to {self.chain.name} waits: {error}"
        log.warning("%s", why)
        ids = [record.id for record in self.outbox.records()]
        now = self._office.clock()
        with contextlib.suppress(CalderaError):
            await self._office.book.change(ids, lambda m: moves.waiting(m, why, now))

    async def _sleep(self) -> None:
        now = self._office.clock()
        due = self.outbox.next_due(now)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else due - now):
                await self._wake.wait()

    # ------------------------------------------------------------------ one round

    async def _round(self) -> bool:
        """Send what can be sent, try out what must be tried; whether there may be more to do."""
        if len(self._flights) >= _IN_FLIGHT or not len(self.outbox):
            return False
        if not self._oriented:
            await self._orient()
        ready = self.outbox.ready(self._office.coverage, self._there, self._office.clock())
        ready = await self._carried(ready[:_IN_A_ROUND])
        if not ready:
            return False
        sure, unsure = self._trials.split(ready)
        for batch in pack(sure, self._there, self._trials.most_gas, self._module, self._others):
            if len(self._flights) >= _IN_FLIGHT:
                return False
            await self._send(batch)
        if unsure:
            await self._settle_over(await self._trials.try_out(unsure, self._mined))
            return True
        return False

    async def _carried(self, ready: Sequence[Ready]) -> list[Ready]:
        """Without the messages that are withheld, or whose proof is not to be had yet; these say
        so, and wait."""
        reasons = {r.id: self._office.withheld(r.waiting.record) for r in ready}
        if self._modules is not None:
            carried = [r.waiting for r in ready if reasons[r.id] is None]
            reasons |= await self._modules.prove(carried)
        fresh = [r.waiting for r in ready if reasons[r.id] not in {None, r.waiting.record.reason}]
        now = self._office.clock()
        for entry in ready:
            if reasons[entry.id] is not None:
                entry.waiting.due = now + _WITHHELD_PAUSE
        changed = await self._office.book.change(
            [waiting.record.id for waiting in fresh],
            lambda m: moves.waiting(m, str(reasons[m.id]), now),
        )
        for record in changed:
            waiting = self.outbox.get(record.id)
            if waiting is not None:
                waiting.record = record
        return [r for r in ready if reasons[r.id] is None]

    async def _orient(self) -> None:
        """Learn which epochs the chain knows, how much fits into a block, and what arrived."""
        contracts = self._office.contracts
        standing = await read_standing(self._link, contracts, self._office.coverage.numbers())
        self._there = {
            number: self._there.get(number) or brought
            for number, brought in standing.epochs.items()
        }
        self._mined = set(standing.epochs)
        self._trials.block_gas = standing.gas_limit
        self._trials.most_gas = min(MOST_GAS, standing.gas_limit // 2)
        self._module = contracts["aggregateRootIsm"] if standing.groups else None
        sent = {record.id for record in self.outbox.records() if record.relay_tx}
        await self._settle_old(list(sent | self._doubtful))
        self._doubtful.clear()
        self._oriented = True

    async def _settle_old(self, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that are delivered, as the chain's logs say; these are left alone."""
        places = await find_deliveries(self._link, self._office.contracts["mailbox"], ids)
        self._leave(places)
        return set(places)

    async def _settle_over(self, ids: Sequence[str]) -> None:
        """`ids` were delivered before by somebody else, says the mailbox; by nobody whose
        transaction is still there, it may turn out."""
        known = await self._settle_old(ids)
        unknown = f"{self.chain.name} has processed it, but in no block that it still knows"
        lost = [id_ for id_ in ids if id_ not in known and self.outbox.get(id_)]
        await self._trials.fail(dict.fromkeys(lost, unknown))

    def _leave(self, ids: Iterable[str]) -> None:
        """Leave what was seen delivered to the indexer, which makes it known: then it is dropped.
        Should the block go before the indexer reads it, the message is tried again."""
        due = self._office.clock() + _INDEXED_PAUSE
        for id_ in ids:
            waiting = self.outbox.get(id_)
            if waiting is not None:
                waiting.due, waiting.suspect = due, True

    # ------------------------------------------------------------------ sending

    async def _send(self, batch: Batch) -> None:
        """Hand a batch to the sender and follow it in a task of its own."""
        for ready in batch.ready:
            ready.waiting.busy = True
            ready.waiting.cleared = None
        fresh = [epoch.number for epoch in batch.certificates]
        data = batch.calldata()
        try:
            pending = await self._sender.send(
                self._office.contracts["batchProcessor"], data, gas=batch.gas(data)
            )
        except BaseException:
            for ready in batch.ready:
                ready.waiting.busy = False
            raise
        sent_at = self._office.clock()
        # Later batches may rely on these certificates: transactions keep their order.
        self._there |= dict.fromkeys(fresh, (str(pending.hash), sent_at))
        flight = asyncio.create_task(
            self._follow(batch, pending, sent_at), name=f"batch to {self.chain.name}"
        )
        self._flights.add(flight)
        flight.add_done_callback(self._landed)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        if not flight.cancelled() and flight.exception() is not None:
            log.error("a batch to %s was not settled", self.chain.name, exc_info=flight.exception())
        self._wake.set()

    async def _follow(self, batch: Batch, pending: Pending, sent_at: float) -> None:
        """Wait for the receipt and settle what became of the batch."""
        receipt_task = asyncio.ensure_future(pending.receipt())
        try:
            done, _ = await asyncio.wait([receipt_task], timeout=_QUICK)
            if not done:
                await self._note_relayed(batch, batch.ids, str(pending.hash), sent_at)
            receipt = await receipt_task
            if receipt["status"] == "0x1":
                await self._settle(batch, receipt, sent_at)
            else:
                await self._reverted(batch, str(pending.hash))
        except CalderaError as error:
            # it may have been mined all the same, as the indexer may know already
            await self._note_relayed(batch, batch.ids, str(pending.hash), sent_at)
            await self._lost(batch, f"transaction {pending.hash}: {error}")
        finally:
            receipt_task.cancel()
            for ready in batch.ready:
                ready.waiting.busy = False

    async def _note_relayed(
        self, batch: Batch, ids: Sequence[str], tx: str, sent_at: float
    ) -> None:
        epochs = {ready.id: ready.epoch.number for ready in batch.ready}
        await self._office.book.change(
            ids,
            lambda m: moves.relayed(m, tx, sent_at, epochs[m.id], self._there.get(epochs[m.id])),
        )

    async def _settle(self, batch: Batch, receipt: Mapping[str, Any], sent_at: float) -> None:
        tx = str(receipt["transactionHash"])
        outcome = read_outcome(receipt["logs"], self._office.contracts)
        self._there |= {epoch.number: (tx, sent_at) for epoch in batch.certificates}
        self._mined |= {epoch.number for epoch in batch.certificates}
        processed = [id_ for id_ in batch.ids if id_ in outcome.processed]
        self._leave(processed)
        await self._note_relayed(batch, processed, tx, sent_at)
        reasons: dict[str, str] = {}
        for ready, need in zip(batch.ready, batch.needs, strict=True):
            revert = outcome.failed.get(ready.id)
            if revert is not None:
                self._gas.forget(ready.waiting.record)
                spent = Trial(need.limit if revert == "0x" else 0, revert)
                record = ready.waiting.record
                reasons[ready.id] = await self._trials.explain(record, spent, need.limit)
        await self._trials.fail(reasons)
        over = [i for i in batch.ids if i not in outcome.processed and i not in outcome.failed]
        await self._settle_over(over)

    async def _reverted(self, batch: Batch, tx: str) -> None:
        """The whole batch reverted: a certificate refused, or the gas did not suffice."""
        processor, data = self._office.contracts["batchProcessor"], batch.calldata()
        gas = hex(batch.gas(data))
        call = {"from": processor, "to": processor, "data": "0x" + data.hex(), "gas": gas}
        why = "its gas did not suffice"
        try:
            await self._link.call("eth_call", call, "latest")
        except CalderaError as error:
            revert = getattr(error, "data", None)
            why = str(error)
            if isinstance(revert, str):
                why = await asyncio.to_thread(self._office.decode, revert)
        for ready in batch.ready:
            self._gas.forget(ready.waiting.record)
        await self._lost(batch, f"transaction {tx} reverted: {why}")

    async def _lost(self, batch: Batch, why: str) -> None:
        """Nothing of the batch arrived: all of it waits for another attempt."""
        log.warning("%s: %s", self.chain.name, why)
        for epoch in batch.certificates:
            self._there.pop(epoch.number, None)
        self._oriented = False
        now = self._office.clock()
        for ready in batch.ready:
            ready.waiting.due = now + _LOST_PAUSE
        self._doubtful |= set(batch.ids)
        with contextlib.suppress(CalderaError):
            await self._office.book.change(batch.ids, lambda m: moves.waiting(m, why, now))
