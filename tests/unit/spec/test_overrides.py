import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.domain.errors import InvalidInput
from control_plane.domain.overrides import apply_overrides

BASE: dict[str, Any] = {
    "version": 1,
    "l1": {"block_time": 0},
    "rollups": [{"name": "game", "block_time": 1}, {"name": "money"}],
}


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("l1.block_time=2", ("l1", "block_time"), 2),
        ("l1.block_time=0.5", ("l1", "block_time"), 0.5),
        ("rollups[0].block_time=3", ("rollups", 0, "block_time"), 3),
        ("rollups.money.port=9600", ("rollups", 1, "port"), 9600),
        ("rollups.money.port=", ("rollups", 1, "port"), None),
        ("metalayer.guardians=7", ("metalayer", "guardians"), 7),
        ("metalayer={guardians: 7}", ("metalayer",), {"guardians": 7}),
        ("origins=[http://a, http://b]", ("origins",), ["http://a", "http://b"]),
        ("name='7'", ("name",), "7"),
        ("accounts.mnemonic=test test=junk", ("accounts", "mnemonic"), "test test=junk"),
        ("rollups[2].name=new", ("rollups", 2, "name"), "new"),
        ("rollups[2]={name: new}", ("rollups", 2, "name"), "new"),
    ],
)
def test_puts_the_value_at_the_path(assignment: str, path: tuple[Any, ...], value: Any) -> None:
    changed: Any = apply_overrides(BASE, [assignment])
    for part in path:
        changed = changed[part]
    assert changed == value


def test_leaves_the_original_alone() -> None:
    before = copy.deepcopy(BASE)
    apply_overrides(BASE, ["rollups.game.block_time=9", "l1.port=1"])
    assert before == BASE


def test_later_ones_win() -> None:
    changed = apply_overrides(BASE, ["l1.block_time=1", "l1.block_time=2"])
    assert changed["l1"]["block_time"] == 2


def test_all_faults_are_told_at_once() -> None:
    wrong = ["nothing", "rollups.gmae.port=1", "version.deep=1", "rollups[9].port=1", "a=[", "=1"]
    with pytest.raises(InvalidInput) as caught:
        apply_overrides(BASE, wrong)
    assert len(caught.value.problems) == len(wrong)
    assert "did you mean 'game'" in caught.value.problems[1].hint


@given(st.text())
def test_any_text_is_understood_or_refused(text: str) -> None:
    before = copy.deepcopy(BASE)
    with contextlib.suppress(InvalidInput):
        assert isinstance(apply_overrides(BASE, [text]), dict)
    assert before == BASE


_KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
_SCALARS = st.one_of(st.integers(), st.booleans(), st.none())


@given(st.lists(_KEYS, min_size=1, max_size=4), _SCALARS)
def test_plain_paths_come_back(keys: list[str], value: Any) -> None:
    text = {None: "", True: "true", False: "false"}.get(value, str(value))
    text = text if value is None or isinstance(value, bool) else str(value)
    changed: Any = apply_overrides({}, [f"{'.'.join(keys)}={text}"])
    for key in keys:
        changed = changed[key]
    assert changed == value
