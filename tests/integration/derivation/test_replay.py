"""A real Anvil's blocks executed again: every hash, also where Anvil's state is its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from control_plane.adapters.derivation.diagnosis import diagnose
from control_plane.adapters.derivation.living import living
from control_plane.adapters.derivation.replay import Differs, Replay
from control_plane.adapters.evm.rpc import WebSocketRpc
from control_plane.domain.channels import Channel, ChannelBlock
from control_plane.domain.hashing import keccak256
from control_plane.services.settlement.posting import read_channel
from tests.integration.evm.chains import one_chain

_FRESH = "0x" + "ea" * 20
_FIRST_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Of the first account of the test mnemonic."""
_AUTHORITY = Account.from_key(b"\x05" * 32)


@dataclass
class Site:
    """A chain without sequencer: each call of `mine` seals what was sent."""

    rpc: WebSocketRpc
    accounts: list[str]
    genesis: dict[str, Any]

    async def send(self, **fields: Any) -> str:
        """From the first account, a million of gas."""
        call = {"from": self.accounts[0], "gas": 1_000_000, **fields}
        numbers = {k: hex(v) if isinstance(v, int) else v for k, v in call.items()}
        return str(await self.rpc.call("eth_sendTransaction", numbers))

    async def mine(self) -> None:
        await self.rpc.call("evm_mine")

    async def deploy(self, runtime: str) -> str:
        """A contract with this code; its address without 0x."""
        size = len(runtime) // 2
        made = await self.send(data=f"0x61{size:04x}80600a5f395ff3{runtime}")
        await self.mine()
        receipt = await self.rpc.call("eth_getTransactionReceipt", made)
        return str(receipt["contractAddress"])[2:]

    async def channel(self) -> Channel:
        return await read_channel(self.rpc, 1, int(await self.rpc.call("eth_blockNumber"), 16))

    async def replayed(self) -> Replay:
        """Every block executed again. Differs."""
        channel = await self.channel()
        replay = Replay(self.genesis, channel.parent_hash)
        roots, hashes = [replay.root], [channel.parent_hash]
        for block in channel.blocks:
            replay.execute(block)
            roots.append(replay.root)
            hashes.insert(0, block.hash)
        check_reopened(self.genesis, channel.parent_hash, channel.blocks)
        for at, block in enumerate(channel.blocks):
            steps: list[bytes] = []
            past = replay.past(block.number, roots[at], hashes[-at - 1 :])
            assert past.run(block, steps) == block.state_root
            assert len(steps) == 1 + len(block.transactions)
            assert steps[-1] == block.state_root
        return replay


def check_reopened(genesis: dict[str, Any], zero: bytes, blocks: Sequence[ChannelBlock]) -> None:
    """Every block executed again, each out of the nodes of the state before it alone, and with all
    other nodes forgotten. `zero`: hash of block 0."""
    replay, swept = (Replay(genesis, zero) for _ in range(2))
    hashes = [zero]
    for block in blocks:
        swept.execute(block)
        swept._most = 0
        swept.forget()
        header = replay.derive(block)
        hashes.insert(0, block.hash)
        assert keccak256(header) == block.hash
        replay.reopen(header, hashes[:256], living(replay.nodes, [block.state_root]))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with one_chain(tmp_path) as chain:
        rpc = await chain.connect(chain.chain.ws_url)
        accounts = await rpc.call("eth_accounts")
        genesis = json.loads(await asyncio.to_thread(genesis_below, tmp_path))
        for account in accounts:  # Anvil's own, which the genesis of a devnet names
            balance = await rpc.call("eth_getBalance", account, "0x0")
            genesis["alloc"].setdefault(account[2:], {"balance": balance})
        yield Site(rpc, accounts, genesis)


def genesis_below(directory: Path) -> bytes:
    (genesis,) = directory.rglob("genesis.json")
    return genesis.read_bytes()


Case = Callable[[Site], Awaitable[None]]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def calling(code: str, *, value: int = 0) -> str:
    """Runtime code that calls `code`'s address with `value` wei and goes on."""
    return f"5f5f5f5f60{value:02x}73{code}5af150"


async def once(site: Site, runtime: str, **fields: Any) -> str:
    """Deploy, then call in a block of its own."""
    at = await site.deploy(runtime)
    await site.send(to="0x" + at, **fields)
    await site.mine()
    return at


@case
async def every_precompile(site: Site) -> None:
    for number in range(1, 20):
        for gas in (21_000 + 2 * number, 60_000):
            await site.send(to=f"0x{number:040x}", gas=gas, value=number % 3)
    await site.mine()


@case
async def nothing_is_sent_to_nobody(site: Site) -> None:
    await site.send(to=_FRESH, value=0)
    await site.mine()


@case
async def a_slot_is_read_that_is_empty(site: Site) -> None:
    await once(site, "60055450")


@case
async def it_is_reverted_after_reading(site: Site) -> None:
    await once(site, "600554505f5ffd")


@case
async def an_inner_call_is_reverted(site: Site) -> None:
    inner = await site.deploy("600554505f5ffd")
    await once(site, calling(inner))


@case
async def a_slot_is_set_and_cleared(site: Site) -> None:
    at = await site.deploy("5f35600155")
    for value in (5, 0, 7):
        await site.send(to="0x" + at, data=f"0x{value:064x}")
        await site.mine()


@case
async def it_runs_out_of_gas(site: Site) -> None:
    await once(site, "600554505b600456", gas=50_000)


@case
async def a_library_reads(site: Site) -> None:
    library = await site.deploy("60075450")
    for call in (f"5f5f5f5f73{library}5af4", f"5f5f5f5f5f73{library}5af2"):
        await once(site, call + "50")
    await once(site, f"5f5f5f5f73{library}5afa50")


