"""Deposits of a rollup that settles: credited, once each whatever was killed, and stronger than a
sequencer that censors."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from control_plane.domain.calls import encode_call
from control_plane.domain.op_stack import deposit_of_log
from tests.acceptance.world import until
from tests.e2e.home import Home, kill, new_home
from tests.e2e.messages import At, chains_of

_NAME = "net"
_COIN = 10**18
_DEPOSIT = "depositTransaction(address,uint256,uint64,bool,bytes)"
_FRESH = "0x" + "ea" * 20


@pytest.fixture
def net() -> Iterator[Home]:
    with new_home() as home:
        home.run(
            *("up", "minimal", "--name", _NAME, "--set", "rollups.op.da=ethereum-calldata"),
            *("--set", "rollups.op.proof=fraud", "--set", "save_interval=0.5"),
            *("--set", "rollups.op.sequencing_window=3"),
        )
        yield home


def deposit(
    home: Home,
    who: int = 0,
    *,
    to: str = _FRESH,
    mint: int = _COIN,
    value: int = 0,
    status: dict[str, Any] | None = None,
) -> str:
    """A deposit of a listed account's; the L1 transaction's hash."""
    status = status or home.status()
    l1 = chains_of(status)["l1"]
    portal = status["rollups"][0]["l1_contracts"]["optimismPortal"]
    data = encode_call(_DEPOSIT, bytes.fromhex(to[2:]), value, 100_000, False, b"")
    sender = l1.call("eth_accounts")[who]
    call = {"from": sender, "to": portal, "value": hex(mint), "data": "0x" + data.hex()}
    return str(l1.call("eth_sendTransaction", call | {"gas": hex(500_000)}))


def hash_of(l1: At, sent: str) -> str:
    """Of the rollup's transaction."""
    until(lambda: l1.call("eth_getTransactionReceipt", sent), 20, f"{sent} is in a block")
    (log,) = l1.call("eth_getTransactionReceipt", sent)["logs"]
    return str(deposit_of_log(log).hash)


def credited(home: Home, sent: str) -> dict[str, Any]:
    chains = chains_of(home.status())
    hash_ = hash_of(chains["l1"], sent)
    until(lambda: chains["op"].call("eth_getTransactionReceipt", hash_), 20, f"{sent} is credited")
    found: dict[str, Any] = chains["op"].call("eth_getTransactionReceipt", hash_)
    return found


def posted(home: Home) -> int:
    events = home.events(_NAME)
    return max((e["data"]["to"] for e in events if e["type"] == "batch.posted"), default=0)


def verify(home: Home) -> dict[str, Any]:
    """What it says once all blocks are posted."""
    until(lambda: posted(home) >= chains_of(home.status())["op"].height, 20, "all is posted")
    done = home.run("verify", "op", "--json", check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_deposits_are_credited_once_through_kills(net: Home) -> None:
    sent = [deposit(net, n % 3, value=_COIN // 2) for n in range(6)]
    for each in sent:
        assert credited(net, each)["status"] == "0x1"
    assert "verified" in verify(net)

    sent += [deposit(net, n % 3, value=_COIN // 2) for n in range(6)]
    kill(net.node("op").pid)
    net.wait_state("ready", 30)
    for each in sent:
        credited(net, each)
    assert "verified" in verify(net)

    sent += [deposit(net, n % 3, value=_COIN // 2) for n in range(6)]
    net.kill_daemon()
    net.run("status")
    net.wait_state("ready", 30)
    for each in sent:
        credited(net, each)
    op = chains_of(net.status())["op"]
    assert int(op.call("eth_getBalance", _FRESH, "latest"), 16) == len(sent) * _COIN // 2
    assert "verified" in verify(net)


def test_a_censored_account_gets_in_by_the_l1(net: Home) -> None:
    chains = chains_of(net.status())
    victim = chains["op"].call("eth_accounts")[4]
    net.run("chaos", "start", "sequencer-censoring", "op", f"account={victim}")
    call = {"from": victim, "to": _FRESH, "value": "0x5", "gas": hex(21_000)}
    dropped = chains["op"].call("eth_sendTransaction", call)
    net.run("message", "send", "op", "l1", "--body", "0x6869", "--wait")
    assert chains["op"].call("eth_getTransactionReceipt", dropped) is None

    forced = credited(net, deposit(net, 4, mint=0, value=5))
    assert forced["status"] == "0x1"
    assert int(chains["op"].call("eth_getBalance", _FRESH, "latest"), 16) == 5
    assert "verified" in verify(net)
    net.run("chaos", "heal", "--all")

    net.run("chaos", "start", "sequencer-censoring", "op", f"account={victim}", "deposits=1")
    l1 = chains["l1"]
    withheld = hash_of(l1, deposit(net, 4, mint=0, value=6))
    credited(net, deposit(net, 5))  # another's, which comes after it on the L1
    found = verify(net)["differs"]
    assert found["what"] == "deposits"
    assert withheld in found["found"]


def test_a_rollup_that_stands_still_is_found_to_withhold(net: Home) -> None:
    victim = chains_of(net.status())["op"].call("eth_accounts")[4]
    assert "verified" in verify(net)
    net.run("chaos", "start", "sequencer-censoring", "op", f"account={victim}", "deposits=1")
    l1 = chains_of(net.status())["l1"]
    withheld = hash_of(l1, deposit(net, 4))

    def is_late() -> bool:
        l1.call("evm_mine")
        found = verify(net)
        return "differs" in found and withheld in found["differs"]["claimed"]

    until(is_late, 20, "the window is over")


def test_an_l1_that_loses_deposits_takes_them_back() -> None:
    with new_home() as home:
        home.run(
            *("up", "minimal", "--name", _NAME, "--set", "rollups.op.da=ethereum-calldata"),
            *("--set", "rollups.op.proof=fraud", "--set", "save_interval=4"),
        )
        credited(home, deposit(home, value=1))
        assert "verified" in verify(home)  # all is saved and posted
        chains = chains_of(home.status())
        node = home.node("l1").pid
        status = home.status()
        late = [deposit(home, n, value=1, status=status) for n in (1, 2)]
        for each in late:
            hash_ = hash_of(chains["l1"], each)
            until(lambda hash_=hash_: found(chains["op"], hash_), 5, "it is credited")
        kill(node)
        home.wait_state("ready", 30)
        kept = [each for each in late if found(chains["l1"], each)]
        assert len(kept) < len(late), "the L1 was killed right before it would have lost them"

        def agrees() -> bool:
            balance = int(chains["op"].call("eth_getBalance", _FRESH, "latest"), 16)
            return balance == 1 + len(kept)

        until(agrees, 20, "the rollup has what the L1 has")
        assert "rollup.reorged" in {event["type"] for event in home.events(_NAME)}
        credited(home, deposit(home, 5, value=1))
        assert "verified" in verify(home)


def found(at: At, hash_: str) -> bool:
    return at.call("eth_getTransactionReceipt", hash_) is not None
