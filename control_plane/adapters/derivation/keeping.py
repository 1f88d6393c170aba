"""Writes down how far a rollup was derived, at final outputs, and goes on from there.

Nothing before a final output is disputed any more, so its block is a safe place to begin at, and
earlier states are no use. What is read back is one's own former computation; its state is checked
against the block's header, the block against the output on the L1 now.
"""

import asyncio
import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.derivation.chronicle import Chronicle
from control_plane.adapters.derivation.living import IncompleteState
from control_plane.adapters.derivation.snapshot import (
    BadSnapshot,
    Snapshot,
    read_snapshot,
    write_snapshot,
)
from control_plane.domain.calls import encode_call
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.outputs import (
    Output,
    decode_final,
    decode_number,
    decode_output,
    latest_final_call,
    output_call,
)

EVERY: Final = 256
"""Blocks and transactions from one snapshot to the next: less than a second's work."""
_PAUSE: Final = 2.0
"""Seconds, at least, between two looks at what is final."""
_SHARE: Final = 20
"""A snapshot takes one part in so many of the time, at most."""


@dataclass(frozen=True, slots=True)
class FinalOutput:
    """A final output."""

    index: int
    output: Output


class Keeper:
    """Implements ``chronicle.Recalls``. Keeps the snapshot at `path` of the rollup whose outputs
    are at `oracle`."""

    def __init__(
        self,
        path: Path,
        oracle: str,
        subject: str,
        *,
        every: int = EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._oracle = oracle
        self._subject = subject
        self._every = every
        self._clock = clock
        self._last = self._total = 0
        """Block of the last snapshot, and transactions up to it."""
        self._next = 0.0

    # ------------------------------------------------------------------ beginning

    async def load(self, l1: Rpc) -> Snapshot | None:
        """See the protocol. What does not go with the L1, or can't be read, is thrown away."""
        self._last = self._total = 0
        try:
            found = await asyncio.to_thread(read_snapshot, self._path, self._subject)
            if found is not None:
                await self._check(l1, found)
        except BadSnapshot as error:
            await self.discard(str(error))
            return None
        if found is not None:
            self._last, self._total = found.base.number, found.base.total
            _log(f"goes on at block {found.base.number}, of final output {found.output}")
        return found

    async def discard(self, why: str) -> None:
        """See the protocol."""
        _log(f"{self._path.name} is thrown away: {why}; it begins with the genesis")
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def _check(self, l1: Rpc, found: Snapshot) -> None:
        """That the L1 is the one, and the output still there and final. BadSnapshot."""
        number, hash_ = found.read
        head = int(await _call(l1, "eth_blockNumber"), 16)
        if head == 0:
            raise TemporaryFailure("The L1 has no block yet", "it is about to be restored")
        block = await _call(l1, "eth_getBlockByNumber", hex(number), False)
        if block is None or block["hash"] != hash_:
            raise BadSnapshot(f"the L1 lost its block {number}")
        last = decode_final(await self._ask(l1, latest_final_call()))
        if last is None or last < found.output:
            raise BadSnapshot(f"output {found.output} is not final, or gone")
        output = decode_output(await self._ask(l1, output_call(found.output)))
        if (output.block_number, output.block_hash) != (found.base.number, found.base.hash):
            raise BadSnapshot(f"output {found.output} is of another block")

    # ------------------------------------------------------------------ keeping

    async def keep(self, chronicle: Chronicle, l1: Rpc) -> None:
        """Make a snapshot if one is due, and forget what lies before the one before. What is in
        the way of it is told in the log; deriving goes on."""
        if not self._is_due(chronicle.reach.last, chronicle.transactions):
            return
        began = self._clock()
        try:
            if (final := await self.final(l1, chronicle.reach.last)) is not None:
                await self._keep(chronicle, l1, final)
        except (CalderaError, IncompleteState, OSError, ValueError) as error:
            _log(f"no snapshot: {error}")
        now = self._clock()
        self._next = now + max(_PAUSE, _SHARE * (now - began))

    def _is_due(self, block: int, total: int) -> bool:
        work = block - self._last + total - self._total
        return work >= self._every and self._clock() >= self._next

    async def _keep(self, chronicle: Chronicle, l1: Rpc, final: FinalOutput) -> None:
        number, before = final.output.block_number, self._last
        if number <= before:
            return
        total = chronicle.transactions_up_to(number)
        if not self._is_due(number, total):
            return
        if chronicle.block(number).hash != final.output.block_hash:
            _log(f"output {final.index} is final and is not what block {number} is")
            return
        until = chronicle.read_least(number)
        block = await _call(l1, "eth_getBlockByNumber", hex(until), False)
        read = chronicle.read
        if read is not None:
            again = await _call(l1, "eth_getBlockByNumber", hex(read[0]), False)
            if again is None or again["hash"] != read[1]:
                return  # the L1 lost blocks
        made = chronicle.snapshot(self._subject, final.index, number, (until, block["hash"]))
        await asyncio.to_thread(write_snapshot, self._path, made)
        self._last, self._total = number, total
        chronicle.drop(before)

    async def final(self, l1: Rpc, most: int) -> FinalOutput | None:
        """The last final output that ends with block `most` or before; None without. Errors of
        the L1; ValueError for an answer that is none."""
        index = decode_final(await self._ask(l1, latest_final_call()))
        if index is None:
            return None
        output = decode_output(await self._ask(l1, output_call(index)))
        if output.block_number > most:
            after = encode_call("getL2OutputIndexAfter(uint256)", most + 1)
            index = decode_number(await self._ask(l1, after)) - 1
            if index < 0:
                return None
            output = decode_output(await self._ask(l1, output_call(index)))
        return FinalOutput(index, output)

    async def _ask(self, l1: Rpc, data: bytes) -> bytes:
        request = {"to": self._oracle, "data": "0x" + data.hex()}
        return bytes.fromhex((await _call(l1, "eth_call", request, "latest"))[2:])


def subject_of(order: Mapping[str, Any]) -> str:
    """What tells one rollup from another: a digest of all that its blocks follow from."""
    names = ("inbox", "chain_id", "genesis", "portal", "sequencing_window")
    told = json.dumps({name: order.get(name) for name in names}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


async def _call(l1: Rpc, method: str, *params: Any) -> Any:
    try:
        return await l1.call(method, *params)
    except RpcError as error:
        raise TemporaryFailure("The L1 refused a call", f"{method}: {error}") from error


def _log(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")
    sys.stderr.flush()