@case
async def strangers_are_looked_at(site: Site) -> None:
    await once(site, f"73{'ef' * 20}315073{'ee' * 20}3b5073{'ed' * 20}3f50")


@case
async def money_is_missing_for_a_call(site: Site) -> None:
    await once(site, calling(_FRESH[2:], value=1))


@case
async def money_is_sent_on(site: Site) -> None:
    await once(site, calling(_FRESH[2:], value=1), value=5)


@case
async def a_contract_destroys_itself(site: Site) -> None:
    await once(site, f"73{'cd' * 20}ff", value=7)
    await site.send(data=f"0x73{'ce' * 20}ff", value=3)
    await site.mine()


@case
async def a_creation_fails(site: Site) -> None:
    await site.send(data="0x5f5ffd", value=3, gas=100_000)
    await site.mine()


@case
async def a_child_is_created(site: Site) -> None:
    await once(site, "5f5f5ff050")


@case
async def an_access_list_is_given(site: Site) -> None:
    at = await site.deploy("60095450")
    entries = [
        {"address": address, "storageKeys": ["0x" + f"{slot:064x}" for slot in (9, 10)]}
        for address in ("0x" + at, "0x" + "ba" * 20)
    ]
    await site.send(to="0x" + at, accessList=entries)
    await site.mine()


@case
async def an_account_takes_code(site: Site) -> None:
    at = await site.deploy("60055450")
    await authorized(site, at)
    await site.send(to=_AUTHORITY.address)
    await site.mine()


@case
async def an_account_gives_its_code_back(site: Site) -> None:
    at = await site.deploy("60055450")
    await authorized(site, at)
    await authorized(site, "00" * 20)
    await site.send(to=_AUTHORITY.address)
    await site.mine()


@case
async def authorizations_are_of_no_use(site: Site) -> None:
    """Of another chain, with another nonce, twice the same; and the call of the first reverts."""
    at = await site.deploy("60055450 5f5ffd".replace(" ", ""))
    await authorized(site, at, to=at)
    await authorized(site, at, to=at, chainId=77)
    await authorized(site, at, to=at, nonce=1_000)
    await authorized(site, at, at, to=at)


async def authorized(site: Site, *codes: str, to: str = "", **changes: int) -> None:
    """A transaction in which an account takes the code at each address, one after the other."""
    count = int(await site.rpc.call("eth_getTransactionCount", _AUTHORITY.address, "latest"), 16)
    signed = [
        _AUTHORITY.sign_authorization(
            {"chainId": 900, "address": "0x" + code, "nonce": count + at, **changes}
        )
        for at, code in enumerate(codes)
    ]
    nonce = await site.rpc.call("eth_getTransactionCount", site.accounts[0], "latest")
    fees = {"maxFeePerGas": 5 * 10**9, "maxPriorityFeePerGas": 10**9, "gas": 500_000}
    target = bytes.fromhex(to or _AUTHORITY.address[2:])
    call = {"chainId": 900, "nonce": int(nonce, 16), "to": target, "value": 0}
    made = Account.sign_transaction({**call, **fields_of_set_code(signed), **fees}, _FIRST_KEY)
    await site.rpc.call("eth_sendRawTransaction", "0x" + bytes(made.raw_transaction).hex())
    await site.mine()


def fields_of_set_code(authorizations: list[Any]) -> dict[str, Any]:
    return {"type": 4, "authorizationList": authorizations}


@case
async def logs_are_written(site: Site) -> None:
    await once(site, "60016002600360046020 5fa4".replace(" ", "") + "5f5fa0")


@pytest.mark.parametrize("name", CASES)
async def test_every_hash_is_found_again(site: Site, name: str) -> None:
    await CASES[name](site)
    await site.replayed()


async def test_all_of_it_on_one_chain_in_few_blocks(site: Site) -> None:
    for run in CASES.values():
        await run(site)
    for _ in range(3):
        await site.mine()
    for at in range(40):
        await site.send(**{"from": site.accounts[at % 10], "to": _FRESH, "value": at})
    await site.mine()
    await site.replayed()


@pytest.mark.parametrize(
    ("field", "wrong", "what"),
    [
        ("state_root", b"\x01" * 32, "state root"),
        ("hash", b"\x01" * 32, "hash"),
        ("timestamp", 7, "hash"),
        ("gas_limit", 30_000_000, "hash"),
        ("transactions", (), "state root"),
        ("transactions", (b"\x02\xc0",), "transaction 0"),
    ],
)
async def test_a_wrong_claim_is_named(site: Site, field: str, wrong: Any, what: str) -> None:
    await site.send(to=_FRESH, value=1)
    await site.mine()
    channel = await site.channel()
    replay = Replay(site.genesis, channel.parent_hash)
    with pytest.raises(Differs) as caught:
        replay.execute(replace(channel.blocks[0], **{field: wrong}))
    assert (caught.value.number, caught.value.what) == (1, what)


async def test_a_slot_changed_by_hand_is_found(site: Site) -> None:
    at = await once(site, "60055450")
    await site.rpc.call("anvil_setStorageAt", "0x" + at, hex(9), "0x" + f"{3:064x}")
    sent = await site.send(to="0x" + at)
    await site.mine()
    channel = await site.channel()
    replay = Replay(site.genesis, channel.parent_hash)
    *before, last = channel.blocks
    for block in before:
        replay.execute(block)
    with pytest.raises(Differs, match="state root"):
        replay.execute(last)
    found = await diagnose(site.rpc, replay, last)
    assert found == {
        "transactions": [],
        "accounts": [
            {
                "address": "0x" + at,
                "what": "slot 0x9",
                "claimed": "0x3",
                "found": "0x0",
                "transactions": [sent],
            }
        ],
    }
