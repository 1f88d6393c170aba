"""The L1 loses blocks: the rollup's blocks that came from them are built anew."""

from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.domain.op_stack import origin_of
from tests.integration.sequencing.lab import ACCOUNTS, SOMEBODY, Lab, running, until

pytestmark = pytest.mark.integration

ETHER = 10**18


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running(tmp_path) as lab:
        await lab.sequence(lab.l2)
        yield lab


async def advance(lab: Lab, blocks: int, first: int = 0) -> list[str]:
    """A block on the L1, then one on the rollup, and so on; the rollup's transactions."""
    assert lab.l1.agent is not None
    hashes = []
    for number in range(blocks):
        await lab.l1.agent.seal_now()
        hash_ = await lab.l2.send(ACCOUNTS[0], first + number)
        await lab.l2.receipt(hash_)
        hashes.append(hash_)
    return hashes


async def origins_stand(lab: Lab) -> bool:
    """Whether every block of the rollup has an origin that is on the L1."""
    for number in range(1, await lab.l2.height() + 1):
        first = (await lab.l2.block(number, full=True))["transactions"][0]
        origin = origin_of(bytes.fromhex(first["input"][2:]))
        found: dict[str, Any] | None = await lab.l1.block(origin.number)
        if found is None or found["hash"] != "0x" + origin.hash.hex():
            return False
    return True


async def reorged(lab: Lab) -> bool:
    return any(type_ == "rollup.reorged" for type_, _ in lab.events)


async def test_blocks_are_built_anew_with_the_same_transactions(lab: Lab) -> None:
    hashes = await advance(lab, 8)
    before = [await lab.l2.block(n) for n in range(9)]
    await lab.l1.call("anvil_reorg", 4, [])
    await until(lambda: reorged(lab))
    await until(lambda: origins_stand(lab))
    assert await lab.l2.height() == 8
    after = [await lab.l2.block(n) for n in range(9)]
    kept = [a["hash"] == b["hash"] for a, b in zip(before, after, strict=True)]
    assert kept == sorted(kept, reverse=True), "what stands above a block that went, went too"
    assert kept.count(False) in {3, 4, 5}
    for old, new in zip(before, after, strict=True):
        assert (new["transactions"][1:], new["timestamp"]) == (
            old["transactions"][1:],
            old["timestamp"],
        )
    for hash_ in hashes:
        assert (await lab.l2.receipt(hash_))["status"] == "0x1"
    data = dict(lab.events[0][1])
    assert (data["chain"], data["to"], data["returned"]) == ("op1", 8, 0)
    assert await lab.l2.balance(SOMEBODY) == 8
    await advance(lab, 1, first=8)


async def test_a_rollback_that_tells_nobody_is_noticed(lab: Lab) -> None:
    await advance(lab, 6)
    await lab.l1.call("anvil_rollback", 3)
    await until(lambda: reorged(lab))
    await until(lambda: origins_stand(lab))
    assert await lab.l2.balance(SOMEBODY) == 6
    await advance(lab, 2, first=6)


async def test_a_deposit_that_went_takes_its_coins_along(lab: Lab) -> None:
    """And what spent them is dropped, unless the deposit comes again."""
    portal = bytes.fromhex((await lab.deploy_portal())[2:])
    await advance(lab, 2)
    base = await lab.l1.height()
    poor = ACCOUNTS[3]
    balance = await lab.l2.balance(poor.address)
    await lab.l2.receipt(
        await lab.l2.send(poor, 0, value=balance - ETHER, to=bytes.fromhex(SOMEBODY[2:]))
    )
    deposit = await lab.l1.send(poor, 0, to=portal, value=10 * ETHER, gas=100_000)
    await lab.l1.receipt(deposit)

    async def has_arrived() -> bool:
        return await lab.l2.balance(poor.address) > 10 * ETHER

    await until(has_arrived)
    # the deposit has a nonce of its own
    spent = await lab.l2.send(poor, 2, value=5 * ETHER)
    await lab.l2.receipt(spent)
    assert lab.l1.agent is not None
    async with lab.l1.agent.paused():
        depth = await lab.l1.height() - base
        await lab.l1.call("anvil_rollback", depth)
        await lab.l1.call("anvil_dropAllTransactions")
        await until(lambda: reorged(lab))
        await until(lambda: origins_stand(lab))
        assert await lab.l2.balance(poor.address) < ETHER
        assert await lab.l2.nonce(poor) == 1
    await advance(lab, 1, first=2)


async def test_an_l1_that_lost_its_last_blocks_is_followed(lab: Lab) -> None:
    await advance(lab, 3)
    await AnvilEngine().save(lab.l1.spec, lab.l1.rpc)
    await advance(lab, 3, first=3)
    await lab.kill_node(lab.l1)
    await lab.start_node(lab.l1)
    await lab.ready(lab.l1)
    await until(lambda: reorged(lab))
    await until(lambda: origins_stand(lab))
    assert await lab.l2.balance(SOMEBODY) == 6
    await advance(lab, 2, first=6)


async def test_final_blocks_are_replaced_too_when_the_l1_lost_them(lab: Lab) -> None:
    """op-geth has put them away where a fork choice does not reach."""
    await advance(lab, 8)

    async def are_put_away() -> bool:
        return int(await lab.l2.call("debug_dbAncients")) > 4

    for _ in range(5):  # it puts blocks away when it starts, those that it knows to be final then
        await lab.kill_node(lab.l2)
        await lab.start_node(lab.l2)
        await lab.halt(lab.l2)
        await lab.sequence(lab.l2)
        with suppress(TimeoutError):
            await until(are_put_away, 2.0)
            break
    assert await are_put_away()
    await lab.l1.call("anvil_rollback", 6)
    await until(lambda: reorged(lab))
    await until(lambda: origins_stand(lab))
    blocks = [await lab.l2.block(n) for n in range(await lab.l2.height() + 1)]
    links = [(a["hash"], b["parentHash"]) for a, b in pairwise(blocks)]
    assert all(parent == told for parent, told in links)
    assert await lab.l2.balance(SOMEBODY) == 8
    await advance(lab, 2, first=8)


async def test_without_the_l1_blocks_keep_their_origin(lab: Lab) -> None:
    await advance(lab, 2)
    await AnvilEngine().save(lab.l1.spec, lab.l1.rpc)
    await lab.kill_node(lab.l1)
    for nonce in range(2, 5):
        await lab.l2.receipt(await lab.l2.send(ACCOUNTS[0], nonce))
    await lab.start_node(lab.l1)
    await lab.ready(lab.l1)
    await advance(lab, 2, first=5)
    await until(lambda: origins_stand(lab))
    assert not lab.events
