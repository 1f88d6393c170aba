"""A real Anvil that takes deposits, its blocks executed again: every hash, in every corner."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from Crypto.Hash import SHA256
from Crypto.PublicKey import ECC
from Crypto.Signature import DSS
from eth_account import Account

from control_plane.domain.ids import ChainId
from control_plane.domain.op_stack import DEPOSITOR, Deposit, Fees, L1Block, l1_attributes
from tests.integration.derivation import test_replay
from tests.integration.derivation.test_replay import Site, genesis_below, once
from tests.integration.metalayer.conftest import start_nodes
from tests.integration.metalayer.lab import make_keys, make_plan

P256 = (0x100).to_bytes(20)
CALLS_P256 = "60a05f5f37 60205f60a05f6101005afa 5f52 3d602052 60405fa0".replace(" ", "")
"""Hands its data to P256VERIFY and logs what comes of it."""
LONG_CALL = "5f5f62{size}5f60{number}630243d580fa5f5260205fa0"
"""Hands so many zeros to a precompile, with 38 million of gas, and logs what comes of it."""
_STRANGER = b"\xcc" * 20
_FRESH = b"\xea" * 20
_PASSER = bytes.fromhex("4200000000000000000000000000000000000016")
_COIN = 10**18


def p256_inputs() -> list[bytes]:
    """A digest, a signature and a key; and each of them spoilt."""
    key = ECC.construct(curve="p256", d=0xC0FFEE)
    digest = SHA256.new(b"caldera")
    signature = DSS.new(key, "fips-186-3").sign(digest)
    point = key.pointQ.x.to_bytes(32) + key.pointQ.y.to_bytes(32)
    right = digest.digest() + signature + point
    return [right, *(right[:at] + b"\x07" + right[at + 1 :] for at in (0, 40, 70, 100, 130))]


class OpSite(Site):
    """A rollup that takes deposits."""

    made = 0

    async def deposit(self, **changes: object) -> str:
        """A deposit of a stranger's; its transaction's hash."""
        OpSite.made += 1
        base = Deposit(OpSite.made.to_bytes(32), _STRANGER, _FRESH, 0, 0, 1_000_000, b"")
        made = replace(base, **changes)  # type: ignore[arg-type]
        return str(await self.rpc.call("eth_sendRawTransaction", "0x" + made.encode().hex()))

    async def attributes(self, number: int) -> None:
        l1 = L1Block(number, number.to_bytes(32), 5 * number, 10**9, 1, bytes(32), bytes(32))
        made = l1_attributes(l1, 0, Fees(0, 0), jovian=False)
        await self.rpc.call("eth_sendRawTransaction", "0x" + made.encode().hex())


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpSite]:
    base = make_plan(("op",))
    chain = replace(base.chains[1], chain_id=ChainId(900), da="ethereum-calldata", proof="fraud")
    nodes = await start_nodes(replace(base, chains=(chain,)), make_keys(1), tmp_path)
    node = nodes["op"]
    try:
        assert node.rpc is not None
        accounts = await node.rpc.call("eth_accounts")
        genesis = json.loads(await asyncio.to_thread(genesis_below, tmp_path))
        for account in accounts:
            balance = await node.rpc.call("eth_getBalance", account, "0x0")
            genesis["alloc"].setdefault(account[2:], {"balance": balance})
        yield OpSite(node.rpc, accounts, genesis)
    finally:
        await node.kill()


Case = Callable[[OpSite], Awaitable[None]]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


@case
async def a_transfer_pays_the_vaults(site: OpSite) -> None:
    await site.send(to="0x" + _FRESH.hex(), value=1)
    await site.mine()


@case
async def coins_are_minted_and_sent_on(site: OpSite) -> None:
    await site.deposit(mint=5 * _COIN, value=3 * _COIN)
    await site.mine()


@case
async def nothing_is_deposited(site: OpSite) -> None:
    await site.deposit(to=_FRESH)
    await site.mine()


@case
async def many_are_in_one_block_with_others(site: OpSite) -> None:
    for number in range(1, 6):
        await site.deposit(sender=bytes([number]) * 20, mint=number, value=number)
        await site.send(to="0x" + _FRESH.hex(), value=number)
    await site.mine()


@case
async def a_sender_of_transactions_deposits(site: OpSite) -> None:
    sender = bytes.fromhex(site.accounts[0][2:])
    await site.send(to="0x" + _FRESH.hex(), value=1)
    await site.mine()
    await site.deposit(sender=sender, mint=7, value=_COIN)
    await site.mine()
    await site.send(to="0x" + _FRESH.hex(), value=1)
    await site.mine()


@case
async def it_is_reverted(site: OpSite) -> None:
    at = await site.deploy("600554505f5ffd")
    await site.deposit(to=bytes.fromhex(at), mint=7, value=3)
    await site.mine()


@case
async def it_runs_out_of_gas(site: OpSite) -> None:
    at = await site.deploy("600554505b600456")
    await site.deposit(to=bytes.fromhex(at), mint=7, gas=50_000)
    await site.mine()


@case
async def its_gas_is_less_than_it_takes(site: OpSite) -> None:
    await site.deposit(mint=7, gas=21_000, data=b"\x01" * 100)
    await site.mine()
    await site.deposit(to=None, mint=7, gas=21_000)
    await site.mine()


@case
async def a_contract_is_created(site: OpSite) -> None:
    await site.deposit(to=None, mint=9, value=4, data=bytes.fromhex("60fe60005360016000f3"))
    await site.mine()
    for gas in range(53_150, 53_400, 50):
        await site.deposit(to=None, data=bytes.fromhex("60fe60005360016000f3"), gas=gas)
        await site.mine()


@case
async def a_creation_fails(site: OpSite) -> None:
    await site.deposit(to=None, mint=9, value=4, data=b"\xfe")
    await site.mine()
    await site.deposit(to=None, mint=9, value=4, data=bytes.fromhex("60055450 5f5ffd"))
    await site.mine()


@case
async def a_slot_is_written_and_cleared(site: OpSite) -> None:
    at = bytes.fromhex(await site.deploy("5f35600155"))
    for value in (5, 0):
        await site.deposit(to=at, data=value.to_bytes(32))
        await site.mine()


@case
async def it_calls_others(site: OpSite) -> None:
    inner = await site.deploy("600554505f5ffd")
    outer = await site.deploy(test_replay.calling(inner, value=1))
    await site.deposit(to=bytes.fromhex(outer), mint=5, value=5)
    await site.mine()


@case
async def it_asks_who_and_what(site: OpSite) -> None:
    """ORIGIN, GASPRICE, BASEFEE, COINBASE's balance and GASLIMIT are logged."""
    words = "32 5f52 3a 602052 48 604052 4131 606052 45 608052 60a0 5fa0".replace(" ", "")
    at = await site.deploy(words)
    await site.deposit(to=bytes.fromhex(at))
    await site.send(to="0x" + at)
    await site.mine()


