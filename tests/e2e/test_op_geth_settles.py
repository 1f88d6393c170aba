"""Rollups on op-geth that settle: posted, rebuilt, disputed, paid out, whoever is killed."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.calls import encode_call
from control_plane.domain.op_stack import DEPOSITED_TOPIC, deposit_of_log
from control_plane.schemas.spec import TEST_MNEMONIC
from tests.acceptance.world import until
from tests.e2e.home import Home, kill, new_home
from tests.e2e.messages import At, chains_of
from tests.integration.sequencing.load import Load, under
from tests.nodes import find_op_geth

_SPEC = """\
version: 1
name: net
save_interval: 0.5
rollups:
  - {name: fraud, engine: op-geth, da: ethereum-calldata, proof: fraud, finalization_window: 3}
  - {name: proven, engine: op-geth, da: ethereum-calldata, proof: validity}
"""
_ACCOUNTS = derive_accounts(TEST_MNEMONIC, 10)
_LOADED, _VICTIM, _CALLER = _ACCOUNTS[6], _ACCOUNTS[7], _ACCOUNTS[8]
_COIN, _GWEI = 10**18, 10**9
_FRESH = "0x" + "ea" * 20
_DEPOSIT = "depositTransaction(address,uint256,uint64,bool,bytes)"
_DEADLINE = 60


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    find_op_geth()
    with new_home() as home:
        (home.home / "net.yaml").write_text(_SPEC)
        home.run("up", "net.yaml", timeout=120)
        yield home


def chain(net: Home, name: str) -> At:
    return chains_of(net.status())[name]


def transfer(at: At, value: int, who: Any = _CALLER) -> str:
    """A signed transfer; its hash."""
    nonce = int(at.call("eth_getTransactionCount", who.address, "pending"), 16)
    to = bytes.fromhex(_FRESH[2:])
    fields = Transaction(at.chain_id, nonce, to, value, b"", 21_000, 3 * _GWEI, _GWEI)
    return str(at.call("eth_sendRawTransaction", "0x" + sign(fields, who.key)[0].hex()))


def is_in(at: At, hash_: str) -> bool:
    found = at.call("eth_getTransactionReceipt", hash_)
    return found is not None and found["status"] == "0x1"


def deposit(net: Home, rollup: str, who: int, *, mint: int = _COIN, value: int = 0) -> str:
    """A deposit by the portal; hash of the rollup's transaction."""
    status = net.status()
    l1 = chains_of(status)["l1"]
    (portal,) = (
        r["l1_contracts"]["optimismPortal"] for r in status["rollups"] if r["name"] == rollup
    )
    data = encode_call(_DEPOSIT, bytes.fromhex(_FRESH[2:]), value, 100_000, False, b"")
    call = {"from": _ACCOUNTS[who].address, "to": portal, "value": hex(mint)}
    sent = l1.call("eth_sendTransaction", call | {"data": "0x" + data.hex(), "gas": hex(500_000)})
    until(lambda: l1.call("eth_getTransactionReceipt", sent), 20, f"{sent} is in a block")
    (log,) = l1.call("eth_getTransactionReceipt", sent)["logs"]
    return str(deposit_of_log(log).hash)


def posted(net: Home, rollup: str) -> int:
    """The last block that was posted."""
    mine = f"{rollup}/batcher"
    events = [e for e in net.events("net") if e["type"] == "batch.posted"]
    return max((e["data"]["to"] for e in events if e["service"] == mine), default=0)


def saved(net: Home, name: str) -> int:
    """Block of the chain's last save."""
    (node,) = (s for s in net.status()["services"] if s["name"] == f"{name}/node")
    return int(node["saved_block"] or 0)


def verify(net: Home, rollup: str) -> dict[str, Any]:
    """What it says once all blocks are posted."""
    at = chain(net, rollup)
    until(lambda: posted(net, rollup) >= at.height, _DEADLINE, f"{rollup} is posted")
    done = net.run("verify", rollup, "--json", check=False, timeout=120)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def withdraw(net: Home, rollup: str, amount: str) -> str:
    out = ("bridge", "withdraw", "--on", rollup, "--amount", amount, "--wait", "--timeout=100")
    return str(json.loads(net.run(*out, "--json", timeout=120).stdout)["state"])


@contextlib.contextmanager
def under_load(net: Home, rollup: str) -> Iterator[Load]:
    """While transfers are sent."""
    at = next(r for r in net.status()["rollups"] if r["name"] == rollup)
    load = Load(at["ws_url"], at["chain_id"], _LOADED)
    with under(load):
        yield load


