"""Gas tokens: where they are, what a unit is worth, and that a plan keeps them."""

from dataclasses import replace

import pytest

from control_plane.domain.plan_json import plan_from_json, plan_to_json
from control_plane.domain.planner import make_plan
from control_plane.domain.settlement.gas_tokens import (
    PRESETS,
    GasToken,
    coin_symbol,
    is_made,
    token_address,
)
from control_plane.schemas.spec import Spec

CONTRACTS = {"create3Factory": "0x" + "fa" * 20, "era": "0x" + "e7" * 20}


@pytest.mark.parametrize(("decimals", "scale"), [(0, 10**18), (6, 10**12), (8, 10**10), (18, 1)])
def test_a_unit_in_wei(decimals: int, scale: int) -> None:
    assert GasToken("T", "Token", decimals).scale == scale


def test_where_tokens_are() -> None:
    usdc, era = PRESETS["USDC"], PRESETS["ERA"]
    there = GasToken("DAI", "Dai", 18, "0x" + "da" * 20)
    assert token_address(era, CONTRACTS) == bytes.fromhex("e7" * 20)
    assert token_address(there, CONTRACTS) == bytes.fromhex("da" * 20)
    made = token_address(usdc, CONTRACTS)
    assert made == token_address(replace(usdc, decimals=8, name="Other"), CONTRACTS)
    assert made != token_address(replace(usdc, symbol="USDT"), CONTRACTS)
    assert [is_made(token) for token in (usdc, era, there)] == [True, False, False]


def test_what_the_coin_is_called() -> None:
    assert coin_symbol(None) == "ETH"
    assert coin_symbol(PRESETS["USDC"]) == "USDC"


def test_a_plan_keeps_them() -> None:
    plan = make_plan(Spec(version=1))
    chains = (plan.l1, *(replace(each, gas_token=PRESETS["USDC"]) for each in plan.rollups))
    plan = replace(plan, chains=chains)
    assert plan_from_json(plan_to_json(plan)) == plan
    old = plan_to_json(plan)
    for chain in old["chains"]:
        del chain["gas_token"]
    assert all(chain.gas_token is None for chain in plan_from_json(old).chains)
