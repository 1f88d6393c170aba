"""Nothing is made and nothing lost between two chains: random deposits, withdrawals, transfers that
pay fees, calls that fail, stops, on a devnet that runs. CALDERA_CONSERVATION_STEPS makes it longer,
CALDERA_CONSERVATION_EXAMPLES repeats it."""

import gzip
import json
import os
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from control_plane.domain.calls import encode_call
from tests.acceptance.world import rpc
from tests.e2e.home import new_home
from tests.e2e.test_bridge import ACCOUNTS, SETTLED, Net, ask, coins, own_token, raw, send, tokens

pytestmark = pytest.mark.timeout(300)

STEPS = int(os.environ.get("CALDERA_CONSERVATION_STEPS", "8"))
EXAMPLES = int(os.environ.get("CALDERA_CONSERVATION_EXAMPLES", "1"))
DECIMALS = {"ETH": 18, "six": 6, "eighteen": 18}
REFUSES = "0x4200000000000000000000000000000000000015"
"""L1Block takes no coins: what is deposited for it stays with the rollup's messenger."""
MESSENGER = "0x4200000000000000000000000000000000000007"
FACTORY = "0x4200000000000000000000000000000000000012"


@dataclass
class Books:
    """What is owed to whom, in the smallest units, by the account that the test keeps itself."""

    net: Net
    addresses: dict[str, str]
    """On the L1, by name; ETH has none."""
    there: dict[str, str] = field(default_factory=dict)
    """What stands for them on the rollup."""
    locked: dict[str, int] = field(default_factory=lambda: dict.fromkeys(DECIMALS, 0))
    kept: int = 0
    """Wei that nobody took."""
    received: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """Receivers on the L1: chain, token, amount."""
    count: int = 0

    def stranger(self) -> str:
        self.count += 1
        return f"0x{0xFEED0000 + self.count:040x}"


def amounts(token: str, units: int) -> str:
    text = str(units).rjust(DECIMALS[token] + 1, "0")
    return f"{text[: -DECIMALS[token]]}.{text[-DECIMALS[token] :]}"


def conserve(books: Books) -> None:
    """The equation, each side counted by itself: chains' own state against the books."""
    net = books.net
    portal = coins(net.l1, net.contract("optimismPortal"))
    assert portal == books.locked["ETH"]
    assert coins(net.op, MESSENGER) == books.kept
    # every account of the rollup, the message passer's burnt ones and the fee vaults too
    genesis = json.loads((_node(net) / "genesis.json").read_bytes())["alloc"]
    given = sum(int(account.get("balance", "0x0"), 16) for account in genesis.values())
    dump = json.loads(gzip.decompress(raw(rpc(net.op, "anvil_dumpState"))))
    supply = sum(int(account["balance"], 16) for account in dump["accounts"].values())
    paid = coins(net.op, "0x4200000000000000000000000000000000000016")
    assert supply - paid == given + portal
    for name, address in books.addresses.items():
        locked = tokens(net.l1, address, net.contract("l1StandardBridge"))
        assert locked == books.locked[name]
        if name in books.there:
            assert ask(net.op, books.there[name], encode_call("totalSupply()")) == locked
    for who, (chain, token, amount) in books.received.items():
        url = net.l1 if chain == "l1" else net.op
        where = books.addresses.get(token) if chain == "l1" else books.there.get(token)
        assert (tokens(url, where, who) if where else coins(url, who)) == amount


def _node(net: Net) -> Any:
    (devnet,) = (net.home.home / "devnets").iterdir()
    return devnet / "nodes" / "op"


