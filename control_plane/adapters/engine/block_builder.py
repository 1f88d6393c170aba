"""Builds the blocks of a chain on op-geth over the Engine API.

One block is: forkchoiceUpdated with attributes (the L1 attributes and users' deposits first) → a
moment in which the engine takes transactions out of its pool → getPayload → newPayload, while the
journal is written → forkchoiceUpdated. The last step shows the block to the world: whatever
anybody could see is in the journal.

The engine stops filling a block when it is asked for it. Measured: a transaction that the node's
subscription has announced is in after less than a millisecond, a thousand are in after 20; one
that was only sent can take five more until it is announced. A block that is asked for too early
loses nothing: the others are in the next.

Timestamps are whole seconds and rise strictly, so blocks that follow each other at once run ahead
of the clock, :data:`AHEAD` seconds at most.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from control_plane.adapters.engine.journal import Journal, cut_off, restore_head
from control_plane.adapters.engine.origins import Mark, Origins
from control_plane.adapters.evm.l1_view import Intake, L1Heads, L1View
from control_plane.domain import op_stack, rlp
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import NO_ORIGIN, Deposit, Fees, L1Block, Origin
from control_plane.domain.ports.engine_api import (
    NO_HASH,
    EngineApi,
    ForkChoice,
    HeadUnknown,
    Payload,
    PayloadAttributes,
    PayloadRefused,
    Replaced,
)
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError

AHEAD: Final = 30
"""Seconds by which a block's timestamp may be ahead of the clock."""
FILLING: Final = 0.002
PER_TRANSACTION: Final = 25e-6
"""Seconds that the engine has for a block, and for each transaction that waits."""
_FULL: Final = 3_000
"""Transactions beyond which more time is of no use: the block is full."""
_TICK: Final = 0.05
"""Seconds for a block that comes at its time, however few transactions wait: a miss would cost a
transaction a whole block time."""
_PATIENCE: Final = 4
"""How much more time a block has after one that took nothing of what waits: a busy machine."""
_VAIN: Final = 3
_DEPOSIT_GAS: Final = 40_000_000
"""For the deposits of one block; more of them wait for the next."""
_DEPOSIT: Final = "0x7e"


def filling_time(waiting: int) -> float:
    """Seconds to leave the engine when `waiting` transactions are in its pool."""
    return FILLING + PER_TRANSACTION * min(waiting, _FULL) if waiting else 0.0


@dataclass(frozen=True, slots=True)
class Head:
    """The block that is built upon."""

    number: int
    hash: Hex
    timestamp: int
    extra_data: bytes
    gas_limit: int
    origin: Origin


