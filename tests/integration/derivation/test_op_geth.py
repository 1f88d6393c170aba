"""A real op-geth's blocks executed again: every hash, in every corner."""

import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import zstandard
from eth_account import Account

from control_plane.adapters.derivation.diagnosis import diagnose
from control_plane.adapters.derivation.replay import Differs, Replay
from control_plane.domain.channels import encode_channel
from control_plane.domain.op_stack import L1_BLOCK, Fees
from tests.integration.derivation import test_deposits, test_replay
from tests.integration.derivation.geth_site import CHAIN_ID, GethSite, geth_site

pytestmark = pytest.mark.integration
VECTORS = Path(__file__).parents[2] / "vectors" / "op_geth.json"

Case = Callable[[GethSite], Awaitable[None]]
CASES: dict[str, Case] = {}


async def once(site: GethSite, runtime: str, **fields: Any) -> str:
    return await test_replay.once(cast("Any", site), runtime, **fields)


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[GethSite]:
    async with geth_site(tmp_path) as site:
        yield site


@case
async def nothing_happens(site: GethSite) -> None:
    await site.mine()
    await site.mine()


@case
async def inputs_of_precompiles_are_a_little_too_long(site: GethSite) -> None:
    """For Jovian, that is."""
    longest = {8: 81_984 + 192, 12: 288_960 + 160, 14: 278_784 + 288, 15: 156_672 + 384}
    await test_deposits.precompiles_with(cast("Any", site), longest)


@case
async def every_precompile_of_its_own(site: GethSite) -> None:
    for number in (*range(1, 20), 0x100, 0x101):
        for gas in (21_000 + 2 * number, 60_000):
            await site.send(to=f"0x{number:040x}", gas=gas, value=number % 3)
    await site.mine()


@case
async def older_kinds_of_transactions(site: GethSite) -> None:
    at = await site.deploy("60055460015f55")
    entry = {"address": "0x" + at, "storageKeys": ["0x" + "00" * 32]}
    await site.send(to="0x" + at, gasPrice=10**10)
    await site.send(to="0x" + at, gasPrice=10**10, accessList=[entry])
    await site.send(data="0x" + "60fe60005360016000f3", gasPrice=10**10)
    await site.mine()
    sender = site.accounts[0]
    count = int(await site.rpc.call("eth_getTransactionCount", sender, "latest"), 16)
    call = {"nonce": count, "to": bytes.fromhex(at), "gas": 100_000, "gasPrice": 10**10, "value": 0}
    before_155 = Account.sign_transaction({**call, "data": "0x"}, site.keys[sender])
    await site.force(bytes(before_155.raw_transaction))


@case
async def it_asks_about_block_and_chain(site: GethSite) -> None:
    """NUMBER, TIMESTAMP, PREVRANDAO, CHAINID, BLOBBASEFEE, SELFBALANCE, BLOCKHASH of some."""
    words = [
        "43",
        "42",
        "44",
        "46",
        "4a",
        "47",
        "6001430340",
        "438103",
        "60ff430340",
        "5f40",
        "4340",
    ]
    words[7] = "600243034 0".replace(" ", "")
    code = "".join(f"{word}61{at * 32:04x}52" for at, word in enumerate(words))
    at = await site.deploy(code + f"61{32 * len(words):04x}5fa0")
    for _ in range(3):
        await site.send(to="0x" + at, value=3)
        await site.mine()


@case
async def system_contracts_are_asked(site: GethSite) -> None:
    """EIP-4788 by this block's timestamp, EIP-2935 by the block before: they answer into a log."""
    beacon = "000f3df6d732807ef1319fb7b8bb8522d0beac02"
    history = "0000f90827f1c53a10cb7a02335b175320002935"
    code = (
        f"425f5260405f60205f73{beacon}5afa50 6001430360205260405f6020602073{history}5afa50 60805fa0"
    )
    at = await site.deploy(code.replace(" ", ""))
    for _ in range(3):
        site.l1.grow()
        await site.send(to="0x" + at)
        await site.mine()


@case
async def contracts_destroy_themselves(site: GethSite) -> None:
    """As they are created, with storage and coins, to others and themselves; and later."""
    for code in (f"60016001 55 73{'d1' * 20}ff", "600160015530ff", f"73{'d2' * 20}ff"):
        init = code.replace(" ", "")
        await site.send(data="0x" + init, value=5)
        factory = f"6a{init:0<22}5f52" if len(init) <= 22 else ""
        if factory:
            await once(site, factory + f"60{len(init) // 2:02x}60156005f050", value=9)
    await site.mine()
    await once(site, "600160015530ff", value=7)
    await once(site, f"600160015573{'d3' * 20}ff", value=7)


