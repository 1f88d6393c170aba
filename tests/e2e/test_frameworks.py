"""What the frameworks' own contracts on both chains do together: Polygon's bridge."""

from collections.abc import Iterator
from typing import Any

import pytest

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.portals import creation_code
from control_plane.adapters.evm.revert import decode_error
from control_plane.domain.calls import encode_call, tail, word
from control_plane.domain.hashing import keccak256
from control_plane.schemas.spec import TEST_MNEMONIC
from tests.acceptance.world import rpc, rpc_answer, until
from tests.e2e import cdk
from tests.e2e.home import Home, new_home

pytestmark = pytest.mark.timeout(240)

SPEC = """\
version: 1
name: frameworks
save_interval: 0.5
rollups:
  - {name: cdk, framework: polygon-cdk, da: ethereum-calldata, proof: validity}
"""
ACCOUNT = derive_accounts(TEST_MNEMONIC, 2)[1].address.lower()
CREATE2 = "0x4e59b44847b379578588920ca78fbf26c0b4956c"


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    with new_home() as home:
        spec = home.home / "spec.yaml"
        spec.write_text(SPEC)
        home.run("up", str(spec), timeout=120)
        yield home


def send(url: str, to: str, data: bytes, value: int = 0) -> dict[str, Any]:
    call = {"from": ACCOUNT, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
    hash_ = rpc(url, "eth_sendTransaction", call)
    until(lambda: rpc(url, "eth_getTransactionReceipt", hash_), 10, "mined")
    receipt = rpc(url, "eth_getTransactionReceipt", hash_)
    assert receipt["status"] == "0x1"
    return dict(receipt)


def ask(url: str, to: str, data: bytes) -> bytes:
    call = {"from": ACCOUNT, "to": to, "data": "0x" + data.hex()}
    return bytes.fromhex(rpc(url, "eth_call", call, "latest")[2:])


def refusal(url: str, to: str, data: bytes) -> str:
    call = {"to": to, "data": "0x" + data.hex()}
    return decode_error(rpc_answer(url, "eth_call", call, "latest")["error"]["data"])


def test_polygons_bridge_goes_both_ways(net: Home) -> None:
    """Coins and a token there, coins and a message home; whoever claims makes his own proofs."""
    (rollup,) = (each for each in net.status()["rollups"] if each["name"] == "cdk")
    url, l1 = rollup["rpc_url"], net.status()["l1"]["rpc_url"]
    bridge, roots = (
        rollup["l1_contracts"][key] for key in ("polygonZkEVMBridge", "polygonZkEVMGlobalExitRoot")
    )
    who = bytes.fromhex(ACCOUNT[2:])
    other = bytes.fromhex("00" * 17 + "cdc0de")

    def known() -> tuple[bytes, bytes]:
        asked = ("lastMainnetExitRoot()", "lastRollupExitRoot()")
        mainnet, of_rollup = (ask(l1, roots, encode_call(each)) for each in asked)
        return mainnet, of_rollup

    there = encode_call(cdk.BRIDGE_ASSET, 1, other, 10**18, 0, 1, b"")
    send(l1, bridge, there, 10**18)
    token = made_token(l1, "Bridged")
    send(l1, token, encode_call("approve(address,uint256)", bytes.fromhex(bridge[2:]), 50))
    tokens = encode_call(cdk.BRIDGE_ASSET, 1, who, 50, bytes.fromhex(token[2:]), 1, b"")
    send(l1, bridge, tokens)
    root = keccak256(b"".join(known()))
    is_known = encode_call("globalExitRootMap(bytes32)", root)
    until(lambda: any(ask(url, cdk.EXIT_ROOTS, is_known)), 20, "the L1's exit root on the rollup")
    left = cdk.leaves(l1, bridge)
    for index in (0, 1):
        send(url, cdk.BRIDGE, cdk.claim(left, index, *known()))
    assert int(rpc(url, "eth_getBalance", "0x" + other.hex(), "latest"), 16) == 10**18
    wrapped = encode_call("getTokenWrappedAddress(uint32,address)", 0, bytes.fromhex(token[2:]))
    stands_for = "0x" + ask(url, cdk.BRIDGE, wrapped)[12:].hex()
    assert ask(url, stands_for, encode_call("balanceOf(address)", who)) == word(50)
    again = encode_call("isClaimed(uint32,uint32)", 0, 0)
    assert ask(url, cdk.BRIDGE, again) == word(1)
    assert "AlreadyClaimed" in refusal(url, cdk.BRIDGE, cdk.claim(left, 0, *known()))

    home = encode_call(cdk.BRIDGE_ASSET, 0, other, 10**17, 0, 0, b"")
    send(url, cdk.BRIDGE, home, 10**17)
    send(url, cdk.BRIDGE, encode_call(cdk.BRIDGE_MESSAGE, 0, other, 1, b"hello"), 5)
    exit_root = ask(url, cdk.EXIT_ROOTS, encode_call("lastRollupExitRoot()"))
    proven = encode_call("lastLocalExitRoot()")
    until(lambda: ask(l1, roots, proven) == exit_root, 60, "the rollup's exit root on the L1")
    left = cdk.leaves(url, cdk.BRIDGE)
    for index in (0, 1):
        send(l1, bridge, cdk.claim(left, index, *known()))
    assert int(rpc(l1, "eth_getBalance", "0x" + other.hex(), "latest"), 16) == 10**17 + 5
    held = ask(l1, bridge, encode_call("escrowed(address)", 0))
    assert held == ask(url, cdk.BRIDGE, encode_call("escrowed(address)", 0))
    assert held == word(10**18 - 10**17 - 5)
    net.run("verify", "cdk", timeout=60)


def made_token(url: str, name: str) -> str:
    """A free token by the CREATE2 proxy, of which ACCOUNT has 1000."""
    text = tail(name.encode())
    code = creation_code("FreeToken") + word(96) + word(96 + len(text)) + word(6) + text + text
    hashed = keccak256(b"\xff" + bytes.fromhex(CREATE2[2:]) + bytes(32) + keccak256(code))
    token = "0x" + hashed[12:].hex()
    send(url, CREATE2, bytes(32) + code)
    send(url, token, encode_call("mint(address,uint256)", bytes.fromhex(ACCOUNT[2:]), 1000))
    return token
