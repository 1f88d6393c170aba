"""Everything that can be broken on purpose, live: the honest quorum goes on, and who signs what it
must not loses what the rules say, to the wei."""

import itertools
import signal
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from control_plane.domain.calls import encode_call
from control_plane.domain.hashing import keccak256
from tests.acceptance.world import rpc, until
from tests.e2e.home import Home, new_home
from tests.e2e.messages import At, chains_of

_NET = "net"
_NUMBERS = itertools.count(1)
_STAKE = 100_000 * 10**18
_SLASHED = "0x" + keccak256(b"Slashed(address,uint8,bytes32,uint64,uint96,uint96,address)").hex()


@pytest.fixture(scope="module")
def net() -> Iterator[Home]:
    """A rollup and its L1, seven guardians: two of them may be bad at any time."""
    with new_home() as home:
        home.run("up", "minimal", "--name", _NET, "--set", "metalayer.guardians=7")
        yield home


@pytest.fixture
def chains(net: Home) -> Iterator[dict[str, At]]:
    """What was broken is mended afterwards."""
    yield chains_of(net.status())
    net.run("chaos", "heal", "--all")
    until(lambda: net.status()["state"] == "ready", 10, "all is well again")


def start(net: Home, kind: str, *words: str) -> dict[str, Any]:
    return dict(net.json("chaos", "start", kind, *words))


def send(net: Home, origin: str = "op", destination: str = "l1", *, wait: bool = True) -> Any:
    """A message that is like no other: after a reorg the same bytes would be the same message."""
    flags = ["--wait"] if wait else []
    body = f"0x{next(_NUMBERS):08x}"
    return net.json("message", "send", origin, destination, "--body", body, *flags)


def trace(net: Home, message: Mapping[str, Any]) -> dict[str, Any]:
    return dict(net.json("message", "trace", message["id"]))


def newest(net: Home) -> int:
    """Id of the last event."""
    return max((event["id"] for event in net.events(_NET)), default=0)


def told(net: Home, kind: str, after: int, **wanted: Any) -> dict[str, Any]:
    """The one event of that kind with that data, once it is there."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [
            event
            for event in net.events(_NET, after)
            if event["type"] == kind and wanted.items() <= event["data"].items()
        ]
        return bool(found)

    until(there, 15, f"{kind} {wanted}")
    assert len(found) == 1, f"{kind} is told {len(found)} times"
    return found[0]


class Ledger:
    """Who has how much ERA."""

    def __init__(self, net: Home) -> None:
        status = net.status()
        self.l1, self.rollups = status["l1"], status["rollups"]
        self.contracts = self.l1["contracts"]

    def call(self, to: str, signature: str, *arguments: int | bytes) -> bytes:
        request = {"to": to, "data": "0x" + encode_call(signature, *arguments).hex()}
        return bytes.fromhex(rpc(self.l1["rpc_url"], "eth_call", request, "latest")[2:])

    def era(self, who: str) -> int:
        account = bytes.fromhex(who[2:])
        return int.from_bytes(self.call(self.contracts["era"], "balanceOf(address)", account))

    def bond(self, guardian: str) -> int:
        """Stake and what is unbonding."""
        account = bytes.fromhex(guardian[2:])
        view = self.call(self.contracts["guardianRegistry"], "guardianOf(address)", account)
        return int.from_bytes(view[32:64]) + int.from_bytes(view[64:96])

    def balances(self, reporter: str) -> tuple[int, ...]:
        """Of the registry, the treasury, the slasher, the reporter."""
        names = ("guardianRegistry", "governanceExecutor", "slasher")
        return tuple(self.era(who) for who in (*(self.contracts[n] for n in names), reporter))

    def set_sizes(self) -> dict[str, int]:
        """Guardians in the set that each chain has."""
        sizes = {}
        for chain in (self.l1, *self.rollups):
            request = {
                "to": chain["contracts"]["rootVerifier"],
                "data": "0x" + encode_call("guardianSet()").hex(),
            }
            view = bytes.fromhex(rpc(chain["rpc_url"], "eth_call", request, "latest")[2:])
            sizes[chain["name"]] = int.from_bytes(view[64:96])
        return sizes

    def slashings(self) -> list[str]:
        """Offence ids of every slashing on the L1."""
        logs = rpc(
            self.l1["rpc_url"],
            "eth_getLogs",
            {"address": self.contracts["slasher"], "topics": [_SLASHED], "fromBlock": "0x0"},
        )
        return [str(log["topics"][3]) for log in logs]


def watcher_of(net: Home) -> str:
    """The watcher's account."""
    from control_plane.adapters.evm.keys import load_keys

    account = load_keys(net.home / "devnets" / _NET, 0).watcher
    assert account is not None
    return str(account.address)


