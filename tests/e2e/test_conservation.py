"""Nothing is made and nothing lost between an L1 and three rollups, whose coins are ETH, a token of
18 decimals and one of 6: random deposits by the bridge and forced ones, withdrawals, also such as
fail, transfers that pay fees, calls that fail, stops, and kills of nodes and of the daemon in the
middle of it, on a devnet that runs. CALDERA_CONSERVATION_STEPS makes it longer,
CALDERA_CONSERVATION_EXAMPLES repeats it.
"""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from control_plane.domain.calls import encode_call
from tests.acceptance.world import until
from tests.e2e.home import kill, new_home
from tests.e2e.ledger import Lane
from tests.e2e.net import PASSER, REFUSES, Killed, Moved, Net
from tests.e2e.test_bridge import ACCOUNTS, coins, own_token, raw

STEPS = int(os.environ.get("CALDERA_CONSERVATION_STEPS", "8"))
EXAMPLES = int(os.environ.get("CALDERA_CONSERVATION_EXAMPLES", "1"))
pytestmark = pytest.mark.timeout(300 + 30 * STEPS * EXAMPLES)
KILLS = max(2, STEPS // 4)
"""And stops, of one example."""
_OPEN = {"da": "ethereum-calldata"}
SPEC = {
    "version": 1,
    "name": "net",
    "save_interval": 0.5,
    "rollups": [
        _OPEN | {"name": "ether", "proof": "fraud", "finalization_window": 2},
        _OPEN | {"name": "era", "proof": "validity", "gas_token": "ERA"},
        _OPEN | {"name": "money", "proof": "fraud", "finalization_window": 2, "gas_token": "USDC"},
    ],
}
_VICTIMS = st.sampled_from([("daemon",), ("l1",), ("rollup",), ("rollup", "l1"), ("l1", "rollup")])


class Bridging(RuleBasedStateMachine):
    net: Net
    begun = False
    kills = 0
    last = ""
    """Rollup that the last step was about."""

    @property
    def lanes(self) -> Sequence[Lane]:
        return self.net.lanes

    @initialize(units=st.integers(10, 10**7), victims=_VICTIMS)
    def bring_some_of_each(self, units: int, victims: tuple[str, ...]) -> None:
        """What later rules need; they are drawn, so any of them may be missing. The first example
        is always the plainest one, which says least: left out."""
        assume(units > 1_000)
        self.begun = True
        for which, _ in enumerate(self.lanes):
            self.deposit(which, units)
            self.withdraw(which, 5)
        self.be_refused(0, units)
        self.force(0, 7, "beyond")
        self.fail_at_home(0, units)
        self.kill(victims, units, units)

    # ------------------------------------------------------------------ there

    @rule(which=st.integers(0, 9), units=st.integers(1, 10**7))
    def deposit(self, which: int, units: int) -> None:
        """To a stranger, of whom the exact amount is known; and some for withdrawing later."""
        lane = self._lane(which)
        for receiver in (self.net.stranger(), ACCOUNTS[1]):
            view = self.net.deposit(lane, units, receiver, "--wait")
            # what stands for a token may have gone with a killed node, after it was looked for
            assert view["state"] == "credited" or (self.net.killed and not lane.is_coin), view

    @rule(which=st.integers(0, 9), units=st.integers(1, 10**7))
    def be_refused(self, which: int, units: int) -> None:
        """By its receiver on the rollup."""
        lane = self.net.coin(self._lane(which).rollup)
        view = self.net.deposit(lane, units, REFUSES, "--wait")
        assert view["state"] == "failed"

    @rule(
        which=st.integers(0, 9),
        units=st.integers(0, 10**7),
        how=st.sampled_from(["plain", "beyond", "reverts", "creation"]),
    )
    def force(self, which: int, units: int, how: str) -> None:
        """A deposit by the portal itself, whatever comes of it on the rollup: what it mints is
        there in any case."""
        net, lane = self.net, self.net.coin(self._lane(which).rollup)
        net.done[f"force {how}"] += 1
        value = {"plain": units * lane.scale, "beyond": 10**40, "reverts": 1}.get(how, 0)
        to = {"plain": raw(net.stranger()), "beyond": raw(net.stranger())}.get(how, raw(REFUSES))
        creates = how == "creation"
        arguments = (value, 100_000, creates, b"\xfe" if creates else b"")
        self._to_portal(lane, units, bytes(20) if creates else to, arguments)
        # it takes the account's next nonce, so what the account sends meanwhile would be void
        until(lambda: not net.sheet(lane.rollup).waiting, 30, "the rollup took it")

    # ------------------------------------------------------------------ and home

    @rule(which=st.integers(0, 9), share=st.integers(1, 5))
    def withdraw(self, which: int, share: int) -> None:
        lane = self._lane(which)
        units = min(self._payable(lane), 10**6) // share
        if units:
            self.net.withdraw(lane, units, self.net.stranger())

    @rule(which=st.integers(0, 9), units=st.integers(1, 10**5))
    def fail_at_home(self, which: int, units: int) -> None:
        """A withdrawal whose call on the L1 fails."""
        net, lane = self.net, self.net.coin(self._lane(which).rollup)
        if self._payable(lane) < units:
            return
        target = net.chains["l1"]["contracts"]["create3Factory"]
        net.done["fails at home"] += 1
        data = encode_call("initiateWithdrawal(address,uint256,bytes)", raw(target), 50_000, b"no")
        receipt = net.send(net.url(lane.rollup), PASSER, data, units * lane.scale)
        assert receipt["status"] == "0x1"
        block = int(receipt["blockNumber"], 16)
        net.withdrawals.append(
            Moved(receipt["transactionHash"], lane, units, target, block, fails=True)
        )

    @precondition(lambda self: self.net.withdrawals)
    @rule(at=st.integers(0, 99))
    def go_on(self, at: int) -> None:
        each = self.net.withdrawals[at % len(self.net.withdrawals)]
        self.net.home.run("bridge", "withdraw", "--resume", each.id, check=False, timeout=120)

    @rule(which=st.integers(0, 9), wei=st.integers(1, 10**18))
    def leave_dust(self, which: int, wei: int) -> None:
        """Parts of a unit can't be withdrawn, and nothing is lost by trying."""
        lane = self.net.coin(self._lane(which).rollup)
        if wei % lane.scale:
            call = encode_call("initiateWithdrawal(address,uint256,bytes)", 1, 0, b"")
            assert "DustNotWithdrawable" in self.net.refusal(lane, call, wei)
            assert self.net.send(self.net.url(lane.rollup), PASSER, call, wei)["status"] == "0x0"

    # ------------------------------------------------------------------ besides

    @rule(which=st.integers(0, 9), count=st.integers(1, 3))
    def pay_fees(self, which: int, count: int) -> None:
        """Transfers, and a call that fails."""
        url = self.net.url(self._lane(which).rollup)
        for n in range(count):
            self.net.send(url, "0x" + "99" * 20, b"", n)
        assert self.net.send(url, REFUSES, b"", 1)["status"] == "0x0"

    @precondition(lambda self: self.kills < KILLS)
    @rule(
        victims=_VICTIMS,
        which=st.integers(0, 9),
        units=st.integers(1, 10**4),
    )
    def kill(self, victims: tuple[str, ...], which: int, units: int) -> None:
        """While a deposit and a withdrawal are on their way."""
        self.kills += 1
        self.net.done[f"kill {' and '.join(victims)}"] += 1
        net, lane = self.net, self._lane(which)
        if lane.is_coin:
            if self._payable(lane) >= units:
                net.withdraw(lane, units, net.stranger())
            net.deposit(lane, units, net.stranger())
        if victims == ("daemon",):
            net.home.kill_daemon()
            net.home.run("ls")
        else:
            self._kill_nodes([lane.rollup if name == "rollup" else name for name in victims])
        net.wait_ready()
        net.forget_lost()

    @rule()
    def stop_and_start(self) -> None:
        """Nodes and agents; the chains come back from what was saved."""
        if self.kills < KILLS:
            self.kills += 1
            self.net.done["stop"] += 1
            self.net.home.run("stop")
            self.net.home.run("start")

    def teardown(self) -> None:
        """Everything comes home, and the books are right."""
        if not self.begun:
            return
        self.net.done["examples"] += 1
        net = self.net
        net.forget_lost()
        net.bring_home()
        for rollup in {lane.rollup for lane in self.lanes}:
            net.balance(rollup)
        net.count_tokens()
        net.check_receivers()

    # ------------------------------------------------------------------

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        if self.last:
            self.net.balance(self.last)

    def _lane(self, which: int) -> Lane:
        lane = self.lanes[which % len(self.lanes)]
        self.last = lane.rollup
        return lane

    def _payable(self, lane: Lane) -> int:
        """Units that the second account can withdraw, most of the time."""
        held = self.net.there(lane, ACCOUNTS[1])
        if lane.is_coin:
            held = min(held, self.net.sheet(lane.rollup).payable)
        return held // lane.scale

    def _to_portal(self, lane: Lane, units: int, to: bytes, rest: tuple[Any, ...]) -> None:
        net = self.net
        portal = net.contract(lane.rollup, "optimismPortal")
        if lane.token:
            call = "depositERC20Transaction(address,uint256,uint256,uint64,bool,bytes)"
            allowed = encode_call("approve(address,uint256)", raw(portal), units)
            assert net.send(net.l1, lane.token, allowed)["status"] == "0x1"
            receipt = net.send(net.l1, portal, encode_call(call, to, units, *rest))
        else:
            call = "depositTransaction(address,uint256,uint64,bool,bytes)"
            receipt = net.send(net.l1, portal, encode_call(call, to, *rest), units)
        assert receipt["status"] == "0x1"

    def _kill_nodes(self, chains: Sequence[str]) -> None:
        """One as soon as the other is back."""
        net = self.net
        for chain in chains:
            before = net.service(f"{chain}/node")
            net.killed.append(Killed(chain, before["saved_block"] or 0))
            kill(net.home.node(chain).pid)
            until(
                lambda name=f"{chain}/node", count=before["restarts"]: (
                    net.service(name)["restarts"] > count
                ),
                30,
                f"{chain} is back",
            )


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    """An L1 and its rollups, and two more tokens that nobody's coin is."""
    with new_home() as home:
        (home.home / "net.yaml").write_text(json.dumps(SPEC))
        home.run("up", "net.yaml", timeout=180)
        made = Net(home, [])
        home.run("faucet", ACCOUNTS[1], "--on", "l1", "--token", "ERA", "--amount", "1000")
        coin = {"ether": "", "era": made.contract("era", "gasToken")}
        coin |= {"money": made.contract("money", "gasToken")}
        made.lanes = [
            Lane("ether", "ETH", 18, coin["ether"]),
            Lane("era", "ERA", 18, coin["era"]),
            Lane("money", "USDC", 6, coin["money"]),
            Lane("ether", "six", 6, own_token(made.l1, 6).lower(), is_coin=False),
            Lane("money", "eighteen", 18, own_token(made.l1, 18).lower(), is_coin=False),
        ]
        yield made


def test_nothing_is_made_and_nothing_lost(net: Net) -> None:
    net_ = net

    class Here(Bridging):
        net = net_

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # the devnet is no longer what it was: nothing can be repeated
            suppress_health_check=list(HealthCheck),
        ),
    )
    for rollup in {lane.rollup for lane in net.lanes}:
        assert "verified" in net.home.run("verify", rollup, "--json", timeout=600).stdout
    print(f"{len(net.deposits)} deposits, {len(net.withdrawals)} withdrawals,", net.done)


