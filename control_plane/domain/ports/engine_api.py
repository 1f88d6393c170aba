"""The Engine API: how a sequencer drives an execution engine (op-geth).

Sources: Ethereum execution-apis, "engine/prague.md"; OP Stack specifications, "L2 Execution
Engine" (protocol/exec-engine.md), for the extended payload attributes.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from control_plane.domain.errors import PermanentFailure, TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.ports.node import Rpc

NO_HASH: Final = Hex("0x" + "00" * 32)
"""Leaves a head where it is."""


@dataclass(eq=False)
class HeadUnknown(TemporaryFailure):
    """The engine lacks a block that it was pointed to, or that block's parent (SYNCING)."""


@dataclass(eq=False)
class PayloadRefused(PermanentFailure):
    """The engine calls a block, or the attributes of one, invalid."""


@dataclass(frozen=True, slots=True)
class ForkChoice:
    """Block hashes; :data:`NO_HASH` leaves safe and finalized as they are."""

    head: Hex
    safe: Hex = NO_HASH
    finalized: Hex = NO_HASH


@dataclass(frozen=True, slots=True)
class PayloadAttributes:
    """What the sequencer decides on about a block."""

    timestamp: int
    """Unix seconds, later than the parent's."""
    prev_randao: Hex
    fee_recipient: Hex
    beacon_root: Hex
    """The L1 origin's parent beacon block root."""
    transactions: tuple[Hex, ...]
    """Raw ones that come first, whatever the pool holds: deposits."""
    no_tx_pool: bool
    """Take nothing else."""
    gas_limit: int
    eip1559_params: Hex
    """8 bytes: denominator and elasticity (Holocene)."""
    min_base_fee: int | None = None
    """Wei; from Jovian on."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A block as the engine gives and takes it."""

    execution: Mapping[str, Any]
    """``ExecutionPayloadV4`` of the OP Stack, as JSON."""
    beacon_root: Hex

    @property
    def number(self) -> int:
        return int(self.execution["blockNumber"], 16)

    @property
    def hash(self) -> Hex:
        return Hex(self.execution["blockHash"])

    @property
    def parent(self) -> Hex:
        return Hex(self.execution["parentHash"])

    @property
    def timestamp(self) -> int:
        return int(self.execution["timestamp"], 16)

    @property
    def transactions(self) -> Sequence[Hex]:
        """Raw, in order."""
        found: Sequence[Hex] = self.execution["transactions"]
        return found


class EngineApi(Protocol):
    """One connection to an engine, authenticated.

    Every call raises TemporaryFailure when the connection breaks or the deadline passes, RpcError
    for an error answer.
    """

    async def forkchoice_updated(
        self, choice: ForkChoice, attributes: PayloadAttributes | None = None
    ) -> str | None:
        """Set the heads; with `attributes`, begin to build on the head: the payload's id.

        Raises HeadUnknown, PayloadRefused (the choice or the attributes are no good). A head that
        is an ancestor of the present one is built upon, but does not become the head by itself.
        """
        ...

    async def get_payload(self, identity: str) -> Payload:
        """What has been built by now; building ends."""
        ...

    async def new_payload(self, payload: Payload) -> None:
        """Execute and keep a block. Raises HeadUnknown (no parent), PayloadRefused."""
        ...

    async def close(self) -> None: ...


class PayloadJournal(Protocol):
    """Sealed blocks, written down before anybody can see them."""

    async def append(self, payload: Payload) -> None:
        """Durable when it returns. A block takes the place of those of its height and above.
        StorageFailed."""
        ...

    def read(self, number: int) -> Payload | None:
        """The block of that height, if it is still kept."""
        ...


@dataclass(frozen=True, slots=True)
class Replaced:
    """Blocks built anew because the L1 blocks that they came from are gone."""

    first: int
    last: int
    """Heights, inclusive."""
    origin: int
    """Number of the L1 block that they build upon now."""
    returned: int
    """Transactions that were not valid in their place any more; they are in the pool again."""
    dropped: int
    """Of those, the ones that the pool refuses."""


class Builder(Protocol):
    """Builds the blocks of one chain; one task at a time uses it.

    Every method raises TemporaryFailure, RpcError, PayloadRefused, StorageFailed.
    """

    @property
    def deposits_wait(self) -> bool:
        """Whether the L1 has deposits that are in no block yet."""
        ...

    def behind(self) -> float:
        """Seconds until the next block would not run too far ahead of the clock."""
        ...

    async def seal(self, waiting: int, *, empty: bool) -> int | None:
        """Seal a block while `waiting` transactions are in the pool; how many it took of them.
        A block with nothing in it is given up unless `empty`: None."""
        ...

    def look_at(self, l1: Rpc) -> None:
        """Read the L1 over this connection from now on."""
        ...

    async def follow_l1(self) -> Replaced | None:
        """Take up what is new on the L1: origin, deposits, safe and finalized blocks, reorgs."""
        ...


class OpenBuilder(Protocol):
    def __call__(self, node: Rpc, l1: Rpc) -> AbstractAsyncContextManager[Builder]:
        """The builder of one chain, its engine brought back to where it was; ``follow_l1`` comes
        before the first block.

        `node` and `l1` are connections to the chain's node and to the L1's.
        """
        ...