def expect_slashed(
    net: Home, before: tuple[int, ...], after: int, guardian: str, offence: str, amount: int
) -> None:
    """`guardian` lost `amount` and nobody anything else; `before` and `after`: balances and the
    last event before it was bad."""
    event = told(net, "guardian.slashed", after, guardian=guardian, offence=offence)
    data, ledger, reporter = event["data"], Ledger(net), watcher_of(net)
    reward = amount // 10
    assert (int(data["amount"]), int(data["reward"])) == (amount, reward)
    assert data["reporter"] == reporter.lower()
    registry, treasury, slasher, rewards = before
    assert ledger.balances(reporter) == (
        registry - amount,
        treasury + amount - reward,
        slasher,
        rewards + reward,
    )
    (offence_,) = [
        one
        for one in net.json("guardian", "offences")
        if one["guardian"] == guardian and one["kind"] == offence
    ]
    assert (offence_["state"], offence_["amount"]) == ("slashed", str(amount))
    assert ledger.bond(offence_["address"]) == _STAKE - amount
    slashings = ledger.slashings()
    assert len(slashings) == len(set(slashings))
    left = 7 - len(slashings)
    until(
        lambda: set(Ledger(net).set_sizes().values()) == {left},
        15,
        f"every chain has a set of {left}",
    )


# ---------------------------------------------------------------------- guardians


@pytest.mark.parametrize(
    ("kind", "words"), [("guardian-silent", ()), ("guardian-late", ("ms=9000",))]
)
def test_who_does_not_answer_holds_nobody_up(
    net: Home, chains: dict[str, At], kind: str, words: tuple[str, ...]
) -> None:
    start(net, kind, "guardian-6", *words)
    assert send(net)["latency_ms"] < 4_000
    assert 6 in net.json("epoch", "show", "latest")["absent"]
    assert not Ledger(net).slashings()
    net.run("chaos", "heal", "--all")
    assert send(net)["latency_ms"] < 4_000


