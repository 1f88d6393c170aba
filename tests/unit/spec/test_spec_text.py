import contextlib
import string
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from control_plane.domain.errors import InvalidInput
from control_plane.domain.spec_text import LARGEST, parse_spec_text, parse_value


def test_reads_a_mapping() -> None:
    assert parse_spec_text("version: 1\nrollups: [{name: op}]", "x") == {
        "version": 1,
        "rollups": [{"name": "op"}],
    }


def test_aliases_and_merges_are_expanded() -> None:
    text = "a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\n"
    assert parse_spec_text(text, "x") == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}


def test_a_huge_text_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidInput, match="larger than 256 KiB"):
        parse_spec_text("a: " + "x" * LARGEST, "x")


@pytest.mark.parametrize("text", ["[" * 5000, "a: " + "{a: " * 2000, "- " * 3000])
def test_deep_nesting_is_one_error(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_spec_text(text, "x")


def test_an_absurd_number_is_one_error() -> None:
    with pytest.raises(InvalidInput):
        parse_spec_text("version: " + "9" * 5000, "x")


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert isinstance(parse_spec_text(text, "x"), dict)


@given(st.text(alphabet="ab:&*-[]{}<>|!?%@`'\"\n\t #,=0", max_size=120))
def test_any_punctuation_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert isinstance(parse_spec_text(text, "x"), dict)


_WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=8)
_VALUES = st.recursive(
    st.one_of(st.integers(), st.booleans(), _WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(_WORDS, inner, max_size=4)
    ),
    max_leaves=20,
)


@given(_VALUES)
def test_values_come_back(value: Any) -> None:
    assert parse_value(yaml.safe_dump(value)) == value
