"""Keys, addresses and signed transactions, without a general client's import cost."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coincurve import PrivateKey

from control_plane.domain import rlp
from control_plane.domain.calls import Call
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Hex
from control_plane.domain.ports.node import Account

if TYPE_CHECKING:
    from control_plane.domain.blobs import Sidecar


@dataclass(frozen=True, slots=True)
class Transaction:
    """An EIP-1559 transaction, with a `sidecar` one of EIP-4844. Amounts in wei, `gas` in gas
    units, `data` raw bytes."""

    chain_id: int
    nonce: int
    to: bytes
    """20 bytes; empty for a creation."""
    value: int
    data: bytes
    gas: int
    max_fee: int
    tip: int
    sidecar: "Sidecar | None" = None
    max_blob_fee: int = 0
    """Wei for each gas of its blobs."""


def account(key: bytes) -> Account:
    """The account of a 32-byte secp256k1 key."""
    public = PrivateKey(key).public_key.format(compressed=False)[1:]
    return Account(Hex("0x" + keccak256(public)[-20:].hex()), key)


def sign(transaction: Transaction, key: bytes) -> tuple[bytes, Hex]:
    """The raw signed transaction and its hash: type 2 (EIP-2718 envelope, EIP-1559 payload), or
    type 3 as pools take it, its blobs beside it (EIP-4844, "Networking")."""
    number = rlp.encode_int
    sidecar = transaction.sidecar
    fields: list[rlp.Item] = [
        number(transaction.chain_id),
        number(transaction.nonce),
        number(transaction.tip),
        number(transaction.max_fee),
        number(transaction.gas),
        transaction.to,
        number(transaction.value),
        transaction.data,
        [],
    ]
    if sidecar is not None:
        fields += [number(transaction.max_blob_fee), list(sidecar.hashes)]
    kind = b"\x02" if sidecar is None else b"\x03"
    digest = keccak256(kind + rlp.encode(fields))
    signature = PrivateKey(key).sign_recoverable(digest, hasher=None)
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:64], "big")
    signed = [*fields, number(signature[64]), number(r), number(s)]
    raw = kind + rlp.encode(signed)
    hash_ = Hex("0x" + keccak256(raw).hex())
    if sidecar is not None:
        parts = (list(sidecar.blobs), list(sidecar.commitments), list(sidecar.proofs))
        raw = kind + rlp.encode([signed, *parts])
    return raw, hash_


def sign_digest(key: bytes, digest: bytes) -> bytes:
    """ECDSA over secp256k1 of 32 bytes: r, s (in the lower half) and v (27 or 28)."""
    signature = PrivateKey(key).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([27 + signature[64]])


def sign_call(
    account: Account,
    *,
    chain_id: int,
    nonce: int,
    call: Call,
    gas: int,
    max_fee: int,
    tip: int,
) -> Hex:
    """A raw signed transaction, 0x-hex. Implements ``send_message.Sign``."""
    transaction = Transaction(
        chain_id, nonce, call.target, call.value, call.data, gas, max_fee, tip
    )
    return Hex("0x" + sign(transaction, account.key)[0].hex())


def checksum(address: str) -> str:
    """The address with EIP-55's mixed-case checksum."""
    plain = address.lower().removeprefix("0x")
    digest = keccak256(plain.encode()).hex()
    return "0x" + "".join(c.upper() if int(digest[i], 16) >= 8 else c for i, c in enumerate(plain))
