"""Blocks when transactions wait, contracts, logs, proofs, and rolling back where an engine can."""

import json

import pytest

from tests.acceptance.world import rpc, rpc_answer, until
from tests.conformance.client import (
    COUNTER,
    Wallet,
    creation,
    proven_slot,
    receipt_of,
    storage,
    subscribed,
)
from tests.conformance.devnet import Devnet
from tests.e2e.messages import At
from tests.foundry import cast

SOMEBODY = "0x00000000000000000000000000000000c0ffee01"


def websocket(chain: At) -> str:
    return chain.url.replace("http", "ws", 1)


def test_block_comes_as_soon_as_a_transaction_waits(a: At, wallet: Wallet) -> None:
    with subscribed(websocket(a), "newHeads") as heads:
        hash_ = a.call("eth_sendRawTransaction", wallet.raw(a, SOMEBODY, value=1))
        head = heads.next(5)
    receipt = receipt_of(a, hash_, 1)
    assert receipt["blockNumber"] == head["number"]


def test_no_block_comes_when_none_waits(a: At) -> None:
    until(lambda: quiet(a), 10, "no block for more than a second")


def quiet(chain: At) -> bool:
    height = chain.height
    try:
        with subscribed(websocket(chain), "newHeads") as heads:
            heads.next(1.2)
    except TimeoutError:
        return chain.height == height
    return False


def test_transactions_that_wait_together_share_a_block(b: At, wallet: Wallet) -> None:
    raws = [wallet.raw(b, SOMEBODY, value=1, ahead=ahead) for ahead in range(5)]
    hashes = [b.call("eth_sendRawTransaction", raw) for raw in raws]
    blocks = [receipt_of(b, hash_)["blockNumber"] for hash_ in hashes]
    assert len(set(blocks)) <= 2


def test_faucet_pays_on_every_chain(devnet: Devnet) -> None:
    fresh = "0x00000000000000000000000000000000c0ffee02"
    before = {
        n: int(c.call("eth_getBalance", fresh, "latest"), 16) for n, c in devnet.chains.items()
    }
    devnet.home.run("faucet", fresh, "--amount", "2.5", "--devnet", "net")
    for name, chain in devnet.chains.items():
        held = int(chain.call("eth_getBalance", fresh, "latest"), 16)
        assert held - before[name] == 25 * 10**17


def test_cast_deploys_a_contract_and_calls_it(devnet: Devnet, a: At, wallet: Wallet) -> None:
    key = "0x" + wallet.key.hex()
    sent = ["send", "--rpc-url", a.url, "--private-key", key, "--json"]
    receipt = cast(*sent, "--create", "0x" + creation(COUNTER).hex())
    address = json.loads(receipt)["contractAddress"]
    assert a.call("eth_getCode", address, "latest") == "0x" + COUNTER.hex()
    cast(*sent, address, "0x1234")
    assert cast("storage", "--rpc-url", a.url, address, "0").endswith("1")


@pytest.mark.mixed
def test_create2_gives_one_address_on_all_chains(devnet: Devnet, wallet: Wallet) -> None:
    found = {wallet.deploy(chain, salt=77) for chain in devnet.chains.values()}
    assert len(found) == 1


def test_logs_are_notified_on_the_public_port(a: At, wallet: Wallet) -> None:
    address = wallet.deploy(a, salt=1)
    with subscribed(websocket(a), "logs", {"address": address}) as logs:
        receipt = wallet.send(a, address, b"hello")
        log = logs.next()
    assert (log["data"], log["transactionHash"]) == (
        "0x" + b"hello".hex(),
        receipt["transactionHash"],
    )
    asked = a.call("eth_getLogs", {"address": address, "fromBlock": "0x0", "toBlock": "latest"})
    assert [found["data"] for found in asked] == [log["data"]]


def test_proofs_of_the_head_and_of_an_older_block(devnet: Devnet, a: At, wallet: Wallet) -> None:
    address = wallet.deploy(a, salt=2)
    first = int(wallet.send(a, address)["blockNumber"], 16)
    second = int(wallet.send(a, address)["blockNumber"], 16)
    assert proven_slot(a, address, 0, first) == 1
    assert proven_slot(a, address, 0, second) == 2
    assert proven_slot(a, address, 5, second) == 0, "absence is proven"
    assert storage(a, address, 0, hex(first)) == 1


def test_transaction_is_traced(a: At, wallet: Wallet) -> None:
    address = wallet.deploy(a, salt=3)
    receipt = wallet.send(a, address, b"traced")
    call = a.call("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
    assert (call["to"], call["input"]) == (address, "0x" + b"traced".hex())


def test_reverting_transaction_is_in_a_block_and_failed(a: At, wallet: Wallet) -> None:
    """Nothing between the chain and the user hides it."""
    bad = wallet.deploy(a, bytes.fromhex("60006000fd"), salt=4)
    answer = rpc_answer(a.url, "eth_call", {"to": bad, "from": wallet.address}, "latest")
    assert "revert" in answer["error"]["message"]
    hash_ = a.call("eth_sendRawTransaction", wallet.raw(a, bad))
    assert receipt_of(a, hash_)["status"] == "0x0"


def test_blocks_begin_with_a_deposit_where_the_engine_has_them(
    devnet: Devnet, a: At, wallet: Wallet
) -> None:
    receipt = wallet.send(a, SOMEBODY, value=1)
    block = a.call("eth_getBlockByNumber", receipt["blockNumber"], True)
    first = block["transactions"][0]
    assert (first["type"] == "0x7e") is devnet.cell.can("a").deposits


def test_snapshot_and_revert_where_the_engine_has_them(
    devnet: Devnet, a: At, wallet: Wallet
) -> None:
    if not devnet.cell.can("a").snapshots:
        assert "error" in rpc_answer(a.url, "evm_snapshot")
        return
    address = wallet.deploy(a, salt=5)
    height, snapshot = a.height, a.call("evm_snapshot")
    wallet.send(a, address)
    assert storage(a, address) == 1
    assert a.call("evm_revert", snapshot) is True
    assert (a.height, storage(a, address)) == (height, 0)
    assert wallet.send(a, address)["status"] == "0x1", "the chain goes on"


def test_reorg_where_the_engine_has_it(devnet: Devnet, a: At, wallet: Wallet) -> None:
    if not devnet.cell.can("a").reorgs:
        assert "error" in rpc_answer(a.url, "anvil_reorg", 1, [])
        return
    wallet.send(a, SOMEBODY, value=1)
    height = a.height
    replaced = a.block_hash(height)
    rpc(a.url, "anvil_reorg", 1, [])
    assert a.height == height
    assert a.block_hash(height) != replaced
    assert wallet.send(a, SOMEBODY, value=1)["status"] == "0x1", "the chain goes on"
