"""What a user names, and what is bridged then, by what the rollup's coin is."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from control_plane.domain.errors import InvalidInput
from control_plane.domain.planner import make_plan
from control_plane.domain.settlement.gas_tokens import PRESETS, token_address
from control_plane.schemas.spec import Spec
from control_plane.services.bridge.ends import Ends
from control_plane.services.bridge.events import Moved
from control_plane.services.bridge.tokens import COIN, Token, coin_of, find_token, units

CONTRACTS = {"create3Factory": "0x" + "fa" * 20, "era": "0x" + "e7" * 20}
USDC = token_address(PRESETS["USDC"], CONTRACTS)
STANDS = bytes.fromhex("57" * 20)
SOMEBODY = b"\x05" * 20


class Chain:
    """Has code everywhere; of any token there it tells one name, symbol and decimals, and where the
    factory puts what stands for it."""

    async def call(self, method: str, *params: Any) -> Any:
        return {"eth_getCode": "0x60", "eth_call": "0x" + STANDS.rjust(32, b"\0").hex()}[method]

    async def batch(self, calls: Any) -> list[str]:
        text = (32).to_bytes(32) + (5).to_bytes(32) + b"\x1bOW\nN".ljust(32, b"\0")
        return ["0x" + each.hex() for each in (text, text, (6).to_bytes(32))]


def ends(coin: str | None) -> Ends:
    """Of a rollup whose coin is that, beside another whose coin is USDC."""
    rollups = [
        {"name": name, "da": "ethereum-calldata", "proof": "fraud"} for name in ("here", "other")
    ]
    plan = make_plan(Spec.model_validate({"version": 1, "name": "net", "rollups": rollups}), [])
    tokens = {"here": PRESETS[coin] if coin else None, "other": PRESETS["USDC"]}
    chains = tuple(replace(one, gas_token=tokens.get(one.name)) for one in plan.chains)
    network = SimpleNamespace(plan=replace(plan, chains=chains), contracts=CONTRACTS)
    rollup = SimpleNamespace(name="here", plan=chains[1])
    made = SimpleNamespace(network=network, rollup=rollup, l1=Chain(), l2=Chain())
    return cast(Ends, made)


def found(coin: str | None, text: str | None) -> Token:
    return asyncio.run(find_token(ends(coin), text))


def test_by_default_the_coin_goes() -> None:
    assert found(None, None) == found(None, "eth") == COIN
    usdc = found("USDC", None)
    assert (usdc.symbol, usdc.decimals, usdc.l1, usdc.scale) == ("USDC", 6, USDC, 10**12)
    assert usdc.is_coin
    assert usdc.is_free


@pytest.mark.parametrize("text", ["USDC", "usdc", "0x" + USDC.hex(), "0x" + USDC.hex().upper()])
def test_the_coin_by_any_name(text: str) -> None:
    assert found("USDC", text) == coin_of(ends("USDC"))


def test_ether_is_refused_where_the_coin_is_a_token() -> None:
    with pytest.raises(InvalidInput, match="ETH can't be bridged to or from here") as error:
        found("USDC", "eth")
    assert error.value.detail.startswith("coins of here are USDC")


def test_another_rollups_coin_is_an_ordinary_token_here() -> None:
    usdc = found(None, "USDC")
    assert (usdc.l1, usdc.l2, usdc.scale) == (USDC, STANDS, 1)
    assert not usdc.is_coin
    assert found("USDC", "ERA").l1 == bytes.fromhex("e7" * 20)


def test_what_is_no_token_is_said_with_what_there_is() -> None:
    with pytest.raises(InvalidInput, match="DAI can't be bridged") as error:
        found(None, "DAI")
    assert error.value.detail == "it is no address, and none of ETH, ERA, USDC"


def test_amounts_have_the_places_of_the_l1() -> None:
    usdc = coin_of(ends("USDC"))
    assert units("1.000001", usdc) == 1_000_001
    with pytest.raises(InvalidInput, match="can't be divided so far"):
        units("0.0000001", usdc)


def test_views_name_coins_and_what_strange_tokens_say_of_themselves() -> None:
    coins = asyncio.run(Moved(SOMEBODY, SOMEBODY, 15 * 10**17).shown(ends("USDC")))
    assert (coins["token"], coins["symbol"], coins["amount"]) == ("0x" + USDC.hex(), "USDC", "1.5")
    token = asyncio.run(Moved(SOMEBODY, SOMEBODY, 7, STANDS).shown(ends("USDC")))
    assert (token["symbol"], token["amount"]) == ("OWN", "0.000007")
