"""What a rollup was saved with stands on the L1's disk, too.

A rollup on Anvil takes a deposit as soon as the L1 has it, and gives it back when an L1 that was
killed comes back without it. It can do so for as long as its node keeps the states before; a node
that was started from a saved state has none. So no deposit is in a saved state that the L1 could
still lose, and both may be killed, in any order.
"""

from control_plane.domain.calls import selector
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.op_stack import DEPOSITED_TOPIC, L1_BLOCK
from control_plane.domain.plan import ChainPlan
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import settles


def takes_from_l1(chain: ChainPlan) -> bool:
    """Whether `chain` takes deposits, on an engine that can't go back behind a saved state."""
    return chain.engine == "anvil" and not chain.is_l1 and settles(chain)


async def rests_on_disk(l1: Rpc | None, rollup: Rpc, saved: int) -> bool:
    """Whether an L1 that is killed keeps all that the rollup took from it; `saved` is the L1's last
    saved block, -1 for none. Without a connection to the L1 only the rollup is asked, which does
    not tell of every deposit. TemporaryFailure when the L1 lost something already; RpcError."""
    number, hash_ = await rollup.batch(
        [
            ("eth_call", ({"to": _hex(L1_BLOCK), "data": _hex(selector(name))}, "latest"))
            for name in ("number()", "hash()")
        ]
    )
    for answer in (number, hash_):
        if isinstance(answer, RpcError):
            raise answer
    origin = int(number, 16) if int(hash_, 16) else -1  # it may have told of no L1 block yet
    if l1 is None:
        return origin <= saved
    block = await l1.call("eth_getBlockByNumber", hex(max(origin, 0)), False)
    if origin >= 0 and (block is None or block["hash"] != hash_):
        raise TemporaryFailure(
            "The rollup is not saved yet",
            f"the L1 lost its block {origin}, from which the rollup took deposits",
            "It is set back first.",
        )
    if origin > saved:
        return False
    if int(await l1.call("eth_blockNumber"), 16) <= saved:
        return True  # Anvil knows no logs of blocks that are to come
    asked = {"fromBlock": hex(saved + 1), "topics": [_hex(DEPOSITED_TOPIC)]}
    return not await l1.call("eth_getLogs", asked)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
