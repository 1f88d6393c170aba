"""A foreign client: signed transactions over plain JSON-RPC, proofs believed only when checked."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from websockets.sync.client import connect

from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain import trie
from control_plane.domain.hashing import keccak256
from control_plane.domain.header import check_header
from tests.acceptance.world import until
from tests.e2e.messages import At, dispatch_data

GWEI: Final = 10**9
CREATE2_PROXY: Final = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
MULTICALL3: Final = "0xca11bde05977b3631167028862be2a173976ca11"
PERMIT2: Final = "0x000000000022d473030f116ddee9f6b43ac78ba3"

COUNTER: Final = bytes.fromhex("600160005401600055366000600037366000a000")
"""Adds one to slot 0 at every call, and logs what it was called with."""


def creation(runtime: bytes) -> bytes:
    """Init code that leaves `runtime` (at most 255 bytes) as a contract's code."""
    size = len(runtime)
    return bytes.fromhex(f"60{size:02x}600c60003960{size:02x}6000f3") + runtime


@dataclass
class Wallet:
    """One listed account, signing here."""

    address: str
    key: bytes

    def raw(
        self,
        chain: At,
        to: str,
        data: bytes = b"",
        value: int = 0,
        *,
        ahead: int = 0,
        nonce: int | None = None,
    ) -> str:
        """A signed transaction with this `nonce`, or `ahead` places behind those that wait."""
        if nonce is None:
            waiting = chain.call("eth_getTransactionCount", self.address, "pending")
            nonce = int(waiting, 16) + ahead
        receiver = bytes.fromhex(to.removeprefix("0x"))
        made = Transaction(
            chain.chain_id, nonce, receiver, value, data, 1_000_000, 100 * GWEI, GWEI
        )
        return "0x" + sign(made, self.key)[0].hex()

    def send(self, chain: At, to: str, data: bytes = b"", value: int = 0) -> dict[str, Any]:
        """Send and wait; the receipt of a transaction that did not revert."""
        hash_ = chain.call("eth_sendRawTransaction", self.raw(chain, to, data, value))
        receipt = receipt_of(chain, hash_)
        assert receipt["status"] == "0x1", receipt
        return receipt

    def deploy(self, chain: At, code: bytes = COUNTER, salt: int = 0) -> str:
        """Put `code` at the address that CREATE2 gives it; the address."""
        init = creation(code)
        self.send(chain, CREATE2_PROXY, salt.to_bytes(32) + init)
        seed = b"\xff" + bytes.fromhex(CREATE2_PROXY[2:]) + salt.to_bytes(32) + keccak256(init)
        return "0x" + keccak256(seed)[12:].hex()

    def dispatch(self, origin: At, destination: At, body: bytes) -> str:
        """Send a message; its id."""
        before = set(origin.dispatched())
        self.send(origin, origin.mailbox, dispatch_data(destination, body))
        (id_,) = set(origin.dispatched()) - before
        return id_


def receipt_of(chain: At, hash_: str, seconds: float = 15) -> dict[str, Any]:
    """The receipt, once there is one."""
    found: dict[str, Any] = {}

    def there() -> bool:
        found.update(chain.call("eth_getTransactionReceipt", hash_) or {})
        return bool(found)

    until(there, seconds, f"{hash_} is in a block of {chain.name}")
    return found


def wait_delivered(destination: At, id_: str, seconds: float = 20) -> None:
    """Until the destination's mailbox says that the message was processed; once."""
    until(lambda: destination.processed()[id_] > 0, seconds, f"{id_} at {destination.name}")
    assert destination.processed()[id_] == 1


def storage(chain: At, contract: str, slot: int = 0, block: str = "latest") -> int:
    return int(chain.call("eth_getStorageAt", contract, hex(slot), block), 16)