@case
async def it_is_created_by_salt(site: GethSite) -> None:
    """Twice the same address: the second time it fails."""
    creates = "6960fe60005360016000f35f52 5f600a60165ff5 5f5260205fa0".replace(" ", "")
    at = await site.deploy(creates)
    for _ in range(2):
        await site.send(to="0x" + at, value=1)
    await site.mine()


@case
async def creations_of_every_kind_fail(site: GethSite) -> None:
    """Code that begins with 0xef, is too long, or costs more than is left."""
    for init, gas in (
        ("60ef60005360016000f3", 100_000),
        ("6160015ff3", 8_000_000),
        ("6110005ff3", 100_000),
        ("fe", 60_000),
        ("", 60_000),
    ):
        await site.send(data="0x" + init, gas=gas)
    await site.mine()


@case
async def memory_that_lasts_a_transaction(site: GethSite) -> None:
    """TLOAD is logged, then TSTORE; twice in one block, and from a call into itself."""
    code = "5f5c5f5260205fa0 60015f5c015f5d 60035f5c10156020575f5f5f5f5f305af1505b".replace(" ", "")
    at = await site.deploy(code)
    for _ in range(2):
        await site.send(to="0x" + at)
    await site.mine()


@case
async def it_calls_itself_without_end(site: GethSite) -> None:
    """Until no gas is left for the next call; the depth is logged by the last ones."""
    at = await site.deploy("5f5f5f5f5f305af15f5260205fa0")
    await site.send(to="0x" + at, gas=20_000_000)
    await site.mine()


@case
async def refunds_are_capped(site: GethSite) -> None:
    sets = "".join(f"5f3560{slot:02x}55" for slot in range(40))
    at = await site.deploy(sets)
    for value, more in ((1, b""), (0, b""), (1, b""), (0, b"\x01" * 6_000)):
        data = value.to_bytes(32) + more
        await site.send(to="0x" + at, data="0x" + data.hex(), gas=2_000_000)
        await site.mine()


@case
async def codes_are_looked_at(site: GethSite) -> None:
    """Size, hash and bytes: of code, of a delegation, of nothing, of a precompile."""
    await test_replay.an_account_takes_code(cast("Any", site))
    authority = test_replay._AUTHORITY.address[2:].lower()
    parts = []
    for at in (
        authority,
        "0" * 38 + "01",
        "ee" * 20,
        site.accounts[1][2:].lower(),
        "42" + "0" * 36 + "15",
    ):
        parts.append(f"73{at}3b5f52 73{at}3f602052 60205f604073{at}3c 60605fa0")  # noqa: PERF401
    await once(site, "".join(parts).replace(" ", ""))


@case
async def a_delegated_account_sends(site: GethSite) -> None:
    """It pays itself, is called by itself, and gives itself new code in its own transaction."""
    code = await site.deploy("30315f52 3260205260405fa0".replace(" ", ""))
    owner = Account.from_key(site.keys[site.accounts[3]])
    for to in (owner.address, site.accounts[4]):
        nonce = int(await site.rpc.call("eth_getTransactionCount", owner.address, "latest"), 16)
        fields = {"chainId": CHAIN_ID, "address": "0x" + code, "nonce": nonce + 1}
        signed = owner.sign_authorization(fields)
        target = bytes.fromhex(to[2:])
        call = {
            "type": 4,
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "to": target,
            "value": 9,
            "data": "0x",
        }
        fees = {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9, "gas": 300_000}
        made = owner.sign_transaction({**call, **fees, "authorizationList": [signed]})
        await site.give(bytes(made.raw_transaction))
        await site.mine()
        await site.send(**{"from": site.accounts[3], "to": site.accounts[4], "value": 1})
        await site.mine()


@case
async def much_data_is_posted(site: GethSite) -> None:
    """Zeros, words that come again, and noise: what it costs is estimated by their compression."""
    noise = random.Random(4)
    for data in (
        bytes(3_000),
        b"caldera and its rollups " * 90,
        noise.randbytes(20_000),
        bytes(noise.choice((0, 1, 7)) for _ in range(3_000)),
        noise.randbytes(300) * 40,
        *(noise.randbytes(size) for size in range(1, 20)),
    ):
        await site.send(to=site.accounts[2], data="0x" + data.hex(), gas=1_000_000)
    await site.mine()


@case
async def blocks_are_full(site: GethSite) -> None:
    """So that the base fee rises and falls."""
    at = await site.deploy("5f6230d40052")  # much memory
    for _ in range(4):
        for who in range(2):
            await site.send(**{"from": site.accounts[who], "to": "0x" + at, "gas": 25_000_000})
        await site.mine()
    await site.mine()


