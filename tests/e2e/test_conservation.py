"""Nothing is made and nothing lost between an L1 and three rollups, whose coins are ETH, a token of
18 decimals and one of 6: random deposits by the bridge and forced ones, withdrawals, also such as
fail, transfers that pay fees, calls that fail, stops, and kills of nodes and of the daemon in the
middle of it, on a devnet that runs. CALDERA_CONSERVATION_STEPS makes it longer,
CALDERA_CONSERVATION_EXAMPLES repeats it.

What a kill may cost: a node on Anvil loses the blocks since its last save. A deposit in a lost
block of the L1 was never made, and the rollup gives it back; a withdrawal in a lost block of the
rollup neither. Everything older must be there, and whatever is there must add up.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

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

from control_plane.adapters.evm.revert import decode_error
from control_plane.domain.calls import encode_call, tail
from tests.acceptance.world import rpc, rpc_answer, until
from tests.e2e.home import Home, kill, new_home
from tests.e2e.ledger import Lane, Sheet, held_by, sheet
from tests.e2e.test_bridge import ACCOUNTS, ask, coins, own_token, raw, tokens

STEPS = int(os.environ.get("CALDERA_CONSERVATION_STEPS", "8"))
EXAMPLES = int(os.environ.get("CALDERA_CONSERVATION_EXAMPLES", "1"))
pytestmark = pytest.mark.timeout(300 + 30 * STEPS * EXAMPLES)
KILLS = max(2, STEPS // 4)
"""And stops, of one example."""
REFUSES = "0x4200000000000000000000000000000000000015"
"""L1Block takes no coins: what is deposited for it stays with the messenger, or with the sender."""
PASSER = "0x4200000000000000000000000000000000000016"
FACTORY = "0x4200000000000000000000000000000000000012"
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


@dataclass
class Moved:
    """A deposit or a withdrawal that was begun."""

    id: str
    lane: Lane
    units: int
    to: str
    block: int
    """Where it was begun."""
    fails: bool = False


class Killed(NamedTuple):
    chain: str
    saved: int
    """The last block that was on disk."""


@dataclass
class Net:
    home: Home
    lanes: list[Lane]
    deposits: list[Moved] = field(default_factory=list)
    withdrawals: list[Moved] = field(default_factory=list)
    killed: list[Killed] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    """How often what was done; also what kills cost."""
    count: int = 0

    @cached_property
    def chains(self) -> dict[str, dict[str, Any]]:
        """Status by chain; what is asked of it never changes."""
        status = self.home.status()
        return {"l1": status["l1"]} | {one["name"]: one for one in status["rollups"]}

    @property
    def l1(self) -> str:
        return self.url("l1")

    def url(self, chain: str) -> str:
        return str(self.chains[chain]["rpc_url"])

    def contract(self, rollup: str, key: str) -> str:
        """On the L1."""
        return str(self.chains[rollup]["l1_contracts"][key])

    def service(self, name: str) -> dict[str, Any]:
        return next(dict(s) for s in self.home.status()["services"] if s["name"] == name)

    def stranger(self) -> str:
        self.count += 1
        return f"0x{0xFEED0000 + self.count:040x}"

    def coin(self, rollup: str) -> Lane:
        return next(lane for lane in self.lanes if lane.is_coin and lane.rollup == rollup)

    def sheet(self, rollup: str) -> Sheet:
        portal = self.contract(rollup, "optimismPortal")
        file = self.home.home / "devnets" / "net" / "nodes" / rollup / "genesis.json"
        return sheet(self.l1, self.url(rollup), self.coin(rollup), portal, file)

    def stands_for(self, lane: Lane) -> str:
        """The rollup's token."""
        where = encode_call(
            "tokenAddress(address,string,string,uint8)", raw(lane.token), 128, 192, lane.decimals
        )
        found = ask(self.url(lane.rollup), FACTORY, where + tail(b"Own") + tail(b"OWN"))
        return f"0x{found:040x}"

    def there(self, lane: Lane, who: str) -> int:
        """Smallest units on the rollup."""
        url = self.url(lane.rollup)
        if lane.is_coin:
            return coins(url, who)
        token = self.stands_for(lane)
        return tokens(url, token, who) if rpc(url, "eth_getCode", token, "latest") != "0x" else 0

    def bridge(self, verb: str, lane: Lane, *asked: str, check: bool = True) -> dict[str, Any]:
        token = () if lane.is_coin else ("--token", lane.token)
        words = ("bridge", verb, "--on", lane.rollup, *token, "--from", "1", *asked, "--json")
        done = self.home.run(*words, check=check, timeout=120)
        return dict(json.loads(done.stdout)) if done.returncode == 0 else {}

    def views(self, kind: str) -> dict[str, dict[str, Any]]:
        """Deposits or withdrawals by id."""
        listed = self.home.json("bridge", "status", "--limit", "1000")[kind]
        return {view["id"]: view for view in listed}

    # ------------------------------------------------------------------ begin

    def deposit(self, lane: Lane, units: int, to: str, *more: str) -> dict[str, Any]:
        view = self.bridge("deposit", lane, "--amount", lane.whole(units), "--to", to, *more)
        block = view["steps"][0]["block"]
        self.deposits.append(Moved(view["id"], lane, units, to, block))
        return view

    def withdraw(self, lane: Lane, units: int, to: str) -> None:
        view = self.bridge("withdraw", lane, "--amount", lane.whole(units), "--to", to)
        block = view["steps"][0]["block"]
        self.withdrawals.append(Moved(view["id"], lane, units, to, block))

    def send(self, url: str, to: str, data: bytes, value: int = 0) -> dict[str, Any]:
        """By the second account; it may fail."""
        call = {"from": ACCOUNTS[1], "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        hash_ = rpc(url, "eth_sendTransaction", call | {"gas": hex(600_000)})
        until(lambda: rpc(url, "eth_getTransactionReceipt", hash_), 20, "mined")
        return dict(rpc(url, "eth_getTransactionReceipt", hash_))

    def refusal(self, lane: Lane, call: bytes, wei: int) -> str:
        """Why the message passer refuses `call`."""
        asked = {"from": ACCOUNTS[1], "to": PASSER, "data": "0x" + call.hex(), "value": hex(wei)}
        answer = rpc_answer(self.url(lane.rollup), "eth_call", asked, "latest")
        return decode_error(answer["error"]["data"])

    def wait_ready(self) -> None:
        """AssertionError says what keeps it from being ready."""
        seen: dict[str, Any] = {}

        def ready() -> bool:
            seen.update(self.home.status())
            return bool(seen["state"] == "ready")

        try:
            until(ready, 60, "the devnet is ready")
        except AssertionError:
            events = [(e["type"], e["data"]) for e in self.home.events("net")[-12:]]
            raise AssertionError(f"{seen['state']}: {seen['problem']}; {events}") from None

    # ------------------------------------------------------------------ what must hold

    def balance(self, rollup: str) -> None:
        """The equation, whatever is in flight: soon, for a rollup that gives back what its L1 lost
        needs a moment."""
        found: list[Sheet] = []

        def holds() -> bool:
            found[:] = [self.sheet(rollup)]
            return not found[0].wrong

        try:
            until(holds, 30, "the equation holds")
        except AssertionError:
            raise AssertionError(f"{rollup}: {found[0].wrong}, {found[0]}") from None

    def count_tokens(self) -> None:
        """What the bridge holds is on the rollup, or on its way."""
        listed = self.home.json("bridge", "status", "--limit", "1000")
        for lane in self.lanes:
            if lane.is_coin:
                continue
            bridge = self.contract(lane.rollup, "l1StandardBridge")
            token = self.stands_for(lane)
            url = self.url(lane.rollup)
            made = rpc(url, "eth_getCode", token, "latest") != "0x"
            supply = ask(url, token, encode_call("totalSupply()")) if made else 0
            on_their_way = sum(
                int(Decimal(view["amount"]).scaleb(lane.decimals))
                for kind, done in (("deposits", "credited"), ("withdrawals", "finalized"))
                for view in listed[kind]
                if view["rollup"] == lane.rollup
                and view["token"] == lane.token
                and view["state"] != done
            )
            assert held_by(self.l1, lane, bridge) == supply + on_their_way

    def forget_lost(self) -> None:
        """Deposits and withdrawals that no chain has any more; each must be one that a kill may
        cost."""
        went = {
            data["chain"]: min(data["from"], seen)
            for event in self.home.events("net")
            if event["type"] == "rollup.reorged"
            for data in [event["data"]]
            for seen in [1 << 60]
        }
        for moved, chain_of in (
            *((each, "l1") for each in self.deposits),
            *((each, each.lane.rollup) for each in self.withdrawals),
        ):
            if rpc(self.url(chain_of), "eth_getTransactionReceipt", moved.id) is not None:
                continue
            may = [kill for kill in self.killed if kill.chain == chain_of]
            reorged = went.get(chain_of, 1 << 60) <= moved.block
            assert reorged or any(moved.block > kill.saved for kill in may), (moved, self.killed)
            moved.block = -1
            self.done[f"lost {chain_of}"] += 1
        self.deposits = [each for each in self.deposits if each.block >= 0]
        self.withdrawals = [each for each in self.withdrawals if each.block >= 0]

    def bring_home(self) -> None:
        """All that is on its way arrives."""
        for each in self.withdrawals:
            arguments = ("bridge", "withdraw", "--resume", each.id, "--timeout", "120s", "--json")
            done = self.home.run(*arguments, check=False, timeout=240)
            assert (done.returncode == 0) != each.fails, (each, done.stderr)
        until(
            lambda: all(view["state"] != "sent" for view in self.views("deposits").values()),
            30,
            "all deposits arrived",
        )

    def check_receivers(self) -> None:
        """The test's own books: each stranger has what was sent, once."""
        views = self.views("deposits")
        for each in self.deposits:
            if each.to in ACCOUNTS or each.to == REFUSES:
                continue
            has, state = self.there(each.lane, each.to), views[each.id]["state"]
            # what stands for a token may have been lost: then the messenger keeps the message
            assert (has, state) == (each.units * each.lane.scale, "credited") or (
                (has, state) == (0, "failed") and not each.lane.is_coin
            ), (each, has, state)
        for each in self.withdrawals:
            if not each.fails:
                assert held_by(self.l1, each.lane, each.to) == each.units, each


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
