"""Messages as a foreign program sends and counts them: raw transactions and logs, nothing of ours
but a signer."""

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.calls import encode_call, selector
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Hex
from control_plane.domain.ports.node import Account
from control_plane.schemas.spec import TEST_MNEMONIC
from tests.acceptance.world import rpc, until

_DISPATCHED = "0x" + keccak256(b"DispatchId(bytes32)").hex()
_PROCESSED = "0x" + keccak256(b"ProcessId(bytes32)").hex()


@dataclass(frozen=True)
class At:
    """One chain of a status, as a client sees it."""

    name: str
    url: str
    chain_id: int
    domain: int
    mailbox: str
    hook: str
    recipient: str

    def call(self, method: str, *params: Any) -> Any:
        return rpc(self.url, method, *params)

    @property
    def height(self) -> int:
        return int(self.call("eth_blockNumber"), 16)

    def block_hash(self, number: int) -> str:
        return str(self.call("eth_getBlockByNumber", hex(number), False)["hash"])

    def tree_count(self) -> int:
        """Messages in the tree, by the contract's own count."""
        call = {"to": self.hook, "data": "0x" + selector("count()").hex()}
        return int(self.call("eth_call", call, "latest"), 16)

    def dispatched(self) -> list[str]:
        """Ids of all messages in this chain's blocks, in order."""
        return self._ids(_DISPATCHED)

    def processed(self) -> Counter[str]:
        """How often each message was delivered here."""
        return Counter(self._ids(_PROCESSED))

    def _ids(self, topic: str) -> list[str]:
        wanted = {"fromBlock": "0x0", "toBlock": "latest", "address": self.mailbox}
        logs = self.call("eth_getLogs", wanted | {"topics": [topic]})
        return [str(log["topics"][1]) for log in logs]


def chains_of(status: Mapping[str, Any]) -> dict[str, At]:
    """All chains of a status by name."""
    found = {}
    for chain in (status["l1"], *status["rollups"]):
        at = chain["contracts"]
        found[chain["name"]] = At(
            chain["name"],
            chain["rpc_url"],
            chain["chain_id"],
            chain["domain"],
            at["mailbox"],
            at["merkleTreeHook"],
            at["testRecipient"],
        )
    return found


def account(label: str) -> Account:
    """A key that nobody else uses."""
    from coincurve import PrivateKey

    key = keccak256(f"e2e {label}".encode())
    public = PrivateKey(key).public_key.format(compressed=False)[1:]
    return Account(Hex("0x" + keccak256(public)[12:].hex()), key)


def dispatch_data(destination: At, body: bytes) -> bytes:
    """Calldata of ``Mailbox.dispatch`` to the destination's test recipient."""
    to = bytes(12) + bytes.fromhex(destination.recipient[2:])
    return encode_call("dispatch(uint32,bytes32,bytes)", destination.domain, to, body)


def fund(at: At, receiver: Account) -> None:
    """Coins for `receiver`, from the last listed account where the engine can't make them."""
    try:
        at.call("anvil_setBalance", receiver.address, hex(10**24))
    except AssertionError:
        giver = derive_accounts(TEST_MNEMONIC, 10)[9]
        nonce = int(at.call("eth_getTransactionCount", giver.address, "pending"), 16)
        to = bytes.fromhex(receiver.address[2:])
        gift = Transaction(at.chain_id, nonce, to, 10**21, b"", 21_000, 100 * 10**9, 10**9)
        at.call("eth_sendRawTransaction", "0x" + sign(gift, giver.key)[0].hex())
        until(
            lambda: int(at.call("eth_getBalance", receiver.address, "latest"), 16) > 0, 10, "coins"
        )


@dataclass
class Burst:
    """Messages of one account, signed here, sent in JSON-RPC batches."""

    origin: At
    destination: At
    sender: Account
    sent: int = 0
    refused: int = 0
    made: int = 0
    """Messages signed so far; in their bodies, so that no two are ever the same."""
    refusals: list[str] = field(default_factory=list)

    @classmethod
    def between(cls, origin: At, destination: At, label: str = "burst") -> "Burst":
        sender = account(label)
        fund(origin, sender)
        return cls(origin, destination, sender)

    def send(self, count: int) -> None:
        """Send `count` messages now. OSError when the node does not answer."""
        nonce = int(self.origin.call("eth_getTransactionCount", self.sender.address, "pending"), 16)
        mailbox = bytes.fromhex(self.origin.mailbox[2:])
        raws = []
        for number in range(nonce, nonce + count):
            self.made += 1
            data = dispatch_data(self.destination, b"message %d" % self.made)
            transaction = Transaction(
                self.origin.chain_id, number, mailbox, 0, data, 300_000, 100 * 10**9, 10**9
            )
            raws.append("0x" + sign(transaction, self.sender.key)[0].hex())
        answers = batch(self.origin.url, [("eth_sendRawTransaction", (raw,)) for raw in raws])
        self.sent += sum("result" in answer for answer in answers)
        refused = [str(answer["error"]) for answer in answers if "error" in answer]
        self.refused += len(refused)
        self.refusals += refused

    def send_all(self, count: int, seconds: float = 20) -> None:
        """Send `count` messages, those again that the node refuses: op-geth's pool learns of coins
        a moment after the block in which they came."""
        goal = self.sent + count
        deadline = time.monotonic() + seconds
        while self.sent < goal:
            assert time.monotonic() < deadline, self.refusals[-3:]
            self.send(goal - self.sent)
            time.sleep(0.05)