@case
async def deposits_of_every_kind_fail(site: GethSite) -> None:
    """Too large a creation, too much value, too little gas for the data; mints and nonces stay."""
    rich = bytes.fromhex(site.accounts[5][2:])
    wrong: tuple[dict[str, Any], ...] = (
        {"to": None, "data": bytes(49_153), "gas": 10_000_000},
        {"value": 10**30},
        {"gas": 0},
        {"gas": 20_999},
        {"gas": 25_000, "data": b"\x01" * 150},
        {"to": None, "data": b"\x01" * 32, "gas": 53_500},
        {"to": None, "data": bytes.fromhex("6160015ff3"), "gas": 8_000_000},
    )
    for number, changes in enumerate(wrong):
        await site.deposit(sender=bytes([90 + number]) * 20, mint=number, **changes)
        await site.deposit(sender=rich, mint=number, **changes)
        await site.mine()
    for who in (rich, b"\xcc" * 20):
        await site.deposit(sender=who, to=L1_BLOCK, data=b"\x01\x02\x03\x04", mint=1)
        await site.deposit(sender=who, to=bytes(20), value=1, mint=2)
        await site.deposit(sender=who, to=who, value=1, mint=2)
        await site.deposit(sender=who, to=None, value=1, mint=2, data=b"")
    await site.mine()


@case
async def vaults_get_coins_and_accounts_are_emptied(site: GethSite) -> None:
    for vault in ("11", "19", "1a", "1b"):
        await site.send(to="0x42" + "0" * 36 + vault, value=5)
    await site.mine()
    one = Account.from_key(b"\x77" * 32)
    await site.deposit(sender=bytes.fromhex(one.address[2:]), mint=10**16, to=bytes(20))
    await site.mine()
    await site.deposit(sender=bytes.fromhex(one.address[2:]), value=10**16, to=b"\x99" * 20)
    await site.mine()


def known_to_anvil() -> list[Any]:
    return [*test_replay.CASES.values(), *test_deposits.CASES.values()]


async def test_all_of_it_on_one_chain(site: GethSite) -> None:
    for run in known_to_anvil():
        await run(cast("Any", site))
    await site.replayed()


async def test_what_anvil_does_not_do(site: GethSite) -> None:
    for run in CASES.values():
        await run(site)
    await site.replayed()


async def test_state_of_another_genesis_is_named(site: GethSite) -> None:
    """Balances and slots that the node has and its genesis does not give, and the other way."""
    passer, rich = "42" + "0" * 36 + "16", site.accounts[3][2:].lower()
    slots = site.genesis["alloc"][passer]["storage"]
    await site.mine()
    block = (await site.channel()).blocks[0]
    site.genesis["alloc"][rich]["balance"] = "0x5"
    (known,) = slots
    site.genesis["alloc"][passer]["storage"] = {"0x" + f"{0x77:064x}": "0x" + f"{9:064x}"}
    replay = Replay(site.genesis, bytes(32))
    with pytest.raises(Differs, match="state root"):
        replay.execute(block)
    found = await diagnose(site.rpc, replay, block)
    named = {(one["address"][2:], one["what"], one["found"]) for one in found["accounts"]}
    assert (rich, "balance", 5) in named
    assert (passer, "slot 0x77", "0x9") in named
    assert (passer, f"slot {int(known, 16):#x}", "0x0") in named
    assert found["transactions"] == []


async def test_vectors_can_be_written(site: GethSite, tmp_path: Path) -> None:
    """``tests/vectors/op_geth.json``, for who has no op-geth; written with UPDATE_GOLDEN."""
    for run in (older_kinds_of_transactions, a_delegated_account_sends, it_is_created_by_salt):
        await run(site)
    deposits = test_deposits
    for each in (deposits.coins_are_minted_and_sent_on, deposits.a_contract_is_created):
        await each(cast("Any", site))
    for each in (deposits.coins_are_withdrawn, deposits.its_gas_is_less_than_it_takes):
        await each(cast("Any", site))
    channel = await site.channel()
    found = await site.rpc.batch(
        [("debug_getRawHeader", (hex(number),)) for number in range(channel.last + 1)]
    )
    compress = zstandard.ZstdCompressor(level=9).compress
    document = {
        "genesis": site.genesis,
        "channel": "0x" + encode_channel(channel, compress).hex(),
        "headers": found,
    }
    place = VECTORS if "UPDATE_GOLDEN" in os.environ else tmp_path / VECTORS.name
    place.write_text(json.dumps(document, indent=1) + "\n")


async def test_data_and_operator_are_paid_for(tmp_path: Path) -> None:
    """By scalars that are not the usual ones."""
    fees = Fees(7_777, 123_456, bytes(32), 4_321, 98_765_432_100, 1_234)
    async with geth_site(tmp_path, fees) as site:
        for run in (older_kinds_of_transactions, much_data_is_posted, refunds_are_capped):
            await run(site)
        for each in (test_replay.an_account_takes_code, test_replay.it_runs_out_of_gas):
            await each(cast("Any", site))
        await site.replayed()
