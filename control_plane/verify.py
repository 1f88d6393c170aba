"""``caldera verify``: a rollup rebuilt from its L1 alone, in a process without access to its node.

JSON lines on stdout, ``{"progress": {…}}`` and at the end one of ``{"verified": {…}}``,
``{"differs": {…}}`` or ``{"problem": {…}}``. What to do comes on stdin: ``{"l1": URL, "inbox":
ADDRESS, "chain_id": N, "genesis": {…genesis.json…}, "das": […], "portal": ADDRESS or null,
"sequencing_window": SECONDS or null, "diagnose": URL or null}``; ``das`` are who keeps data that
the L1 has not, as status names them, ``portal`` is where the L1 orders deposits, ``diagnose`` the
sequencer's node, asked only once a block was found that differs.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from control_plane.adapters.da.opening import open_reader
from control_plane.adapters.derivation.deposits import DepositsDiffer, Orders
from control_plane.adapters.derivation.diagnosis import diagnose
from control_plane.adapters.derivation.l1 import Inbox, NotDerivable, Posted
from control_plane.adapters.derivation.ordered import rules_of
from control_plane.adapters.derivation.replay import Differs, HeaderDiffers, Replay
from control_plane.adapters.evm.rpc import connect
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.errors import CalderaError, PermanentFailure
from control_plane.domain.ports.node import Rpc
from control_plane.services.problems import problem_detail

_INTERRUPTED: Final = 130
_EVERY: Final = 0.5
"""Seconds between two reports of how far it is."""


@dataclass(slots=True)
class _Count:
    """How far it is."""

    of: int
    """Blocks that are posted."""
    began: float = field(default_factory=time.monotonic)
    blocks: int = 0
    transactions: int = 0
    gas: int = 0
    channels: int = 0
    bytes: int = 0
    plain_bytes: int = 0
    executing: float = 0.0
    """Seconds."""
    _told: float = 0.0

    def add(self, block: ChannelBlock, gas: int, seconds: float) -> None:
        self.blocks = block.number
        self.transactions += len(block.transactions)
        self.plain_bytes += sum(len(raw) for raw in block.transactions)
        self.gas += gas
        self.executing += seconds
        if time.monotonic() - self._told > _EVERY:
            self._told = time.monotonic()
            _tell("progress", self.document())

    def document(self) -> dict[str, Any]:
        seconds = max(self.executing, 1e-9)
        return {
            "blocks": self.blocks,
            "of": self.of,
            "transactions": self.transactions,
            "gas": self.gas,
            "seconds": round(time.monotonic() - self.began, 3),
            "blocks_per_second": round(self.blocks / seconds, 1),
            "transactions_per_second": round(self.transactions / seconds, 1),
            "gas_per_second": round(self.gas / seconds),
            "channels": self.channels,
            "bytes": self.bytes,
            "transaction_bytes": self.plain_bytes,
        }


def main() -> int:
    """Verify one rollup; 0 when every block is what it claims, else 1."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return asyncio.run(_verify(json.load(sys.stdin)))
    except CalderaError as error:
        _tell("problem", problem_detail(error).model_dump(mode="json"))
    except NotDerivable as error:
        failure = PermanentFailure(
            "The rollup can't be rebuilt from its L1",
            str(error),
            "Is this the L1 to which its batcher posts?",
        )
        _tell("problem", problem_detail(failure).model_dump(mode="json"))
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 1


async def _verify(request: Mapping[str, Any]) -> int:
    l1 = await connect(request["l1"])
    reader = open_reader(request["l1"], request.get("das", ()))
    try:
        inbox = Inbox(l1, request["inbox"], int(request["chain_id"]), reader)
        until = await inbox.head()
        count = _Count((await inbox.state(until)).next_block - 1)
        orders = await _orders(l1, request, until)
        replay: Replay | None = None
        async for posted in inbox.channels(until):
            if replay is None:
                replay = Replay(request["genesis"], posted.channel.parent_hash)
            count.channels += 1
            count.bytes += posted.bytes
            if not await _execute(replay, orders, posted, count, request.get("diagnose")):
                return 1
        if orders is not None and (missing := await orders.missing(until)) is not None:
            _tell("differs", _unposted(missing, count))
            return 1
    finally:
        await reader.close()
        await l1.close()
    _tell("verified", {**count.document(), "l1_block": until})
    return 0


async def _orders(l1: Rpc, request: Mapping[str, Any], until: int) -> Orders | None:
    """What the L1 orders of a rollup that takes deposits."""
    if request.get("portal") is None or "optimism" not in request["genesis"]["config"]:
        return None
    rules = rules_of(request["genesis"])
    orders = rules(l1, request["portal"], float(request["sequencing_window"]))
    await orders.read(until)
    return orders


async def _execute(
    replay: Replay,
    orders: Orders | None,
    posted: Posted,
    count: _Count,
    sequencer: str | None,
) -> bool:
    for block in posted.channel.blocks:
        began = time.monotonic()
        try:
            if orders is not None:
                await orders.check(block, lambda address: replay.evm.account(address)[1])
            done = replay.execute(block)
        except Differs as error:
            _tell("differs", await _described(replay, posted, block, error, sequencer, count))
            return False
        replay.forget()
        count.add(block, done.gas_used, time.monotonic() - began)
    return True


def _unposted(missing: DepositsDiffer, count: _Count) -> dict[str, Any]:
    return {
        "block": missing.number,
        "what": missing.what,
        "claimed": missing.claimed,
        "found": missing.found,
        "posted_by": None,
        "verified": count.document(),
    }


async def _described(
    replay: Replay,
    posted: Posted,
    block: ChannelBlock,
    error: Differs,
    sequencer: str | None,
    count: _Count,
) -> dict[str, Any]:
    document = {
        "block": error.number,
        "what": error.what,
        "claimed": error.claimed,
        "found": error.found,
        "posted_by": posted.transaction,
        "verified": count.document(),
    }
    if sequencer is not None and not isinstance(error, DepositsDiffer | HeaderDiffers):
        node = await connect(sequencer)
        try:
            document["diagnosis"] = await diagnose(node, replay, block)
        finally:
            await node.close()
    return document


def _tell(what: str, document: Any) -> None:
    sys.stdout.write(json.dumps({what: document}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
