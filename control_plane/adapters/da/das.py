"""What an AnyTrust committee signs and how: Nitro's certificates, keysets, hashes and signatures.

Signatures are BLS12-381 points in G1, keys in G2; a message is hashed by Keccak-256, put behind 16
zero bytes and mapped to the curve as EIP-2537's MAP_FP_TO_G1 does. A key comes with a proof of
its secret's possession, which is a signature on the key with a 1 in the first byte. Points are
written uncompressed, of G2 the imaginary part first.

Source: OffchainLabs/nitro, daprovider/anytrust/util/util.go (certificate, keyset),
daprovider/anytrust/tree/tree.go (hash), blsSignatures/blsSignatures.go.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

from control_plane.domain.bls import derive_scalar
from control_plane.domain.hashing import keccak256

BIN_BYTES: Final = 64 * 1024
SIGNATURE_BYTES: Final = 96
POINT_BYTES: Final = 192
KEY_BYTES: Final = 1 + SIGNATURE_BYTES + POINT_BYTES
MAX_MEMBERS: Final = 64
CERTIFICATE_BYTES: Final = 1 + 32 + 32 + 8 + 1 + 8 + SIGNATURE_BYTES
FLAG: Final = 0x80
TREE_FLAG: Final = 0x08
WEEK: Final = 7 * 24 * 60 * 60
"""Seconds: a certificate whose time ends sooner after its batch is refused by Nitro."""
_STORE_PREFIX: Final = b"Arbitrum Nitro DAS API Store:"


def tree_hash(data: bytes) -> bytes:
    """Hash of `data` by which members keep them: over bins of 64 kB, 32 bytes."""
    bins = [data[at : at + BIN_BYTES] for at in range(0, len(data), BIN_BYTES)] or [b""]
    layer = [(keccak256(b"\xfe" + keccak256(part)), len(part)) for part in bins]
    while len(layer) > 1:
        paired = []
        for (left, one), (right, other) in zip(layer[::2], layer[1::2], strict=False):
            size = one + other
            paired.append((keccak256(b"\xff" + left + right + size.to_bytes(4)), size))
        layer = paired + layer[len(paired) * 2 :]
    root = layer[0][0]
    return bytes([root[0] ^ 0x80]) + root[1:]


def store_hash(data: bytes, timeout: int) -> bytes:
    """What the batch poster signs when it asks a member to keep `data`."""
    return tree_hash(_STORE_PREFIX + timeout.to_bytes(8) + data)


# ------------------------------------------------------------------- signatures


class MemberKey:
    """A member's signing key. Its text form never shows the secret."""

    __slots__ = ("_scalar", "public")

    def __init__(self, seed: bytes) -> None:
        """From at least 32 secret bytes."""
        self._scalar = Scalar(derive_scalar(seed))
        point = _g2_bytes(G2Point() * self._scalar)
        proof = (_map(point, possession=True) * self._scalar).to_xy_bytes_be()
        self.public: Final[bytes] = bytes([SIGNATURE_BYTES]) + proof + point
        """As in a keyset, 289 bytes: length and proof of possession, then the key."""

    def __repr__(self) -> str:
        return f"MemberKey(public=0x{self.public.hex()})"

    def sign(self, message: bytes) -> bytes:
        """96 bytes."""
        return (_map(message) * self._scalar).to_xy_bytes_be()


def check_key(public: bytes) -> None:
    """Raises ValueError unless `public` is a key with a proof of possession."""
    if len(public) != KEY_BYTES or public[0] != SIGNATURE_BYTES:
        raise ValueError("a member's key comes with its proof, 289 bytes")
    proof, point = public[1 : 1 + SIGNATURE_BYTES], public[1 + SIGNATURE_BYTES :]
    if not _signs(_g2(point), _map(point, possession=True), proof):
        raise ValueError("that key's proof of possession does not hold")


def verify(publics: Iterable[bytes], message: bytes, signature: bytes) -> bool:
    """Whether `signature` is the sum of those of all `publics`, checked before, on `message`."""
    total = G2Point.identity()
    for public in publics:
        total = total + _g2(public[1 + SIGNATURE_BYTES :])
    return _signs(total, _map(message), signature)


def sum_signatures(signatures: Iterable[bytes]) -> bytes:
    """96 bytes. Raises ValueError for what is no signature."""
    total = G1Point.identity()
    for signature in signatures:
        total = total + _g1(signature)
    return total.to_xy_bytes_be()


# ------------------------------------------------------------------- keyset and certificate


