"""A rollup on real op-geth, sealed by our sequencer; foreign clients look at it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from control_plane.domain.op_stack import L1_BLOCK
from tests.foundry import cast
from tests.integration.sequencing.lab import ACCOUNTS, SOMEBODY, Lab, running, until

pytestmark = pytest.mark.integration

L1_BLOCK_AT = "0x" + L1_BLOCK.hex()
ETHER = 10**18


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running(tmp_path) as lab:
        await lab.sequence(lab.l2)
        yield lab


async def foreign(lab: Lab, *arguments: str) -> Any:
    """What cast says of the rollup."""
    return await asyncio.to_thread(cast, *arguments, "--rpc-url", lab.l2.handle.http_url)


async def test_a_block_as_soon_as_a_transaction_waits_and_never_an_empty_one(lab: Lab) -> None:
    for nonce in range(10):
        hash_ = await lab.l2.send(ACCOUNTS[0], nonce)
        receipt = await lab.l2.receipt(hash_)
        assert int(receipt["blockNumber"], 16) == nonce + 1
    await asyncio.sleep(0.3)
    assert await lab.l2.height() == 10
    assert await lab.l2.balance(SOMEBODY) == 10


async def test_those_that_wait_together_share_a_block(lab: Lab) -> None:
    raws = [lab.l2.raw(account, n) for account in ACCOUNTS[:4] for n in range(50)]
    hashes = await lab.l2.rpc.batch([("eth_sendRawTransaction", (raw,)) for raw in raws])
    for hash_ in hashes:
        assert (await lab.l2.receipt(hash_))["status"] == "0x1"
    assert await lab.l2.height() < 50
    blocks = [await lab.l2.block(n) for n in range(1, await lab.l2.height() + 1)]
    assert sum(len(block["transactions"]) - 1 for block in blocks) == 200


async def test_a_burst_of_blocks_runs_ahead_of_the_clock_by_thirty_seconds_at_most(
    lab: Lab,
) -> None:
    began = time.time()
    for nonce in range(36):
        await lab.l2.receipt(await lab.l2.send(ACCOUNTS[0], nonce))
    took = time.time() - began
    head = await lab.l2.block()
    assert int(head["timestamp"], 16) <= time.time() + 30
    assert took > 3, "the last blocks come one a second"
    stamps = [int((await lab.l2.block(n))["timestamp"], 16) for n in range(37)]
    assert all(a < b for a, b in pairwise(stamps))


async def test_one_that_nothing_can_take_holds_nobody_up(lab: Lab) -> None:
    fee = 1_000  # wei: far below the base fee
    await lab.l2.send(ACCOUNTS[1], 0, max_fee=fee, tip=1)
    agent = lab.l2.agent
    assert agent is not None

    async def complains() -> bool:
        return "no block" in (agent.problem or "")

    await until(complains)
    assert (await lab.l2.receipt(await lab.l2.send(ACCOUNTS[0], 0)))["status"] == "0x1"
    assert await lab.l2.height() == 1


async def test_with_a_block_time_blocks_come_at_ticks_empty_or_not(tmp_path: Path) -> None:
    async with running(tmp_path, block_time=1) as lab:
        agent = await lab.sequence(lab.l2)
        hash_ = await lab.l2.send(ACCOUNTS[0], 0)
        assert (await lab.l2.receipt(hash_))["status"] == "0x1"
        before, began = await lab.l2.height(), time.time()
        await asyncio.sleep(3.2)
        assert 2 <= await lab.l2.height() - before <= 4
        head = await lab.l2.block()
        assert abs(int(head["timestamp"], 16) - time.time()) < 3
        await agent.seal_now()
        async with agent.paused():
            paused = await lab.l2.height()
            await asyncio.sleep(1.2)
            assert await lab.l2.height() == paused
        agent.set_block_time(0)
        await asyncio.sleep(1.2)
        calm = await lab.l2.height()
        await asyncio.sleep(1.2)
        assert await lab.l2.height() == calm
        assert time.time() > began


async def test_a_foreign_client_sees_the_l1_in_every_block(lab: Lab) -> None:
    await lab.l2.receipt(await lab.l2.send(ACCOUNTS[0], 0))
    first = (await lab.l2.block(1, full=True))["transactions"][0]
    assert (first["type"], first["to"]) == ("0x7e", L1_BLOCK_AT)
    shown = json.loads(await foreign(lab, "tx", first["hash"], "--json"))
    assert int(shown["type"], 16) == 0x7E
    receipt = json.loads(await foreign(lab, "receipt", first["hash"], "--json"))
    assert receipt["status"] == "0x1"
    origin = await lab.l1.block(int(await foreign(lab, "call", L1_BLOCK_AT, "number()(uint64)")))
    assert await foreign(lab, "call", L1_BLOCK_AT, "hash()(bytes32)") == origin["hash"]
    fee = (await foreign(lab, "call", L1_BLOCK_AT, "basefee()(uint256)")).split()[0]
    assert int(fee) == int(origin["baseFeePerGas"], 16)
    assert int(await foreign(lab, "call", L1_BLOCK_AT, "daFootprintGasScalar()(uint16)")) == 400


async def test_a_deposit_with_mint_is_in_a_block_at_once(lab: Lab) -> None:
    portal = await lab.deploy_portal()
    nobody = "0x000000000000000000000000000000000000b0b0"
    before = await lab.l2.balance(ACCOUNTS[0].address)
    await asyncio.to_thread(
        cast,
        *("send", portal, "depositTransaction(address,uint256,uint64,bool,bytes)"),
        *(nobody, str(2 * ETHER), "100000", "false", "0x"),
        *("--value", "5ether", "--private-key", "0x" + ACCOUNTS[0].key.hex()),
        *("--rpc-url", lab.l1.handle.http_url),
    )

    async def has_arrived() -> bool:
        return bool(await lab.l2.balance(nobody))

    await until(has_arrived)
    assert await lab.l2.balance(nobody) == 2 * ETHER
    assert await lab.l2.balance(ACCOUNTS[0].address) == before + 3 * ETHER
    assert await lab.l1.balance(portal) == 5 * ETHER
    block = await lab.l2.block(full=True)
    deposit = block["transactions"][1]
    assert (deposit["type"], deposit["from"]) == ("0x7e", ACCOUNTS[0].address)
    assert int(deposit["mint"], 16) == 5 * ETHER
    receipt = json.loads(await foreign(lab, "receipt", deposit["hash"], "--json"))
    assert (receipt["status"], receipt["type"]) == ("0x1", "0x7e")


async def test_coins_sent_to_the_portal_arrive_at_the_sender(lab: Lab) -> None:
    portal = await lab.deploy_portal()
    alice = ACCOUNTS[1]
    before = await lab.l2.balance(alice.address)
    to = bytes.fromhex(portal[2:])
    hash_ = await lab.l1.send(alice, 0, to=to, value=ETHER, gas=200_000)
    assert (await lab.l1.receipt(hash_))["status"] == "0x1"

    async def has_arrived() -> bool:
        return await lab.l2.balance(alice.address) == before + ETHER

    await until(has_arrived)


async def test_many_deposits_come_in_order_and_none_twice(lab: Lab) -> None:
    portal = bytes.fromhex((await lab.deploy_portal())[2:])
    count = 300
    for nonce in range(count):
        await lab.l1.send(ACCOUNTS[2], nonce, to=portal, value=1, gas=100_000)
    seen: list[int] = []

    async def are_there() -> bool:
        seen.clear()
        for number in range(1, await lab.l2.height() + 1):
            transactions = (await lab.l2.block(number, full=True))["transactions"]
            seen.extend(int(tx["nonce"], 16) for tx in transactions[1:])
        return len(seen) >= count

    await until(are_there, 20)
    assert seen == list(range(count))


async def test_old_states_are_proven_and_transactions_traced(lab: Lab) -> None:
    for nonce in range(5):
        hash_ = await lab.l2.send(ACCOUNTS[0], nonce)
        await lab.l2.receipt(hash_)
    for number in range(1, 6):
        proof = await lab.l2.call("eth_getProof", SOMEBODY, [], hex(number))
        assert int(proof["balance"], 16) == number
        block = await lab.l2.block(number)
        assert proof["accountProof"]
        assert block["withdrawalsRoot"] != block["stateRoot"]
    trace = await lab.l2.call("debug_traceTransaction", hash_, {"tracer": "callTracer"})
    assert (trace["to"], int(trace["value"], 16)) == (SOMEBODY, 1)


async def test_safe_and_finalized_blocks_move_with_the_l1(lab: Lab) -> None:
    await lab.l2.receipt(await lab.l2.send(ACCOUNTS[0], 0))
    assert (await lab.l2.block("safe"))["number"] == "0x0"
    assert lab.l1.agent is not None
    for _ in range(4):
        await lab.l1.agent.seal_now()

    async def is_final() -> bool:
        return str((await lab.l2.block("finalized"))["number"]) == "0x1"

    await until(is_final)
    assert (await lab.l2.block("safe"))["number"] == "0x1"


async def test_a_chain_with_the_forks_up_to_isthmus(tmp_path: Path) -> None:
    async with running(tmp_path, isthmus=True) as lab:
        await lab.sequence(lab.l2)
        await lab.l2.receipt(await lab.l2.send(ACCOUNTS[0], 0))
        block = await lab.l2.block(1, full=True)
        assert len(block["extraData"]) == 2 + 2 * 9
        assert block["transactions"][0]["input"].startswith("0x098999be")
        shown = await foreign(lab, "call", L1_BLOCK_AT, "number()(uint64)")
        assert (await lab.l1.block(int(shown)))["hash"]


async def test_a_chain_that_was_set_back_by_hand_is_brought_back(lab: Lab) -> None:
    for nonce in range(6):
        await lab.l2.receipt(await lab.l2.send(ACCOUNTS[0], nonce))
    head = await lab.l2.block()
    await lab.l2.call("debug_setHead", "0x2")
    assert lab.l2.agent is not None
    await lab.l2.agent.seal_now()

    async def is_back() -> bool:
        found: dict[str, Any] | None = await lab.l2.block(6)
        return found is not None and found["hash"] == head["hash"]

    await until(is_back)
    await lab.l2.receipt(await lab.l2.send(ACCOUNTS[0], 6))
