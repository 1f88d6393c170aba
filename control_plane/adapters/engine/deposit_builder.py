"""Builds the blocks of a rollup on Anvil that takes deposits from its L1.

Which deposits are in is what the chain itself says, so a node that was killed, restored or set back
and a daemon that starts anew find their place: the predeploy ``L1Block`` holds the L1 block up to
which all deposits are in, its *origin*, and those of later blocks are looked for by their hashes.
A block takes the next deposits in the L1's order, and the L1's attributes with the last of those
that are known; without deposits the origin moves at most once a second, and to an L1 block that
stands on disk, so that an L1 that is killed does not take the rollup back with it.

Anvil (1.7.1, ``--network optimism``), as it was measured; its pool is a matter of its own
(``deposit_pool.py``):

- ``eth_getRawTransactionByHash`` of a deposit in a block ends the process. Dumps, loaded states and
  ``anvil_rollback`` keep deposits as they were.
- ``depositNonce`` in receipts is the nonce after the deposit, the specification's the one before.
  The base fee goes to 0x4200…19, tips to the genesis' coinbase, fees for data and the operator to
  …1a and …1b: 0, as the L1's attributes have scalars of 0.
- A block with attributes takes 0.6 ms more than an empty one.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from control_plane.adapters.engine.deposit_blocks import (
    MARKS,
    behind_origin,
    height,
    missing,
    read_origins,
)
from control_plane.adapters.engine.deposit_pool import (
    DEPOSIT_KIND,
    DepositPool,
    is_risky,
    one_block_of,
)
from control_plane.adapters.engine.genesis import GAS_LIMIT
from control_plane.adapters.evm.l1_view import Intake, L1View
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import (
    NO_ORIGIN,
    Deposit,
    L1Block,
    Origin,
)
from control_plane.domain.pool_copies import Copier
from control_plane.domain.ports.engine_api import Replaced
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.deposits import bare
from control_plane.domain.transactions import raw_of

_DEADLINE: Final = 30.0
_NO_LIMIT: Final = 1 << 40
_READ_GAS: Final = 200_000_000
_OFTEN: Final = 1.0
"""Seconds between two attributes without deposits."""
_ALL_GAS: Final = 1 << 60
_LOOKED_BACK: Final = 16
"""Blocks that somebody else may have sealed since the last one known."""
_STEPS: Final = 32
"""In which an L1 block ages until the attributes tell of it."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """The rollup as its block `number` left it."""

    number: int
    hash: Hex
    origin: Origin
    is_clean: bool
    """No deposit of an L1 block after the origin is in."""


class DepositBuilder:
    """Implements ``ports.engine_api.Builder``; :meth:`open` comes first."""

    def __init__(
        self,
        node: Rpc,
        l1: L1View,
        *,
        lag: float,
        copier: Copier | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lag`: seconds after which an L1 block stands on disk. `copier` makes copies of what goes
        into blocks, for the batcher."""
        self._node = node
        self._pool = DepositPool(node, copier)
        self._copier = copier
        self._l1 = l1
        self._lag = lag
        self._clock = clock
        self._marks: deque[_Mark] = deque(maxlen=MARKS)
        self._next: Intake | None = None
        """What was read of the L1 behind the origin: deposits that are in no block yet."""
        self._in = 0
        """How many of those that were read are in a block by now."""
        self._stops: list[tuple[int, L1Block]] = []
        """L1 blocks up to which all deposits are in once so many are."""
        self._loose: list[tuple[int, Hex]] = []
        """Deposits of L1 blocks behind the origin that were in blocks when it was opened, and the
        numbers of those; until it is known that the L1 has them."""
        self._left = False
        """Deposits may be in the pool."""
        self._sure = False
        """Those that were read are in no block for certain."""
        self._more = False
        self._seen: deque[tuple[float, L1Block]] = deque()
        """Heads of the L1 and when they were seen."""
        self._looked = b""
        self._moved = 0.0
        self._tip = Hex("0x")
        """Hash of the newest block that this knows of."""

    async def open(self) -> None:
        """Find out where the chain is. TemporaryFailure, RpcError."""
        await self._pool.forget()
        await self._node.call("evm_setBlockGasLimit", hex(GAS_LIMIT))
        block = await self._node.call("eth_getBlockByNumber", "latest", False)
        number = int(block["number"], 16)
        (origin,) = await read_origins(self._node, [number])
        if origin is None:
            raise TemporaryFailure("The rollup does not say where it is", f"block {number}")
        while self._marks and (self._marks[-1].number >= number or not await self._stands()):
            self._marks.pop()
        self._loose = await behind_origin(self._node, number)
        await self._note_sealed(block)
        self._marks.append(_Mark(number, Hex(block["hash"]), origin, is_clean=not self._loose))
        self._read_anew()

    def _read_anew(self) -> None:
        self._next, self._sure = None, False
        self._in = 0
        self._stops.clear()

    def look_at(self, l1: Rpc) -> None:
        """See the port."""
        self._l1 = self._l1.over(l1)

    @property
    def deposits_wait(self) -> bool:
        """See the port."""
        return bool(self._waiting)

    def behind(self) -> float:
        """See the port."""
        return 0.0

    @property
    def _waiting(self) -> tuple[Deposit, ...]:
        return self._next.deposits if self._next is not None else ()

    @property
    def _mark(self) -> _Mark:
        if not self._marks:
            raise RuntimeError("the builder was not opened")
        return self._marks[-1]

    # ------------------------------------------------------------------ sealing

    async def seal(self, waiting: int, *, empty: bool) -> int | None:  # noqa: ARG002 - the port's
        """See the port. What nothing was taken of is sealed all the same."""
        if self._left:  # in the pool, by a block that did not come about
            await self._pool.forget()
            self._left = False
        if self._next is not None and not await self._stands():
            await self.open()  # somebody set the chain back; the L1 is read anew before the next
        if self._copier is not None:
            await self._copier.before_block(self._tip)
        run = one_block_of(self._waiting)
        attributes = await self._attributes(run)
        if run or attributes:
            self._left = True
            await self._node.call("evm_setBlockGasLimit", hex(_NO_LIMIT))
        sent, attributes = await self._pool.send(run, attributes)
        block = await self._mine()
        if run or attributes:
            await self._node.call("evm_setBlockGasLimit", hex(GAS_LIMIT))
            await self._settle(block, sent, attributes)
            self._left = False
        taken = len(block["transactions"]) - (1 if attributes else 0)
        return taken if taken > 0 or empty else None

    async def _mine(self) -> dict[str, Any]:
        """A block of what is in the pool; its JSON, with hashes."""
        await self._node.call("evm_mine", timeout=_DEADLINE)
        block: dict[str, Any] = await self._node.call("eth_getBlockByNumber", "latest", False)
        await self._note_sealed(block)
        return block

    async def _note_sealed(self, block: dict[str, Any]) -> None:
        """`block` is the newest; tell the copier of it, and of what others sealed before it."""
        if self._copier is not None:
            at: dict[str, Any] | None = block
            for _ in range(_LOOKED_BACK):
                if at is None:
                    break
                self._copier.after_block(at["transactions"])
                if at["parentHash"] == self._tip or int(at["number"], 16) == 0:
                    break
                at = await self._node.call("eth_getBlockByHash", at["parentHash"], False)
        self._tip = Hex(block["hash"])

    async def _attributes(self, run: Sequence[Deposit]) -> L1Block | None:
        """The L1 block of which the next block tells: all deposits up to it are in then."""
        if self._next is None:
            return None
        origin = self._mark.origin
        if self._waiting or not self._mark.is_clean:
            certain = self._in + len(run) - sum(map(is_risky, run))
            target = next((at for n, at in reversed(self._stops) if n <= certain), None)
        else:
            target = self._aged() if self._clock() - self._moved >= _OFTEN else None
            if target is not None and not await self._l1.has(target):
                target = None
        return target if target is not None and target.number > origin.number else None

    def _aged(self) -> L1Block | None:
        """The newest L1 block that was there long enough, and behind which no deposit waits."""
        if self._next is None or not self._seen:
            return None
        self._note(self._seen[-1][1])
        seen, block = self._seen[0]
        old = self._clock() - seen >= self._lag
        return block if old and block.number <= self._next.origin.number else None

    async def _settle(
        self,
        block: dict[str, Any],
        sent: Sequence[tuple[Deposit, Hex]],
        attributes: L1Block | None,
    ) -> None:
        """Take note of what is in `block`; set it back when it is not what was meant."""
        taken = set(block["transactions"])
        count = len(list(takewhile(lambda one: one[1] in taken, sent)))
        strays = [hash_ for _, hash_ in sent[count:] if hash_ in taken]
        number = int(block["number"], 16)
        if strays or (attributes is not None and count < len(sent)):
            await self._take_back(number - 1)
            return
        if self._next is not None:
            self._next = Intake(self._next.origin, self._next.deposits[count:])
        self._in += count
        origin = self._mark.origin
        is_clean = self._mark.is_clean and not count
        if attributes is not None:
            origin = Origin(attributes.number, attributes.hash, 0)
            is_clean = all(n == self._in for n, at in self._stops if at == attributes)
            self._moved = self._clock()
        self._stops = [(n, at) for n, at in self._stops if at.number > origin.number]
        self._marks.append(_Mark(number, Hex(block["hash"]), origin, is_clean))
        if self._more:
            await self._take_in((await self._l1.heads()).head)

    # ------------------------------------------------------------------ the L1

    async def follow_l1(self) -> Replaced | None:
        """See the port."""
        if not await self._stands():
            await self.open()
        heads = await self._l1.heads()
        if heads.head.number == 0 < self._mark.origin.number:
            raise TemporaryFailure("The L1 has no block yet", "it is about to be restored")
        replaced = None
        if self._looked != heads.head.hash or self._next is None or self._more:
            if not await self._l1_stands():
                self._seen.clear()
                replaced = await self._go_back()
            if self._next is None and not self._mark.is_clean:
                self._loose = await behind_origin(self._node, await height(self._node))
            await self._take_in(heads.head)
            replaced = await self._drop_loose(heads.head) or replaced
            self._looked = heads.head.hash
        self._note(heads.head)
        return replaced

    def _note(self, head: L1Block) -> None:
        """Remember when the L1's head was seen, some of them and none longer than needs be."""
        now = self._clock()
        last = self._seen[-1] if self._seen else None
        if last is None or (last[1].hash != head.hash and now - last[0] >= self._lag / _STEPS):
            self._seen.append((now, head))
        while len(self._seen) > 1 and now - self._seen[1][0] >= self._lag:
            self._seen.popleft()

    async def _stands(self) -> bool:
        """Whether the rollup still has the last block that this knows of."""
        number = hex(self._mark.number)
        block = await self._node.call("eth_getBlockByNumber", number, False)
        return block is not None and block["hash"] == self._mark.hash

    async def _l1_stands(self) -> bool:
        if self._next is not None and not await self._l1.has(self._next.origin):
            return False
        return await self._is_there(self._mark.origin)

    async def _is_there(self, origin: Origin) -> bool:
        return origin == NO_ORIGIN or await self._l1.has(origin)

    async def _take_in(self, head: L1Block) -> None:
        """Read on from what is known of the L1."""
        origin = self._mark.origin
        base = self._next.origin if self._next is not None else None
        if base is None and origin != NO_ORIGIN:
            base = await self._l1.block(origin.number)
        if base is not None and head.number <= base.number:
            self._more, self._sure = False, True
            return
        if sum(deposit.gas for deposit in self._waiting) > _READ_GAS:
            return
        new = await self._l1.intake(base, head, _READ_GAS)
        deposits = new.deposits if self._sure else await missing(self._node, new.deposits)
        if len(deposits) < len(new.deposits):
            self._marks[-1] = _Mark(self._mark.number, self._mark.hash, origin, is_clean=False)
        self._next = Intake(new.origin, (*self._waiting, *deposits))
        total = self._in + len(self._waiting)
        if self._stops and self._stops[-1][0] == total:
            self._stops.pop()
        self._stops.append((total, new.origin))
        self._more = new.origin.number < head.number
        self._sure = not self._more or bool(deposits)

    async def _drop_loose(self, head: L1Block) -> Replaced | None:
        """Take the rollup back to before a deposit that an L1 lost while nobody followed it."""
        if not self._loose or self._more:
            return None
        base = self._mark.origin
        block = None if base == NO_ORIGIN else await self._l1.block(base.number)
        found = await self._l1.intake(block, head, _ALL_GAS)
        known = {form.hash for deposit in found.deposits for form in (deposit, bare(deposit))}
        lost = [number for number, hash_ in self._loose if hash_ not in known]
        if not lost:
            self._loose = []
            return None
        replaced = await self._take_back(min(lost) - 1)  # which looks for what is loose now
        await self._take_in(head)
        return replaced

    # ------------------------------------------------------------------ going back

    async def _go_back(self) -> Replaced | None:
        """The L1 lost blocks: give up those of the rollup that came from them."""
        self._read_anew()
        after = self._mark
        for mark in reversed(self._marks):
            if mark.is_clean and await self._is_there(mark.origin):
                self._left = True
                return None if mark is after else await self._take_back(after.number - 1)
            after = mark
        numbers = range(after.number - 1, max(-1, after.number - MARKS), -1)
        for number, origin in zip(numbers, await read_origins(self._node, numbers), strict=True):
            if origin is None:
                break
            if await self._is_there(origin):
                return await self._take_back(number)
        raise _stranded(after)

    async def _take_back(self, base: int) -> Replaced:
        """Undo the blocks above `base`; what was in them waits again."""
        head = await height(self._node)
        numbers = range(base + 1, head + 1)
        blocks = await self._node.batch([("eth_getBlockByNumber", (hex(n), True)) for n in numbers])
        raws = []
        for block in blocks:
            if isinstance(block, RpcError):
                raise block
            raws += [raw_of(each) for each in block["transactions"] if each["type"] != DEPOSIT_KIND]
        try:
            await self._node.call("anvil_rollback", head - base, timeout=_DEADLINE)
        except RpcError as error:
            raise _stranded(self._mark) from error
        await self.open()
        known = ["0x" + raw.hex() for raw in raws if raw is not None]
        refused = 0
        for raw in known:  # a batch's order is not kept
            try:
                await self._node.call("eth_sendRawTransaction", raw)
            except RpcError as error:
                refused += "already" not in error.message
        dropped = refused + len(raws) - len(known)
        return Replaced(base + 1, head, self._mark.origin.number, len(raws), dropped)


def _stranded(mark: _Mark) -> TemporaryFailure:
    return TemporaryFailure(
        f"Block {mark.number} came from block {mark.origin.number} of an L1 that lost it",
        "its node does not keep the states of older blocks, so it can't be taken back",
        "Take the rollup away and add it anew: `caldera rollup rm`, then `caldera rollup add`.",
    )
