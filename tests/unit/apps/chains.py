"""Chains that know what apps ask of them, in memory."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from control_plane.domain.calls import Call, selector
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import create3_address
from control_plane.domain.ports.node import Account
from control_plane.domain.rpc import RpcError

FACTORY = "0x" + "fa" * 20
OWNER = Account(Hex("0x" + "11" * 20), bytes(32))
_DEPLOY = selector("deploy(bytes32,bytes)")


def sign(account: Account, *, nonce: int, call: Call, **_: Any) -> Hex:
    """A transaction that only :class:`FakeChain` understands."""
    said = {
        "from": account.address,
        "nonce": nonce,
        "to": call.target.hex(),
        "data": call.data.hex(),
    }
    return Hex("0x" + json.dumps(said).encode().hex())


class Killed(BaseException):
    """The daemon, in the middle of it."""


@dataclass
class FakeChain:
    """Implements ``Rpc``. Seals a block for each transaction as soon as it has it."""

    nonce: int = 0
    code: dict[str, str] = field(default_factory=lambda: {FACTORY: "0x01"})
    blocks: list[str] = field(default_factory=lambda: ["0xgenesis"])
    """Hashes."""
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    """Data of the calls that were carried out, in order."""
    reverts: dict[str, str] = field(default_factory=dict)
    """By calldata: why."""
    kill_before: int | None = None
    """How many transactions are taken until the daemon is killed, with the next not handed over."""
    kill_after: int | None = None
    """Likewise, after it is handed over."""
    steals: int = 0
    """How often another program takes the nonce first."""

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        return self._answer(method, params)

    async def batch(
        self,
        calls: Sequence[tuple[str, Sequence[Any]]],
        timeout: float | None = None,
    ) -> list[Any]:
        return [self._answer(method, params) for method, params in calls]

    async def subscribe(self, kind: str, *params: Any) -> AsyncIterator[Any]:
        nothing: tuple[Any, ...] = ()
        for head in nothing:
            yield head
        raise TemporaryFailure("no heads here")

    async def close(self) -> None:
        return

    def lose_blocks(self, count: int) -> None:
        """As after a kill: the chain goes on from an older block."""
        del self.blocks[-count:]
        self.nonce -= count
        self.blocks.append("0xother")
        self.nonce += 1

    # ------------------------------------------------------------------ methods

    def _answer(self, method: str, params: Sequence[Any]) -> Any:
        return getattr(self, "_" + re.sub("([A-Z])", r"_\1", method).lower())(*params)

    def _eth_get_code(self, at: str, _tag: str) -> str:
        return self.code.get(at, "0x")

    def _eth_block_number(self) -> str:
        return hex(len(self.blocks) - 1)

    def _eth_get_block_by_number(self, number: str, _full: bool) -> dict[str, str] | None:
        at = len(self.blocks) - 1 if number == "latest" else int(number, 16)
        if at >= len(self.blocks):
            return None
        return {"hash": self.blocks[at], "baseFeePerGas": "0x1"}

    def _eth_get_transaction_count(self, _who: str, _tag: str) -> str:
        return hex(self.nonce)

    def _eth_get_transaction_by_hash(self, tx: str) -> dict[str, str] | None:
        return {"hash": tx} if tx in self.receipts else None

    def _eth_get_transaction_receipt(self, tx: str) -> dict[str, Any] | None:
        return self.receipts.get(tx)

    def _eth_estimate_gas(self, transaction: dict[str, str], _tag: str) -> str:
        why = self.reverts.get(transaction["data"])
        if why is not None:
            raise RpcError("reverted", message="execution reverted", data=why)
        return "0x5208"

    def _eth_call(self, transaction: dict[str, str], _tag: str) -> str:
        self._eth_estimate_gas(transaction, _tag)
        return "0x"

    def _eth_send_raw_transaction(self, raw: str) -> str:
        if self.kill_before == len(self.receipts):
            raise Killed
        content = bytes.fromhex(raw[2:])
        tx, said = "0x" + keccak256(content).hex(), json.loads(content)
        if tx in self.receipts:
            raise RpcError("known", message="already known")
        if self.steals:
            self.steals -= 1
            self.nonce += 1
        if said["nonce"] != self.nonce:
            raise RpcError("nonce", message="nonce too low")
        self._seal(tx, bytes.fromhex(said["data"]))
        if self.kill_after == len(self.receipts):
            raise Killed
        return tx

    def _seal(self, tx: str, data: bytes) -> None:
        self.nonce += 1
        self.blocks.append(tx[:20])
        self.made.append("0x" + data.hex())
        if data[:4] == _DEPLOY:
            at = create3_address(bytes.fromhex(FACTORY[2:]), data[4:36])
            self.code["0x" + at.hex()] = "0x02"
        number, hash_ = hex(len(self.blocks) - 1), self.blocks[-1]
        self.receipts[tx] = {"status": "0x1", "blockNumber": number, "blockHash": hash_}
