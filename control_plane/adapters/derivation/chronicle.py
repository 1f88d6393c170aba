"""A rollup's blocks as the L1 and the genesis alone give them, followed as more are posted.

What a batch says of a block's outcome is not believed: header and hash are those that executing
its transactions gives, so a sequencer that lied about its state is found out by everybody who
compares. Any block can be executed once more, step by step.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from control_plane.adapters.derivation.evm import Log, Outcome
from control_plane.adapters.derivation.l1 import (
    START,
    BadChannel,
    Inbox,
    NotDerivable,
    Position,
    Posted,
)
from control_plane.adapters.derivation.ordered import Ordered
from control_plane.adapters.derivation.replay import Differs, Replay
from control_plane.domain import rlp
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.errors import CalderaError
from control_plane.domain.hashing import keccak256
from control_plane.domain.rlp import Item
from control_plane.domain.settlement.tracing import DerivedBlock, Reach, Step, Trace

_HASHES: Final = 256
"""Of earlier blocks, which BLOCKHASH reaches."""

Tell = Callable[[int], Awaitable[None]]


class NotDerived(ValueError):
    """A block that the L1's data do not give (yet): which, and why."""


class Chronicle:
    """All of a rollup's blocks that its inbox gives."""

    def __init__(self, genesis: Mapping[str, Any], ordered: Ordered | None = None) -> None:
        """`genesis`: geth's ``genesis.json``; `ordered`: deposits, of a rollup that takes some."""
        self._genesis = genesis
        self._ordered = ordered
        self._forget()

    def _forget(self) -> None:
        self._at = START
        self._replay: Replay | None = None
        self._blocks: list[ChannelBlock] = []
        self._headers: list[bytes] = []
        self._hashes: list[bytes] = []
        self._roots: list[bytes] = []
        """The last two from block 0 on, the others from block 1."""
        self._commitments: dict[bytes, int] = {}
        self._stuck: str | None = None
        if self._ordered is not None:
            self._ordered.forget()

    async def follow(self, inbox: Inbox, tell: Tell) -> Reach:
        """Execute what was posted to `inbox` since, `tell` after every block how far it is. When
        the L1 lost what was read, everything is read anew. NotDerivable."""
        try:
            await self._read(inbox, tell)
        except NotDerivable:
            if self._at == START:
                raise
            self._forget()
            await self._read(inbox, tell)
        return self.reach

    @property
    def reach(self) -> Reach:
        """How far it is."""
        return Reach(len(self._blocks), self._stuck)

    async def _read(self, inbox: Inbox, tell: Tell) -> None:
        head = await inbox.head()
        if self._ordered is not None and not await self._ordered.read(inbox.l1, head):
            self._forget()  # the L1 lost some of what was read
            await self._ordered.read(inbox.l1, head)
        while True:
            try:
                async for posted in inbox.channels(head, self._at):
                    await self._take(posted, tell)
                    self._passed(posted.after, posted.channel.last)
            except BadChannel as error:
                # whoever proposes a block behind it is wrong, and has to be told so
                self._stuck = self._stuck or str(error)
                self._passed(error.after, error.last)
                continue
            return

    def _passed(self, after: Position, last: int) -> None:
        self._at = after
        self._commitments[after.accumulator] = last

    async def _take(self, posted: Posted, tell: Tell) -> None:
        if self._replay is None:
            self._replay = Replay(self._genesis, posted.channel.parent_hash)
            self._hashes.append(posted.channel.parent_hash)
            self._roots.append(self._replay.root)
        for block in posted.channel.blocks:
            if self._stuck is not None or block.number <= len(self._blocks):
                continue  # a channel whose first blocks were taken before something was in the way
            try:
                await self._check_deposits(block, self._replay)
                header = self._replay.derive(block)
            except Differs as error:
                self._stuck = str(error)
                return
            self._blocks.append(block)
            self._headers.append(header)
            self._hashes.append(keccak256(header))
            self._roots.append(self._replay.root)
            await tell(block.number)

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
        if number == 0:
            return DerivedBlock(0, self._hashes[0], b"", 0)
        header, block = self._headers[number - 1], self._blocks[number - 1]
        return DerivedBlock(number, self._hashes[number], header, len(block.transactions))

    @property
    def transactions(self) -> int:
        """Of all blocks."""
        return sum(len(block.transactions) for block in self._blocks)

    def last_of(self, commitment: bytes) -> int | None:
        """Last block of the channel that made the inbox's accumulator `commitment`; None when no
        channel did."""
        return self._commitments.get(commitment)

    def commitment(self, last: int) -> bytes | None:
        """What the inbox holds after the channel that ends with block `last`; None when none
        does."""
        return next((c for c, block in self._commitments.items() if block == last), None)

    def state_root(self, number: int) -> bytes:
        """The state's root after a block. NotDerived."""
        self._check(number, least=0)
        return self._roots[number]

    def storage_root(self, number: int, account: bytes) -> bytes:
        """Root of an account's storage after a block. NotDerived."""
        self._check(number, least=1)
        if self._replay is None:
            raise NotDerived("nothing is derived")
        root, hash_ = self._roots[number], self._hashes[number]
        return self._replay.past(number + 1, root, [hash_]).storage_root(account)

    def first_wrong(self) -> tuple[int, str] | None:
        """Number of the first block that is not what its batch claims, and what is wrong; None
        where all are."""
        for block, hash_, root in zip(self._blocks, self._hashes[1:], self._roots[1:], strict=True):
            for what, claimed, found in (
                ("state root", block.state_root, root),
                ("hash", block.hash, hash_),
            ):
                if claimed != found:
                    why = f"its {what} is 0x{claimed.hex()}, executing it gives 0x{found.hex()}"
                    return block.number, f"block {block.number}: {why}"
        return (len(self._blocks) + 1, self._stuck) if self._stuck else None

    def trace(self, number: int) -> Trace:
        """What executing block `number` gives, transaction by transaction. NotDerived."""
        self._check(number, least=1)
        if self._replay is None:
            raise NotDerived("nothing is derived")
        before = self._hashes[max(0, number - _HASHES) : number][::-1]
        past = self._replay.past(number, self._roots[number - 1], before)
        roots: list[bytes] = []
        past.run(self._blocks[number - 1], roots)
        derived = self.block(number)
        return Trace(number, self._hashes[number - 1], derived.hash, _steps(roots, past.outcomes))

    def _check(self, number: int, *, least: int) -> None:
        if number < least or number >= len(self._hashes):
            why = self._stuck or f"the L1 has blocks up to {len(self._blocks)}"
            raise NotDerived(f"block {number} is not derived: {why}")


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
