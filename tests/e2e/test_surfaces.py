"""What an application finds on rollups of four frameworks: the same contract at the same address,
and of each framework's own contracts as much as status says."""

from collections.abc import Iterator
from typing import Any

import pytest
from eth_abi import encode  # type: ignore[attr-defined]

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.portals import creation_code
from control_plane.adapters.evm.revert import decode_error
from control_plane.domain.calls import encode_call, selector, tail, word
from control_plane.domain.hashing import keccak256
from control_plane.domain.merkle import ZERO_SUBTREES
from control_plane.domain.settlement.withdrawals import MESSAGE_PASSER, withdrawal_of_log
from control_plane.schemas.spec import TEST_MNEMONIC
from tests.acceptance.world import rpc, rpc_answer, until
from tests.e2e import cdk
from tests.e2e.home import Home, new_home

pytestmark = pytest.mark.timeout(240)

FRAMEWORKS = {
    "op": ("op-stack", "fraud", "partial"),
    "arb": ("arbitrum-nitro", "fraud", "partial"),
    "zk": ("zk-stack", "validity", "partial"),
    "cdk": ("polygon-cdk", "validity", "partial"),
}
"""By rollup: its framework, its proof, its surface."""
SPEC = "version: 1\nname: surfaces\nsave_interval: 0.5\nrollups:\n" + "".join(
    f"  - {{name: {name}, framework: {framework}, da: ethereum-calldata, proof: {proof}"
    f"{', finalization_window: 2' if proof == 'fraud' else ''}}}\n"
    for name, (framework, proof, _) in FRAMEWORKS.items()
)
ACCOUNT = derive_accounts(TEST_MNEMONIC, 2)[1].address.lower()
CREATE2 = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
ARB_SYS, ARB_INFO, ARB_GAS_INFO, NODE = (f"0x{at:040x}" for at in (0x64, 0x65, 0x6C, 0xC8))
BASE_TOKEN, L1_MESSENGER = f"0x{0x800A:040x}", f"0x{0x8008:040x}"
ARB_RETRYABLE_TX = f"0x{0x6E:040x}"
L2_TO_L1_TX = keccak256(
    b"L2ToL1Tx(address,address,uint256,uint256,uint256,uint256,uint256,uint256,bytes)"
)
OUTBOX_EXECUTED = (
    "0x" + keccak256(b"OutBoxTransactionExecuted(address,address,uint256,uint256)").hex()
)
RETRYABLE = "createRetryableTicket(address,uint256,uint256,address,address,uint256,uint256,bytes)"
SYSTEM_CONTEXT = f"0x{0x800B:040x}"
REQUEST = "(uint256,uint256,address,uint256,bytes,uint256,uint256,bytes[],address)"
SHOWN_TYPES = ("uint256", "uint256", "uint256", "(uint16,address,bytes)", "bytes32[]")
SHOWN = ",".join(SHOWN_TYPES)
FINALIZE_WITHDRAWAL = "finalizeEthWithdrawal(uint256,uint256,uint16,bytes,bytes32[])"
HOME = "0x00000000000000000000000000000000000c0ffe"


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    with new_home() as home:
        spec = home.home / "spec.yaml"
        spec.write_text(SPEC)
        home.run("up", str(spec), timeout=120)
        yield home


def urls(net: Home) -> dict[str, str]:
    return {each["name"]: each["rpc_url"] for each in net.status()["rollups"]}