def test_coins_that_are_a_token(net: Net) -> None:
    """What users are told of them, and what is refused before anything is sent."""
    home, money = net.home, net.coin("money")
    stranger = net.stranger()
    there = home.json("bridge", "deposit", "--on", "money", "--amount", "1.5", "--to", stranger,
                      "--wait")  # fmt: skip
    assert (there["token"], there["symbol"], there["amount"]) == (money.token, "USDC", "1.5")
    assert coins(net.url("money"), stranger) == 15 * 10**17
    words = home.run("bridge", "status", there["id"]).stdout
    assert words.startswith("1.5 USDC for")
    assert "USDC" in home.run("bridge", "status", "--on", "money").stdout

    def said(*asked: str) -> tuple[int, str]:
        done = home.run("bridge", *asked, "--on", "money", "--amount", "1", check=False)
        return done.returncode, done.stderr

    code, text = said("deposit", "--token", "ETH")
    assert (code, "coins of money are USDC" in text) == (2, True), text
    for verb in ("deposit", "withdraw"):
        finer = home.run("bridge", verb, "--on", "money", "--amount", "0.0000001", check=False)
        assert (finer.returncode, "6 decimals" in finer.stderr) == (2, True), finer.stderr
    code, text = said("withdraw", "--to", money.token)
    assert (code, "can't get USDC" in text) == (2, True), text
    much = home.run("bridge", "withdraw", "--on", "money", "--amount", "9000", check=False)
    assert (much.returncode, "holds too little USDC" in much.stderr) == (4, True), much.stderr
    code, text = said("deposit", "--token", "USD")
    assert code == 2
    named = home.json("bridge", "deposit", "--on", "money", "--token", "usdc", "--amount", "1")
    assert named["symbol"] == "USDC"
