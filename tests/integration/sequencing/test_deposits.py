"""A rollup on Anvil takes its L1's deposits: each once and in order, whatever is killed."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.derivation.deposits import DepositsDiffer
from control_plane.adapters.derivation.ordered import rules_of
from control_plane.adapters.derivation.replay import Replay
from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.domain.calls import encode_call, selector
from control_plane.domain.op_stack import L1_BLOCK, Deposit, deposit_of_log
from control_plane.services.settlement.posting import read_channel
from tests.integration.sequencing.lab import ACCOUNTS, Lab, running, until

pytestmark = pytest.mark.integration

COIN = 10**18
DEPOSIT = "depositTransaction(address,uint256,uint64,bool,bytes)"


@dataclass
class Site:
    lab: Lab
    portal: str
    nonces: dict[str, int] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    async def deposit(
        self,
        who: int = 0,
        *,
        to: bytes = b"\xea" * 20,
        mint: int = COIN,
        value: int = 0,
        gas: int = 100_000,
        create: bool = False,
        data: bytes = b"",
    ) -> str:
        """A deposit sent to the L1 by a listed account; the L1 transaction's hash."""
        account = ACCOUNTS[who]
        key = str(account.address)
        if key not in self.nonces:
            self.nonces[key] = await self.lab.l1.nonce(account)
        nonce = self.nonces[key]
        self.nonces[key] += 1
        call = encode_call(DEPOSIT, to, value, gas, create, data)
        at = bytes.fromhex(self.portal[2:])
        limit = 150_000 + 20 * len(data) * 2 + gas // 10
        sent = await self.lab.l1.send(account, nonce, to=at, value=mint, data=call, gas=limit)
        self.sent.append(sent)
        return sent

    async def hash_of(self, sent: str) -> str:
        """Of the rollup's transaction for a deposit."""
        receipt = await self.lab.l1.receipt(sent)
        assert receipt["status"] == "0x1"
        (log,) = receipt["logs"]
        return str(deposit_of_log(log).hash)

    async def credited(self, sent: str) -> dict[str, Any]:
        return await self.lab.l2.receipt(await self.hash_of(sent))

    async def check(self, window: float = 60.0) -> int:
        """Rebuild the rollup and compare deposits with the L1's; how many there are."""
        l1, l2 = self.lab.l1, self.lab.l2
        head = await l2.height()
        genesis = json.loads(await asyncio.to_thread(l2.spec.genesis.read_bytes))
        orders = rules_of(genesis)(l1.rpc, self.portal, window)
        await orders.read(await l1.height())
        replay: Replay | None = None
        at = 1
        while at <= head:
            channel = await read_channel(l2.rpc, at, head)
            replay = replay or Replay(genesis, channel.parent_hash)
            for block in channel.blocks:
                evm = replay.evm
                await orders.check(block, lambda a, evm=evm: evm.account(a)[1])  # type: ignore[misc]
                replay.execute(block)
            at = channel.last + 1
        return orders._taken


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running(tmp_path, engine="anvil") as lab:
        portal = await lab.deploy_portal()
        await lab.sequence(lab.l2)
        yield Site(lab, portal)


