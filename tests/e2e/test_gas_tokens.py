"""Rollups whose coin is a token of the L1, told of by nothing but specs and JSON-RPC."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from control_plane.adapters.evm.portals import creation_code
from control_plane.domain.calls import encode_call, selector, tail, word
from control_plane.domain.settlement.gas_tokens import ETHER
from tests.acceptance.world import ALICE, rpc, rpc_answer, until
from tests.e2e.home import Home, new_home

_NAME = "net"
_L1_BLOCK = "0x4200000000000000000000000000000000000015"
_PASSER = "0x4200000000000000000000000000000000000016"
_MESSENGER = "0x4200000000000000000000000000000000000007"
_DEPOSIT = "depositERC20Transaction(address,uint256,uint256,uint64,bool,bytes)"
_BOB = "0x" + "b0b0" * 10
_SETTLED = {"da": "ethereum-calldata", "proof": "fraud", "finalization_window": 2}
_MONEY = _SETTLED | {"name": "money", "gas_token": "USDC"}


@pytest.fixture
def home() -> Iterator[Home]:
    with new_home() as found:
        yield found


class Chain:
    """One chain of the devnet, with Alice's account unlocked."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, to: str, signature: str, *arguments: int | bytes) -> int:
        data = "0x" + encode_call(signature, *arguments).hex()
        return int(rpc(self.url, "eth_call", {"to": to, "data": data}, "latest")[:66], 16)

    def text(self, to: str, signature: str) -> str:
        call = {"to": to, "data": "0x" + selector(signature).hex()}
        answer = bytes.fromhex(rpc(self.url, "eth_call", call, "latest")[2:])
        return answer[64 : 64 + int.from_bytes(answer[32:64])].decode()

    def send(self, to: str | None, data: bytes, value: int = 0) -> dict[str, Any]:
        """The receipt of a transaction of Alice's."""
        wanted = {"from": ALICE, "data": "0x" + data.hex(), "value": hex(value)}
        wanted |= {"to": to} if to else {}
        hash_ = rpc(self.url, "eth_sendTransaction", wanted | {"gas": hex(3_000_000)})
        found: list[Any] = []

        def mined() -> bool:
            found[:] = [rpc(self.url, "eth_getTransactionReceipt", hash_)]
            return found[0] is not None

        until(mined, 20, "a transaction is in a block")
        return dict(found[0])

    def refusal(self, to: str, data: bytes, value: int) -> bytes:
        """What a call reverts with."""
        call = {"from": ALICE, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        return bytes.fromhex(rpc_answer(self.url, "eth_call", call, "latest")["error"]["data"][2:])

    def balance(self, account: str) -> int:
        return int(rpc(self.url, "eth_getBalance", account, "latest"), 16)


def spec_of(*rollups: dict[str, Any], tokens: list[dict[str, Any]] | None = None) -> str:
    spec = {"version": 1, "name": _NAME, "save_interval": 0.5, "rollups": list(rollups)}
    return yaml.safe_dump(spec | {"tokens": tokens or []})


def up(home: Home, spec: str, *more: str, check: bool = True) -> tuple[int, str]:
    (home.home / "net.yaml").write_text(spec)
    done = home.run("up", "net.yaml", *more, check=check, timeout=90)
    return done.returncode, done.stderr


def chains(home: Home) -> tuple[Chain, dict[str, Chain], dict[str, dict[str, Any]]]:
    """The L1, the rollups, and what status says of these."""
    status = home.status()
    rollups = {rollup["name"]: rollup for rollup in status["rollups"]}
    return (
        Chain(status["l1"]["rpc_url"]),
        {name: Chain(rollup["rpc_url"]) for name, rollup in rollups.items()},
        rollups,
    )


def deposit(l1: Chain, rollup: dict[str, Any], units: int) -> None:
    """From Alice to Bob, by two plain transactions."""
    token, portal = rollup["l1_contracts"]["gasToken"], rollup["l1_contracts"]["optimismPortal"]
    scale = 10 ** (18 - l1.ask(token, "decimals()"))
    l1.send(token, encode_call("approve(address,uint256)", _bytes(portal), units))
    call = encode_call(_DEPOSIT, _bytes(_BOB), units, units * scale, 100_000, 0, b"")
    assert l1.send(portal, call)["status"] == "0x1"


def test_a_token_of_the_l1_is_a_rollups_coin(home: Home) -> None:
    up(home, spec_of(_MONEY))
    assert home.json("plan", "net.yaml")["chains"][1]["gas_token"] == "USDC"
    assert "USDC" in home.run("plan", "net.yaml").stdout
    l1, found, told = chains(home)
    money, rollup = found["money"], told["money"]
    token, portal = rollup["l1_contracts"]["gasToken"], rollup["l1_contracts"]["optimismPortal"]
    assert (rollup["gas_token"], l1.text(token, "symbol()")) == ("USDC", "USDC")
    assert l1.ask(portal, "gasPayingToken()") == int(token, 16)
    assert money.ask(_L1_BLOCK, "gasPayingToken()") == int(token, 16)
    assert money.ask(_L1_BLOCK, "isCustomGasToken()") == 1
    assert money.text(_L1_BLOCK, "gasPayingTokenName()") == "USD Coin"
    assert money.text(_L1_BLOCK, "gasPayingTokenSymbol()") == "USDC"
    assert l1.ask(token, "balanceOf(address)", _bytes(ALICE)) == 1_000_000 * 10**6

    deposit(l1, rollup, 1_500_000)
    until(lambda: money.balance(_BOB) == 15 * 10**17, 20, "1.5 USDC arrived")
    refused(l1, money, rollup)
    never_changes(home)
    there_already(home)

    home.run("stop", _NAME)
    home.run("start", _NAME)
    home.wait_state("ready", 60)
    l1, found, told = chains(home)
    assert l1.ask(token, "balanceOf(address)", _bytes(ALICE)) == 1_000_000 * 10**6 - 1_500_000
    for name in told:
        until(lambda n=name: "is what it claims" in verified(home, n), 30, f"{name} is verified")


def verified(home: Home, rollup: str) -> str:
    """A batcher may have more to post: then there is less to verify."""
    return home.run("verify", rollup, check=False).stdout


def refused(l1: Chain, money: Chain, rollup: dict[str, Any]) -> None:
    """What would lose something."""
    contracts = rollup["l1_contracts"]
    to = encode_call("initiateWithdrawal(address,uint256,bytes)", _bytes(_BOB), 100_000, b"")
    dust = money.refusal(_PASSER, to, 10**12 + 1)
    assert dust[:4] == selector("DustNotWithdrawable(uint256,uint256)")
    send = encode_call("sendMessage(address,bytes,uint32)", _bytes(_BOB), b"", 100_000)
    no_value = selector("NoValueWithGasToken(uint256)")
    assert money.refusal(_MESSENGER, send, 1)[:4] == no_value
    assert l1.refusal(contracts["l1CrossDomainMessenger"], send, 1)[:4] == no_value
    assert l1.refusal(contracts["optimismPortal"], b"", 1)[:4] == selector("OnlyGasToken(address)")


def never_changes(home: Home) -> None:
    for token in ("ETH", "ERA"):
        code, why = up(home, spec_of(_MONEY | {"gas_token": token}), check=False)
        assert code == 4
        assert f"USDC of 6 decimals → {token}" in why
        assert "locked on the L1" in why


def there_already(home: Home) -> None:
    """A token that somebody made, and one that the spec describes, for rollups added live."""
    l1, _, told = chains(home)
    text = tail(b"Wrapped Bitcoin"), tail(b"WBTC")
    arguments = word(96) + word(96 + len(text[0])) + word(8) + text[0] + text[1]
    receipt = l1.send(None, creation_code("FreeToken") + arguments)
    wbtc = receipt["contractAddress"]
    l1.send(wbtc, encode_call("mint(address,uint256)", _bytes(ALICE), 10**8))
    dai = {"symbol": "DAI", "decimals": 0, "name": "Whole Dai"}
    tokens = [dai, {"symbol": "WBTC", "decimals": 6, "address": wbtc}]
    named = _SETTLED | {"name": "dai", "gas_token": "DAI"}
    proven = {"framework": "zk-stack", "da": "ethereum-calldata", "proof": "validity"}
    bitcoin = proven | {"name": "btc", "gas_token": "WBTC"}

    code, why = up(home, spec_of(_MONEY, named, bitcoin, tokens=tokens), check=False)
    assert (code, "has 8 decimals, the spec says 6" in why) == (2, True), why
    assert set(chains(home)[2]) == {"money"}

    tokens[1]["decimals"] = 8
    up(home, spec_of(_MONEY, named, bitcoin, tokens=tokens))
    home.wait_state("ready", 60)
    l1, found, told = chains(home)
    assert told["btc"]["l1_contracts"]["gasToken"] == wbtc
    assert found["btc"].text("0x000000000000000000000000000000000000800a", "symbol()") == "WBTC"
    deposit(l1, told["btc"], 3)
    deposit(l1, told["dai"], 2)
    until(lambda: found["btc"].balance(_BOB) == 3 * 10**10, 20, "three satoshis arrived")
    until(lambda: found["dai"].balance(_BOB) == 2 * 10**18, 20, "two whole DAI arrived")


def test_a_rollup_whose_coin_is_ether_says_so(home: Home) -> None:
    up(home, spec_of(_SETTLED | {"name": "plain"}, {"name": "bare"}))
    l1, found, told = chains(home)
    assert [told[name]["gas_token"] for name in ("plain", "bare")] == ["ETH", None]
    assert "gasToken" not in told["plain"]["l1_contracts"]
    assert found["plain"].ask(_L1_BLOCK, "gasPayingToken()") == int.from_bytes(ETHER)
    assert found["plain"].text(_L1_BLOCK, "gasPayingTokenSymbol()") == "ETH"
    assert l1.ask(told["plain"]["l1_contracts"]["optimismPortal"], "gasPayingToken()") == (
        int.from_bytes(ETHER)
    )
    plan = json.loads(home.run("plan", "net.yaml", "--json").stdout)
    assert plan["changes"] == []
    home.run("rollup", "add", "more", "--da", "ethereum-calldata", "--proof", "fraud",
             "--gas-token", "era")  # fmt: skip
    assert chains(home)[2]["more"]["gas_token"] == "ERA"
    l1, _, told = chains(home)
    era = told["more"]["l1_contracts"]["gasToken"]
    assert l1.ask(era, "balanceOf(address)", _bytes(ALICE)) == 10_000 * 10**18


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
