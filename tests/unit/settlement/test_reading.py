"""Raw transactions of blocks: from copies, and from the node what there is no copy of."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.pool_copies import PoolCopies
from control_plane.schemas.spec import TEST_MNEMONIC
from control_plane.services.settlement.reading import read_blocks

ACCOUNT = derive_accounts(TEST_MNEMONIC, 1)[0]


def signed(nonce: int) -> tuple[str, bytes]:
    call = Transaction(901, nonce, b"\x11" * 20, 1, b"", 21_000, 10**9, 10**9)
    raw, hash_ = sign(call, ACCOUNT.key)
    return hash_, raw


SENT = dict(signed(nonce) for nonce in range(40))
HASHES = list(SENT)


class Node:
    """Blocks 1 to 4 of ten transactions each; it does not know their fields, only their bytes."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        return [self._answer(method, *params) for method, params in calls]

    def _answer(self, method: str, at: str, whole: bool = False) -> Any:
        self.asked[f"{method} whole" if whole else method] += 1
        if method == "eth_getBlockByNumber":
            first = 10 * (int(at, 16) - 1)
            hashes = HASHES[first : first + 10]
            listed = [{"hash": each, "type": "0x77"} for each in hashes] if whole else hashes
            return {"number": at, "transactions": listed} if hashes else None
        if method == "eth_getTransactionByHash":
            return {"hash": at, "type": "0x77"}
        return "0x" + SENT[at].hex()


def copies_of(hashes: Sequence[str]) -> PoolCopies:
    copies = PoolCopies()
    for hash_ in hashes:
        copies.keep(hash_, SENT[hash_])
    return copies


@pytest.mark.parametrize("known", [0, 10, 20, 29, 39, 40])
async def test_all_are_found_whatever_was_copied(known: int) -> None:
    found = await read_blocks(Node(), range(1, 5), copies_of(HASHES[:known]))
    assert [raw for _, raws in found for raw in raws] == list(SENT.values())


async def test_only_what_is_missing_is_asked_for() -> None:
    node = Node()
    await read_blocks(node, range(1, 5), copies_of(HASHES))
    assert node.asked == {"eth_getBlockByNumber": 4}
    await read_blocks(node, range(1, 5), copies_of([*HASHES[:20], *HASHES[21:30]]))
    assert node.asked["eth_getBlockByNumber whole"] == 1  # the fourth, of which nothing is known
    assert node.asked["eth_getTransactionByHash"] == 1


async def test_a_block_that_is_not_there() -> None:
    with pytest.raises(TemporaryFailure, match="can't be read"):
        await read_blocks(Node(), [5], PoolCopies())


def test_the_oldest_copies_go_first() -> None:
    copies = PoolCopies(most=3 * (200 + len(SENT[HASHES[0]])) + 100)
    for hash_ in HASHES[:5]:
        copies.keep(hash_, SENT[hash_])
    assert [hash_ in copies for hash_ in HASHES[:5]] == [False, False, True, True, True]
    copies.keep(HASHES[2], SENT[HASHES[2]])  # again: it counts once, and is the newest
    assert len(copies) == 3
    copies.drop(HASHES[2])
    copies.drop(HASHES[2])
    assert copies.find(HASHES[2]) is None
    assert copies.find(HASHES[3]) == SENT[HASHES[3]]