def batch(url: str, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[dict[str, Any]]:
    """One JSON-RPC batch, answers in order. OSError when nobody answers."""
    body = [
        {"jsonrpc": "2.0", "id": at, "method": method, "params": params}
        for at, (method, params) in enumerate(calls)
    ]
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return sorted(json.load(response), key=lambda answer: int(answer["id"]))


@dataclass
class Stream:
    """Bursts sent again and again by a thread; what a dead node refuses is not counted."""

    bursts: list[Burst]
    each: int
    pause: float
    errors: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._stop.wait(self.pause):
            for burst in self.bursts:
                try:
                    burst.send(self.each)
                except (OSError, AssertionError, ValueError) as error:
                    self.errors.append(f"{burst.origin.name}: {error}")

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def flowing(*bursts: Burst, each: int = 10, pause: float = 0.05) -> Iterator[Stream]:
    """Messages flow while the body runs."""
    stream = Stream(list(bursts), each, pause)
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    try:
        yield stream
    finally:
        stream.stop()
        thread.join(20)
        assert not thread.is_alive()


@dataclass
class Onlooker:
    """Somebody who looks at a chain's head, again and again, until its node does not answer."""

    at: At
    seen: dict[int, str] = field(default_factory=dict)
    """Hashes by height."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._stop.is_set():
            try:
                head = self.at.call("eth_getBlockByNumber", "latest", False)
            except (OSError, AssertionError, ValueError):
                return
            self.seen[int(head["number"], 16)] = str(head["hash"])

    def stop(self) -> None:
        self._stop.set()

    def stayed(self) -> list[int]:
        """Heights at which the chain has the block that was seen."""
        return [number for number in sorted(self.seen) if self._has(number)]

    def gone(self) -> list[int]:
        """Heights at which it has none, or another."""
        return [number for number in sorted(self.seen) if not self._has(number)]

    def _has(self, number: int) -> bool:
        block = self.at.call("eth_getBlockByNumber", hex(number), False)
        return block is not None and block["hash"] == self.seen[number]

    def assert_losses_told(
        self, events: Sequence[Mapping[str, Any]], service: Mapping[str, Any]
    ) -> None:
        """The blocks that went are those of the event, once and no others; `service` is the node
        that came back. One killed right after a save, with nothing sealed since, lost none."""
        told = [
            event["data"]
            for event in events
            if (event["type"], event["service"]) == ("service.lost_blocks", service["name"])
        ]
        gone, stayed = self.gone(), self.stayed()
        assert len(told) <= 1, told
        if not told:
            assert not gone, f"{gone} of {self.at.name} went, and nobody said so"
            return
        first, last, restored = (told[0][key] for key in ("from", "to", "restored"))
        assert [first, last] == service["lost_blocks"]
        assert restored == first - 1
        assert max(stayed, default=0) <= restored, "what is said to be lost is there"
        assert set(gone) <= set(range(first, last + 1)), "what went is said to be there"


@contextmanager
def looking_on(at: At) -> Iterator[Onlooker]:
    """Somebody looks on until the node of `at` ends."""
    onlooker = Onlooker(at)
    thread = threading.Thread(target=onlooker.run, daemon=True)
    thread.start()
    try:
        yield onlooker
    finally:
        onlooker.stop()
        thread.join(20)
        assert not thread.is_alive()


def missing(origin: At, destination: At) -> list[str]:
    """Messages of the origin's blocks that the destination has not had."""
    there = destination.processed()
    return [id_ for id_ in origin.dispatched() if there[id_] == 0]


def assert_all_delivered_once(
    origin: At, destination: At, *, at_least: int, seconds: float = 40
) -> None:
    """Every message in the origin's blocks arrives, none twice. For chains that send to one
    destination only."""
    deadline = time.monotonic() + seconds
    while len(origin.dispatched()) < at_least or missing(origin, destination):
        assert time.monotonic() < deadline, (
            f"after {seconds:g} s {origin.name} has {len(origin.dispatched())} messages for "
            f"{destination.name}, at least {at_least} are wanted, and it lacks "
            f"{missing(origin, destination)[:3]} …"
        )
        time.sleep(0.05)
    twice = {id_: times for id_, times in destination.processed().items() if times > 1}
    assert not twice, f"delivered more than once: {twice}"
