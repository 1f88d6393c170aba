"""Tokens that are rollups' coins: what the governor still has to send, whatever was cut off."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.gas_tokens import GRANTED, MINTED, missing_tokens
from control_plane.domain.calls import encode_call, selector
from control_plane.domain.errors import InvalidInput
from control_plane.domain.op_stack import portal_address
from control_plane.domain.planner import make_plan
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.gas_tokens import PRESETS, GasToken, token_address
from control_plane.domain.validation import validate_spec

CONTRACTS = {
    "create3Factory": "0x" + "fa" * 20,
    "governanceExecutor": "0x" + "60" * 20,
    "era": "0x" + "e7" * 20,
}
USDC = PRESETS["USDC"]
ACCOUNTS = 450


class L1:
    """An L1 with some tokens, portals and balances."""

    def __init__(self) -> None:
        self.decimals: dict[bytes, int] = {}
        self.supply: dict[bytes, int] = {}
        self.held: dict[tuple[bytes, bytes], int] = {}
        self.portals: set[bytes] = set()

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        return [self._one(method, parameters[0]) for method, parameters in calls]

    def _one(self, method: str, what: Any) -> Any:
        if method == "eth_getCode":
            at = bytes.fromhex(what[2:])
            return "0x01" if at in self.portals or at in self.decimals else "0x"
        to, data = bytes.fromhex(what["to"][2:]), bytes.fromhex(what["data"][2:])
        if to not in self.decimals:
            return "0x"
        if data == selector("decimals()"):
            return hex_word(self.decimals[to])
        if data == selector("totalSupply()"):
            return hex_word(self.supply.get(to, 0))
        if data[:4] == selector("balanceOf(address)"):
            return hex_word(self.held.get((to, data[-20:]), 0))
        return RpcError("A call was refused", code=3, message="execution reverted")


def hex_word(value: int) -> str:
    return f"0x{value:064x}"


def network_of(token: GasToken | None) -> Any:
    raw = {"version": 1, "accounts": {"count": ACCOUNTS}}
    raw |= {"rollups": [{"name": "money", "da": "ethereum-calldata", "proof": "fraud"}]}
    plan = make_plan(validate_spec(raw))
    rollups = [replace(each, gas_token=token) for each in plan.rollups]
    plan = replace(plan, chains=(plan.l1, *rollups))
    return SimpleNamespace(plan=plan, contracts=CONTRACTS)


def accounts(network: Any) -> list[bytes]:
    found = derive_accounts(network.plan.accounts.mnemonic, ACCOUNTS)
    return [bytes.fromhex(account.address[2:]) for account in found]


def served(calls: Sequence[Any], function: str, amount: int, network: Any) -> list[int]:
    """Numbers of the accounts that these calls give `amount` to."""
    found = []
    for number, account in enumerate(accounts(network)):
        wanted = encode_call(function, account, amount)
        found += [number for call in calls if wanted in call.data]
    return found


async def missing(l1: L1, network: Any) -> list[Any]:
    rpc: Any = l1
    return list(await missing_tokens(rpc, network))


async def test_rollups_of_the_l1s_coin_need_nothing() -> None:
    assert await missing(L1(), network_of(None)) == []


async def test_a_test_token_is_made_and_handed_out_once() -> None:
    network, l1 = network_of(USDC), L1()
    at, amount = token_address(USDC, CONTRACTS), MINTED * 10**6
    creation, *mints = await missing(l1, network)
    assert creation.to == CONTRACTS["create3Factory"]
    assert b"USD Coin" in creation.data
    assert [call.to for call in mints] == [CONTRACTS["governanceExecutor"]] * 3
    assert served(mints, "mint(address,uint256)", amount, network) == list(range(ACCOUNTS))
    assert all(call.gas < 16_000_000 for call in mints)

    # cut off after the first of three: the rest gets theirs, and nobody twice
    l1.decimals[at], l1.supply[at] = 6, 200 * amount
    l1.held = {(at, who): amount for who in accounts(network)[:200]}
    rest = served(await missing(l1, network), "mint(address,uint256)", amount, network)
    assert rest == list(range(200, ACCOUNTS))

    # whoever has spent all gets no more
    l1.supply[at], l1.held = ACCOUNTS * amount, {}
    assert await missing(l1, network) == []


async def test_era_comes_from_the_treasury_as_far_as_it_goes() -> None:
    network, l1 = network_of(PRESETS["ERA"]), L1()
    era, treasury = (bytes.fromhex(CONTRACTS[key][2:]) for key in ("era", "governanceExecutor"))
    l1.decimals[era] = 18
    l1.held[era, treasury] = 10**27
    given = await missing(l1, network)
    assert served(given, "transfer(address,uint256)", GRANTED, network) == list(range(ACCOUNTS))
    l1.held[era, treasury] = 900 * 10**18
    given = await missing(l1, network)
    few = served(given, "transfer(address,uint256)", 2 * 10**18, network)
    assert few == list(range(ACCOUNTS))
    # with the portal made the grant is over
    l1.portals.add(portal_address(CONTRACTS, 901))
    assert await missing(l1, network) == []


async def test_a_token_of_others_must_be_what_the_spec_says() -> None:
    there = GasToken("DAI", "Dai", 18, "0x" + "da" * 20)
    network, l1 = network_of(there), L1()
    with pytest.raises(InvalidInput, match=r"is no token of the L1: it has no `decimals\(\)`"):
        await missing(l1, network)
    l1.decimals[b"\xda" * 20] = 8
    with pytest.raises(InvalidInput, match="has 8 decimals, the spec says 18"):
        await missing(l1, network)
    l1.decimals[b"\xda" * 20] = 18
    assert await missing(l1, network) == []
    # a test token that was left with other decimals by a rollup of before
    network = network_of(USDC)
    l1.decimals[token_address(USDC, CONTRACTS)] = 8
    with pytest.raises(InvalidInput, match="has 8 decimals, the spec says 6"):
        await missing(l1, network)
