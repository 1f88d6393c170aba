"""A rollup's blocks as the L1 and the genesis alone give them, followed as more are posted.

What a batch says of a block's outcome is not believed: header and hash are those that executing
its transactions gives, so a sequencer that lied about its state is found out by everybody who
compares. Any block that is kept can be executed once more, step by step; blocks are kept from a
final output on.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from control_plane.adapters.derivation.evm import Log, Outcome
from control_plane.adapters.derivation.kept import Base, End, Forgotten, Kept, KeptBlock, NotDerived
from control_plane.adapters.derivation.l1 import BadChannel, Inbox, NotDerivable, Posted
from control_plane.adapters.derivation.living import living
from control_plane.adapters.derivation.ordered import Ordered
from control_plane.adapters.derivation.replay import Differs, Replay
from control_plane.adapters.derivation.snapshot import Deposited, Snapshot
from control_plane.domain import rlp
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.errors import CalderaError
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rlp import Item
from control_plane.domain.settlement.tracing import DerivedBlock, Reach, Step, Trace

__all__ = ["Chronicle", "Forgotten", "NotDerived", "Recalls", "Tell"]

_ATTEMPTS: Final = 3
"""As it stands, from the snapshot, from the genesis."""
_MOST: Final = 20_000
"""Nodes, up to which none is forgotten."""
_NOTHING: Final = Base(0, b"", b"", b"", 0, 0)

Tell = Callable[[int], Awaitable[None]]


class Recalls(Protocol):
    """Has what an earlier process wrote down."""

    async def load(self, l1: Rpc) -> Snapshot | None:
        """The last snapshot, if it goes with what the L1 says now. TemporaryFailure."""
        ...

    async def discard(self, why: str) -> None:
        """It did not go with what the L1 has behind it."""
        ...


class Chronicle:
    """A rollup's blocks that its inbox gives."""

    def __init__(
        self,
        genesis: Mapping[str, Any],
        ordered: Ordered | None = None,
        recalls: Recalls | None = None,
    ) -> None:
        """`genesis`: geth's ``genesis.json``; `ordered`: deposits, of a rollup that takes some;
        `recalls`: where to begin instead of at the genesis."""
        self._genesis = genesis
        self._ordered = ordered
        self._recalls = recalls
        self._forget()

    def _forget(self) -> None:
        self._replay: Replay | None = None
        self._most = _MOST
        self._kept = Kept(_NOTHING)
        self._wrong: tuple[int, str] | None = None
        self._stuck: str | None = None
        if self._ordered is not None:
            self._ordered.forget()

    async def follow(self, inbox: Inbox, tell: Tell) -> Reach:
        """Execute what was posted to `inbox` since, `tell` after every block how far it is. When
        the L1 lost what was read, go back as far as needs be. NotDerivable."""
        for attempt in range(_ATTEMPTS):
            fresh = self._is_fresh
            resumed = fresh and await self._resume(inbox.l1)
            try:
                await self._read(inbox, tell)
                break
            except NotDerivable as error:
                if (fresh and not resumed) or attempt == _ATTEMPTS - 1:
                    raise
                if resumed and self._recalls is not None:
                    await self._recalls.discard(str(error))
                self._forget()
        return self.reach

    def begin_anew(self) -> None:
        """Forget all, to derive it from further back."""
        self._forget()

    @property
    def _is_fresh(self) -> bool:
        read = self._ordered is not None and self._ordered.at is not None
        return self._replay is None and not read and self._stuck is None

    @property
    def reach(self) -> Reach:
        """How far it is."""
        return Reach(self._kept.last, self._stuck)

    async def _read(self, inbox: Inbox, tell: Tell) -> None:
        head = await inbox.head()
        if self._ordered is not None and not await self._ordered.read(inbox.l1, head):
            raise NotDerivable("the L1 lost some of what was read")
        while True:
            try:
                async for posted in inbox.channels(head, self._kept.position):
                    await self._take(posted, tell)
                    self._kept.end(End(posted.channel.last, posted.after))
            except BadChannel as error:
                # whoever proposes a block behind it is wrong, and has to be told so
                self._stuck = self._stuck or str(error)
                self._kept.end(End(error.last, error.after))
                continue
            return

    async def _take(self, posted: Posted, tell: Tell) -> None:
        replay = self._replay or self._begin(posted.channel.parent_hash)
        for block in posted.channel.blocks:
            if self._stuck is not None or block.number <= self._kept.last:
                continue  # a channel whose first blocks were taken before something was in the way
            try:
                await self._check_deposits(block, replay)
                header = replay.derive(block)
            except Differs as error:
                self._stuck = str(error)
                return
            taken = self._ordered.taken if self._ordered is not None else None
            done = KeptBlock(block, keccak256(header), header, replay.root, taken)
            self._kept.add(done)
            self._wrong = self._wrong or _what_is_wrong(done)
            await tell(block.number)

    def _begin(self, genesis_hash: bytes) -> Replay:
        replay = self._replay = Replay(self._genesis, genesis_hash)
        base = Base(0, replay.parent_hash, b"", replay.root, 0, 0)
        self._kept = Kept(base, (), self._kept.ends)
        return replay

    async def _check_deposits(self, block: ChannelBlock, replay: Replay) -> None:
        if self._ordered is None:
            return
        try:
            await self._ordered.check(block, lambda address: replay.evm.account(address)[1])
        except CalderaError:
            self._forget()  # it took note of a part of them
            raise

    # ------------------------------------------------------------------ asking

    def block(self, number: int) -> DerivedBlock:
        """A block; of number 0 there is only the hash. NotDerived."""
        self._check(number, least=0)
        base = self._kept.base
        if number == base.number:
            return DerivedBlock(number, base.hash, base.header, base.transactions)
        one = self._kept.at(number)
        return DerivedBlock(number, one.hash, one.header, len(one.block.transactions))

    @property
    def transactions(self) -> int:
        """Of all blocks."""
        return self._kept.total

    def transactions_up_to(self, number: int) -> int:
        """Of all blocks up to a kept one."""
        return self._kept.base_at(number).total

    @property
    def base(self) -> int:
        """The first block that is kept."""
        return self._kept.base.number

    def last_of(self, commitment: bytes) -> int | None:
        """Last block of the channel that made the inbox's accumulator `commitment`; None when no
        channel behind the base did."""
        return self._kept.last_of(commitment)

    def commitment(self, last: int) -> bytes | None:
        """What the inbox holds after the channel that ends with block `last`; None when none
        does. NotDerived for one from before the base."""
        if last < self._kept.base.number:
            raise Forgotten(f"block {last} is from before a final output")
        return self._kept.commitment(last)

    def state_root(self, number: int) -> bytes:
        """The state's root after a block. NotDerived."""
        self._check(number, least=0)
        return self._kept.root(number)

    @property
    def genesis_root(self) -> bytes | None:
        """The state's root in the header of block 0; None where the program shows another one than
        it has."""
        return self._replay.genesis_root if self._replay else None

    def storage_root(self, number: int, account: bytes) -> bytes:
        """Root of an account's storage after a block. NotDerived."""
        self._check(number, least=1)
        root, hash_ = self._kept.root(number), self._kept.hash(number)
        return self._opened().past(number + 1, root, [hash_]).storage_root(account)

    def first_wrong(self) -> tuple[int, str] | None:
        """Number of the first block that is not what its batch claims, and what is wrong; None
        where all are."""
        return self._wrong or ((self._kept.last + 1, self._stuck) if self._stuck else None)

    def trace(self, number: int) -> Trace:
        """What executing block `number` gives, transaction by transaction. NotDerived."""
        self._check(number, least=1)
        one, before = self._kept.at(number), self._kept.hashes(number)
        past = self._opened().past(number, self._kept.root(number - 1), before)
        roots: list[bytes] = []
        past.run(one.block, roots)
        return Trace(number, before[0], one.hash, _steps(roots, past.outcomes))

    def _check(self, number: int, *, least: int) -> None:
        if number < least or self._replay is None or number > self._kept.last:
            why = self._stuck or f"the L1 has blocks up to {self._kept.last}"
            raise NotDerived(f"block {number} is not derived: {why}")
        if number < self._kept.base.number:
            raise Forgotten(f"block {number} is from before a final output")

    def _opened(self) -> Replay:
        if self._replay is None:
            raise NotDerived("nothing is derived")
        return self._replay

    # ------------------------------------------------------------------ going on later

    def snapshot(self, subject: str, output: int, number: int, read: tuple[int, str]) -> Snapshot:
        """Of the kept block `number`, with which the final output `output` ends. NotDerived."""
        base, end = self._kept.base_at(number), self._kept.end_before(number)
        nodes = living(self._opened().nodes, [base.root])
        hashes = tuple(self._kept.hashes(number + 1))
        deposited = None
        if self._ordered is not None and (taken := self._kept.at(number).taken) is not None:
            deposited = Deposited(taken, self._ordered.waiting(taken, read[0]))
        wrong = self._wrong if self._wrong and self._wrong[0] <= number else None
        return Snapshot(subject, output, base, hashes, end, read, deposited, wrong, nodes)

    def read_least(self, number: int) -> int:
        """The L1 block up to which it must have been read for the kept block `number`."""
        end, taken = self._kept.end_before(number), self._kept.at(number).taken
        known = max(taken.order, taken.origin) if taken else 0
        return max(end.after.block if end else 0, known)

    @property
    def read(self) -> tuple[int, str] | None:
        """Number and hash of the L1's block up to which deposits were read."""
        return self._ordered.at if self._ordered is not None else None

    def drop(self, number: int) -> None:
        """Keep nothing from before block `number`, which is kept; nodes of tries until they are
        twice as many as are needed."""
        if number <= self._kept.base.number:
            return
        replay, taken = self._opened(), self._kept.at(number).taken
        self._kept.drop(number)
        if self._ordered is not None and taken is not None:
            self._ordered.drop(taken)
        if len(replay.nodes) < self._most:
            return
        nodes = living(replay.nodes, self._kept.roots())
        last = self._kept.base_at(self._kept.last)
        replay.reopen(last.header, self._kept.hashes(last.number + 1), nodes)
        self._most = max(_MOST, 2 * len(nodes))

    async def _resume(self, l1: Rpc) -> bool:
        """Begin where the last snapshot was made; False without one."""
        found = await self._recalls.load(l1) if self._recalls is not None else None
        if found is None or (self._ordered is None) != (found.deposited is None):
            return False
        base, self._wrong = found.base, found.wrong
        self._kept = Kept(base, found.hashes[1:], [found.end] if found.end else [])
        self._replay = Replay(self._genesis, found.hashes[-1])
        self._replay.reopen(base.header, found.hashes, dict(found.nodes))
        if self._ordered is not None and found.deposited is not None:
            at = found.deposited
            self._ordered.resume(base.number, at.taken, at.waiting, found.read)
        return True


def _what_is_wrong(done: KeptBlock) -> tuple[int, str] | None:
    number = done.block.number
    for what, claimed, found in (
        ("state root", done.block.state_root, done.root),
        ("hash", done.block.hash, done.hash),
    ):
        if claimed != found:
            why = f"its {what} is 0x{claimed.hex()}, executing it gives 0x{found.hex()}"
            return number, f"block {number}: {why}"
    return None


def _steps(roots: list[bytes], outcomes: list[Outcome]) -> tuple[Step, ...]:
    """The state before the first transaction, and after each."""
    found = [Step(roots[0], 0, bytes(32))]
    for root, outcome in zip(roots[1:], outcomes, strict=True):
        before = found[-1]
        gas = before.gas_used + outcome.gas_used
        found.append(Step(root, gas, keccak256(before.logs_hash + _logs_hash(outcome.logs))))
    return tuple(found)


def _logs_hash(logs: tuple[Log, ...]) -> bytes:
    items: Item = [[log.address, log.topics, log.data] for log in logs]
    return keccak256(rlp.encode(items))
