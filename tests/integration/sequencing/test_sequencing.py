"""A rollup on real op-geth, sealed by our sequencer."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.sequencing.lab import ACCOUNTS, SOMEBODY, Lab, running

pytestmark = pytest.mark.integration


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running(tmp_path) as lab:
        await lab.sequence(lab.l2)
        yield lab


async def test_a_block_as_soon_as_a_transaction_waits_and_never_an_empty_one(lab: Lab) -> None:
    times = []
    for nonce in range(10):
        began = time.perf_counter()
        hash_ = await lab.l2.send(ACCOUNTS[0], nonce)
        receipt = await lab.l2.receipt(hash_)
        times.append(time.perf_counter() - began)
        assert int(receipt["blockNumber"], 16) == nonce + 1
    print("sent to receipt:", [round(1e3 * t, 1) for t in times])
    await asyncio.sleep(0.3)
    assert await lab.l2.height() == 10
    assert await lab.l2.balance(SOMEBODY) == 10
