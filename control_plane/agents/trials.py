"""What a destination's messages need and why some of them fail, found out before they are sent."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from control_plane.agents.link import Link
from control_plane.domain.abi_formats import BatchItem
from control_plane.domain.errors import PermanentFailure
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.metalayer import DecodeError
from control_plane.domain.records import MessageRecord
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.attempts import NOT_FINAL, Trial, explain, simulate
from control_plane.services.metalayer.book import Change, MessageBook
from control_plane.services.metalayer.coverage import CertifiedEpoch, Coverage
from control_plane.services.metalayer.gas import GasTable, Need, most_for_one, router_call, unpaid
from control_plane.services.metalayer.outbox import Outbox, Ready

_TRIED_AT_ONCE = 25
MOST_GAS = 15_000_000
"""In a batch of several messages, whatever a block would hold."""
_UNPAID_PAUSE = 300.0
"""Seconds after which an unpaid message is looked at again; a payment is told at once."""


@dataclass(frozen=True, slots=True)
class Office:
    """What the deliveries to all destinations share."""

    contracts: Mapping[str, Hex]
    coverage: Coverage
    book: MessageBook
    publish: Publish
    decode: DecodeError
    clock: Callable[[], float]
    prepaid: bool
    withheld: Callable[[MessageRecord], str | None] = lambda _: None
    """Why a message is not carried; None when it is."""
    await_finality: Callable[[Sequence[MessageRecord]], None] = lambda _: None
    """Have the aggregator wait until the origin blocks of these are final."""


class Trials:
    """Tries out what is new to `chain`, and notes what can't be delivered there and why."""

    def __init__(self, chain: Chain, link: Link, office: Office) -> None:
        self._chain = chain
        self._link = link
        self._office = office
        self.gas = GasTable(office.contracts["metalayerRouter"])
        self.outbox = Outbox(self.gas.kind_of)
        self.most_gas = MOST_GAS
        """In a batch."""
        self.block_gas = 2 * MOST_GAS
        """In a block."""

    def split(self, ready: Sequence[Ready]) -> tuple[list[tuple[Ready, Need]], list[Ready]]:
        """Messages whose need of gas is known, and those to try out first: one of each kind, and
        each one that failed before or was not paid for when it was last looked at."""
        sure, unsure = [], []
        kinds = set()
        for entry in ready:
            waiting = entry.waiting
            kind = waiting.kind
            need = waiting.cleared or (None if waiting.suspect else self.gas.get(kind))
            if need and not self._unpaid(waiting.record, need):
                sure.append((entry, need))
            elif need or waiting.suspect or kind not in kinds or self.gas.is_bad(kind):
                kinds.add(kind)
                unsure.append(entry)
        return sure, unsure[:_TRIED_AT_ONCE]

    async def try_out(self, entries: Sequence[Ready], mined: set[int]) -> list[str]:
        """Simulate `entries`, after the certificates of epochs that are not `mined`; clear those
        that pass, note why the others fail. Those that prove to be delivered already."""
        entries = await self._possible(await self._refresh(entries))
        if not entries:
            return []
        for entry in entries:
            entry.waiting.busy = True
        try:
            trials = await self._simulate(entries, mined)
        finally:
            for entry in entries:
                entry.waiting.busy = False
        failed: dict[str, str] = {}
        waits: dict[str, str] = {}
        demanding: list[str] = []
        for entry, trial in zip(entries, trials, strict=True):
            if trial.before:
                continue
            record = entry.waiting.record
            if trial.revert is not None:
                self.gas.forget(record)
                if trial.revert.startswith(NOT_FINAL) and not record.finality:
                    demanding.append(entry.id)
                    continue
                failed[entry.id] = await self.explain(record, trial, self._given(record))
                continue
            need = self.gas.learn(record, trial.used, trial.module)
            missing = self._unpaid(record, need)
            entry.waiting.cleared = None if missing else need
            if missing:
                waits[entry.id] = missing
        await self.fail(failed)
        await self._wait(waits)
        await self._await_finality(demanding)
        return [e.id for e, trial in zip(entries, trials, strict=True) if trial.before]

    def _unpaid(self, record: MessageRecord, need: Need) -> str | None:
        return unpaid(record, need.used) if self._office.prepaid else None

    async def _refresh(self, entries: Sequence[Ready]) -> list[Ready]:
        """Read the records of those that were tried before anew: what was paid since, and whether
        they are still to be delivered."""
        again = [entry.id for entry in entries if entry.waiting.suspect]
        fresh = {m.id: m for m in await self._office.book.read(again)}
        kept = []
        for entry in entries:
            record = fresh.get(entry.id)
            if record is not None:
                entry.waiting.record = record
                if record.state not in moves.OPEN:
                    self.outbox.drop([entry.id])
                    continue
            kept.append(entry)
        return kept

    async def _possible(self, entries: Sequence[Ready]) -> list[Ready]:
        """Without those that no block can hold; these become dead letters."""
        dead, kept = {}, []
        for entry in entries:
            record = entry.waiting.record
            call = router_call(record, self._office.contracts["metalayerRouter"])
            most = most_for_one(len(record.raw) // 2, self.block_gas)
            if call and call.gas_limit > most:
                dead[entry.id] = (
                    f"its sender's gas limit is {call.gas_limit}, but a block of "
                    f"{self._chain.name} holds {self.block_gas}, of which it may have {most}"
                )
            else:
                kept.append(entry)
        await self._bury(dead)
        return kept

    def _given(self, record: MessageRecord) -> int:
        """Gas that a message is tried out with: the router must hold its recipient's limit."""
        call = router_call(record, self._office.contracts["metalayerRouter"])
        return max(self.most_gas, call.gas_limit + call.gas_limit // 8 + 500_000 if call else 0)

    async def _simulate(self, entries: Sequence[Ready], mined: set[int]) -> list[Trial]:
        epochs: dict[int, CertifiedEpoch] = {
            e.epoch.number: e.epoch for e in entries if e.epoch.number not in mined
        }
        certificates = [epochs[number].certificate for number in sorted(epochs)]
        items: list[BatchItem] = [
            entry.item(self._given(entry.waiting.record)) for entry in entries
        ]
        contracts = self._office.contracts
        try:
            return await simulate(
                self._link, contracts["batchProcessor"], contracts, certificates, items
            )
        except PermanentFailure as error:
            why = await asyncio.to_thread(self._office.decode, error.detail)
            raise PermanentFailure(
                "A certificate is refused", f"{self._chain.name}: {why}"
            ) from error

    # ------------------------------------------------------------------ what can't be delivered

    async def explain(self, record: MessageRecord, trial: Trial, given: int) -> str:
        """Why the message fails, as `message trace` tells it."""
        office = self._office
        return await explain(self._link, office.decode, record, trial, given, office.contracts)

    async def fail(self, reasons: Mapping[str, str]) -> None:
        """Note failed attempts; the messages are due again when their back-off ends."""
        now = self._office.clock()
        records = await self._note(reasons, lambda m: moves.failing(m, reasons[m.id], now))
        for record in records:
            self._postpone(record, record.next_attempt_at or now)
        await self._tell("message.failing", records)

    async def _await_finality(self, ids: Sequence[str]) -> None:
        """Their recipient takes them from a final block only, as it turns out."""
        now = self._office.clock()
        records = await self._office.book.change(ids, lambda m: moves.finality_demanded(m, now))
        for record in records:
            waiting = self.outbox.get(record.id)
            if waiting is not None:
                waiting.record = record
        if records:
            self._office.await_finality(records)

    async def _bury(self, reasons: Mapping[str, str]) -> None:
        """Note messages that nothing but the user's word brings back."""
        now = self._office.clock()
        records = await self._note(reasons, lambda m: moves.buried(m, reasons[m.id], now))
        await self._tell("message.dead", records)

    async def _wait(self, reasons: Mapping[str, str]) -> None:
        """Note what messages wait for that are to be paid."""
        now = self._office.clock()
        news = [id_ for id_, why in reasons.items() if self._reason_of(id_) != why]
        records = await self._note(reasons, lambda m: moves.waiting(m, reasons[m.id], now))
        for record in records:
            waiting = self.outbox.get(record.id)
            just_paid = waiting is not None and waiting.record.gas_paid != record.gas_paid
            self._postpone(record, now if just_paid else now + _UNPAID_PAUSE)
        await self._tell("message.unpaid", [m for m in records if m.id in news])

    def _reason_of(self, id_: str) -> str | None:
        waiting = self.outbox.get(id_)
        return waiting.record.reason if waiting else None

    async def _note(self, reasons: Mapping[str, str], change: Change) -> list[MessageRecord]:
        """Apply `change`; the records as they are now. What is not open any more is dropped."""
        records = await self._office.book.change(list(reasons), change)
        self.outbox.drop([record.id for record in records if record.state not in moves.OPEN])
        return records

    def _postpone(self, record: MessageRecord, due: float) -> None:
        waiting = self.outbox.get(record.id)
        if waiting is not None:
            waiting.record, waiting.suspect, waiting.due = record, True, due

    async def _tell(self, event: str, records: Sequence[MessageRecord]) -> None:
        if records:
            news = [{"id": m.id, "reason": m.reason, "attempts": m.attempts} for m in records]
            data = {"chain": self._chain.name, "messages": news}
            await self._office.publish(event, data, service="relayer")
