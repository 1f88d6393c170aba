"""What blocks of a real sequencer on op-geth say of a real L1 is held against that L1."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.adapters.derivation.deposits import DepositsDiffer
from control_plane.adapters.derivation.ordered import rules_of
from control_plane.adapters.derivation.replay import HeaderDiffers, Replay
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.op_stack import (
    DEPOSIT_TYPE,
    Deposit,
    Fees,
    L1Block,
    l1_attributes,
    origin_of,
)
from control_plane.services.settlement.posting import read_channel
from tests.integration.sequencing.lab import ACCOUNTS, running, until
from tests.integration.sequencing.test_deposits import Site, is_in

pytestmark = pytest.mark.integration

Blocks = list[ChannelBlock]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running(tmp_path) as lab:
        portal = await lab.deploy_portal()
        await lab.sequence(lab.l2)
        yield Site(lab, portal)


async def some_blocks(site: Site) -> Blocks:
    """With deposits in two of them, and transactions."""
    lab = site.lab
    await lab.l2.receipt(await lab.l2.send(ACCOUNTS[5], 0))
    async with lab.l1.agent.paused():  # type: ignore[union-attr]
        for who in range(3):
            await site.deposit(who, mint=who, value=who)
    await site.credited(site.sent[-1])
    await lab.l2.receipt(await lab.l2.send(ACCOUNTS[5], 1))
    await site.credited(await site.deposit(1))
    await lab.l2.receipt(await lab.l2.send(ACCOUNTS[5], 2))
    return list((await read_channel(lab.l2.rpc, 1, await lab.l2.height())).blocks)


async def held_against_the_l1(site: Site, blocks: Sequence[ChannelBlock], window: float) -> None:
    l1 = site.lab.l1
    genesis = json.loads(await asyncio.to_thread(site.lab.l2.spec.genesis.read_bytes))
    orders = rules_of(genesis)(l1.rpc, site.portal, window)
    await orders.read(await l1.height())
    for block in blocks:
        await orders.check(block, lambda _: 0)


def users(block: ChannelBlock) -> int:
    """Deposits of users in it."""
    return sum(raw[0] == DEPOSIT_TYPE for raw in block.transactions) - 1


def first_with(blocks: Blocks, deposits: int) -> int:
    return next(at for at, block in enumerate(blocks) if users(block) >= deposits)


def change(at: int, blocks: Blocks, **fields: object) -> Blocks:
    return [*blocks[:at], replace(blocks[at], **fields), *blocks[at + 1 :]]  # type: ignore[arg-type]


def one_less(blocks: Blocks) -> Blocks:
    at = first_with(blocks, 1)
    raws = blocks[at].transactions
    return change(at, blocks, transactions=(raws[0], *raws[2:]))


def twice(blocks: Blocks) -> Blocks:
    at = first_with(blocks, 1)
    raws = blocks[at].transactions
    return change(at, blocks, transactions=(raws[0], raws[1], *raws[1:]))


def other_order(blocks: Blocks) -> Blocks:
    at = first_with(blocks, 2)
    raws = blocks[at].transactions
    return change(at, blocks, transactions=(raws[0], raws[2], raws[1], *raws[3:]))


def more_coins(blocks: Blocks) -> Blocks:
    at = first_with(blocks, 1)
    first, wanted, *rest = blocks[at].transactions
    forged = replace(Deposit.decode(wanted), mint=10**18).encode()
    return change(at, blocks, transactions=(first, forged, *rest))


def behind_a_transaction(blocks: Blocks) -> Blocks:
    last = blocks[-1].transactions
    return change(len(blocks) - 1, blocks, transactions=(*last, last[0]))


def no_attributes(blocks: Blocks) -> Blocks:
    return change(0, blocks, transactions=blocks[0].transactions[1:])


def another_price_of_data(blocks: Blocks) -> Blocks:
    first, *rest = blocks[0].transactions
    told = Deposit.decode(first)
    cheap = replace(told, data=told.data[:4] + bytes(8) + told.data[12:])
    return change(0, blocks, transactions=(cheap.encode(), *rest))


def an_older_origin(blocks: Blocks) -> Blocks:
    old = blocks[0].transactions[0]
    last = len(blocks) - 1
    return change(last, blocks, transactions=(old, *blocks[-1].transactions[1:]))


def from_the_past(blocks: Blocks) -> Blocks:
    return change(len(blocks) - 1, blocks, timestamp=1)


def another_randao(blocks: Blocks) -> Blocks:
    return change(1, blocks, mix_hash=b"\x07" * 32)


def another_miner(blocks: Blocks) -> Blocks:
    return change(1, blocks, miner=b"\x07" * 20)


Lie = Callable[[Blocks], Blocks]
LIES: Sequence[tuple[Lie, str]] = (
    (one_less, "the L1 orders|is in no block"),
    (twice, "takes deposit"),
    (other_order, "the L1 orders"),
    (more_coins, "the L1 orders"),
    (behind_a_transaction, "behind a transaction"),
    (no_attributes, "tells nothing of the L1"),
    (another_price_of_data, "is not so"),
    (an_older_origin, "before"),
    (from_the_past, "the block itself of 1"),
    (another_randao, "mix hash"),
    (another_miner, "miner"),
)


async def test_every_lie_about_the_l1_is_found(site: Site) -> None:
    blocks = await some_blocks(site)
    assert await site.check() == 4
    await held_against_the_l1(site, blocks, 60.0)
    for lie, found in LIES:
        with pytest.raises(DepositsDiffer, match=found):
            await held_against_the_l1(site, lie(blocks), 60.0)
    genesis = json.loads(await asyncio.to_thread(site.lab.l2.spec.genesis.read_bytes))
    for field, wrong in (
        ("timestamp", int(genesis["timestamp"], 16)),
        ("base_fee", 7),
        ("gas_limit", 30_000_000),
        ("extra_data", bytes(17)),
    ):
        with pytest.raises(HeaderDiffers, match=field.replace("_", " ")):
            Replay(genesis, bytes(32)).derive(change(0, blocks, **{field: wrong})[0])


async def test_what_is_left_out_for_long_is_found(site: Site) -> None:
    """By whose clock runs ahead, too: the L1's next deposit waits from its own block on."""
    blocks = await some_blocks(site)
    await site.lab.halt(site.lab.l2)
    await site.lab.l1.receipt(await site.deposit(2))
    origin = origin_of(Deposit.decode(blocks[-1].transactions[0]).data)
    l1 = L1Block.of_header(await site.lab.l1.block(origin.number))
    told = l1_attributes(l1, origin.sequence + 1, Fees(), jovian=True).encode()
    time = blocks[-1].timestamp + 100
    late = replace(blocks[-1], number=len(blocks) + 1, timestamp=time, transactions=(told,))
    await held_against_the_l1(site, [*blocks, late], 200.0)
    with pytest.raises(DepositsDiffer, match="goes without deposit"):
        await held_against_the_l1(site, [*blocks, late], 5.0)


async def test_it_holds_after_kills_and_reorgs_of_the_l1(site: Site) -> None:
    lab = site.lab
    await some_blocks(site)
    await lab.kill_node(lab.l2)
    await lab.start_node(lab.l2)
    await lab.halt(lab.l2)
    await lab.sequence(lab.l2)
    await site.credited(await site.deposit(3, value=5))
    lost = await site.deposit(1)
    await site.credited(lost)
    async with lab.l1.agent.paused():  # type: ignore[union-attr]
        depth = await lab.l1.height() - int((await lab.l1.receipt(lost))["blockNumber"], 16) + 1
        await lab.l1.call("anvil_reorg", depth, [])

    async def told() -> bool:
        return any(type_ == "rollup.reorged" for type_, _ in lab.events)

    await until(told)
    site.nonces.clear()
    await until(lambda: is_in(site, site.sent[4]))
    await site.credited(await site.deposit(2, value=3))
    assert await site.check() == 6