async def test_a_deposit_is_credited_at_once(site: Site) -> None:
    sent = await site.deposit(value=COIN // 2)
    receipt = await site.credited(sent)
    assert receipt["status"] == "0x1"
    assert await site.lab.l2.balance("0x" + "ea" * 20) == COIN // 2
    call = {"to": "0x" + L1_BLOCK.hex(), "data": "0x" + selector("number()").hex()}
    told = int(await site.lab.l2.call("eth_call", call, "latest"), 16)
    assert told == int((await site.lab.l1.receipt(sent))["blockNumber"], 16)
    assert await site.check() == 1


async def test_an_l1_that_moves_makes_no_blocks(site: Site) -> None:
    await site.credited(await site.deposit())
    height = await site.lab.l2.height()
    for _ in range(5):
        await site.lab.l1.call("evm_mine")
    await asyncio.sleep(2.2)  # the last one is old enough by now
    assert await site.lab.l2.height() == height
    await site.lab.l2.receipt(await site.lab.l2.send(ACCOUNTS[5], 0))
    last = await site.lab.l2.block(full=True)
    assert sorted(each["type"] for each in last["transactions"]) == ["0x2", "0x7e"]
    assert await site.check() == 1


async def test_many_of_few_senders_in_one_l1_block(site: Site) -> None:
    async with site.lab.l1.agent.paused():  # type: ignore[union-attr]
        for number in range(12):
            await site.deposit(number % 4, mint=number, value=number, to=bytes([number + 1]) * 20)
    for sent in site.sent:
        assert (await site.credited(sent))["status"] == "0x1"
    for number in range(12):
        assert await site.lab.l2.balance("0x" + f"{number + 1:02x}" * 20) == number
    assert await site.check() == 12


async def test_what_cannot_be_executed_keeps_its_mint(site: Site) -> None:
    """More than the sender has, a creation too large, a revert: mint and nonce stay."""
    stranger = bytes.fromhex(ACCOUNTS[3].address[2:])
    before = await site.lab.l2.balance(ACCOUNTS[3].address)
    await site.deposit(3, mint=5, value=before + 6)
    await site.deposit(3, mint=7, gas=2_200_000, create=True, to=bytes(20), data=bytes(50_000))
    await site.deposit(3, mint=9, to=L1_BLOCK, data=b"\x01\x02\x03\x04")
    last = await site.deposit(2, mint=11, value=11, to=stranger)
    assert (await site.credited(last))["status"] == "0x1"
    assert await site.lab.l2.balance(ACCOUNTS[3].address) == before + 5 + 7 + 9 + 11
    assert await site.lab.l2.nonce(ACCOUNTS[3]) == 3
    assert await site.check() == 4


async def test_deposits_and_transactions_of_the_same_accounts(site: Site) -> None:
    """A first transaction waits, or comes between: nothing is lost or taken twice."""
    nonces = [0, 0, 0]
    for number in range(30):
        who = number % 3
        await site.deposit(who, mint=number, value=2 * number if number % 5 == 0 else number)
        for other in range(3):
            try:
                await site.lab.l2.send(ACCOUNTS[other], nonces[other])
            except Exception:  # noqa: BLE001 - a deposit came first: it has used that number
                nonces[other] = await site.lab.l2.nonce(ACCOUNTS[other])
            else:
                nonces[other] += 1
    await site.credited(site.sent[-1])
    assert await site.check() == 30


async def test_a_full_pool_delays_no_deposit(site: Site) -> None:
    async with site.lab.l2.agent.paused():  # type: ignore[union-attr]
        for nonce in range(4):  # of nine million gas each, and more than two for a block
            data = bytes.fromhex("622000005f20")
            await site.lab.l2.send(ACCOUNTS[6], nonce, to=b"", data=data, gas=45_000_000, value=0)
        for who in range(3):
            await site.deposit(who, mint=3, value=3)
        await site.lab.l1.receipt(site.sent[-1])
        await asyncio.sleep(0.1)
    for sent in site.sent:
        assert (await site.credited(sent))["status"] == "0x1"
    assert await site.check() == 3


async def test_a_sequencer_that_starts_anew_goes_on(site: Site) -> None:
    lab = site.lab
    for _ in range(3):
        await site.credited(await site.deposit())
    await lab.halt(lab.l2)
    for _ in range(3):
        await site.deposit()
    await lab.l1.receipt(site.sent[-1])
    await lab.sequence(lab.l2)
    for sent in site.sent:
        await site.credited(sent)
    assert await site.check() == 6


async def test_a_killed_node_gets_again_what_it_lost(site: Site) -> None:
    lab = site.lab
    await site.credited(await site.deposit())
    await AnvilEngine().save(lab.l2.spec, lab.l2.rpc)
    for number in range(4):
        await site.credited(await site.deposit(number % 2))
    async with lab.l2.agent.paused():  # type: ignore[union-attr]
        await lab.kill_node(lab.l2)
        await lab.start_node(lab.l2)
    for sent in site.sent:
        await site.credited(sent)
    assert await site.check() == 5


async def test_a_rollup_that_is_reorganised_gets_its_deposits_again(site: Site) -> None:
    lab = site.lab
    for number in range(4):
        await site.credited(await site.deposit(number % 2))
    async with lab.l2.agent.paused():  # type: ignore[union-attr]
        await lab.l2.call("anvil_reorg", 2, [])
    for sent in site.sent:
        await until(lambda sent=sent: is_in(site, sent))  # type: ignore[misc]
    assert await site.check() == 4


async def is_in(site: Site, sent: str) -> bool:
    hash_ = await site.hash_of(sent)
    return await site.lab.l2.call("eth_getTransactionReceipt", hash_) is not None


async def test_an_l1_that_loses_deposits_takes_the_rollup_back(site: Site) -> None:
    lab = site.lab
    await site.credited(await site.deposit())
    await lab.l1.call("evm_mine")
    kept = await lab.l2.send(ACCOUNTS[5], 0)
    await lab.l2.receipt(kept)
    stood = await lab.l2.height()
    lost = [await site.deposit(number, mint=COIN, value=COIN) for number in (1, 2)]
    for sent in lost:
        await site.credited(sent)
    again = await lab.l2.send(ACCOUNTS[5], 1)
    await lab.l2.receipt(again)
    async with lab.l1.agent.paused():  # type: ignore[union-attr]
        depth = await lab.l1.height() - int((await lab.l1.receipt(lost[0]))["blockNumber"], 16) + 1
        await lab.l1.call("anvil_reorg", depth, [])

    async def told() -> bool:
        return any(type_ == "rollup.reorged" for type_, _ in lab.events)

    await until(told)
    assert (await lab.l2.receipt(again))["status"] == "0x1"
    assert int((await lab.l2.receipt(kept))["blockNumber"], 16) <= stood
    assert await lab.l2.balance("0x" + "ea" * 20) == 0
    site.nonces.clear()
    await site.credited(await site.deposit(1, value=3))
    assert await lab.l2.balance("0x" + "ea" * 20) == 3
    assert await site.check() == 2


async def test_what_the_l1_did_not_order_is_found(site: Site) -> None:
    await site.credited(await site.deposit())
    sent = await site.deposit(1)
    hash_ = await site.hash_of(sent)
    await site.credited(sent)
    made = Deposit.of_json(await site.lab.l2.call("eth_getTransactionByHash", hash_))
    forged = replace(made, source=bytes(32)).encode()
    await site.lab.l2.call("eth_sendRawTransaction", "0x" + forged.hex())
    await site.lab.l2.call("evm_mine")
    with pytest.raises(DepositsDiffer, match="the L1 orders no further one"):
        await site.check()


async def test_what_is_left_out_for_long_is_found(site: Site) -> None:
    lab = site.lab
    await site.credited(await site.deposit())
    await lab.halt(lab.l2)
    await site.deposit(1)
    await lab.l1.receipt(site.sent[-1])
    await asyncio.sleep(2.1)
    await lab.l2.send(ACCOUNTS[7], 0)
    await lab.l2.call("evm_mine")
    with pytest.raises(DepositsDiffer, match="goes without deposit"):
        await site.check(window=1.0)
    await lab.sequence(lab.l2)
