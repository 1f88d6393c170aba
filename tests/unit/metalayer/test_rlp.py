"""Ours against the general package, which takes and gives the same for everything."""

import pytest
import rlp as reference  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from control_plane.domain import rlp

ITEMS = st.recursive(
    st.binary(max_size=80), lambda inner: st.lists(inner, max_size=6), max_leaves=30
)


@given(ITEMS)
def test_same_encoding(item: rlp.Item) -> None:
    encoded = rlp.encode(item)
    assert encoded == reference.encode(item)
    assert rlp.decode(encoded) == item


@given(st.binary(max_size=70))
def test_same_verdict_on_any_bytes(data: bytes) -> None:
    try:
        expected = reference.decode(data)
    except reference.exceptions.DecodingError:
        with pytest.raises(rlp.InvalidRlp):
            rlp.decode(data)
    else:
        assert rlp.decode(data) == _lists(expected)


def _lists(item: object) -> object:
    return item if isinstance(item, bytes) else [_lists(part) for part in item]  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [0, 1, 55, 56, 255, 256, 65_535, 65_536])
def test_lengths(size: int) -> None:
    data = b"\x99" * size
    assert rlp.decode(rlp.encode(data)) == data
    assert rlp.decode(rlp.encode([data, data])) == [data, data]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81\x05",  # a small byte, prefixed
        b"\xb8\x05hello",  # a short length in the long form
        b"\xb9\x00\x38" + b"a" * 56,  # a length with a leading zero
        b"\x85hell",
        b"\xc3\x83cat"[:-1],
        b"\xc1\x83cat",  # an item that is longer than its list
        b"\xb8",
        b"\x05\x05",
        b"\xff" * 9,
    ],
)
def test_refuses(data: bytes) -> None:
    with pytest.raises(rlp.InvalidRlp):
        rlp.decode(data)


def test_list_expected() -> None:
    assert rlp.decode_list(b"\xc1\x05") == [b"\x05"]
    with pytest.raises(rlp.InvalidRlp):
        rlp.decode_list(b"\x83cat")


@given(st.integers(min_value=0, max_value=2**256))
def test_numbers(value: int) -> None:
    assert rlp.encode(rlp.encode_int(value)) == reference.encode(value)
