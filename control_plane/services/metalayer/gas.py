"""How much gas a message needs on its destination, and what was paid for."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from control_plane.domain.hashing import keccak256
from control_plane.domain.records import MessageRecord

_HEADER: Final = 77
"""Bytes of a message before its body."""
_WORD: Final = 32
ITEM_OVERHEAD: Final = 20_000
"""Gas around an item in the batch: its hash, `delivered`, the call, its copy of the bytes."""
CERTIFICATE_GAS: Final = 700_000
"""Gas to submit one certificate: a pairing with a hash to the curve costs about 270,000, each
absent guardian a few thousand more."""
RELAYERS_SHARE: Final = 75_000
"""Gas of mailbox and module in `Mailbox.process`, about 50,000 measured, and some to spare."""
_STEP: Final = 20_000
"""Limits are multiples of it: messages of equal limits share a proof."""
UNPAID: Final = "gas unpaid"
"""Begins the reason of a message that waits for gas to be paid."""
BATCH_GAS: Final = 60_000
"""Gas of a batch without anything in it."""


@dataclass(frozen=True, slots=True)
class RouterCall:
    """What a message from router to router asks for (docs/formats.md, Router body)."""

    gas_limit: int
    sender: str
    """bytes32"""
    recipient: str
    """bytes32"""
    data: bytes


def body_of(message: MessageRecord) -> bytes:
    """The message's body."""
    return bytes.fromhex(message.raw[2 + 2 * _HEADER :])


def router_call(message: MessageRecord, router: str) -> RouterCall | None:
    """What the body says if both ends are the router; None for any other message."""
    if message.recipient[26:] != router[2:]:
        return None
    body = body_of(message)
    if len(body) < 7 * _WORD or int.from_bytes(body[:_WORD]) != 1:
        return None
    words = [body[start : start + _WORD] for start in range(0, 7 * _WORD, _WORD)]
    at = int.from_bytes(words[6])
    size = int.from_bytes(body[at : at + _WORD])
    data = body[at + _WORD : at + _WORD + size]
    return RouterCall(int.from_bytes(words[2]), "0x" + words[3].hex(), "0x" + words[4].hex(), data)


@dataclass(frozen=True, slots=True)
class Need:
    """Gas for a message: what it used when tried, and the limit that it is given."""

    used: int
    limit: int
    module: str = ""
    """What guards the recipient, 0x-hex."""

    @classmethod
    def of(cls, used: int, call: RouterCall | None, module: str = "") -> "Need":
        """From a simulation's gas. A call gets 63/64 of what is left at each depth, refunds come
        afterwards, and storage may be warmer than next time: hence the margin. The router must
        hold the recipient's whole limit, used or not, behind four calls that keep 1/64 each; how
        much of `used` was the recipient's own nobody tells, so what the router needs at most is a
        second bound."""
        limit = used + used // 4 + 40_000
        if call:
            whole = call.gas_limit + call.gas_limit // 11 + 150_000 + 60 * len(call.data)
            limit = min(limit + call.gas_limit * 15 // 14, whole)
        return cls(used, -(-limit // _STEP) * _STEP, module)


class GasTable:
    """What messages to the same recipient, of about the same length, were found to need."""

    def __init__(self, router: str) -> None:
        self._router = router
        self._needs: dict[Hashable, Need] = {}
        self._bad: set[Hashable] = set()

    def kind_of(self, message: MessageRecord) -> Hashable:
        """Messages of one kind need about the same."""
        call = router_call(message, self._router)
        size = len(message.raw) // (2 * _WORD)
        return (message.recipient, size, call and (call.recipient, call.gas_limit))

    def get(self, kind: Hashable) -> Need | None:
        """What is known of messages of `kind`."""
        return self._needs.get(kind)

    def is_bad(self, kind: Hashable) -> bool:
        """Whether the last message of `kind` failed: one of them says nothing of the others."""
        return kind in self._bad

    def learn(self, message: MessageRecord, used: int, module: str) -> Need:
        """Remember what `message` used in a simulation, and what guards its recipient."""
        kind = self.kind_of(message)
        need = self._needs[kind] = Need.of(used, router_call(message, self._router), module)
        self._bad.discard(kind)
        return need

    def forget(self, message: MessageRecord) -> None:
        """It failed: its estimate was too low, or its recipient changed."""
        kind = self.kind_of(message)
        self._needs.pop(kind, None)
        self._bad.add(kind)


def unpaid(message: MessageRecord, used: int) -> str | None:
    """Why a prepaid message that used `used` gas is not taken; None when enough is paid for.

    Senders pay for their recipient's gas, which is what the router and the mailbox's default pay
    for; proof and bookkeeping are on the relayer.
    """
    paid, needed = message.gas_paid or 0, max(used - RELAYERS_SHARE, 0)
    if paid >= needed:
        return None
    return (
        f"{UNPAID}: {paid} of about {needed} is paid, {needed - paid} missing; "
        "`caldera message pay` brings the rest to the gas paymaster"
    )


_MISSING: Final = re.compile(r"^gas unpaid: .*, (\d+) missing;")


def missing_gas(message: MessageRecord) -> int:
    """Gas that `unpaid` found missing when it was last looked at; 0 if it is not unpaid."""
    found = _MISSING.match(message.reason or "")
    return int(found.group(1)) if found else 0


def most_for_one(size: int, block_gas: int) -> int:
    """The highest gas limit that a router's message of `size` bytes may have, to fit into a block
    that holds `block_gas` with its certificate and all that is around it."""
    around = 21_000 + BATCH_GAS + CERTIFICATE_GAS + ITEM_OVERHEAD + 4 * RELAYERS_SHARE
    return max((block_gas - around - 120 * size) * 9 // 10, 0)


_HANDLE: Final = keccak256(b"handle(uint32,bytes32,bytes,(uint32,address,bytes)[],bytes[])")[:4]


def handle_calldata(origin: int, call: RouterCall) -> bytes:
    """What the router calls its recipient with (`IMetalayerRecipient.handle`), without reads."""
    padded = call.data + bytes(-len(call.data) % _WORD)
    reads_at = 5 * _WORD + _WORD + len(padded)
    words = (origin, int(call.sender, 16), 5 * _WORD, reads_at, reads_at + _WORD, len(call.data))
    head = b"".join(word.to_bytes(_WORD) for word in words)
    return _HANDLE + head + padded + bytes(2 * _WORD)


def intrinsic_gas(data: bytes) -> int:
    """What a transaction with `data` costs before anything runs (EIP-2028)."""
    zeros = data.count(0)
    return 21_000 + 4 * zeros + 16 * (len(data) - zeros)