class BlockBuilder:
    """Implements ``ports.engine_api.Builder``; :meth:`open` comes first."""

    def __init__(
        self,
        engine: EngineApi,
        node: Rpc,
        journal: Journal,
        l1: L1View,
        *,
        fees: Fees | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._node = node
        self._journal = journal
        self._l1 = l1
        self._fees = fees or Fees()
        self._clock = clock
        self._origins = Origins(node)
        self._head: Head | None = None
        self._origin: L1Block | None = None
        """The head's; None at a genesis, or when it is not on the L1's chain."""
        self._next: Intake | None = None
        """What is new on the L1 since."""
        self._more = False
        """There are deposits on the L1 beyond that."""
        self._tried = 0
        """Timestamp of the last block on this head that was given up: asked for it once more, the
        engine would give the same one."""
        self._vain = 0
        """Blocks given up in a row."""
        self._labels = (NO_HASH, NO_HASH)
        """The safe and the finalized block as the engine knows them."""

    async def open(self) -> int:
        """Bring the engine back to the journal's head, take the chain up there; its number.
        :meth:`follow_l1` comes next."""
        await restore_head(self._engine, self._node, self._journal)
        await self._go_on_from("latest")
        return self._known.number

    def look_at(self, l1: Rpc) -> None:
        """See the port."""
        self._l1 = self._l1.over(l1)

    @property
    def deposits_wait(self) -> bool:
        """See the port."""
        return self._next is not None and bool(self._next.deposits)

    def behind(self) -> float:
        """See the port."""
        # a clock that was far ahead (an L1 that travelled in time) does not stop the chain
        return min(1.0, max(0.0, self._earliest() - AHEAD - self._now()))

    @property
    def _known(self) -> Head:
        if self._head is None:
            raise RuntimeError("the builder was not opened")
        return self._head

    # ------------------------------------------------------------------ sealing

    async def seal(self, waiting: int, *, empty: bool) -> int | None:
        """See the port."""
        timestamp = max(self._earliest(), int(self._now()))
        l1, deposits = self._intake(timestamp)
        pause = filling_time(waiting) * _PATIENCE**self._vain
        if empty and waiting:
            pause = max(pause, _TICK)
        try:
            payload = await self._build(timestamp, l1, deposits, pause=pause)
        except HeadUnknown:  # somebody has set the chain back by hand
            await restore_head(self._engine, self._node, self._journal)
            payload = await self._build(timestamp, l1, deposits, pause=pause)
        taken = len(payload.transactions) - 1 - len(deposits)
        if not taken and not deposits and not empty:
            self._tried = timestamp
            self._vain = (self._vain + 1) % _VAIN
            return None
        self._vain = 0
        await self._advance(payload, l1)
        if self._more:
            await self._take_in(await self._l1.heads())
        return taken

    def _earliest(self) -> int:
        return max(self._known.timestamp, self._tried) + 1

    def _now(self) -> float:
        """The clock, or the L1's when that is ahead: no block is older than its origin."""
        newest = self._next.origin if self._next is not None else self._origin
        return max(self._clock(), float(newest.timestamp) if newest is not None else 0.0)

    def _intake(self, timestamp: int) -> tuple[L1Block, tuple[Deposit, ...]]:
        """Origin and deposits of the next block. The origin moves to the L1's newest block at
        once, however many that skips, but to none later than `timestamp`."""
        new, now = self._next, self._origin
        if new is not None and (now is None or new.origin.timestamp <= timestamp):
            return new.origin, new.deposits
        if now is None:
            raise TemporaryFailure("The L1 has not been read yet")
        return now, ()

    async def _build(
        self,
        timestamp: int,
        l1: L1Block,
        deposits: Sequence[Deposit],
        *,
        pause: float = 0.0,
        forced: Sequence[Hex] | None = None,
    ) -> Payload:
        """A block on the head; with `forced`, of those transactions and none of the pool."""
        head = self._known
        jovian = op_stack.is_jovian(head.extra_data)
        first = op_stack.l1_attributes(l1, self._sequence(l1), self._fees, jovian=jovian)
        ours = [_hex(deposit.encode()) for deposit in (first, *deposits)]
        attributes = PayloadAttributes(
            timestamp=timestamp,
            prev_randao=_hex(l1.randao),
            fee_recipient=_hex(op_stack.FEE_RECIPIENT),
            beacon_root=_hex(l1.beacon_root),
            transactions=(*ours, *(forced or ())),
            no_tx_pool=forced is not None,
            gas_limit=head.gas_limit,
            eip1559_params=_hex(head.extra_data[1:9]),
            min_base_fee=int.from_bytes(head.extra_data[9:17]) if jovian else None,
        )
        identity = await self._engine.forkchoice_updated(self._choice(head.hash), attributes)
        if pause:
            await asyncio.sleep(pause)
        return await self._engine.get_payload(str(identity))

    def _sequence(self, l1: L1Block) -> int:
        origin = self._known.origin
        return origin.sequence + 1 if origin.hash == l1.hash else 0

    async def _advance(self, payload: Payload, l1: L1Block) -> None:
        """Make `payload` the head, which has the origin `l1`."""
        await asyncio.gather(self._journal.append(payload), self._engine.new_payload(payload))
        await self._engine.forkchoice_updated(self._choice(payload.hash))
        self._head = Head(
            number=payload.number,
            hash=payload.hash,
            timestamp=payload.timestamp,
            extra_data=bytes.fromhex(payload.execution["extraData"][2:]),
            gas_limit=int(payload.execution["gasLimit"], 16),
            origin=Origin(l1.number, l1.hash, self._sequence(l1)),
        )
        self._tried = 0
        self._origins.put(Mark(self._head.origin, payload.number, payload.hash))
        if self._next is not None and self._next.origin == l1:
            self._next = None
        self._origin = l1

    def _choice(self, head: Hex) -> ForkChoice:
        return ForkChoice(head, *self._labels)

    # ------------------------------------------------------------------ the L1

    async def follow_l1(self) -> Replaced | None:
        """See the port."""
        heads = await self._l1.heads()
        replaced = None
        if self._next is None or not await self._l1.has(self._next.origin):
            self._next = None
            if not await self._origin_stands():
                replaced = await self._replace(heads)
        await self._take_in(heads)
        await self._label(heads)
        return replaced

    async def _origin_stands(self) -> bool:
        if self._origin is None:
            return self._known.origin == NO_ORIGIN
        return await self._l1.has(self._origin)

    async def _take_in(self, heads: L1Heads) -> None:
        """Read on from what is known of the L1."""
        known = self._next.origin if self._next is not None else self._origin
        at = known.number if known is not None else -1
        before = self._next.deposits if self._next is not None else ()
        room = _DEPOSIT_GAS - sum(deposit.gas for deposit in before)
        self._more = heads.head.number > at
        if not self._more or (before and room < _DEPOSIT_GAS // 2):
            return
        new = await self._l1.intake(known, heads.head, room)
        self._next = Intake(new.origin, (*before, *new.deposits))
        self._more = new.origin.number < heads.head.number

    async def _label(self, heads: L1Heads) -> None:
        """A block is safe when its origin is safe on the L1, and finalized likewise; of a rollup
        whose blocks are posted only what is posted."""
        safe = await self._posted(await self._origins.at_most(heads.safe), heads)
        finalized = await self._posted(await self._origins.at_most(heads.finalized), heads)
        labels = (_hash_of(safe), _hash_of(finalized))
        if labels != self._labels:
            self._labels = labels
            await self._engine.forkchoice_updated(self._choice(self._known.hash))

    async def _posted(self, mark: Mark | None, heads: L1Heads) -> Mark | None:
        """`mark`, or the last posted block where that is lower."""
        if mark is None or heads.posted is None or mark.number <= heads.posted:
            return mark
        return await self._origins.read(heads.posted)

    async def _replace(self, heads: L1Heads) -> Replaced | None:
        """Build anew, on the last block whose origin is still there, the blocks above it: with
        the same timestamps and transactions, as far as they are valid there."""
        last = self._known.number
        if heads.head.number == 0 < self._known.origin.number:
            raise TemporaryFailure("The L1 has no block yet", "it is about to be restored")
        base = await self._origins.last(self._l1.has)
        old = [await self._transactions(number) for number in range(base.number + 1, last + 1)]
        self._labels = (NO_HASH, NO_HASH)
        await cut_off(self._node, base.number)
        await self._go_on_from(hex(base.number))
        await self._take_in(heads)
        returned: list[Hex] = []
        for timestamp, transactions in old:
            returned += await self._rebuild(timestamp, transactions)
        dropped = await self._return(returned)
        return Replaced(base.number + 1, last, base.origin.number, len(returned), dropped)

    async def _return(self, raws: Sequence[Hex]) -> int:
        """Put transactions back into the pool; how many it refuses."""
        dropped = 0
        for raw in raws:
            try:
                await self._node.call("eth_sendRawTransaction", raw)
            except RpcError as error:
                dropped += "already known" not in error.message
        return dropped

    async def _rebuild(self, timestamp: int, transactions: Sequence[Hex]) -> Sequence[Hex]:
        """Those of `transactions` that are in no block now."""
        if self._origin is None:  # upon the genesis, with no origin that was earlier
            timestamp = max(timestamp, int(self._now()))
        timestamp = max(timestamp, self._known.timestamp + 1)
        l1, deposits = self._intake(timestamp)
        try:
            payload = await self._build(timestamp, l1, deposits, forced=transactions)
        except PayloadRefused:
            payload = await self._build(timestamp, l1, deposits, forced=())
            await self._advance(payload, l1)
            return transactions
        await self._advance(payload, l1)
        return ()

    # ------------------------------------------------------------------ the chain

    async def _go_on_from(self, block: str) -> None:
        """Take the node's block (its number or tag) as the head."""
        found = await self._node.call("eth_getBlockByNumber", block, False)
        mark = await self._origins.read(int(found["number"], 16))
        self._origins.put(mark)
        self._head = Head(
            number=mark.number,
            hash=mark.hash,
            timestamp=int(found["timestamp"], 16),
            extra_data=bytes.fromhex(found["extraData"][2:]),
            gas_limit=int(found["gasLimit"], 16),
            origin=mark.origin,
        )
        self._origin, self._tried = None, 0
        if mark.origin != NO_ORIGIN:
            block_ = await self._l1.block(mark.origin.number)
            if block_ is not None and block_.hash == mark.origin.hash:
                self._origin = block_

    async def _transactions(self, number: int) -> tuple[int, Sequence[Hex]]:
        """Timestamp of a block, and its raw transactions without the deposits."""
        payload = self._journal.read(number)
        if payload is not None:
            timestamp, raws = payload.timestamp, payload.transactions
        else:
            timestamp, raws = _decode_block(await self._node.call("debug_getRawBlock", hex(number)))
        return timestamp, [raw for raw in raws if not raw.startswith(_DEPOSIT)]


def _decode_block(raw: str) -> tuple[int, Sequence[Hex]]:
    """Timestamp and transactions of a block's RLP (Ethereum yellow paper, section 4.4)."""
    block: Any = rlp.decode_list(bytes.fromhex(raw[2:]))
    # a typed transaction stands there as bytes, an older one as the list that it is
    typed = [one if isinstance(one, bytes) else rlp.encode(one) for one in block[1]]
    return int.from_bytes(block[0][11]), [_hex(one) for one in typed]


def _hash_of(mark: Mark | None) -> Hex:
    return NO_HASH if mark is None else mark.hash


def _hex(data: bytes) -> Hex:
    return Hex("0x" + data.hex())