@case
async def a_contract_destroys_itself(site: OpSite) -> None:
    at = await site.deploy(f"73{'cd' * 20}ff")
    await site.deposit(to=bytes.fromhex(at), mint=3, value=3)
    await site.deposit(sender=b"\x31" * 20, to=None, data=bytes.fromhex(f"73{'ce' * 20}ff"))
    await site.mine()


@case
async def a_precompile_is_called(site: OpSite) -> None:
    for number in (1, 2, 4, 9):
        await site.deposit(sender=bytes([40 + number]) * 20, to=number.to_bytes(20), mint=1)
    await site.mine()


@case
async def a_signature_of_the_second_curve_is_checked(site: OpSite) -> None:
    """P256VERIFY at 0x100: a right one, wrong ones, and others' gas."""
    for at, data in enumerate((*p256_inputs(), b"", bytes(160), b"\x01" * 161)):
        await site.deposit(sender=bytes([50 + at]) * 20, to=P256, data=data, mint=1)
        await site.send(to="0x" + P256.hex(), data="0x" + data.hex())
        await site.mine()
    await test_replay.once(site, CALLS_P256, data="0x" + p256_inputs()[0].hex())


@case
async def inputs_of_precompiles_are_long(site: OpSite) -> None:
    """Longer than what the OP Stack takes of them since Isthmus."""
    longest = {8: 112_896, 12: 513_760 + 160, 14: 488_448 + 288, 15: 235_008 + 384}
    await precompiles_with(site, longest)


async def precompiles_with(site: Site, sizes: Mapping[int, int]) -> None:
    """Each one with so many zeros, and with the zeros of one point."""
    for number, size in sizes.items():
        for each in (size, {8: 192, 12: 160, 14: 288, 15: 384}[number]):
            code = LONG_CALL.format(size=f"{each:06x}", number=f"{number:02x}")
            await test_replay.once(site, code, gas=45_000_000)


@case
async def the_l1_is_told_of(site: OpSite) -> None:
    for number in range(1, 4):
        await site.attributes(number)
        await site.deposit(mint=number)
        await site.send(to="0x" + _FRESH.hex(), value=number)
        await site.mine()
    assert DEPOSITOR


@case
async def coins_are_withdrawn(site: OpSite) -> None:
    await site.deposit(to=_PASSER, mint=_COIN, value=_COIN)
    await site.mine()
    await site.send(to="0x" + _PASSER.hex(), value=5)
    await site.mine()


@case
async def its_sender_has_code(site: OpSite) -> None:
    at = bytes.fromhex(await site.deploy("60055450"))
    await site.deposit(sender=at, mint=5, value=2)
    await site.mine()


@case
async def its_target_took_code(site: OpSite) -> None:
    await test_replay.an_account_takes_code(site)
    authority = bytes.fromhex(test_replay._AUTHORITY.address[2:])
    await site.deposit(to=authority, mint=2, value=1)
    await site.deposit(sender=authority, mint=2, value=1)
    await site.mine()


@case
async def the_mint_pays_for_a_transaction(site: OpSite) -> None:
    account = Account.from_key(b"\x09" * 32)
    await site.deposit(sender=bytes.fromhex(account.address[2:]), mint=_COIN)
    await site.mine()
    fields = {"chainId": 900, "nonce": 1, "to": "0x" + "01" * 20, "value": 1, "gas": 21_000}
    signed = account.sign_transaction({**fields, "gasPrice": 5 * 10**9})
    await site.rpc.call("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
    await site.mine()


@pytest.mark.parametrize("name", CASES)
async def test_every_hash_is_found_again(site: OpSite, name: str) -> None:
    await CASES[name](site)
    await site.replayed()


async def test_all_of_it_on_one_chain(site: OpSite) -> None:
    for run in (*test_replay.CASES.values(), *CASES.values()):
        await run(site)
    await once(site, "60055450")
    await site.mine()
    await site.replayed()
