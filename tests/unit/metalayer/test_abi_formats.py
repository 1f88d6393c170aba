"""Our encodings against eth-abi's of the same types."""

from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.domain.abi_formats import (
    CERTIFICATE_TYPE,
    GROUP_TYPE,
    ITEM_TYPE,
    QUORUM_TYPE,
    SET_TYPE,
    BatchGroup,
    BatchItem,
    decode_certificate,
    encode_certificate,
    encode_guardian_set,
    install_calldata,
    process_batch_calldata,
    process_groups_calldata,
    rotate_calldata,
    submit_calldata,
)
from control_plane.domain.formats import (
    Certificate,
    EpochHeader,
    GuardianSet,
    Member,
    QuorumProof,
)
from control_plane.domain.hashing import keccak256
from tests.unit.metalayer.vectors import load, raw

WORDS = st.binary(min_size=32, max_size=32)
U64 = st.integers(0, 2**64 - 1)
HEADERS = st.builds(EpochHeader, U64, U64, U64, WORDS, WORDS)
MEMBERS = st.builds(
    Member,
    st.integers(0, 2**32 - 1),
    st.binary(min_size=20, max_size=20),
    st.integers(0, 2**96 - 1),
    st.binary(max_size=140),
)
QUORUMS = st.builds(
    QuorumProof,
    st.lists(MEMBERS, max_size=4).map(tuple),
    st.lists(WORDS, max_size=5).map(tuple),
    st.lists(st.booleans(), max_size=5).map(tuple),
    st.binary(max_size=300),
)
CERTIFICATES = st.builds(Certificate, HEADERS, QUORUMS)
SETS = st.builds(
    GuardianSet, U64, st.integers(0, 2**32 - 1), st.integers(0, 2**96 - 1), WORDS, st.binary()
)


def plain(record: Any) -> Any:
    """A record as eth-abi takes it."""
    match record:
        case Certificate(header, quorum):
            return (plain(header), plain(quorum))
        case EpochHeader(a, b, c, d, e):
            return (a, b, c, d, e)
        case QuorumProof(absent, proof, flags, signature):
            return ([plain(one) for one in absent], list(proof), list(flags), signature)
        case Member(index, guardian, stake, key):
            return (index, "0x" + guardian.hex(), stake, key)
        case GuardianSet(set_id, size, stake, root, key):
            return (set_id, size, stake, root, key)
    raise TypeError(record)


def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


@settings(max_examples=60)
@given(CERTIFICATES)
def test_certificates(certificate: Certificate) -> None:
    encoded = encode_certificate(certificate)
    assert encoded == abi_encode([CERTIFICATE_TYPE], [plain(certificate)])
    assert decode_certificate(encoded) == certificate
    assert submit_calldata(certificate) == selector(f"submit({CERTIFICATE_TYPE})") + encoded


@settings(max_examples=30)
@given(SETS, WORDS, QUORUMS)
def test_sets(guardian_set: GuardianSet, network: bytes, quorum: QuorumProof) -> None:
    given_set = plain(guardian_set)
    assert encode_guardian_set(guardian_set) == abi_encode([SET_TYPE], [given_set])
    assert install_calldata(network, guardian_set) == selector(
        f"install(bytes32,{SET_TYPE})"
    ) + abi_encode(["bytes32", SET_TYPE], [network, given_set])
    assert rotate_calldata(guardian_set, quorum) == selector(
        f"rotate({SET_TYPE},{QUORUM_TYPE})"
    ) + abi_encode([SET_TYPE, QUORUM_TYPE], [given_set, plain(quorum)])


@settings(max_examples=30)
@given(
    st.lists(CERTIFICATES, max_size=3),
    st.lists(
        st.builds(BatchItem, st.integers(0, 2**256 - 1), st.binary(), st.binary()), max_size=4
    ),
)
def test_batches(certificates: list[Certificate], items: list[BatchItem]) -> None:
    types = [f"{CERTIFICATE_TYPE}[]", f"{ITEM_TYPE}[]"]
    batch = [(item.gas_limit, item.metadata, item.message) for item in items]
    expected = selector(f"processBatch({','.join(types)})") + abi_encode(
        types, [[plain(one) for one in certificates], batch]
    )
    assert process_batch_calldata(certificates, items) == expected
    recorded = [encode_certificate(one) for one in certificates]
    assert process_batch_calldata(recorded, items) == expected


@settings(max_examples=30)
@given(
    st.lists(CERTIFICATES, max_size=2),
    st.lists(
        st.builds(
            BatchGroup,
            st.binary(min_size=20, max_size=20),
            st.integers(0, 2**256 - 1),
            st.binary(),
            st.lists(st.binary(), max_size=4).map(tuple),
        ),
        max_size=3,
    ),
    st.lists(st.builds(BatchItem, st.integers(0, 9), st.binary(), st.binary()), max_size=2),
)
def test_groups(
    certificates: list[Certificate], groups: list[BatchGroup], items: list[BatchItem]
) -> None:
    types = [f"{CERTIFICATE_TYPE}[]", f"{GROUP_TYPE}[]", f"{ITEM_TYPE}[]"]
    expected = selector(f"processGroups({','.join(types)})") + abi_encode(
        types,
        [
            [plain(one) for one in certificates],
            [(g.module, g.gas_limit, g.proof, list(g.messages)) for g in groups],
            [(item.gas_limit, item.metadata, item.message) for item in items],
        ],
    )
    assert process_groups_calldata(certificates, groups, items) == expected


@settings(max_examples=200)
@given(st.data())
def test_decoding_takes_the_canonical_form_only(data: st.DataObject) -> None:
    vector = data.draw(st.sampled_from(load("metalayer")["certificates"]))
    encoded = bytearray(raw(vector["abi"]))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    changed = bytes(encoded)
    try:
        certificate = decode_certificate(changed)
    except ValueError:
        return
    assert encode_certificate(certificate) == changed


@pytest.mark.parametrize("data", [b"", b"\x00" * 31, b"\xff" * 64, b"\x00" * 1024])
def test_decoding_refuses_junk(data: bytes) -> None:
    with pytest.raises(ValueError, match="certificate"):
        decode_certificate(data)


def test_numbers_that_do_not_fit_are_refused() -> None:
    quorum = QuorumProof((), (), (), b"")
    with pytest.raises(OverflowError):
        encode_certificate(Certificate(EpochHeader(2**64, 1, 1, bytes(32), bytes(32)), quorum))
