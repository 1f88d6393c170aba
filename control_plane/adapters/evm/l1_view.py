"""What a rollup takes from its L1: the newest block as its origin, and the deposits up to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.op_stack import (
    DEPOSITED_TOPIC,
    Deposit,
    InvalidDeposit,
    L1Block,
    Origin,
    deposit_of_log,
)
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.inbox import decode_rollup, rollup_call

_TOPIC: Final = "0x" + DEPOSITED_TOPIC.hex()


@dataclass(frozen=True, slots=True)
class L1Heads:
    """Where the L1 is."""

    head: L1Block
    safe: int
    finalized: int
    """Block numbers; 0 as long as there is none."""
    posted: int | None = None
    """Last block of the rollup that its batcher has posted; None where nobody posts any."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Deposits that come with an origin."""

    origin: L1Block
    deposits: tuple[Deposit, ...]
    """Of all L1 blocks from the one after the origin before, up to `origin`."""

    @property
    def gas(self) -> int:
        return sum(deposit.gas for deposit in self.deposits)


class L1View:
    """Reads the L1 over one connection. Every call raises TemporaryFailure, RpcError."""

    def __init__(self, rpc: Rpc, portal: bytes, inbox: tuple[bytes, int] | None = None) -> None:
        """`portal` is the address whose deposits count, `inbox` the one that has the rollup's
        blocks, and the rollup's chain id."""
        self._rpc = rpc
        self._portal = portal
        self._inbox = inbox

    def over(self, rpc: Rpc) -> "L1View":
        """The same over another connection."""
        return L1View(rpc, self._portal, self._inbox)

    async def heads(self) -> L1Heads:
        """The L1's head, its safe and finalized blocks, and what is posted."""
        calls: list[tuple[str, Sequence[Any]]] = [
            ("eth_getBlockByNumber", (tag, False)) for tag in ("latest", "safe", "finalized")
        ]
        if self._inbox is not None:
            at, chain_id = self._inbox
            request = {"to": "0x" + at.hex(), "data": "0x" + rollup_call(chain_id).hex()}
            calls.append(("eth_call", (request, "latest")))
        answers = await self._rpc.batch(calls)
        for answer in answers:
            if isinstance(answer, RpcError):
                raise answer
        latest, safe, finalized = answers[:3]
        posted = _posted(answers[3]) if self._inbox is not None else None
        return L1Heads(L1Block.of_header(latest), _number(safe), _number(finalized), posted)

    async def block(self, number: int) -> L1Block | None:
        """The block of that height; None when there is none."""
        found = await self._rpc.call("eth_getBlockByNumber", hex(number), False)
        return None if found is None else L1Block.of_header(found)

    async def has(self, place: Origin | L1Block) -> bool:
        """Whether that block is on the L1's chain."""
        found = await self.block(place.number)
        return found is not None and found.hash == place.hash

    async def intake(self, base: L1Block | None, head: L1Block, gas: int) -> Intake:
        """The deposits of the L1's blocks above `base` (None: all) up to `head`, or to an earlier
        block if together they want more than `gas`.

        TemporaryFailure when one of both is not on the chain: what was read may be of another.
        """
        if base is not None and not await self.has(base):
            raise _moved(base.number)
        last = -1 if base is None else base.number
        logs = await self._logs(last + 1, head)
        if not await self.has(head):
            raise _moved(head.number)
        taken: list[Deposit] = []
        used = 0
        for number, group in groupby(logs, key=lambda log: log[0]):
            deposits = [deposit for _, deposit in group]
            used += sum(deposit.gas for deposit in deposits)
            if taken and used > gas:
                return Intake(await self._certain(last), tuple(taken))
            taken += deposits
            last = number
        return Intake(head, tuple(taken))

    async def _certain(self, number: int) -> L1Block:
        block = await self.block(number)
        if block is None:
            raise _moved(number)
        return block

    async def _logs(self, first: int, head: L1Block) -> Sequence[tuple[int, Deposit]]:
        wanted: dict[str, Any] = {
            "address": "0x" + self._portal.hex(),
            "topics": [_TOPIC],
            "fromBlock": hex(first),
            "toBlock": hex(head.number),
        }
        logs = await self._rpc.call("eth_getLogs", wanted)
        try:
            return [(int(log["blockNumber"], 16), deposit_of_log(log)) for log in logs]
        except InvalidDeposit as error:
            raise TemporaryFailure("A deposit can't be read", str(error)) from error


def _moved(number: int) -> TemporaryFailure:
    return TemporaryFailure(
        "The L1 moved while its deposits were read", f"its block {number} is gone"
    )


def _posted(answer: str) -> int:
    """0, too, before the L1 has the inbox."""
    try:
        return max(0, decode_rollup(bytes.fromhex(answer[2:])).next_block - 1)
    except ValueError:
        return 0


def _number(block: Any) -> int:
    return 0 if block is None else int(block["number"], 16)
