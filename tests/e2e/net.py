"""A devnet between whose chains money moves, and the books of what moved.

What a kill may cost: a node on Anvil loses the blocks since its last save. A deposit in a lost
block of the L1 was never made, and the rollup gives it back; a withdrawal in a lost block of the
rollup neither. Everything older must be there, and whatever is there must add up.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from control_plane.adapters.evm.revert import decode_error
from control_plane.domain.calls import encode_call, tail
from tests.acceptance.world import rpc, rpc_answer, until
from tests.e2e.home import Home
from tests.e2e.ledger import Lane, Sheet, held_by, sheet
from tests.e2e.test_bridge import ACCOUNTS, ask, coins, raw, tokens

REFUSES = "0x4200000000000000000000000000000000000015"
"""L1Block takes no coins: what is deposited for it stays with the messenger, or with the sender."""
PASSER = "0x4200000000000000000000000000000000000016"
FACTORY = "0x4200000000000000000000000000000000000012"


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
