"""Blocks are sealed when something waits, and at their ticks; never empty ones in vain."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.evm.rpc import connect
from control_plane.agents.sequencer import SequencerAgent
from control_plane.domain.errors import TemporaryFailure
from tests.integration.evm.chains import GWEI, SOMEBODY, TestChain, one_chain
from tests.integration.metalayer.lab import make_plan, until

pytestmark = pytest.mark.integration


async def _mined(chain: TestChain, hash_: str) -> Any:
    async def there() -> Any:
        return await chain.call("eth_getTransactionReceipt", hash_)

    return await until(there, f"the receipt of {hash_}")


async def _transactions(chain: TestChain) -> list[int]:
    """How many transactions each block from 1 on has."""
    assert chain.node.rpc is not None
    numbers = range(1, await chain.height() + 1)
    calls = [("eth_getBlockTransactionCountByNumber", (hex(number),)) for number in numbers]
    return [int(count, 16) for count in await chain.node.rpc.batch(calls)]


async def test_a_block_as_soon_as_a_transaction_waits(chain: TestChain) -> None:
    async with chain.sequenced():
        accounts = await chain.call("eth_accounts")
        took = []
        for sender in accounts[:5]:
            request = {"from": sender, "to": SOMEBODY, "value": "0x1"}
            began = time.monotonic()
            await _mined(chain, await chain.call("eth_sendTransaction", request))
            took.append(time.monotonic() - began)
        await asyncio.sleep(0.1)
        assert await _transactions(chain) == [1, 1, 1, 1, 1]
        assert min(took) < 0.5  # it was announced, not found by looking


async def test_thousand_at_once(chain: TestChain) -> None:
    account = chain.keys.faucet
    raws = [chain.raw(account, nonce) for nonce in range(1000)]
    assert chain.node.rpc is not None
    async with chain.sequenced():
        began = time.monotonic()
        sent = await chain.node.rpc.batch([("eth_sendRawTransaction", (raw,)) for raw in raws])
        await _mined(chain, sent[-1])
        assert time.monotonic() - began < 10
        counts = await _transactions(chain)
        assert sum(counts) == 1000
        assert 0 not in counts
        assert len(counts) < 100  # those that wait together share a block
        assert await chain.balance(SOMEBODY) == 1000
        assert int((await chain.head())["timestamp"], 16) <= time.time()


async def test_what_waited_before_it_started(chain: TestChain) -> None:
    hash_ = await chain.call("eth_sendRawTransaction", chain.raw(chain.keys.faucet, 0))
    async with chain.sequenced():
        assert (await _mined(chain, hash_))["blockNumber"] == "0x1"


async def test_a_nonce_gap_seals_nothing(chain: TestChain) -> None:
    async with chain.sequenced() as sequencer:
        later = await chain.call("eth_sendRawTransaction", chain.raw(chain.keys.faucet, 1))
        await asyncio.sleep(0.2)
        assert await chain.height() == 0
        assert sequencer.problem is None
        await chain.call("eth_sendRawTransaction", chain.raw(chain.keys.faucet, 0))
        await _mined(chain, later)
        assert sum(await _transactions(chain)) == 2


async def test_transactions_that_no_block_takes(chain: TestChain) -> None:
    """Valid when they came, not any more: the base fee rose, the coins went."""
    account = chain.keys.faucet
    fee = 2 * GWEI
    await chain.call("eth_sendRawTransaction", chain.raw(account, 0, max_fee=fee))
    most = await chain.balance(chain.keys.relayer.address) - 10**18
    for nonce in range(2):
        raw = chain.raw(chain.keys.relayer, nonce, value=most)
        await chain.call("eth_sendRawTransaction", raw)
    await chain.call("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))
    async with chain.sequenced():
        await asyncio.sleep(0.2)
        assert await chain.height() <= 3
        good = await chain.call("eth_sendRawTransaction", chain.raw(chain.keys.governor, 0))
        await _mined(chain, good)


async def test_a_node_that_comes_back(chain: TestChain) -> None:
    await chain.save()
    async with chain.sequenced() as sequencer:
        await chain.node.kill()

        async def noticed() -> bool:
            return sequencer.problem is not None and not sequencer.ready.is_set()

        await until(noticed, "the problem")
        assert "l1 seals no blocks" in (sequencer.problem or "")
        with pytest.raises(TemporaryFailure, match="can't seal a block now"):
            await sequencer.seal_now()
        await chain.node.start(restore=True)
        hash_ = await chain.call("eth_sendRawTransaction", chain.raw(chain.keys.faucet, 0))
        await _mined(chain, hash_)
        await asyncio.wait_for(sequencer.ready.wait(), 5)
        assert sequencer.problem is None


async def test_seal_now_and_another_block_time(chain: TestChain) -> None:
    async with chain.sequenced() as sequencer:
        await sequencer.seal_now()
        assert await chain.height() == 1
        sequencer.set_block_time(0.05)
        await until(lambda: _at_least(chain, 5), "ticks")
        sequencer.set_block_time(3600)
        await asyncio.sleep(0.1)
        height = await chain.height()
        hash_ = await chain.call("eth_sendRawTransaction", chain.raw(chain.keys.faucet, 0))
        await asyncio.sleep(0.1)
        assert await chain.height() == height
        sequencer.set_block_time(0)
        await _mined(chain, hash_)


async def _at_least(chain: TestChain, height: int) -> bool:
    return await chain.height() >= height


async def test_ticks_at_its_phase(tmp_path: Path) -> None:
    """Empty blocks too, at phase · block_time past each multiple, drift corrected."""
    plan = make_plan((), block_time=0.25)
    plan = replace(plan, chains=(replace(plan.l1, phase=0.6),))
    async with one_chain(tmp_path, plan) as chain:
        listener = await connect(chain.chain.ws_url)
        at = []
        async with chain.sequenced():
            async for head in listener.subscribe("newHeads"):
                at.append(time.time() % 0.25)
                assert int(head["timestamp"], 16) <= time.time()
                if len(at) == 8:
                    break
        await listener.close()
        assert await chain.height() >= 8
        late = sorted((moment - 0.15) % 0.25 for moment in at)
        assert late[len(late) // 2] < 0.1, late


async def test_clock_that_is_set_back(tmp_path: Path) -> None:
    shift = 0.0

    def clock() -> float:
        return time.time() + shift

    async with one_chain(tmp_path, make_plan((), block_time=0.1)) as chain:
        agent = SequencerAgent(chain.chain, connect, clock=clock)
        async with chain.sequenced(agent):
            await until(lambda: _at_least(chain, 2), "ticks")
            shift = -3600.0
            await until(lambda: _at_least(chain, 6), "ticks after the clock was set back")


async def test_state_changed_by_hand_gets_a_block_from_the_next_sequencer(chain: TestChain) -> None:
    """Else nobody could prove anything of the head; a head that stands gets none."""
    async with chain.sequenced():
        await chain.call("evm_mine")
    await chain.call("anvil_setBalance", SOMEBODY, "0x7")
    async with chain.sequenced():
        await until(lambda: _at_least(chain, 2), "a block with what was changed")
    async with chain.sequenced():
        await asyncio.sleep(0.8)
        assert await chain.height() == 2