def send(url: str, to: str, data: bytes, value: int = 0) -> dict[str, Any]:
    call = {"from": ACCOUNT, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
    hash_ = rpc(url, "eth_sendTransaction", call)
    until(lambda: rpc(url, "eth_getTransactionReceipt", hash_), 10, "mined")
    receipt = rpc(url, "eth_getTransactionReceipt", hash_)
    assert receipt["status"] == "0x1"
    return dict(receipt)


def ask(url: str, to: str, data: bytes, block: str = "latest") -> bytes:
    call = {"from": ACCOUNT, "to": to, "data": "0x" + data.hex()}
    return bytes.fromhex(rpc(url, "eth_call", call, block)[2:])


def refusal(url: str, to: str, data: bytes) -> str:
    call = {"to": to, "data": "0x" + data.hex()}
    return decode_error(rpc_answer(url, "eth_call", call, "latest")["error"]["data"])


def test_the_same_contract_stands_and_answers_on_all_four(net: Home) -> None:
    code = (
        creation_code("FreeToken") + word(96) + word(160) + word(18) + tail(b"Own") + tail(b"OWN")
    )
    hashed = keccak256(b"\xff" + bytes.fromhex(CREATE2[2:]) + bytes(32) + keccak256(code))
    token, who = "0x" + hashed[12:].hex(), bytes.fromhex(ACCOUNT[2:])
    said = set()
    for url in urls(net).values():
        send(url, CREATE2, bytes(32) + code)
        send(url, token, encode_call("mint(address,uint256)", who, 7))
        calls = (encode_call("symbol()"), encode_call("balanceOf(address)", who))
        answers = tuple(ask(url, token, call) for call in calls)
        said.add((rpc(url, "eth_getCode", token, "latest"), *answers))
    ((_, symbol, balance),) = said
    assert symbol == word(32) + tail(b"OWN")
    assert balance == word(7)


def test_status_says_how_much_is_there(net: Home) -> None:
    told = {each["name"]: (each["framework"], each["surface"]) for each in net.status()["rollups"]}
    assert told == {name: (is_, shows) for name, (is_, _, shows) in FRAMEWORKS.items()}
    for name, url in urls(net).items():
        has = rpc(url, "eth_getCode", ARB_SYS, "latest") != "0x"
        assert has == (name == "arb")


def test_arbitrums_contracts_answer_what_the_chain_has(net: Home) -> None:
    arb = urls(net)["arb"]
    block = rpc(arb, "eth_getBlockByNumber", "latest", False)
    number, fee = int(block["number"], 16), int(block["baseFeePerGas"], 16)
    chain_id = int(rpc(arb, "eth_chainId"), 16)
    assert ask(arb, ARB_SYS, encode_call("arbChainID()")) == word(chain_id)
    assert ask(arb, ARB_SYS, encode_call("arbBlockNumber()"), block["number"]) == word(number)
    parent = encode_call("arbBlockHash(uint256)", number - 1)
    assert ask(arb, ARB_SYS, parent, block["number"]).hex() == block["parentHash"][2:]
    prices = encode_call("getPricesInWei()")
    wanted = (0, 0, 20_000 * fee, fee, 0, fee)
    assert ask(arb, ARB_GAS_INFO, prices, block["number"]) == b"".join(map(word, wanted))
    balance = encode_call("getBalance(address)", bytes.fromhex(ACCOUNT[2:]))
    assert int.from_bytes(ask(arb, ARB_INFO, balance)) == int(
        rpc(arb, "eth_getBalance", ACCOUNT, "latest"), 16
    )
    assert "NotHere" in refusal(arb, NODE, encode_call("l2BlockRangeForL1(uint64)", 1))
    assert "NotHere" in refusal(arb, ARB_RETRYABLE_TX, encode_call("getLifetime()"))
    assert "CallersCallerUnknown" in refusal(
        arb, ARB_SYS, encode_call("myCallersAddressWithoutAliasing()")
    )


def test_coins_come_home_by_arbsys(net: Home) -> None:
    """The withdrawal is the message passer's, so the bridge's proofs are its proofs; the L1's side
    knows who sent it, and asked the rollup for something before."""
    (rollup,) = (each for each in net.status()["rollups"] if each["name"] == "arb")
    arb, l1 = rollup["rpc_url"], net.status()["l1"]["rpc_url"]
    at = rollup["l1_contracts"]
    who, home = bytes.fromhex(ACCOUNT[2:]), bytes.fromhex(HOME[2:])
    ticket = encode_call(RETRYABLE, home, 3 * 10**17, 0, who, who, 100_000, 0, b"")
    mine = int(rpc(arb, "eth_getBalance", ACCOUNT, "latest"), 16)
    send(l1, at["inbox"], ticket, 10**18)
    # what the call does not carry is refunded
    until(lambda: int(rpc(arb, "eth_getBalance", HOME, "latest"), 16) == 3 * 10**17, 20, "a ticket")
    until(
        lambda: int(rpc(arb, "eth_getBalance", ACCOUNT, "latest"), 16) == mine + 7 * 10**17,
        20,
        "the refund",
    )
    sent = send(arb, ARB_SYS, encode_call("withdrawEth(address)", home), 10**17)
    (told,) = (log for log in sent["logs"] if log["address"] == ARB_SYS)
    (passed,) = (log for log in sent["logs"] if log["address"] == "0x" + MESSAGE_PASSER.hex())
    withdrawal = withdrawal_of_log(passed)
    assert withdrawal is not None
    assert withdrawal.target.hex() == at["bridge"][2:]
    assert told["topics"][:2] == ["0x" + each.hex() for each in (L2_TO_L1_TX, word(home))]
    assert bytes.fromhex(told["data"][2:66]) == word(who)
    comes_home(net, sent, 10**17)
    executed = {"address": at["outbox"], "topics": [OUTBOX_EXECUTED], "fromBlock": "0x0"}
    (log,) = rpc(l1, "eth_getLogs", executed)
    assert log["topics"][1:3] == ["0x" + word(each).hex() for each in (home, who)]
    net.run("verify", "arb", timeout=60)


def test_coins_come_home_by_the_base_token(net: Home) -> None:
    """One after the other: both rollups pay out to the same account. What the L1 asked of the
    rollup before has its caller's name; what the rollup says of the withdrawal is shown there."""
    (rollup,) = (each for each in net.status()["rollups"] if each["name"] == "zk")
    url, l1, chain_id = rollup["rpc_url"], net.status()["l1"]["rpc_url"], rollup["chain_id"]
    hub, home = rollup["l1_contracts"]["bridgehub"], bytes.fromhex(HOME[2:])
    deps: list[bytes] = []
    request = (chain_id, 10**18, HOME, 4 * 10**17, b"", 100_000, 800, deps, ACCOUNT)
    asked = selector(f"requestL2TransactionDirect({REQUEST})") + encode([REQUEST], [request])
    send(l1, hub, asked, 10**18)
    until(
        lambda: int(rpc(url, "eth_getBalance", HOME, "latest"), 16) == 4 * 10**17,
        20,
        "what the L1 asked for",
    )
    before = int(rpc(l1, "eth_getBalance", HOME, "latest"), 16)
    sent = send(url, BASE_TOKEN, encode_call("withdraw(address)", home), 10**16)
    assert BASE_TOKEN in {log["address"] for log in sent["logs"]}
    comes_home(net, sent, before + 10**16)

    root = ask(url, L1_MESSENGER, encode_call("messageRoot()"))
    known = encode_call("lastMessageRoot()")
    until(lambda: ask(l1, hub, known) == root, 60, "the root of messages on the L1")
    batch = int.from_bytes(ask(l1, hub, encode_call("lastBatchNumber()")))
    message = selector(FINALIZE_WITHDRAWAL) + home + word(10**16)
    shown = selector(f"proveL2MessageInclusion({SHOWN})")
    for sender, is_true in ((BASE_TOKEN, 1), (ACCOUNT, 0)):
        parts = (chain_id, batch, 0, (0, sender, message), list(ZERO_SUBTREES[:32]))
        assert ask(l1, hub, shown + encode(SHOWN_TYPES, parts)) == word(is_true)
    assert ask(url, SYSTEM_CONTEXT, encode_call("chainId()")) == word(chain_id)
    assert "NotHere" in refusal(url, SYSTEM_CONTEXT, encode_call("getBatchHash(uint256)", 1))
    net.run("verify", "zk", timeout=60)


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


def comes_home(net: Home, sent: dict[str, Any], wei: int) -> None:
    """The bridge pays out what `sent` withdrew; the receiver has `wei` then."""
    done = net.json("bridge", "withdraw", "--resume", sent["transactionHash"])
    assert done["state"] == "finalized"
    l1 = net.status()["l1"]["rpc_url"]
    assert int(rpc(l1, "eth_getBalance", HOME, "latest"), 16) == wei
