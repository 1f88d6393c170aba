"""What a rollup was saved with stands on the L1's disk, too.

A rollup on Anvil takes a deposit as soon as the L1 has it, and gives it back when an L1 that was
killed comes back without it. It can do so for as long as its node keeps the states before; a node
that was started from a saved state has none. So no deposit is in a saved state that the L1 could
still lose, or has lost, and both may be killed, in any order.
"""

from collections.abc import Mapping
from typing import Any

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.op_stack import DEPOSITED_TOPIC, NO_ORIGIN, InvalidDeposit, deposit_of_log
from control_plane.domain.ports.node import Rpc
from control_plane.domain.settlement.deposits import bare
from control_plane.domain.settlement.taken import Taken


async def rests_on_disk(l1: Rpc | None, taken: Taken, saved: int) -> bool:
    """Whether an L1 that is killed keeps all that a rollup took from it; `saved` is the L1's last
    saved block, -1 for none. Without a connection to the L1 nobody knows of deposits behind the
    origin. TemporaryFailure when the L1 lost something already; RpcError."""
    origin = taken.origin
    if l1 is None:
        return origin.number <= saved and not taken.since
    if origin != NO_ORIGIN:
        block = await l1.call("eth_getBlockByNumber", hex(origin.number), False)
        if block is None or block["hash"] != _hex(origin.hash):
            raise _lost(f"its block {origin.number}, from which the rollup took deposits")
    if origin.number > saved:
        return False
    if not taken.since:
        return True
    there = await _deposits(l1, origin.number + 1)
    if any(hash_ not in there for hash_ in taken.since):
        raise _lost(f"a deposit of a block after {origin.number}, which the rollup took")
    return all(there[hash_] <= saved for hash_ in taken.since)


async def _deposits(l1: Rpc, first: int) -> Mapping[str, int]:
    """The L1 block of each deposit from `first` on, by every hash that it can have on a rollup."""
    if int(await l1.call("eth_blockNumber"), 16) < first:
        return {}  # Anvil knows no logs of blocks that are to come
    asked = {"fromBlock": hex(first), "topics": [_hex(DEPOSITED_TOPIC)]}
    found: dict[str, int] = {}
    for log in await l1.call("eth_getLogs", asked):
        found |= dict.fromkeys(_hashes(log), int(log["blockNumber"], 16))
    return found


def _hashes(log: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        deposit = deposit_of_log(log)
    except InvalidDeposit:  # anybody's event of that name; no rollup takes it
        return ()
    return deposit.hash, bare(deposit).hash


def _lost(what: str) -> TemporaryFailure:
    return TemporaryFailure(
        "The rollup is not saved yet", f"the L1 lost {what}", "It is set back first."
    )


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