def proven_slot(chain: At, contract: str, slot: int, number: int) -> int:
    """A storage slot at block `number`, by header, account proof and storage proof alone."""
    block = chain.call("eth_getBlockByNumber", hex(number), False)
    header = check_header(block, bytes.fromhex(block["hash"][2:]))
    key = "0x" + slot.to_bytes(32).hex()
    proof = chain.call("eth_getProof", contract, [key], hex(number))
    address = bytes.fromhex(contract[2:])
    account = trie.prove_account(header.state_root, address, _nodes(proof["accountProof"]))
    assert account is not None, f"{contract} does not exist at {number}"
    nodes = _nodes(proof["storageProof"][0]["proof"])
    return trie.prove_slot(account.storage_root, slot, nodes)


def _nodes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text[2:]) for text in texts]


class Transfers(threading.Thread):
    """Twenty transfers a second from one account, as a wallet would send them: what a killed node
    forgot is sent again, with the same nonce. Remembers every head that it has seen."""

    def __init__(self, wallet: Wallet, chain: At, to: str) -> None:
        super().__init__(daemon=True)
        self.seen: dict[int, str] = {}
        self._wallet, self._chain, self._to = wallet, chain, to
        self._first = self._nonce("latest")
        self._raws: list[str] = []
        self._over = threading.Event()

    @property
    def sent(self) -> int:
        return len(self._raws)

    def run(self) -> None:
        while not self._over.wait(0.05):
            with suppress(OSError, ValueError, AssertionError):  # it is dead at the moment
                self._look()
                self._send_again()
                raw = self._wallet.raw(self._chain, self._to, value=1, nonce=self._next)
                self._raws.append(raw)  # first: a node that dies may have taken it all the same
                self._chain.call("eth_sendRawTransaction", raw)

    def finish(self, seconds: float = 30) -> None:
        """End, and wait until every transfer is in a block: no nonce is missing."""
        self._over.set()
        self.join(15)
        assert not self.is_alive()

        def all_in() -> bool:
            with suppress(OSError, ValueError, AssertionError):
                self._send_again()
                return self._nonce("latest") == self._next
            return False

        try:
            until(all_in, seconds, f"all {self.sent} transfers are in blocks of {self._chain.name}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._how_it_stands()}") from error

    def _how_it_stands(self) -> str:
        nonces = {block: self._nonce(block) for block in ("latest", "pending")}
        return f"from nonce {self._first} to {self._next}, {nonces}"

    def _look(self) -> None:
        head = self._chain.call("eth_getBlockByNumber", "latest", False)
        self.seen[int(head["number"], 16)] = head["hash"]

    @property
    def _next(self) -> int:
        return self._first + self.sent

    def _send_again(self) -> None:
        known = self._nonce("pending") - self._first
        for raw in self._raws[known:]:
            with suppress(AssertionError):  # it waits there already, behind one that went
                self._chain.call("eth_sendRawTransaction", raw)

    def _nonce(self, block: str) -> int:
        return int(self._chain.call("eth_getTransactionCount", self._wallet.address, block), 16)


@contextmanager
def transfers(wallet: Wallet, chain: At, to: str) -> Iterator[Transfers]:
    """Transfers flow while the body runs; all are in blocks afterwards."""
    flow = Transfers(wallet, chain, to)
    flow.start()
    try:
        until(lambda: flow.sent > 20, 20, "transfers flow")
        yield flow
    finally:
        flow.finish()


class Subscription:
    """One `eth_subscribe` on the chain's public port."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def next(self, seconds: float = 10) -> dict[str, Any]:
        """What is notified next."""
        deadline = time.monotonic() + seconds
        while True:
            message = json.loads(self._socket.recv(timeout=deadline - time.monotonic()))
            if "params" in message:
                return dict(message["params"]["result"])


@contextmanager
def subscribed(
    url: str, kind: str, wanted: Mapping[str, Any] | None = None
) -> Iterator[Subscription]:
    """A subscription that is there when the body begins."""
    params = [kind] if wanted is None else [kind, dict(wanted)]
    with connect(url, compression=None) as socket:
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": params}
        socket.send(json.dumps(request))
        answer = json.loads(socket.recv(timeout=10))
        assert "result" in answer, answer
        yield Subscription(socket)
