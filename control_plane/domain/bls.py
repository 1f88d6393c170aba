"""BLS12-381 signatures: keys in G1, signatures in G2, proof-of-possession scheme.

Source: draft-irtf-cfrg-bls-signature-05 over the hash-to-curve of RFC 9380. Outside this module,
keys are 128 and signatures 256 bytes, in the form that the EIP-2537 precompiles take: each
coordinate right-aligned in 64 bytes, of G2 the real part first, infinity all zeros.

What costs: a first hash-to-curve 0.6–1 ms (later ones of the same message are remembered),
a signature 0.4–1 ms on top, a pairing check 2–5 ms, looking whether a signature is in the group
0.1 ms, adding 3 µs. Many signatures of one digest are therefore added up first, and the sum is
looked at: it is what a certificate holds.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self, TypeAlias

from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

KEY_BYTES: Final = 128
SIGNATURE_BYTES: Final = 256
SIGNATURE_TAG: Final = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
"""Domain separation tag of header hashes and set commitments."""
POSSESSION_TAG: Final = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
"""Domain separation tag of proofs of possession."""

INFINITY_KEY: Final = bytes(KEY_BYTES)
_NEGATED_GENERATOR: Final = -G1Point()
_ONE: Final = GT.one()
_PAD: Final = bytes(16)
_ORDER: Final = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001


class InvalidPoint(ValueError):
    """Bytes that encode no point of the prime-order group."""


class SecretKey:
    """A guardian's signing key. Its text form never shows the secret."""

    __slots__ = ("_scalar", "key")

    def __init__(self, seed: bytes) -> None:
        """Derive the key from at least 32 secret bytes (KeyGen, section 2.3)."""
        self._scalar = Scalar(derive_scalar(seed))
        self.key: Final[bytes] = _encode_g1(G1Point() * self._scalar)
        """The public key, 128 bytes."""

    def __repr__(self) -> str:
        return f"SecretKey(key=0x{self.key.hex()})"

    def sign(self, digest: bytes) -> bytes:
        """Signature of a 32-byte header hash or set commitment, 256 bytes."""
        return _encode_g2(_hash_to_curve(digest, SIGNATURE_TAG) * self._scalar)

    def prove_possession(self, digest: bytes) -> bytes:
        """Proof of possession over `formats.possession_digest`, 256 bytes."""
        return _encode_g2(_hash_to_curve(digest, POSSESSION_TAG) * self._scalar)


def derive_scalar(seed: bytes) -> int:
    """KeyGen of the BLS signature draft with its recommended salt; the same as EIP-2333's."""
    if len(seed) < 32:
        raise ValueError("a seed has at least 32 bytes")
    salt = b"BLS-SIG-KEYGEN-SALT-"
    scalar = 0
    while scalar == 0:
        salt = hashlib.sha256(salt).digest()
        prk = hmac.digest(salt, seed + b"\0", "sha256")
        first = hmac.digest(prk, b"\0\x30\x01", "sha256")
        second = hmac.digest(prk, first + b"\0\x30\x02", "sha256")
        scalar = int.from_bytes((first + second)[:48]) % _ORDER
    return scalar


def verify(key: bytes, digest: bytes, signature: bytes, *, tag: bytes = SIGNATURE_TAG) -> bool:
    """Whether `signature` is that of `key` on `digest`. Malformed points are no signature."""
    try:
        point, signed = _decode_g1(key), decode_signature(signature)
    except InvalidPoint:
        return False
    return _pairing_holds(point, digest, signed, tag)


def verify_possession(key: bytes, digest: bytes, proof: bytes) -> bool:
    """Whether `proof` shows the possession of `key`'s secret for `digest`."""
    return verify(key, digest, proof, tag=POSSESSION_TAG)


def sum_keys(keys: Iterable[bytes]) -> bytes:
    """Sum of G1 points, 128 bytes; all zeros (infinity) for none. InvalidPoint."""
    total = G1Point.identity()
    for key in keys:
        total = total + _decode_g1(key)
    return _encode_g1(total)


def subtract_keys(total: bytes, keys: Iterable[bytes]) -> bytes:
    """`total` without `keys`, 128 bytes; all zeros (infinity) if nothing is left. InvalidPoint."""
    rest = _decode_g1(total, infinity=True)
    for key in keys:
        rest = rest - _decode_g1(key)
    return _encode_g1(rest)


def aggregate(signatures: Iterable[bytes]) -> bytes:
    """Sum of signatures of one digest, 256 bytes. InvalidPoint, also when the sum is not in the
    group; the parts are not looked at one by one, as that takes 0.1 ms each."""
    total = G2Point.identity()
    for signature in signatures:
        total = total + _curve_point(signature)
    if not total.is_in_subgroup():
        raise InvalidPoint("the sum is not in the group")
    return _encode_g2(total)


class SignatureSum:
    """A sum of signatures to which more can be added, and from which bad ones are taken again."""

    __slots__ = ("_total",)

    def __init__(self) -> None:
        self._total = G2Point.identity()

    def add(self, signature: bytes) -> None:
        self._total = self._total + decode_signature(signature)

    def remove(self, signature: bytes) -> None:
        self._total = self._total - decode_signature(signature)

    def to_bytes(self) -> bytes:
        """256 bytes."""
        return _encode_g2(self._total)


