"""What the blocks of a rollup on Anvil say of its deposits: how far they are in, and which."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from control_plane.adapters.engine.deposit_pool import DEPOSIT_KIND
from control_plane.domain.calls import selector
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import DEPOSITOR, L1_BLOCK, NO_ORIGIN, Deposit, Origin
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.deposits import bare
from control_plane.domain.settlement.taken import Taken

MARKS: Final = 1_024
"""Blocks that are looked back at most."""
_AT_ONCE: Final = 32
_DEPOSITOR: Final = "0x" + DEPOSITOR.hex()
_NUMBER, _HASH = selector("number()"), selector("hash()")


async def height(node: Rpc) -> int:
    """Number of the newest block."""
    return int(await node.call("eth_blockNumber"), 16)


async def read_origins(node: Rpc, numbers: Sequence[int]) -> list[Origin | None]:
    """The origin that ``L1Block`` tells after each block; None where the state is not kept."""
    to = "0x" + L1_BLOCK.hex()
    calls = [
        ("eth_call", ({"to": to, "data": "0x" + data.hex()}, hex(number)))
        for number in numbers
        for data in (_NUMBER, _HASH)
    ]
    answers = await node.batch(calls)
    found: list[Origin | None] = []
    for number, hash_ in zip(answers[::2], answers[1::2], strict=True):
        if isinstance(number, RpcError) or isinstance(hash_, RpcError):
            found.append(None)
            continue
        data = bytes.fromhex(hash_[2:])
        found.append(Origin(int(number, 16), data, 0) if any(data) else NO_ORIGIN)
    return found


async def behind_origin(node: Rpc, head: int) -> list[tuple[int, Hex]]:
    """Users' deposits in the blocks since the last attributes, the oldest first."""
    found: list[tuple[int, Hex]] = []
    top, last, size = head, max(0, head - MARKS), 1
    while top > last:
        numbers = range(top, max(last, top - size), -1)
        top, size = numbers[-1] - 1, min(2 * size, _AT_ONCE)  # mostly the first one tells
        calls = [("eth_getBlockByNumber", (hex(n), True)) for n in numbers]
        for number, block in zip(numbers, await node.batch(calls), strict=True):
            if isinstance(block, RpcError):
                raise block
            kinds = [tx for tx in block["transactions"] if tx["type"] == DEPOSIT_KIND]
            users = [tx for tx in kinds if tx["from"] != _DEPOSITOR]
            if len(users) < len(kinds):
                return found[::-1]
            found += [(number, Hex(tx["hash"])) for tx in users]
    return found[::-1]


async def taken_from_l1(node: Rpc, block: Mapping[str, Any]) -> Taken:
    """What `block` (its JSON) and those before it took. TemporaryFailure when it is not on the
    chain, before or after; RpcError."""
    number = int(block["number"], 16)
    (origin,) = await read_origins(node, [number])
    since = await behind_origin(node, number)
    now = await node.call("eth_getBlockByNumber", block["number"], False)
    if origin is None or now is None or now["hash"] != block["hash"]:
        raise TemporaryFailure("The rollup is not saved yet", f"its block {number} was taken back")
    return Taken(origin, tuple(hash_ for _, hash_ in since))


async def missing(node: Rpc, deposits: Sequence[Deposit]) -> tuple[Deposit, ...]:
    """Those of `deposits` that are in no block."""
    if not deposits:
        return ()
    hashes = [form.hash for deposit in deposits for form in (deposit, bare(deposit))]
    calls = [("eth_getTransactionReceipt", (hash_,)) for hash_ in hashes]
    answers = await node.batch(calls)
    for answer in answers:
        if isinstance(answer, RpcError):
            raise answer
    pairs = zip(deposits, answers[::2], answers[1::2], strict=True)
    return tuple(deposit for deposit, *found in pairs if not any(found))
