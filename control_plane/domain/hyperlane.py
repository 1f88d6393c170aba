"""What Hyperlane's validators sign, and where our contracts for its agents are.

Formats are Hyperlane v3's: ``Checkpoint`` and ``Announcement`` as its agents hash and store them,
metadata as its message-id multisig module reads it (docs/formats.md, "Hyperlane checkpoints").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from control_plane.domain.calls import selector, tail, word
from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import create3_address

MULTISIG: Final = 5
"""`MESSAGE_ID_MULTISIG` among Hyperlane's module types."""
_SIGNATURE_BYTES: Final = 65
_ADDRESS_BYTES: Final = 20

# ---------------------------------------------------------------- what is signed


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """That a message stands at `index` in the tree of an origin, which then had `root`."""

    hook: bytes
    """The origin's merkle tree hook, 20 bytes."""
    domain: int
    root: bytes
    index: int
    message_id: bytes

    @property
    def digest(self) -> bytes:
        """What a validator signs: an EIP-191 digest."""
        domain_hash = keccak256(self.domain.to_bytes(4) + word(self.hook) + b"HYPERLANE")
        index = self.index.to_bytes(4)
        return _signed_message(keccak256(domain_hash + self.root + index + self.message_id))


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    checkpoint: Checkpoint
    signature: bytes
    """r, s and v (27 or 28), 65 bytes."""

    def to_json(self) -> dict[str, Any]:
        """As Hyperlane's agents store it (``SignedCheckpointWithMessageId``)."""
        checkpoint = self.checkpoint
        value = {
            "checkpoint": {
                "merkle_tree_hook_address": _hex(word(checkpoint.hook)),
                "mailbox_domain": checkpoint.domain,
                "root": _hex(checkpoint.root),
                "index": checkpoint.index,
            },
            "message_id": _hex(checkpoint.message_id),
        }
        return _signed_json(value, self.signature)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """ValueError, KeyError or TypeError for anything else than :meth:`to_json` gives."""
        told = value["value"]["checkpoint"]
        checkpoint = Checkpoint(
            hook=_bytes(told["merkle_tree_hook_address"], 32)[12:],
            domain=int(told["mailbox_domain"]),
            root=_bytes(told["root"], 32),
            index=int(told["index"]),
            message_id=_bytes(value["value"]["message_id"], 32),
        )
        return cls(checkpoint, _bytes(value["serialized_signature"], _SIGNATURE_BYTES))


@dataclass(frozen=True, slots=True)
class Announcement:
    """That a validator keeps its checkpoints of one origin at `location`, a URL."""

    validator: bytes
    mailbox: bytes
    domain: int
    location: str

    @property
    def digest(self) -> bytes:
        """What the validator signs: an EIP-191 digest."""
        domain = self.domain.to_bytes(4)
        domain_hash = keccak256(domain + word(self.mailbox) + b"HYPERLANE_ANNOUNCEMENT")
        return _signed_message(keccak256(domain_hash + self.location.encode()))

    def to_json(self, signature: bytes) -> dict[str, Any]:
        """As Hyperlane's agents store it (``SignedAnnouncement``)."""
        value = {
            "validator": _hex(self.validator),
            "mailbox_address": _hex(word(self.mailbox)),
            "mailbox_domain": self.domain,
            "storage_location": self.location,
        }
        return _signed_json(value, signature)

    def calldata(self, signature: bytes) -> bytes:
        """Call of `ValidatorAnnounce.announce`."""
        location, offset = tail(self.location.encode()), 3 * 32
        heads = word(self.validator) + word(offset) + word(offset + len(location))
        return selector("announce(address,string,bytes)") + heads + location + tail(signature)


def metadata(quorum: Sequence[SignedCheckpoint]) -> bytes:
    """What the multisig module wants: one checkpoint, and signatures in the set's order."""
    checkpoint = quorum[0].checkpoint
    if any(signed.checkpoint != checkpoint for signed in quorum):
        raise ValueError("signatures of different checkpoints")
    head = word(checkpoint.hook) + checkpoint.root + checkpoint.index.to_bytes(4)
    return head + b"".join(signed.signature for signed in quorum)


def _signed_message(digest: bytes) -> bytes:
    return keccak256(b"\x19Ethereum Signed Message:\n32" + digest)


def _signed_json(value: Mapping[str, Any], signature: bytes) -> dict[str, Any]:
    r, s, v = signature[:32], signature[32:64], signature[64]
    return {
        "value": value,
        "signature": {"r": hex(int.from_bytes(r)), "s": hex(int.from_bytes(s)), "v": v},
        "serialized_signature": _hex(signature),
    }


# ---------------------------------------------------------------- contracts


def threshold(validators: int) -> int:
    """How many of `validators` must sign: more than two thirds."""
    return 2 * validators // 3 + 1


@dataclass(frozen=True, slots=True)
class Site:
    """Where the contracts for Hyperlane's agents are, the same on every chain of a devnet."""

    implementation: bytes
    """The code that all multisig modules share."""
    factory: bytes
    module: bytes
    """The module of the devnet's own validators."""
    announce: bytes
    recipient: bytes
    hook: bytes
    """Tells Hyperlane's relayer of the tree hook; the mailboxes' default."""

    @classmethod
    def of(cls, create3_factory: str, validators: Sequence[bytes]) -> Self:
        """`validators` are addresses, in the order of the set."""
        maker = from_hex(create3_factory)
        implementation, factory, announce, recipient, hook = (
            create3_address(maker, salt(name)) for name in CREATED
        )
        module = _module_address(factory, implementation, set_arguments(validators))
        return cls(implementation, factory, module, announce, recipient, hook)

    def contracts(self) -> dict[str, Hex]:
        """By JSON key."""
        return {
            "messageIdMultisigIsm": _hex(self.module),
            "messageIdMultisigIsmFactory": _hex(self.factory),
            "validatorAnnounce": _hex(self.announce),
            "guardedTestRecipient": _hex(self.recipient),
            "aggregationHook": _hex(self.hook),
        }


CREATED: Final = (
    "MessageIdMultisigIsm",
    "MessageIdMultisigIsmFactory",
    "ValidatorAnnounce",
    "GuardedTestRecipient",
    "AggregationHook",
)
"""Contracts that are made by the Create3Factory, in this order."""


def salt(contract: str) -> bytes:
    """With which the Create3Factory makes it."""
    return keccak256(f"caldera.v1.{contract}".encode())


def set_arguments(validators: Sequence[bytes]) -> bytes:
    """``abi.encode(validators, threshold)``."""
    array = word(len(validators)) + b"".join(word(v) for v in validators)
    return word(64) + word(threshold(len(validators))) + array


def _module_address(factory: bytes, implementation: bytes, arguments: bytes) -> bytes:
    """CREATE2 with salt 0 of OpenZeppelin's clone with immutable arguments."""
    size = (len(arguments) + 0x2D).to_bytes(2)
    code = b"\x61" + size + _CLONE_HEAD + implementation + _CLONE_TAIL + arguments
    return keccak256(b"\xff" + factory + bytes(32) + keccak256(code))[12:]


_CLONE_HEAD: Final = bytes.fromhex("3d81600a3d39f3363d3d373d3d3d363d73")
_CLONE_TAIL: Final = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")


def _hex(data: bytes) -> Hex:
    return Hex("0x" + data.hex())


def _bytes(text: str, size: int) -> bytes:
    found = from_hex(text)
    if len(found) != size:
        raise ValueError(f"{len(found)} bytes instead of {size}")
    return found