def test_a_liar_loses_a_quarter(net: Home, chains: dict[str, At]) -> None:
    """Its false leaf is in no certificate: its own signature is the evidence."""
    before, after = Ledger(net).balances(watcher_of(net)), newest(net)
    fault = start(net, "guardian-lying", "guardian-5", "chain=op")
    assert send(net)["delivered_tx"]
    told(net, "guardian.lied", after, guardian="guardian-5")
    expect_slashed(net, before, after, "guardian-5", "false-leaf", _STAKE // 4)
    (over,) = [one for one in net.json("chaos", "ls", "--all") if one["id"] == fault["id"]]
    assert over["state"] == "over"
    assert "signed for epoch" in over["outcome"]


def test_an_equivocator_loses_all(net: Home, chains: dict[str, At]) -> None:
    before, after = Ledger(net).balances(watcher_of(net)), newest(net)
    start(net, "guardian-equivocating", "4")
    assert send(net)["delivered_tx"]
    told(net, "guardian.equivocated", after, guardian="guardian-4")
    expect_slashed(net, before, after, "guardian-4", "equivocation", _STAKE)
    assert send(net)["delivered_tx"]


# ---------------------------------------------------------------------- certificates


@pytest.mark.parametrize(
    ("signers", "why"), [("", "InvalidSignature()"), ("signers=0,1", "QuorumNotReached(")]
)
def test_a_forged_certificate_is_refused(
    net: Home, chains: dict[str, At], signers: str, why: str
) -> None:
    """And who signed it, too, loses all as soon as the number is used honestly."""
    before, after = Ledger(net).balances(watcher_of(net)), newest(net)
    fault = start(net, "forged-certificate", "op", *([signers] if signers else []))
    assert fault["state"] == "over"
    assert why in fault["outcome"]
    assert not chains["op"].processed()
    assert send(net)["delivered_tx"]
    if not signers:
        return
    for guardian in ("guardian-0", "guardian-1"):
        told(net, "guardian.slashed", after, guardian=guardian, offence="equivocation")
    registry, treasury, slasher, rewards = before
    both = 2 * _STAKE
    assert Ledger(net).balances(watcher_of(net)) == (
        registry - both,
        treasury + both - both // 10,
        slasher,
        rewards + both // 10,
    )


# ---------------------------------------------------------------------- relayers


def test_a_racing_relayer_delivers_nothing_twice(net: Home, chains: dict[str, At]) -> None:
    start(net, "relayer-duplicate", "l1")
    ids = [send(net)["id"] for _ in range(3)]
    processed = chains["l1"].processed()
    assert [processed[id_] for id_ in ids] == [1, 1, 1]


def test_a_censored_message_says_so_and_comes_when_it_is_carried(
    net: Home, chains: dict[str, At]
) -> None:
    start(net, "relayer-censoring", "destination=l1")
    sent = send(net, wait=False)
    until(lambda: "drops it on purpose" in str(trace(net, sent)["reason"]), 10, "its reason")
    assert not chains["l1"].processed()[sent["id"]]
    net.run("chaos", "heal", "--all")
    until(lambda: trace(net, sent)["state"] == "delivered", 10, "it is delivered")


# ---------------------------------------------------------------------- chains


def test_a_reorg_slashes_nobody(net: Home, chains: dict[str, At]) -> None:
    slashed, after = Ledger(net).slashings(), newest(net)
    for _ in range(3):
        send(net)
    fault = start(net, "reorg", "op", "depth=2")
    assert "were replaced" in fault["outcome"]
    told(net, "chain.reorged", after, chain="op", cause="reorg")
    for _ in range(2):
        assert send(net)["delivered_tx"]
    assert Ledger(net).slashings() == slashed
    assert not [e for e in net.events(_NET, after) if e["type"].startswith("guardian.")]


def test_a_paused_chain_gets_its_messages_later(net: Home, chains: dict[str, At]) -> None:
    start(net, "chain-paused", "l1")
    sent = send(net, wait=False)
    until(lambda: net.status()["state"] == "degraded", 5, "status tells of it")
    assert trace(net, sent)["state"] != "delivered"
    net.run("chaos", "heal", "--all")
    until(lambda: trace(net, sent)["state"] == "delivered", 10, "it is delivered")


def test_dropped_connections_are_made_anew(net: Home, chains: dict[str, At]) -> None:
    start(net, "connection-dropped", "l1")
    sent = send(net, wait=False)
    until(lambda: "cut on purpose" in str(net.status()["problem"]), 5, "status tells of it")
    net.run("chaos", "heal", "--all")
    until(lambda: trace(net, sent)["state"] == "delivered", 15, "it is delivered")
    assert chains["l1"].processed()[sent["id"]] == 1


# ---------------------------------------------------------------------- the commands


def test_what_can_not_be_broken_is_refused(net: Home, chains: dict[str, At]) -> None:
    for words, code, hint in (
        (("guardian-slient", "0"), 2, "guardian-silent"),
        (("guardian-late", "guardian-9"), 2, "there is no guardian"),
        (("guardian-late", "0", "ms=never"), 2, "is no number"),
        (("reorg", "op", "depht=3"), 2, "depth"),
        (("reorg", "op", "depth=100"), 4, "block 1 stays"),
        (("relayer-censoring",), 2, "name a sender or a destination"),
    ):
        done = net.run("chaos", "start", *words, check=False)
        assert (done.returncode, hint in done.stderr) == (code, True), done.stderr
    start(net, "guardian-silent", "0")
    again = net.run("chaos", "start", "guardian-silent", "0", check=False)
    assert again.returncode == 4
    assert net.run("chaos", "heal", "f999", check=False).returncode == 3


def test_a_killed_daemon_forgets_neither_faults_nor_evidence(
    net: Home, chains: dict[str, At]
) -> None:
    """Evidence waits for a paused L1; the daemon dies meanwhile; it is reported once."""
    net.run("chaos", "start", "chain-paused", "l1")
    before, after = Ledger(net).balances(watcher_of(net)), newest(net)
    start(net, "guardian-equivocating", "guardian-3")
    send(net, wait=False)
    told(net, "guardian.equivocated", after, guardian="guardian-3")
    net.kill_daemon(signal.SIGKILL)
    net.run("up", "minimal", "--name", _NET, "--set", "metalayer.guardians=7")
    until(lambda: "l1/sequencer" in str(net.status()["problem"]), 10, "the L1 is paused again")
    assert [one["kind"] for one in net.json("chaos", "ls")] == ["chain-paused"]
    net.run("chaos", "heal", "--all")
    expect_slashed(net, before, after, "guardian-3", "equivocation", _STAKE)


# ---------------------------------------------------------------------- two thirds


def test_two_thirds_of_the_stake_certify_nothing() -> None:
    """Three equal guardians. With one of them silent nothing is certified; two that collude
    get nothing in, and lose all."""
    with new_home() as home:
        home.run("up", "minimal", "--name", _NET, "--set", "metalayer.guardians=3")
        chains = chains_of(home.status())
        start(home, "guardian-silent", "2")
        epoch = home.status()["metalayer"]["epoch"]
        sent = send(home, wait=False)
        until(lambda: "no quorum" in str(trace(home, sent)["reason"]), 15, "it says why it waits")
        assert "guardian-2" in trace(home, sent)["reason"]
        assert home.status()["metalayer"]["epoch"] == epoch
        assert not chains["l1"].processed()
        home.run("chaos", "heal", "--all")
        until(lambda: trace(home, sent)["state"] == "delivered", 15, "it is delivered")

        after = newest(home)
        fault = start(home, "forged-certificate", "op", "signers=0,1")
        assert (
            f"QuorumNotReached(signedStake={2 * _STAKE}, totalStake={3 * _STAKE})"
            in fault["outcome"]
        )
        assert send(home)["delivered_tx"]
        for guardian in ("guardian-0", "guardian-1"):
            told(home, "guardian.slashed", after, guardian=guardian, offence="equivocation")
        assert set(chains["op"].processed()) == set()
