"""Reads a rollup's blocks with their raw transactions: copies that were made while they waited, and
from the node what there is no copy of."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Protocol

from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.pool_copies import PoolCopies
from control_plane.domain.transactions import raw_of

_FEW: Final = 2
"""A block is read whole when more than one in so many of its transactions is missing."""

Block = Mapping[str, Any]


class Asks(Protocol):
    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = ...
    ) -> list[Any]: ...


async def read_blocks(
    link: Asks, numbers: Sequence[int], copies: PoolCopies
) -> list[tuple[Block, tuple[bytes, ...]]]:
    """Each block's JSON, and its transactions' bytes. TemporaryFailure when the node has not got
    them."""
    blocks = await _blocks(link, numbers, copies)
    raws: dict[str, bytes | None] = {}
    for transaction in chain.from_iterable(block["transactions"] for block in blocks):
        if isinstance(transaction, str):
            raws[transaction] = copies.find(transaction)
        else:
            raws[transaction["hash"]] = raw_of(transaction)
    # put together from their fields before their bytes are asked for: Anvil recovers a sender
    # either way, and dies when it is asked for the bytes of a deposit
    listed = {each for block in blocks for each in block["transactions"] if isinstance(each, str)}
    await _fill(link, raws, "eth_getTransactionByHash", _fields, listed)
    await _fill(link, raws, "eth_getRawTransactionByHash", _bytes_of, set(raws))
    return [
        (block, tuple([_known(raws, each) for each in block["transactions"]])) for block in blocks
    ]


async def _blocks(link: Asks, numbers: Sequence[int], copies: PoolCopies) -> list[Block]:
    """With the transactions' fields where copies of many are missing, else with their hashes."""
    blocks = await _ask(link, numbers, whole=not copies)
    if not copies:
        return blocks
    lacking = [at for at, block in enumerate(blocks) if _lacks_many(block, copies)]
    for at, whole in zip(
        lacking, await _ask(link, [numbers[at] for at in lacking], whole=True), strict=True
    ):
        blocks[at] = whole
    return blocks


def _lacks_many(block: Block, copies: PoolCopies) -> bool:
    hashes = block["transactions"]
    return sum(hash_ not in copies for hash_ in hashes) * _FEW > len(hashes)


async def _ask(link: Asks, numbers: Sequence[int], *, whole: bool) -> list[Block]:
    if not numbers:
        return []
    blocks = await link.batch([("eth_getBlockByNumber", (hex(n), whole)) for n in numbers])
    for block in blocks:
        if not isinstance(block, Mapping):
            raise TemporaryFailure("A block can't be read", str(block or "the node has it not"))
    return blocks


async def _fill(
    link: Asks,
    raws: dict[str, bytes | None],
    method: str,
    read: Callable[[object], bytes | None],
    among: set[str],
) -> None:
    """Find what is missing in `raws` and is in `among` by asking `method`."""
    missing = [hash_ for hash_, raw in raws.items() if raw is None and hash_ in among]
    if missing:
        answers = await link.batch([(method, (hash_,)) for hash_ in missing])
        raws.update(zip(missing, map(read, answers), strict=True))


def _fields(answer: object) -> bytes | None:
    return raw_of(answer) if isinstance(answer, Mapping) else None


def _bytes_of(answer: object) -> bytes:
    if not isinstance(answer, str) or len(answer) <= 2:
        raise TemporaryFailure("A block's transactions can't be read", str(answer))
    return bytes.fromhex(answer[2:])


def _known(raws: Mapping[str, bytes | None], transaction: str | Block) -> bytes:
    raw = raws[transaction if isinstance(transaction, str) else transaction["hash"]]
    if raw is None:
        raise TemporaryFailure("A block's transactions can't be read", str(transaction))
    return raw