def invalid_signatures(votes: Sequence[tuple[bytes, bytes]], digest: bytes) -> tuple[int, ...]:
    """Positions of the (key, signature) pairs that do not sign `digest`.

    One pairing when all are good; a bad one among n is found by halving, one pairing for each of
    the log2(n) halvings. That a group passes says that its *sum* is good, which is what a
    certificate needs; it is no evidence against one signer.
    """
    bad = []
    points: list[_Point] = []
    for position, (key, signature) in enumerate(votes):
        try:
            points.append((position, _decode_g1(key), _curve_point(signature)))
        except InvalidPoint:
            bad.append(position)
    groups = [_Group.of(points, digest)] if points else []
    while groups:
        group = groups.pop()
        if group.holds:
            continue
        if len(group.points) == 1:
            bad.append(group.points[0][0])
        else:
            groups += group.halves(digest)
    return tuple(sorted(bad))


_Point: TypeAlias = tuple[int, G1Point, G2Point]
"""Position of a vote, its key and signature."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Some votes and their sums.

    `residual` is e(K, H) · e(-G, S) of the sums: one when the sum signs. It is None where the
    signatures' sum is not in the prime-order group, though each is on the curve. Residuals
    multiply as sums add up: when one half's is one, the other's is that of the whole.
    """

    points: Sequence[_Point]
    key: G1Point
    signature: G2Point
    residual: GT | None

    @classmethod
    def of(cls, points: Sequence[_Point], digest: bytes) -> Self:
        key, signature = G1Point.identity(), G2Point.identity()
        for _, point, signed in points:
            key, signature = key + point, signature + signed
        return cls(points, key, signature, _residual(key, signature, digest))

    @property
    def holds(self) -> bool:
        """Whether the sum of the signatures is that of the sum of the keys."""
        return self.residual == _ONE and self.key != G1Point.identity()

    def halves(self, digest: bytes) -> "tuple[_Group, _Group]":
        middle = len(self.points) // 2
        left = _Group.of(self.points[:middle], digest)
        key, signature = self.key - left.key, self.signature - left.signature
        residual: GT | None
        if self.residual is not None and left.residual == _ONE:
            residual = self.residual
        elif self.residual is not None and left.residual == self.residual:
            residual = _ONE
        else:
            residual = _residual(key, signature, digest)
        return left, _Group(self.points[middle:], key, signature, residual)


def _residual(key: G1Point, signature: G2Point, digest: bytes) -> GT | None:
    if not signature.is_in_subgroup():
        return None
    hashed = _hash_to_curve(digest, SIGNATURE_TAG)
    return GT.multi_pairing([key, _NEGATED_GENERATOR], [hashed, signature])


def hash_to_curve(message: bytes, tag: bytes) -> bytes:
    """Point of G2 to which `message` hashes under `tag`, 256 bytes (RFC 9380, section 8.8.2)."""
    return _encode_g2(_hash_to_curve(message, tag))


@lru_cache(maxsize=64)
def _hash_to_curve(message: bytes, tag: bytes) -> G2Point:
    # several guardians of one process sign the same digest, then the aggregator verifies it
    return G2Point.hash_to_curve(message, tag)


def _pairing_holds(key: G1Point, digest: bytes, signature: G2Point, tag: bytes) -> bool:
    if key == G1Point.identity():
        return False
    return GT.pairing_check([key, _NEGATED_GENERATOR], [_hash_to_curve(digest, tag), signature])


def _encode_g1(point: G1Point) -> bytes:
    raw = point.to_xy_bytes_be()
    return _PAD + raw[:48] + _PAD + raw[48:]


def _encode_g2(point: G2Point) -> bytes:
    raw = point.to_xy_bytes_be()
    return b"".join((_PAD, raw[:48], _PAD, raw[48:96], _PAD, raw[96:144], _PAD, raw[144:]))


def _unpad(data: bytes, size: int) -> bytes:
    """The 48-byte coordinates of `data`, whose paddings must be zero."""
    if len(data) != size:
        raise InvalidPoint(f"a point has {size} bytes here, not {len(data)}")
    fields = [data[start : start + 64] for start in range(0, size, 64)]
    if any(field[:16] != _PAD for field in fields):
        raise InvalidPoint("a coordinate is wider than 48 bytes")
    return b"".join(field[16:] for field in fields)


@lru_cache(maxsize=4096)
def _key_point(key: bytes) -> G1Point:
    try:
        return G1Point.from_xy_bytes_be(_unpad(key, KEY_BYTES))
    except ValueError as error:
        raise InvalidPoint(str(error)) from error


def _decode_g1(key: bytes, *, infinity: bool = False) -> G1Point:
    point = _key_point(key)
    if not infinity and key == INFINITY_KEY:
        raise InvalidPoint("the point at infinity is no key")
    return point


def decode_signature(signature: bytes) -> G2Point:
    """The point of a 256-byte signature, checked to be in the group. InvalidPoint."""
    point = _curve_point(signature)
    if not point.is_in_subgroup():
        raise InvalidPoint("the point is not in the group")
    return point


@lru_cache(maxsize=2048)
def _curve_point(signature: bytes) -> G2Point:
    """The point of a signature, checked to be on the curve but not to be in the group.

    Remembered, for a round reads each signature twice: to check all, then to add up the good ones.
    """
    try:
        return G2Point.from_xy_bytes_unchecked_be(_unpad(signature, SIGNATURE_BYTES))
    except ValueError as error:
        raise InvalidPoint(str(error)) from error