@pytest.mark.timeout(240)
@pytest.mark.parametrize("rollup", ["fraud", "proven"])
def test_money_in_transactions_a_message_money_out(net: Home, rollup: str) -> None:
    net.run("bridge", "deposit", "--on", rollup, "--amount", "2", "--wait")
    net.run("message", "send", rollup, "l1", "--body", "0x6869", "--wait", timeout=90)
    sent = transfer(chain(net, rollup), 5)
    until(lambda: is_in(chain(net, rollup), sent), 20, "the transfer is in a block")
    assert withdraw(net, rollup, "0.5") == "finalized"
    assert "verified" in verify(net, rollup)


@pytest.mark.timeout(120)
def test_a_forged_output_is_disputed_away(net: Home) -> None:
    since = max(int(event["id"]) for event in net.events("net"))
    net.run("chaos", "start", "output-forged", "fraud", "lie=message-root")
    transfer(chain(net, "fraud"), 1)

    def told(type_: str) -> bool:
        return any(e["type"] == type_ for e in net.events("net", since))

    until(lambda: told("output.removed"), _DEADLINE, "the forged output is gone")
    assert withdraw(net, "fraud", "0.25") == "finalized"


@pytest.mark.timeout(180)
def test_whoever_is_killed_nothing_is_lost_and_nothing_posted_twice(net: Home) -> None:
    rollup = "fraud"
    credited = [deposit(net, rollup, who, value=1) for who in (1, 2)]
    with under_load(net, rollup) as load:
        for victim in ("node", "daemon"):
            more = len(load.sealed) + 15
            until(lambda more=more: len(load.sealed) >= more, 30, "transfers are sealed")
            if victim == "node":
                kill(net.node(rollup).pid)
            else:
                net.kill_daemon()
                net.run("status")
            credited.append(deposit(net, rollup, 3, value=1))
            more = len(load.sealed) + 15
            until(lambda more=more: len(load.sealed) >= more, 60, "transfers are sealed again")
    net.wait_state("ready", 30)
    asyncio.run(load.check())
    at = chain(net, rollup)
    until(lambda: all(is_in(at, each) for each in credited), 20, "all deposits are credited")
    assert "verified" in verify(net, rollup)
    assert withdraw(net, rollup, "0.25") == "finalized"


@pytest.mark.timeout(180)
def test_an_l1_that_goes_back_takes_batches_and_outputs_along(net: Home) -> None:
    rollup = "proven"
    at = chain(net, rollup)
    l1 = chain(net, "l1")
    for _ in range(2):  # while what was made of it is posted
        before = l1.height
        early = deposit(net, rollup, 5, value=1)
        until(lambda early=early: is_in(at, early), 20, "the deposit is in a block")
        depth = min(l1.height - before + 5, l1.height - 1)
        net.run("chaos", "start", "reorg", "l1", f"depth={depth}")
        until(lambda early=early: not is_in(at, early), 20, "the deposit is gone")
    replaced = l1.height
    transfer(at, 1)
    until(lambda: saved(net, "l1") > replaced, _DEADLINE, "the L1 is saved as it is now")
    late = deposit(net, rollup, 4, value=1)
    until(lambda: is_in(at, late), 20, "the deposit is in a block")
    kill(net.node("l1").pid)
    net.wait_state("ready", 30)
    sent = transfer(at, 7)
    until(lambda: is_in(at, sent), 30, "blocks come again")
    assert is_in(at, late) == _is_on_l1(net, late, rollup)
    net.run("bridge", "deposit", "--on", rollup, "--amount", "1", "--wait")
    assert "verified" in verify(net, rollup)
    assert withdraw(net, rollup, "0.25") == "finalized"


def _is_on_l1(net: Home, deposit_hash: str, rollup: str) -> bool:
    status = net.status()
    (portal,) = (
        r["l1_contracts"]["optimismPortal"] for r in status["rollups"] if r["name"] == rollup
    )
    wanted = {"address": portal, "fromBlock": "0x0", "topics": ["0x" + DEPOSITED_TOPIC.hex()]}
    logs = chains_of(status)["l1"].call("eth_getLogs", wanted)
    return deposit_hash in [deposit_of_log(log).hash for log in logs]


@pytest.mark.timeout(120)
def test_a_deposit_that_is_left_out_is_found(net: Home) -> None:
    """Last: nobody takes such a rollup back."""
    victim = _VICTIM.address
    net.run("chaos", "start", "sequencer-censoring", "proven", f"account={victim}", "deposits=1")
    at = chain(net, "proven")
    dropped, other = transfer(at, 5, _VICTIM), transfer(at, 6)
    until(lambda: is_in(at, other), 20, "another's transfer is in a block")
    assert not is_in(at, dropped)
    withheld = deposit(net, "proven", 7, mint=0, value=6)
    credited = deposit(net, "proven", 5, value=1)
    until(lambda: is_in(at, credited), 20, "another's deposit is in a block")
    found = verify(net, "proven")["differs"]
    assert found["what"] == "deposits"
    assert withheld in found["found"]