@dataclass(frozen=True, slots=True)
class Keyset:
    """A committee. Each key is numbered by its place."""

    assumed_honest: int
    """Members that are taken to be honest: all but that many less one must sign."""
    keys: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Raises ValueError for what no committee is."""
        if not 1 <= len(self.keys) <= MAX_MEMBERS:
            raise ValueError(f"a committee has 1 to {MAX_MEMBERS} members")
        if not 1 <= self.assumed_honest <= len(self.keys):
            raise ValueError("as many members are honest as there are, at most, and one at least")

    @property
    def quorum(self) -> int:
        """Signatures that a certificate needs: with one honest member among them at least."""
        return len(self.keys) + 1 - self.assumed_honest

    def encoded(self) -> bytes:
        """As SequencerInbox takes it."""
        head = self.assumed_honest.to_bytes(8) + len(self.keys).to_bytes(8)
        return head + b"".join(len(key).to_bytes(2) + key for key in self.keys)

    @classmethod
    def decoded(cls, data: bytes) -> "Keyset":
        """Raises ValueError, also for a key whose proof does not hold."""
        assumed_honest, count, at = int.from_bytes(data[:8]), int.from_bytes(data[8:16]), 16
        if count > MAX_MEMBERS:
            raise ValueError("too many keys")
        keys = []
        for _ in range(count):
            size = int.from_bytes(data[at : at + 2])
            keys.append(data[at + 2 : at + 2 + size])
            check_key(keys[-1])
            at += 2 + size
        if at != len(data):
            raise ValueError("a keyset ends with its last key")
        return cls(assumed_honest, tuple(keys))

    @property
    def hash(self) -> bytes:
        """As in a certificate."""
        return tree_hash(self.encoded())


@dataclass(frozen=True, slots=True)
class Certificate:
    """A committee's word that it keeps data until a time."""

    keyset_hash: bytes
    data_hash: bytes
    timeout: int
    """Unix time, seconds."""
    signers: int
    """Bit n is set when key n signed."""
    signature: bytes
    """The sum of theirs, 96 bytes."""

    def encoded(self) -> bytes:
        """As a batch poster sends it to the L1, 178 bytes, version 1."""
        return (
            bytes([FLAG | TREE_FLAG])
            + self.keyset_hash
            + signable(self.data_hash, self.timeout)
            + self.signers.to_bytes(8)
            + self.signature
        )

    @classmethod
    def decoded(cls, data: bytes) -> "Certificate":
        """Raises ValueError; also for version 0, whose hashes are flat."""
        if len(data) != CERTIFICATE_BYTES or data[0] != FLAG | TREE_FLAG or data[73] != 1:
            raise ValueError("no certificate of version 1")
        return cls(
            keyset_hash=data[1:33],
            data_hash=data[33:65],
            timeout=int.from_bytes(data[65:73]),
            signers=int.from_bytes(data[74:82]),
            signature=data[82:],
        )

    def check(self, keyset: Keyset) -> None:
        """Raises ValueError unless enough members of `keyset` signed."""
        if self.keyset_hash != keyset.hash:
            raise ValueError("the certificate is of another committee")
        if self.signers >> len(keyset.keys):
            raise ValueError("the certificate names signers that are no members")
        signers = [key for n, key in enumerate(keyset.keys) if self.signers >> n & 1]
        if len(signers) < keyset.quorum:
            raise ValueError(f"{len(signers)} signed; {keyset.quorum} must")
        if not verify(signers, signable(self.data_hash, self.timeout), self.signature):
            raise ValueError("the certificate's signature does not hold")


def certify(
    keyset: Keyset, data_hash: bytes, timeout: int, signatures: Sequence[bytes | None]
) -> Certificate:
    """The certificate of those who signed (in the keyset's order, None: did not)."""
    return Certificate(
        keyset_hash=keyset.hash,
        data_hash=data_hash,
        timeout=timeout,
        signers=sum(1 << n for n, one in enumerate(signatures) if one is not None),
        signature=sum_signatures(one for one in signatures if one is not None),
    )


def signable(data_hash: bytes, timeout: int) -> bytes:
    """What members sign, of version 1, 41 bytes."""
    return data_hash + timeout.to_bytes(8) + b"\1"


# ------------------------------------------------------------------- points


def _map(message: bytes, *, possession: bool = False) -> G1Point:
    return G1Point.map_from_fp_be(bytes([possession]) + bytes(15) + keccak256(message))


def _signs(key: G2Point, hashed: G1Point, signature: bytes) -> bool:
    """A key or a signature at infinity signs nothing."""
    try:
        point = _g1(signature)
    except ValueError:
        return False
    if G2Point.identity() == key or G1Point.identity() == point:
        return False
    return GT.pairing_check([hashed, -point], [key, G2Point()])


def _g1(data: bytes) -> G1Point:
    if len(data) != SIGNATURE_BYTES:
        raise ValueError(f"a signature has {SIGNATURE_BYTES} bytes")
    return G1Point.from_xy_bytes_be(data)


def _g2(data: bytes) -> G2Point:
    return G2Point.from_xy_bytes_be(_swapped(data))


def _g2_bytes(point: G2Point) -> bytes:
    return _swapped(point.to_xy_bytes_be())


def _swapped(data: bytes) -> bytes:
    """Exchanges real and imaginary parts."""
    return data[48:96] + data[:48] + data[144:] + data[96:144]
