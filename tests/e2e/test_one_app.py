"""One application, unchanged, on rollups of all four frameworks and both engines."""

from collections.abc import Iterator

import pytest

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.domain.calls import encode_call, selector, tail, word
from control_plane.domain.settlement.predeploys import (
    BASE_FEE_VAULT,
    FEE_VAULTS,
    GAS_PRICE_ORACLE,
    OPERATOR_FEE_VAULT,
)
from control_plane.schemas.spec import TEST_MNEMONIC
from tests.acceptance.gateway import balance
from tests.acceptance.world import rpc, until
from tests.e2e import app
from tests.e2e.home import Home, new_home
from tests.nodes import find_op_geth

pytestmark = pytest.mark.timeout(240)

SPEC = """
version: 1
name: apps
rollups:
  - {name: op, framework: op-stack, da: ethereum-calldata, proof: fraud}
  - {name: arb, framework: arbitrum-nitro, da: ethereum-calldata, proof: fraud}
  - {name: zk, framework: zk-stack, da: ethereum-calldata, proof: validity, gas_token: USDC}
  - {name: cdk, framework: polygon-cdk, da: ethereum-calldata, proof: validity}
  - {name: geth, framework: op-stack, engine: op-geth, da: ethereum-calldata, proof: fraud}
"""
OPERATOR = derive_accounts(TEST_MNEMONIC, 1)[0]
FIRST = OPERATOR.address.lower()
USDC_UNIT = 10**12
"""Wei of the rollup."""
SOMEBODY = "0x00000000000000000000000000000000000a9900"
SIGNATURE = 67
"""Bytes at the end of most transactions: parity, r and s."""


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    find_op_geth()
    with new_home() as home:
        spec = home.home / "spec.yaml"
        spec.write_text(SPEC)
        home.run("up", str(spec), timeout=120)
        yield home


@pytest.fixture(scope="module")
def rollups(net: Home) -> list[app.Chain]:
    return list(net.status()["rollups"])


def number(rollup: app.Chain, to: str, data: bytes, block: str = "latest") -> int:
    call = {"to": to, "data": "0x" + data.hex()}
    return int(rpc(rollup["rpc_url"], "eth_call", call, block), 16)


def nonce(rollup: app.Chain) -> int:
    return int(rpc(rollup["rpc_url"], "eth_getTransactionCount", app.OWNER.address, "latest"), 16)


def coins(rollup: app.Chain, who: str) -> int:
    return int(rpc(rollup["rpc_url"], "eth_getBalance", who, "latest"), 16)


def test_same_manifest_code_and_addresses(net: Home, rollups: list[app.Chain]) -> None:
    """And what it sends from each rollup arrives at the next."""
    assert [each["framework"] for each in rollups] == [
        *("op-stack", "arbitrum-nitro", "zk-stack", "polygon-cdk", "op-stack")
    ]
    assert [each["engine"] for each in rollups] == [*["anvil"] * 4, "op-geth"]
    told = app.deploy(net)
    assert (app.states(told, "contracts"), app.states(told, "calls")) == ({"deployed"}, {"made"})
    points = told["addresses"]["points"]
    for at in told["addresses"].values():
        (code,) = {rpc(each["rpc_url"], "eth_getCode", at, "latest") for each in rollups}
        assert len(code) > 1_000
    again = app.deploy(net)
    assert (app.states(again, "contracts"), app.states(again, "calls")) == ({"stands"}, {"stands"})
    ring = tuple(zip(rollups, (*rollups[1:], rollups[0]), strict=True))
    for amount, (here, there) in enumerate(ring, 1):
        app.move(here, there, points, SOMEBODY, amount)
    assert [balance(each, points, SOMEBODY) for each in rollups] == [5, 1, 2, 3, 4]
    left = [balance(each, points, app.OWNER.address) for each in rollups]
    assert left == [app.SUPPLY - amount for amount in (1, 2, 3, 4, 5)]


def test_killed_in_the_middle_it_is_finished(net: Home, rollups: list[app.Chain]) -> None:
    """Nothing is done twice: the owner's nonces say how many transactions there were."""
    app.write_manifest(net, "killed.yaml", name="killed")
    before = [nonce(each) for each in rollups]
    command = ("app", "deploy", "killed.yaml", "--from", str(app.NUMBER))
    deploying = net.start(*command)
    record = net.home / "devnets" / "apps" / "apps" / "killed.jsonl"
    until(lambda: record.exists() and record.read_text().count('"block_hash":"0x') > 1, 20, "some")
    net.kill_daemon()
    deploying.communicate(timeout=20)  # a quick machine may be through with it
    net.wait_state("ready")
    told = dict(net.json(*command))
    assert app.states(told, "contracts") <= {"deployed", "stands"}
    assert app.states(told, "calls") <= {"made", "stands"}
    made = len(told["addresses"]) + len(told["rollups"][0]["calls"])
    assert [nonce(each) for each in rollups] == [count + made for count in before]


def test_fees_on_op_geth_are_what_the_oracle_says(rollups: list[app.Chain]) -> None:
    geth, url = rollups[-1], rollups[-1]["rpc_url"]
    assert number(geth, GAS_PRICE_ORACLE, encode_call("isJovian()")) == 1
    sent = app.send(geth, SOMEBODY, bytes(100) + bytes(range(256)) * 2)
    raw = bytes.fromhex(rpc(url, "eth_getRawTransactionByHash", sent["transactionHash"])[2:])
    data = selector("getL1Fee(bytes)") + word(32) + tail(raw[:-SIGNATURE])
    said, fee = number(geth, GAS_PRICE_ORACLE, data, sent["blockNumber"]), int(sent["l1Fee"], 16)
    assert fee > 0
    assert abs(said - fee) <= fee // 20  # what FastLZ makes of a signature is only estimated
    for vault in FEE_VAULTS:
        assert number(geth, vault, encode_call("recipient()")) == int(FIRST, 16)
        held, before = coins(geth, vault), coins(geth, FIRST)
        assert (held > 0) == (vault != OPERATOR_FEE_VAULT)
        app.send(geth, vault, encode_call("withdraw()"))
        assert coins(geth, FIRST) >= before + held
        assert number(geth, vault, encode_call("totalProcessed()")) >= held


def test_fees_in_tokens_go_home_in_whole_units(net: Home, rollups: list[app.Chain]) -> None:
    (zk,) = (each for each in rollups if each["gas_token"] == "USDC")
    net.run("bridge", "deposit", "--on", "zk", "--amount", "1", "--wait")
    route = encode_call("setWithdrawalRoute(address,uint8)", bytes.fromhex(SOMEBODY[2:]), 0)
    app.send(zk, BASE_FEE_VAULT, route, by=OPERATOR)
    app.send(zk, BASE_FEE_VAULT, b"", value=3 * USDC_UNIT + 7)
    sent = app.send(zk, BASE_FEE_VAULT, encode_call("withdraw()"))
    done = net.json("bridge", "withdraw", "--resume", sent["transactionHash"])
    assert done["state"] == "finalized"
    units, dust = divmod(number(zk, BASE_FEE_VAULT, encode_call("totalProcessed()")), USDC_UNIT)
    usdc = zk["l1_contracts"]["gasToken"]
    assert balance(net.status()["l1"], usdc, SOMEBODY) == units >= 3
    assert dust == 0 < coins(zk, BASE_FEE_VAULT)


@pytest.mark.parametrize("name", ["zk", "geth"])
def test_whoever_derives_them_finds_the_same(net: Home, name: str) -> None:
    """What the app did and what the vaults gave out included."""
    net.run("verify", name, timeout=60)