class Bridging(RuleBasedStateMachine):
    books: Books
    begun = Bundle("begun")
    stopped = False
    refused = 0

    @initialize(units=st.integers(10, 10**7))
    def bring_some_of_each(self, units: int) -> None:
        """What later rules need; they are drawn, so any of them may be missing. The first example
        is always the plainest one, which says least: left out."""
        assume(units > 1_000)
        for token in DECIMALS:
            self.deposit(token, units)
        for token in DECIMALS:
            self.withdraw(token, 5)
        self.deposit_for_nobody(units)

    @rule(token=st.sampled_from(list(DECIMALS)), units=st.integers(1, 10**7))
    def deposit(self, token: str, units: int) -> None:
        """To a stranger, of whom the exact amount is known; a like one for withdrawing later."""
        books, to = self.books, self.books.stranger()
        for receiver in (to, ACCOUNTS[1]):
            asked = ("--token", books.addresses.get(token, "ETH"), "--from", "1", "--to", receiver)
            amount = amounts(token, units)
            view = books.net.bridge("deposit", *asked, "--amount", amount, "--wait")
            assert view["state"] == "credited", view
            books.locked[token] += units
        if token in books.addresses and token not in books.there:
            books.there[token] = _stands_for(books, token)
        books.received[to] = ("op", token, units)

    @precondition(lambda self: self.refused < 2)
    @rule(wei=st.integers(1, 10**18))
    def deposit_for_nobody(self, wei: int) -> None:
        asked = ("--from", "1", "--to", REFUSES, "--amount", amounts("ETH", wei))
        view = self.books.net.bridge("deposit", *asked, "--wait")
        assert view["state"] == "failed"
        self.books.locked["ETH"] += wei
        self.books.kept += wei
        self.refused += 1

    @rule(target=begun, token=st.sampled_from(list(DECIMALS)), share=st.integers(1, 5))
    def withdraw(self, token: str, share: int) -> Any:
        books = self.books
        units = min(books.locked[token], 10**6) // share
        if units == 0 or not self._has(token, units):
            return multiple()
        to = books.stranger()
        asked = ("--token", books.addresses.get(token, "ETH"), "--from", "1", "--to", to)
        view = books.net.bridge("withdraw", *asked, "--amount", amounts(token, units))
        return view["id"], token, units, to

    @rule(withdrawal=consumes(begun))
    def go_on(self, withdrawal: tuple[str, str, int, str]) -> None:
        self._finish(withdrawal)

    @rule(count=st.integers(1, 3))
    def pay_fees(self, count: int) -> None:
        for n in range(count):
            send(self.books.net.op, "0x" + "99" * 20, b"", n)

    @precondition(lambda self: not self.stopped)
    @rule()
    def stop_and_start(self) -> None:
        """Nodes and agents; the chains come back from what was saved."""
        self.stopped = True
        home = self.books.net.home
        home.run("stop")
        home.run("start")

    def teardown(self) -> None:
        """Everything comes home, and the books are right."""
        for view in self.books.net.bridge("status", "--limit", "100")["withdrawals"]:
            if view["state"] != "finalized":
                token = next(
                    (n for n, at in self.books.addresses.items() if at == view["token"]), "ETH"
                )
                units = int(Decimal(view["amount"]).scaleb(DECIMALS[token]))
                self._finish((view["id"], token, units, view["to"]))
        conserve(self.books)

    def _finish(self, withdrawal: tuple[str, str, int, str]) -> None:
        id_, token, units, to = withdrawal
        view = self.books.net.bridge("withdraw", "--resume", id_)
        assert view["state"] == "finalized"
        self.books.locked[token] -= units
        self.books.received[to] = ("l1", token, units)

    def _has(self, token: str, units: int) -> bool:
        books = self.books
        if token == "ETH":
            return books.locked["ETH"] - books.kept >= units
        there = books.there.get(token)
        return there is not None and tokens(books.net.op, there, ACCOUNTS[1]) >= units


def _stands_for(books: Books, token: str) -> str:
    """The rollup's token: the only one of the factory's that names it."""
    made = rpc(books.net.op, "eth_getLogs", {"address": FACTORY, "fromBlock": "0x0"})
    (found,) = {
        str(log["topics"][1][-40:])
        for log in made
        if log["topics"][2][-40:] == books.addresses[token][2:].lower() and len(log["topics"]) == 3
        and int(log["data"], 16)
    }  # fmt: skip
    return "0x" + found


def test_nothing_is_made_and_nothing_lost() -> None:
    with new_home() as home:
        home.run(*SETTLED)
        net = Net(home)
        addresses = {name: own_token(net.l1, DECIMALS[name]) for name in ("six", "eighteen")}

        class Here(Bridging):
            books = Books(net, {name: at.lower() for name, at in addresses.items()})

        run_state_machine_as_test(
            Here,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
