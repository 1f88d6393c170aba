"""A rollup's money, counted by what its two chains themselves say."""

import gzip
import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control_plane.domain.calls import encode_call
from control_plane.domain.hashing import keccak256
from control_plane.domain.op_stack import DEPOSITED_TOPIC, deposit_of_log
from control_plane.domain.settlement.deposits import bare
from control_plane.domain.settlement.withdrawals import (
    MESSAGE_PASSED,
    MESSAGE_PASSER,
    withdrawal_of_log,
)
from tests.acceptance.world import rpc

FINALIZED = "0x" + keccak256(b"WithdrawalFinalized(bytes32,bool)").hex()


@dataclass(frozen=True)
class Lane:
    """One money on the way between the L1 and one rollup."""

    rollup: str
    symbol: str
    decimals: int
    token: str = ""
    """Its address on the L1; empty for ETH."""
    is_coin: bool = True
    """What the rollup's gas is paid with."""

    @property
    def scale(self) -> int:
        """Smallest units on the rollup for one on the L1."""
        return int(10 ** (18 - self.decimals)) if self.is_coin else 1

    def whole(self, units: int) -> str:
        """As the command takes it; `units` are the L1's."""
        if not self.decimals:
            return str(units)
        text = str(units).rjust(self.decimals + 1, "0")
        return f"{text[: -self.decimals]}.{text[-self.decimals :]}"


@dataclass(frozen=True)
class Sheet:
    """In wei of the rollup; what was minted and destroyed stands on the L1, in the rollup's state
    and in logs, each of which is read by itself."""

    escrow: int
    """What the portal says that it locked."""
    held: int
    """What it has."""
    genesis: int
    """Coins that accounts began with."""
    supply: int
    """On all accounts of the rollup; fees are in the vaults, so none is burnt."""
    burnt: int
    """What the message passer has of it: all that ever was withdrawn."""
    deposited: int
    """Mints that the portal ordered."""
    waiting: int
    """How many deposits no block of the rollup has yet."""
    coming: int
    """Mints of those."""
    withdrawn: int
    """By the rollup's logs."""
    leaving: int
    """Of those, what was not paid on the L1 yet, and what the portal kept as the call failed."""

    @property
    def wrong(self) -> list[str]:
        """Equations that do not hold; each is one whatever is in flight."""
        equations = {
            "escrow + genesis = supply - burnt + coming + leaving": self.escrow + self.genesis
            == self.supply - self.burnt + self.coming + self.leaving,
            "supply = genesis + deposited - coming": self.supply
            == self.genesis + self.deposited - self.coming,
            "escrow = deposited - withdrawn + leaving": self.escrow
            == self.deposited - self.withdrawn + self.leaving,
            "burnt = withdrawn": self.burnt == self.withdrawn,
            "escrow = held": self.escrow == self.held,
        }
        return [name for name, holds in equations.items() if not holds]

    @property
    def payable(self) -> int:
        """What can be withdrawn besides all that is on its way home."""
        return self.escrow - self.leaving


def sheet(l1: str, l2: str, lane: Lane, portal: str, genesis: Path) -> Sheet:
    """Of a rollup, its coin's `lane`; `genesis` is its node's file."""
    alloc = json.loads(genesis.read_bytes())["alloc"]
    ordered = rpc(l1, "eth_getLogs", _logs(portal, "0x" + DEPOSITED_TOPIC.hex()))
    ended = rpc(l1, "eth_getLogs", _logs(portal, FINALIZED))
    sent = rpc(l2, "eth_getLogs", _logs("0x" + MESSAGE_PASSER.hex(), "0x" + MESSAGE_PASSED.hex()))
    deposits = [deposit_of_log(log) for log in ordered]
    taken = _taken(l2, [hash_ for each in deposits for hash_ in (each.hash, bare(each).hash)])
    dump = json.loads(gzip.decompress(bytes.fromhex(rpc(l2, "anvil_dumpState")[2:])))
    balances = {at.lower(): int(held["balance"], 16) for at, held in dump["accounts"].items()}
    withdrawals = [found for log in sent if (found := withdrawal_of_log(log))]
    paid = {log["topics"][1]: int(log["data"], 16) == 1 or bool(lane.token) for log in ended}
    return Sheet(
        escrow=_balance(l1, portal) * lane.scale,
        held=held_by(l1, lane, portal) * lane.scale,
        genesis=sum(int(account.get("balance", "0x0"), 16) for account in alloc.values()),
        supply=sum(balances.values()),
        burnt=balances.get("0x" + MESSAGE_PASSER.hex(), 0),
        deposited=sum(each.mint for each in deposits),
        waiting=sum(not {each.hash, bare(each).hash} & taken for each in deposits),
        coming=sum(each.mint for each in deposits if not {each.hash, bare(each).hash} & taken),
        withdrawn=sum(each.value for each in withdrawals),
        leaving=sum(e.value for e in withdrawals if not paid.get("0x" + e.hash.hex(), False)),
    )


def held_by(url: str, lane: Lane, who: str) -> int:
    """Units of the money that `who` has on the L1."""
    if not lane.token:
        return int(rpc(url, "eth_getBalance", who, "latest"), 16)
    data = encode_call("balanceOf(address)", bytes.fromhex(who[2:]))
    return int(rpc(url, "eth_call", {"to": lane.token, "data": "0x" + data.hex()}, "latest"), 16)


def _balance(l1: str, portal: str) -> int:
    asked = {"to": portal, "data": "0x" + encode_call("balance()").hex()}
    return int(rpc(l1, "eth_call", asked, "latest"), 16)


def _taken(l2: str, hashes: Sequence[str]) -> set[str]:
    """Those that a block of the rollup has."""
    asked = [
        {"jsonrpc": "2.0", "id": n, "method": "eth_getTransactionReceipt", "params": [hash_]}
        for n, hash_ in enumerate(hashes)
    ]
    if not asked:
        return set()
    request = urllib.request.Request(
        l2, json.dumps(asked).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        answers: list[Mapping[str, Any]] = json.load(response)
    return {str(each["result"]["transactionHash"]) for each in answers if each.get("result")}


def _logs(address: str, topic: str) -> dict[str, Any]:
    return {"address": address, "fromBlock": "0x0", "topics": [topic]}
