"""Forged outputs are disputed away by nobody's help, honest ones stand, bonds move to the wei."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement.disputes import CHALLENGE_OPENED, Opened
from control_plane.domain.settlement.outputs import (
    BOND,
    decode_output,
    next_index_call,
    output_call,
)
from tests.acceptance.world import rpc, until
from tests.e2e.home import Home, new_home
from tests.e2e.messages import chains_of

_NAME = "net"
_FRAUD = (
    *("up", "minimal", "--name", _NAME, "--set", "rollups.op.da=ethereum-calldata"),
    *("--set", "rollups.op.proof=fraud"),
)
_FUNDS = 1_000_000 * 10**18
_BAD_FAITH_FUNDS = 10**22
_LIES = ("state-root", "message-root", "block-number", "timestamp")
_DEADLINE = 60


@pytest.fixture
def home() -> Iterator[Home]:
    with new_home() as found:
        yield found


class Ledger:
    """The L1 as anybody sees it."""

    def __init__(self, home: Home) -> None:
        status = home.status()
        self._url = status["l1"]["rpc_url"]
        contracts = status["rollups"][0]["l1_contracts"]
        self.oracle, self.game = contracts["l2OutputOracle"], contracts["disputeGame"]

    def call(self, method: str, *params: Any) -> Any:
        return rpc(self._url, method, *params)

    def ask(self, data: bytes) -> bytes:
        call = {"to": self.oracle, "data": "0x" + data.hex()}
        return bytes.fromhex(self.call("eth_call", call, "latest")[2:])

    def outputs(self) -> list[Any]:
        count = int.from_bytes(self.ask(next_index_call()))
        return [decode_output(self.ask(output_call(index))) for index in range(count)]

    def opened(self) -> list[Opened]:
        """Every game that was opened."""
        request = {"address": self.game, "fromBlock": "0x0"}
        request |= {"topics": ["0x" + CHALLENGE_OPENED.hex()]}
        return [
            Opened.decode([bytes.fromhex(t[2:]) for t in log["topics"]], _bytes(log["data"]))
            for log in self.call("eth_getLogs", request)
        ]

    def closed(self) -> int:
        """How many games are over."""
        topic = "0x" + keccak256(b"GameClosed(uint256,uint8,address,uint256,bool)").hex()
        request = {"address": self.game, "fromBlock": "0x0", "topics": [topic]}
        return len(self.call("eth_getLogs", request))

    def balance(self, account: bytes) -> int:
        return int(self.call("eth_getBalance", "0x" + account.hex(), "latest"), 16)

    def fees(self, account: bytes) -> int:
        """Wei that the account paid for gas, ever."""
        paid = 0
        for number in range(int(self.call("eth_blockNumber"), 16) + 1):
            block = self.call("eth_getBlockByNumber", hex(number), True)
            for transaction in block["transactions"]:
                if _bytes(transaction["from"]) == account:
                    receipt = self.call("eth_getTransactionReceipt", transaction["hash"])
                    paid += int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        return paid


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def events(home: Home, type_: str) -> list[dict[str, Any]]:
    return [event["data"] for event in home.events(_NAME) if event["type"] == type_]


def send(home: Home) -> None:
    """A message, and with it a block of the rollup that can be proposed."""
    home.run("message", "send", "l1", "op", "--body", "0x6869", "--wait")


def true_outputs(home: Home, ledger: Ledger) -> bool:
    op = chains_of(home.status())["op"]
    found = ledger.outputs()
    return bool(found) and all(
        op.block_hash(output.block_number) == "0x" + output.block_hash.hex() for output in found
    )


def test_lies_cost_their_bond_and_bad_faith_too(home: Home) -> None:
    # whatever its coin is: deriving a rollup and judging its outputs know nothing of that
    home.run(*_FRAUD, "--set", "save_interval=0.5", "--set", "rollups.op.gas_token=USDC")
    ledger = Ledger(home)
    for count, lie in enumerate(_LIES, 1):
        home.run("chaos", "start", "output-forged", "op", f"lie={lie}")
        send(home)
        until(lambda n=count: ledger.closed() == n, _DEADLINE, f"{lie} is disputed away")
    until(lambda: true_outputs(home, ledger), _DEADLINE, "only true outputs are left")
    told = partial(events, home, "output.removed")
    until(lambda: len(told()) == len(_LIES), _DEADLINE, "each removal is told")
    opened = ledger.opened()
    (challenger,) = {game.challenger for game in opened}
    (proposer,) = {game.proposer for game in opened}
    assert len(opened) == len(_LIES)

    def won() -> bool:
        return ledger.balance(challenger) == _FUNDS + len(_LIES) * BOND - ledger.fees(challenger)

    until(won, _DEADLINE, "the challenger has its own bonds and the proposer's, to the wei")
    bad_faith(home, ledger, proposer, challenger)
    listed(home, challenger, proposer)
    slashed_by_governance(home)


def listed(home: Home, challenger: bytes, proposer: bytes) -> None:
    """The command tells of each game how it ended."""
    first, *lies = home.json("rollup", "disputes", "op")["disputes"]
    assert [each["id"] for each in lies] == list(range(len(_LIES), 0, -1))
    assert {each["phase"] for each in lies} == {"challenger-won"}
    for each in (first, *lies):
        assert (each["rollup"], each["open"], each["to_move"]) == ("op", False, None)
        assert (each["about"], each["by_timeout"], each["bond"]) == ("blocks", False, str(BOND))
        won = challenger if each in lies else proposer
        assert each["winner"] == "0x" + won.hex()
    assert first["phase"] == "proposer-won"
    assert home.json("rollup", "disputes", "--open")["disputes"] == []
    assert home.json("rollup", "disputes", "--before", "2")["disputes"] == lies[-1:]


def slashed_by_governance(home: Home) -> None:
    """Whoever signed a verdict that the governor holds to be false, once, and nobody else."""
    verdict = events(home, "dispute.decided")[0]["tx"]
    slash = ("guardian", "slash", "guardian-1", "--share", "30", "--verdict")
    left = home.json(*slash, verdict)
    assert (left["staked"], left["unbonding"]) == ("0", "70000")  # it leaves, as after any slashing
    until(lambda: home.json("guardian", "offences") != [], _DEADLINE, "the offence is listed")
    (offence,) = home.json("guardian", "offences")
    assert (offence["kind"], offence["guardian"]) == ("false-verdict", "guardian-1")
    assert (offence["amount"], offence["reward"]) == (str(30_000 * 10**18), "0")
    again = home.run(*slash, verdict, check=False)
    assert "AlreadyPunished" in again.stderr
    other = home.run(*slash, "0x" + "11" * 32, check=False)
    assert "brought no verdict" in other.stderr


def bad_faith(home: Home, ledger: Ledger, proposer: bytes, challenger: bytes) -> None:
    """An honest output stands, and who disputed it has lost the bond."""
    before = ledger.outputs()
    home.run("chaos", "start", "challenge-in-bad-faith", "op")
    until(lambda: ledger.closed() == len(_LIES) + 1, _DEADLINE, "the game in bad faith is over")
    *_, game = ledger.opened()
    assert game.challenger not in (challenger, proposer)
    assert [each.block_hash for each in ledger.outputs()[: len(before)]] == [
        each.block_hash for each in before
    ]
    rival = _BAD_FAITH_FUNDS - BOND - ledger.fees(game.challenger)
    assert ledger.balance(game.challenger) == rival

    def kept() -> bool:
        held = sum(output.bond for output in ledger.outputs())
        won = BOND - len(_LIES) * BOND
        return bool(ledger.balance(proposer) == _FUNDS + won - held - ledger.fees(proposer))

    until(kept, _DEADLINE, "the proposer has the bond, to the wei")
    (fault,) = [f for f in home.json("chaos", "ls", "--all") if f["kind"].startswith("challenge")]
    assert fault["state"] == "over"
    assert "lost" in fault["outcome"]


def test_a_challenger_that_is_killed_goes_on_and_wins(home: Home) -> None:
    home.run(*_FRAUD, "--set", "save_interval=3", "--set", "l1.block_time=0.3")
    ledger = Ledger(home)
    op = chains_of(home.status())["op"]
    accounts = op.call("eth_accounts")
    home.run("chaos", "start", "output-forged", "op")
    for n in range(40):
        value = {"from": accounts[n % 10], "to": accounts[0], "value": hex(n), "gas": "0x5208"}
        op.call("eth_sendTransaction", value)
    until(ledger.opened, _DEADLINE, "the forged output is disputed")
    (shown,) = home.json("rollup", "disputes")["disputes"]
    assert shown["open"] == (shown["to_move"] in {"proposer", "challenger", "guardians"})
    assert shown["output_stands"] in {True, None}
    for _ in range(2):
        home.kill_daemon()
        left = [p.command for p in home.processes() if "control_plane.deriving" in p.command]
        until(lambda: not _deriving(home), 10, f"no process is left that derives: {left}")
        home.run("status")
        home.wait_state("ready", 30)
    until(lambda: ledger.closed() > 0, _DEADLINE, "the dispute is over")
    until(lambda: true_outputs(home, ledger), _DEADLINE, "only true outputs are left")
    (game,) = ledger.opened()
    until(
        lambda: ledger.balance(game.challenger) == _FUNDS + BOND - ledger.fees(game.challenger),
        _DEADLINE,
        "the challenger has its own bond and the proposer's, to the wei",
    )


def test_a_sequencers_lie_about_a_slot_never_becomes_final(home: Home) -> None:
    """Nor do guardians that joined later, without whom the others are no two thirds, keep quiet."""
    home.run(*_FRAUD, "--set", "save_interval=0.5")
    home.run("guardian", "add", "--stake", "300000", "--wait")
    ledger = Ledger(home)
    until(ledger.outputs, _DEADLINE, "there is an output")
    op = chains_of(home.status())["op"]
    op.call("anvil_setStorageAt", op.recipient, "0x" + f"{77:064x}", "0x" + f"{5:064x}")
    home.run("message", "send", "l1", "op", "--to", op.recipient, "--body", "0x6869", "--wait")
    until(lambda: ledger.closed() == 1, _DEADLINE, "the output with the lie is disputed away")
    until(lambda: events(home, "output.removed"), 10, "it is told")
    (removed,) = events(home, "output.removed")
    until(
        lambda: "disputed away" in str(_problem(home, "op/proposer")),
        _DEADLINE,
        "it is not proposed again",
    )
    assert removed["index"] >= 1
    assert len(ledger.opened()) == 1


def _problem(home: Home, service: str) -> str | None:
    (found,) = (each for each in home.status()["services"] if each["name"] == service)
    return None if found["problem"] is None else str(found["problem"])


def _deriving(home: Home) -> list[str]:
    return [p.command for p in home.processes() if "control_plane.deriving" in p.command]
