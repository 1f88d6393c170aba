"""What is posted comes back out of blobs and calls as it went in, and nothing else does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.domain.blobs import BLOB_BYTES, MOST_BLOBS, MOST_DATA, decode_blobs, encode_blobs
from control_plane.domain.calls import word
from control_plane.domain.hashing import keccak256
from control_plane.domain.settlement import Carrier, Frame, accumulate, decode_append

_FRAMES = st.builds(
    Frame,
    chain_id=st.integers(0, 2**256 - 1),
    first=st.integers(0, 2**64 - 1),
    last=st.integers(0, 2**64 - 1),
    number=st.integers(0, 2**16 - 1),
    is_last=st.booleans(),
    data=st.binary(min_size=1, max_size=100),
    carrier=st.sampled_from([Carrier.CALLDATA, Carrier.COMMITMENT]),
)


@settings(max_examples=10, deadline=None)
@given(st.binary(max_size=300_000))
def test_blobs_hold_data(data: bytes) -> None:
    blobs = encode_blobs(data)
    assert {len(blob) for blob in blobs} == {BLOB_BYTES}
    assert decode_blobs(blobs) == data


@pytest.mark.parametrize("size", [0, 1, 126_971, 126_972, MOST_DATA])
def test_blobs_at_their_edges(size: int) -> None:
    blobs = encode_blobs(b"\xff" * size)
    assert len(blobs) == max(1, -(-(size + 5) // 126_976))
    assert decode_blobs(blobs) == b"\xff" * size


def test_the_most_data_take_the_most_blobs() -> None:
    assert len(encode_blobs(bytes(MOST_DATA))) == MOST_BLOBS


def test_other_blobs_are_refused() -> None:
    (good,) = encode_blobs(b"data")
    for bad, why in (
        (good[:-1], "begin with zero"),
        (b"\1" + good[1:], "begin with zero"),
        (good[:1] + b"\1" + good[2:], "version 01"),
        (good[:-1] + b"\1", "more or less"),
        (good[:2] + b"\xff" + good[3:], "more or less"),
    ):
        with pytest.raises(ValueError, match=why):
            decode_blobs([bad])
    with pytest.raises(ValueError, match="version none"):
        decode_blobs([])
    with pytest.raises(ValueError, match="more or less"):
        decode_blobs([good, bytes(BLOB_BYTES)])


@given(_FRAMES)
def test_frames_are_read_from_calldata(frame: Frame) -> None:
    assert decode_append(frame.encode()) == frame
    with pytest.raises(ValueError, match="cut off"):
        decode_append(frame.encode()[:-32])


def test_a_frame_in_blobs_is_read_from_their_hashes() -> None:
    hashes = (b"\1" + bytes(31), b"\1" + bytes(30) + b"\2")
    frame = Frame(901, 1, 5, 0, True, b"".join(hashes), Carrier.BLOBS)
    assert decode_append(frame.encode(), hashes) == frame
    assert frame.blob_hashes == hashes
    with pytest.raises(ValueError, match="appends nothing"):
        decode_append(frame.encode())


def test_other_calls_are_none() -> None:
    for data in (b"", b"abcd" + bytes(200), Frame(1, 1, 1, 0, True, b"x").encode()[:100]):
        with pytest.raises(ValueError, match="does not append"):
            decode_append(data)


def test_the_accumulator_is_the_contracts() -> None:
    """As contracts/test/settlement/BatchInbox.t.sol, test_append_mixesKindsWithinAChannel."""
    frames = [
        Frame(901, 1, 9, 0, False, b"a"),
        Frame(901, 1, 9, 1, False, b"\1" + bytes(30) + b"\5", Carrier.BLOBS),
        Frame(901, 1, 9, 2, True, b"c", Carrier.COMMITMENT),
    ]
    state = keccak256(bytes(32) + keccak256(b"a"))
    state = keccak256(state + keccak256(frames[1].data) + word(1))
    state = keccak256(state + keccak256(b"c") + word(2))
    assert accumulate(bytes(32), frames) == keccak256(bytes(32) + word(1) + word(9) + state)
