"""The load that rules ask for."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.domain.load import LoadMeter, Window
from control_plane.domain.plan import SwitchRule
from control_plane.domain.schedules import last_point, next_point, schedule_problem

BUSY = SwitchRule(above=5, seconds=10, proof="validity")
QUIET = SwitchRule(below=1, seconds=10, proof="fraud")
RULES = (BUSY, QUIET)


def meter(now: float = 0.0) -> LoadMeter:
    made = LoadMeter(now)
    made.measure(RULES)
    return made


def test_above_is_known_as_soon_as_enough_came() -> None:
    load = meter()
    load.add(1.0, 50)
    assert not load.holds(BUSY, 1.0)
    load.add(2.0, 1)
    assert load.holds(BUSY, 2.0)
    assert load.rate(10, 2.0) == 5.1
    assert load.next_change([BUSY], 2.0) == 11.0
    assert load.holds(BUSY, 10.9)
    assert not load.holds(BUSY, 11.0)


def test_below_is_known_after_a_whole_window() -> None:
    load = meter()
    assert not load.holds(QUIET, 9.9)
    assert load.next_change(RULES, 3.0) == 10.0
    assert load.holds(QUIET, 10.0)
    load.add(12.0, 10)
    assert not load.holds(QUIET, 12.0)
    assert load.next_change(RULES, 12.0) == 22.0
    assert load.holds(QUIET, 22.0)
    assert load.next_change(RULES, 22.0) is None


def test_what_nobody_asks_for_is_not_measured() -> None:
    load = LoadMeter(0.0)
    load.add(1.0, 100)
    assert load.rate(10, 1.0) == 0
    assert not load.holds(BUSY, 1.0)
    load.measure([SwitchRule(private=True, da="anytrust"), BUSY])
    load.add(1.0, 100)
    load.measure([BUSY])  # what is there stays
    assert load.rate(10, 1.0) == 10
    assert load.next_change([SwitchRule(private=True, da="anytrust")], 1.0) is None


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 20)), max_size=60), st.integers(0, 50))
def test_windows_count_to_half_a_percent(came: list[tuple[float, int]], most: int) -> None:
    window, now, all_ = Window(10), 0.0, []
    for wait, count in came:
        now += wait
        window.add(now, count)
        all_.append((now, count))
    exact = sum(count for at, count in all_ if at + 10 > now)
    less = sum(count for at, count in all_ if at + 9.95 > now)
    assert min(less, exact) <= window.count(now) <= exact
    falls = window.falls_to(most, now)
    assert falls >= now
    assert window.count(falls) <= most


def test_points_of_schedules() -> None:
    assert next_point("* * * * *", 60.0) == 120.0
    assert last_point("* * * * *", 60.0) == 60.0
    assert last_point("* * * * *", 59.9) == 0.0
    assert next_point("*/5 * * * * *", 7.5) == 10.0
    assert next_point("*/20 * * * * *", 7812499.9999999) == 7812500.0
    assert next_point("0 9 * * 1-5", 0.0) == 9 * 3600  # a Thursday


@given(st.floats(0, 4e9), st.sampled_from(["*/7 3 * * *", "0 0 29 2 *", "*/20 * * * * *"]))
def test_no_point_lies_between_the_last_and_the_next(now: float, text: str) -> None:
    last, following = last_point(text, now), next_point(text, now)
    assert last is not None
    assert following is not None
    assert last <= now < following
    assert next_point(text, last) == following
    assert last_point(text, following) == following


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("61 * * * *", "bad minute"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("* * */20 * 1L", None),
        ("soon", "wrong number of fields"),
        ("", "wrong number of fields"),
    ],
)
def test_expressions_that_are_none_are_told(text: str, why: str | None) -> None:
    assert schedule_problem(text) == (why or "it never comes")


def test_points_rise() -> None:
    at, found = 0.0, []
    for _ in range(5):
        at = next_point("30 2 * * *", at) or 0.0
        found.append(at)
    assert all(b - a == 86_400 for a, b in pairwise(found))
