"""A rollup's bridge: where its contracts are, and withdrawals as its message passer hashes them.

Sources: OP Stack specifications, "Withdrawals" and "Predeploys".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from control_plane.domain.calls import selector, tail, word
from control_plane.domain.hashing import keccak256

L2_MESSENGER: Final = bytes.fromhex("4200000000000000000000000000000000000007")
L2_BRIDGE: Final = bytes.fromhex("4200000000000000000000000000000000000010")
TOKEN_FACTORY: Final = bytes.fromhex("4200000000000000000000000000000000000012")
MESSAGE_PASSER: Final = bytes.fromhex("4200000000000000000000000000000000000016")
MESSAGE_PASSED: Final = keccak256(
    b"MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)"
)
_PROVE: Final = (
    "proveWithdrawalTransaction((uint256,address,address,uint256,uint256,bytes),uint256,"
    "(bytes32,bytes32,bytes32,bytes32),bytes[])"
)
_FINALIZE: Final = "finalizeWithdrawalTransaction((uint256,address,address,uint256,uint256,bytes))"
_WORD: Final = 32
_SENT_MESSAGES_SLOT: Final = 0


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A ``WithdrawalTransaction``. Addresses have 20 bytes, `value` is in wei."""

    nonce: int
    sender: bytes
    target: bytes
    value: int
    gas_limit: int
    data: bytes

    @property
    def hash(self) -> bytes:
        """What the message passer keeps of it."""
        return keccak256(self._words(6) + tail(self.data))

    @property
    def slot(self) -> bytes:
        """Of the message passer's storage, where it says that this was sent."""
        return keccak256(self.hash + word(_SENT_MESSAGES_SLOT))

    def prove_call(
        self, output_index: int, output: Sequence[bytes], nodes: Sequence[bytes]
    ) -> bytes:
        """Calldata that proves it against the output `output_index`; `output` are the four words of
        its root, `nodes` go from the message passer's storage root down."""
        own = self._encoded()
        proof = _array(nodes)
        head = 7 * _WORD
        return b"".join(
            [
                selector(_PROVE),
                *(word(head), word(output_index), *output, word(head + len(own))),
                *(own, proof),
            ]
        )

    def finalize_call(self) -> bytes:
        """Calldata that makes it."""
        return selector(_FINALIZE) + word(_WORD) + self._encoded()

    def _encoded(self) -> bytes:
        return self._words(6) + tail(self.data)

    def _words(self, count: int) -> bytes:
        """The static parts, then where the data begin."""
        fields = (self.nonce, self.sender, self.target, self.value, self.gas_limit)
        return b"".join(word(value) for value in (*fields, count * _WORD))


def withdrawal_of_log(log: Mapping[str, Any]) -> Withdrawal | None:
    """The withdrawal that a log (its JSON) tells of; None for any other log."""
    topics = log["topics"]
    if log["address"].lower() != "0x" + MESSAGE_PASSER.hex() or not topics:
        return None
    if topics[0] != "0x" + MESSAGE_PASSED.hex():
        return None
    nonce, sender, target = (bytes.fromhex(topic[2:]) for topic in topics[1:4])
    body = bytes.fromhex(log["data"][2:])
    value, gas_limit, offset = (int.from_bytes(body[n : n + _WORD]) for n in (0, 32, 64))
    length = int.from_bytes(body[offset : offset + _WORD])
    data = body[offset + _WORD : offset + _WORD + length]
    return Withdrawal(int.from_bytes(nonce), sender[12:], target[12:], value, gas_limit, data)


def _array(items: Sequence[bytes]) -> bytes:
    """ABI encoding of ``bytes[]``."""
    heads, tails = [], bytearray()
    for item in items:
        heads.append(word(len(items) * _WORD + len(tails)))
        tails += tail(item)
    return word(len(items)) + b"".join(heads) + bytes(tails)
