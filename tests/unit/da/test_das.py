"""What AnyTrust committees sign: against keys and keysets that are in use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.adapters.da.das import (
    BIN_BYTES,
    Certificate,
    Keyset,
    MemberKey,
    certify,
    check_key,
    signable,
    tree_hash,
    verify,
)
from control_plane.domain.hashing import keccak256

KEYS = [MemberKey(bytes([number]) * 32) for number in range(1, 4)]
KEYSET = Keyset(2, tuple(key.public for key in KEYS))
DIGEST = tree_hash(b"batch")
MESSAGE = signable(DIGEST, 99)

XAI = bytes.fromhex(
    "00000000000000010000000000000001012160184f37a4eaea75e8252d38d5b3f0298703794d58f38b3551104ce0c2"
    "472aea78f53ccd07fdb7b1c5b08444d2be9025d519ccc21d12fd9f8b67c50615694b626aaec898b9c1e613b0c17aac"
    "28539ee667a98e08d734193de9b2e612b4b082439506aa6ff965bfff2e8d3e6ade9e038412d767778850c717b388fb"
    "17e40c359c8ef3b99b4e7aee94b88f7d96c09e8d522a0f24d90efa7db34f42cefa18ae1ab1e08f780e613e0baf8e28"
    "c322a0d52b915fcff3e143a9daa7c2ba525029066f8230120e9803fd21d332015b3ec22ae180cbd1f3cf89561a0c5b"
    "d914dc5f746d692cefcb4762a012af0fe55c1148f138221a196fbec9942400b7772ce371c8ccc8ed0cd3926398cd62"
    "f1b900758b82591174295eb7ac00555d40051ad280ceb2cfa7"
)
"""The keyset in an event on Arbitrum One, transaction 0x13baa9be…546e6d, log 0: Xai's committee of
one. Its proof of possession shows that we hash to the curve and write points as Nitro does."""


def test_a_key_in_use_has_a_proof_that_holds() -> None:
    keyset = Keyset.decoded(XAI)
    assert keyset.assumed_honest == 1
    assert keyset.encoded() == XAI
    broken = bytearray(keyset.keys[0])
    broken[1:97] = KEYS[0].public[1:97]
    with pytest.raises(ValueError, match="does not hold"):
        check_key(bytes(broken))


def test_a_keyset_has_the_published_hash() -> None:
    """Arbitrum's documentation, "AnyTrust Orbit chains: Keyset generation", example with a single
    private key of zero. Such a key signs nothing here."""
    nobody = b"\x60" + bytes(288)
    assert Keyset(1, (nobody,)).hash.hex() == (
        "4d795e20d33eea0b070600e4e100c512a750562bf03c300c99444bd5af92d9b0"
    )
    with pytest.raises(ValueError, match="does not hold"):
        check_key(nobody)


def test_a_hash_is_over_bins_of_64_kilobytes() -> None:
    """OffchainLabs/nitro, daprovider/anytrust/tree/tree.go, the drawing at RecordHash."""

    def leaf(part: bytes) -> bytes:
        return keccak256(b"\xfe" + keccak256(part))

    def inverted(root: bytes) -> bytes:
        return bytes([root[0] ^ 0x80]) + root[1:]

    assert tree_hash(b"") == inverted(leaf(b""))
    assert tree_hash(b"2") == inverted(leaf(b"2"))
    parts = [b"0" * BIN_BYTES, b"1" * BIN_BYTES, b"2" * 5]
    both = keccak256(b"\xff" + leaf(parts[0]) + leaf(parts[1]) + (2 * BIN_BYTES).to_bytes(4))
    whole = keccak256(b"\xff" + both + leaf(parts[2]) + (2 * BIN_BYTES + 5).to_bytes(4))
    assert tree_hash(b"".join(parts)) == inverted(whole)


def test_signatures_add_up() -> None:
    certificate = certify(KEYSET, DIGEST, 99, [key.sign(MESSAGE) for key in KEYS])
    certificate.check(KEYSET)
    assert certificate.signers == 0b111
    assert not verify(KEYSET.keys[:2], MESSAGE, certificate.signature)
    assert not verify(KEYSET.keys, MESSAGE + b"!", certificate.signature)


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_two_of_three_are_enough(absent: int) -> None:
    signatures = [None if n == absent else key.sign(MESSAGE) for n, key in enumerate(KEYS)]
    certificate = certify(KEYSET, DIGEST, 99, signatures)
    certificate.check(KEYSET)
    assert KEYSET.quorum == 2


def test_one_of_three_is_not() -> None:
    alone = certify(KEYSET, DIGEST, 99, [KEYS[0].sign(MESSAGE), None, None])
    with pytest.raises(ValueError, match="1 signed; 2 must"):
        alone.check(KEYSET)


def test_a_certificate_of_another_committee_or_with_strangers_is_refused() -> None:
    whole = certify(KEYSET, DIGEST, 99, [key.sign(MESSAGE) for key in KEYS])
    with pytest.raises(ValueError, match="another committee"):
        whole.check(Keyset(1, KEYSET.keys))
    fields = (whole.keyset_hash, whole.data_hash, whole.timeout)
    with pytest.raises(ValueError, match="no members"):
        Certificate(*fields, 0b1111, whole.signature).check(KEYSET)
    with pytest.raises(ValueError, match="does not hold"):
        Certificate(*fields, 0b011, whole.signature).check(KEYSET)
    with pytest.raises(ValueError, match="does not hold"):
        Certificate(*fields, 0b111, b"\1" * 96).check(KEYSET)
    with pytest.raises(ValueError, match="does not hold"):
        Certificate(*fields, 0b111, bytes(96)).check(KEYSET)


@given(
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.binary(min_size=96, max_size=96),
)
def test_a_certificate_is_written_as_nitro_does(
    keyset_hash: bytes, data_hash: bytes, timeout: int, signers: int, signature: bytes
) -> None:
    """util.go, Serialize: flags 0x88, keyset, data, timeout, version 1, signers, signature."""
    certificate = Certificate(keyset_hash, data_hash, timeout, signers, signature)
    written = certificate.encoded()
    assert len(written) == 178
    assert written[0] == 0x88
    assert written[73] == 1
    assert Certificate.decoded(written) == certificate
    for wrong in (written[:-1], written + b"!", b"\x80" + written[1:]):
        with pytest.raises(ValueError, match="version 1"):
            Certificate.decoded(wrong)


@given(st.binary(max_size=700))
def test_what_is_no_keyset_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Keyset.decoded(data)


def test_a_secret_is_not_shown() -> None:
    assert repr(KEYS[0]) == f"MemberKey(public=0x{KEYS[0].public.hex()})"
