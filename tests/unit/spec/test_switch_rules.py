"""What rules make of a rollup, and when."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from control_plane.domain.plan import SwitchRule
from control_plane.domain.switch_rules import (
    Decision,
    Facts,
    Form,
    Mark,
    RuleState,
    become,
    decide,
    is_so,
    marks_from_json,
    marks_to_json,
    rule_text,
    target_of,
    to_text,
    when_text,
)

FRAUD = Form("op-stack", "fraud", 3, "ethereum-calldata")
BUSY = SwitchRule(above=50, seconds=10, proof="validity")
QUIET = SwitchRule(below=10, seconds=10, proof="fraud")
HIDE = SwitchRule(private=True, da="anytrust")
SHOW = SwitchRule(private=False, da="ethereum-blobs")
MORNING = SwitchRule(schedule="0 9 * * *", framework="zk-stack", proof="validity")
EVENING = SwitchRule(schedule="0 18 * * *", framework="op-stack", proof="fraud")
DAY = 86_400.0
NINE, SIX = 9 * 3600.0, 18 * 3600.0


def decided(
    rules: Sequence[SwitchRule],
    form: Form = FRAUD,
    state: RuleState | None = None,
    now: float = 1000.0,
    *,
    private: bool = False,
    loaded: Sequence[int] = (),
) -> Decision:
    facts = Facts(now, private, frozenset(loaded))
    return decide(rules, form, state or RuleState(), facts, 10.0)


def test_a_rule_that_holds_switches_once() -> None:
    first = decided([BUSY, QUIET], loaded=[0])
    assert first.form == replace(FRAUD, proof="validity", finalization_window=None)
    assert (first.by, first.state.switched_at) == ((0,), 1000.0)
    mark = first.state.marks[rule_text(BUSY)]
    assert (mark.fired, mark.fired_at) == (1, 1000.0)
    again = decided([BUSY, QUIET], first.form, first.state, 2000.0, loaded=[0])
    assert (again.form, again.by, again.state) == (None, (), first.state)


def test_what_a_rule_leaves_open_stays() -> None:
    assert decided([QUIET], loaded=[0]).form is None
    narrow = replace(QUIET, finalization_window=60)
    assert decided([narrow], loaded=[0]).form == replace(FRAUD, finalization_window=60)
    celestia = replace(FRAUD, da="celestia", da_url="http://a", da_token_file="/t")
    assert decided([SwitchRule(private=False, da="celestia")], celestia).form is None
    there = decided([SHOW], celestia).form
    assert there == replace(FRAUD, da="ethereum-blobs")


def test_the_first_rule_that_holds_wins_and_others_go_beside_it_or_not_at_all() -> None:
    both = decided([HIDE, BUSY], private=True, loaded=[1])
    assert both.form == replace(FRAUD, proof="validity", finalization_window=None, da="anytrust")
    assert both.by == (0, 1)
    whole = SwitchRule(above=1, seconds=5, da="celestia", proof="validity")
    alone = decided([HIDE, whole], private=True, loaded=[1])
    assert (alone.form, alone.by) == (replace(FRAUD, da="anytrust"), (0,))
    turned = decided([whole, HIDE], private=True, loaded=[0])
    assert turned.form == replace(FRAUD, proof="validity", finalization_window=None, da="celestia")


def test_a_switch_waits_until_the_last_one_is_long_enough_ago() -> None:
    state = RuleState(switched_at=995.0)
    waits = decided([HIDE], state=state, private=True)
    assert (waits.form, waits.again_at, waits.state.switched_at) == (None, 1005.0, 995.0)
    assert decided([HIDE], state=state, now=1005.0, private=True).form is not None
    assert decided([HIDE], state=state, private=False).again_at is None
    set_back = RuleState(switched_at=5000.0)  # the clock was
    assert decided([HIDE], state=set_back, private=True).form is not None


def test_points_count_from_when_the_rule_is_first_seen() -> None:
    first = decided([MORNING], now=NINE + 1)
    assert (first.form, first.again_at) == (None, DAY + NINE)
    early = decided([MORNING], state=first.state, now=DAY + NINE - 1)
    assert (early.form, early.again_at) == (None, DAY + NINE)
    due = decided([MORNING], state=first.state, now=DAY + NINE)
    assert due.form == Form("zk-stack", "validity", None, "ethereum-calldata")
    assert due.again_at == 2 * DAY + NINE
    assert due.form is not None
    by_hand = decided([MORNING], FRAUD, due.state, DAY + NINE + 3600)
    assert by_hand.form is None  # once a day, and not before the next


def test_the_last_of_the_points_that_nobody_was_there_for_counts() -> None:
    rules = [MORNING, EVENING]
    zk = Form("zk-stack", "validity", None, "ethereum-calldata")
    seen = decided(rules, now=0.0).state
    later = decided(rules, zk, seen, 5 * DAY + SIX + 60)
    assert later.form == Form("op-stack", "fraud", None, "ethereum-calldata")
    assert (later.by, later.state.marks[rule_text(MORNING)].due_at) == ((1,), None)
    assert decided(rules, FRAUD, seen, 5 * DAY + NINE + 60).by == (0,)


def test_a_point_waits_for_the_interval_and_for_stronger_rules() -> None:
    seen = decided([MORNING], now=0.0).state
    soon = replace(seen, switched_at=NINE - 4)
    waits = decided([MORNING], state=soon, now=NINE)
    assert (waits.form, waits.again_at) == (None, NINE + 6)
    assert decided([MORNING], state=waits.state, now=NINE + 6).by == (0,)

    rules = [replace(BUSY, proof="fraud"), MORNING]
    seen = decided(rules, now=0.0).state
    busy = decided(rules, state=seen, now=NINE, loaded=[0])
    assert (busy.form, busy.state.marks[rule_text(MORNING)].due_at) == (None, NINE)
    assert decided(rules, state=busy.state, now=NINE + 600).by == (1,)


def test_a_point_whose_target_is_already_so_is_over() -> None:
    rules = [EVENING]
    seen = decided(rules, now=0.0).state
    over = decided(rules, state=seen, now=SIX)
    mark = over.state.marks[rule_text(EVENING)]
    assert (over.form, mark.due_at, mark.fired) == (None, None, 0)
    assert decided(rules, replace(FRAUD, proof="validity"), over.state, SIX + 1).form is None


def test_words() -> None:
    assert rule_text(BUSY) == "load above 50 a second over 10 s: proof validity"
    assert when_text(SHOW) == "not private"
    assert to_text(replace(QUIET, finalization_window=60)) == "proof fraud (finalization_window 60)"
    assert rule_text(MORNING) == "schedule 0 9 * * *: framework zk-stack, proof validity"


def test_marks_are_kept_as_json() -> None:
    marks = {rule_text(HIDE): Mark(1.0, None, 2.0, 3)}
    assert marks_from_json(marks_to_json(marks)) == marks


# ------------------------------------------------------------------ any rules

_PROOFS = st.sampled_from([None, "fraud", "validity"])
_FRAMEWORKS = st.sampled_from([None, "op-stack", "zk-stack", "polygon-cdk"])
_DATA = st.sampled_from([None, "celestia", "anytrust", "ethereum-blobs"])
_WHEN: Any = st.one_of(
    st.builds(lambda above: {"above": above, "seconds": 10}, st.integers(1, 9)),
    st.builds(lambda private: {"private": private}, st.booleans()),
    st.sampled_from([{"schedule": "0 * * * *"}, {"schedule": "*/7 * * * *"}]),
)
_RULES = st.lists(
    st.builds(
        lambda when, framework, proof, da: SwitchRule(
            framework=framework, proof=proof, da=da, **when
        ),
        _WHEN,
        _FRAMEWORKS,
        _PROOFS,
        _DATA,
    ).filter(lambda rule: bool(target_of(rule))),
    max_size=6,
    unique_by=rule_text,
)


def seen_at_0(rules: Sequence[SwitchRule]) -> RuleState:
    """All known since time 0, when nothing had happened yet."""
    return RuleState(marks={rule_text(rule): Mark(seen_to=0.0) for rule in rules})


@given(_RULES, st.booleans(), st.sets(st.integers(0, 5)), st.floats(0, 10 * DAY))
def test_what_does_not_change_switches_no_more(
    rules: list[SwitchRule], private: bool, loaded: set[int], now: float
) -> None:
    """After one switch nothing is left to want, until something else happens."""
    facts = Facts(now, private, frozenset(loaded))
    first = decide(rules, FRAUD, seen_at_0(rules), facts, 10.0)
    form = first.form or FRAUD
    second = decide(rules, form, first.state, replace(facts, now=now + 0.5), 10.0)
    came = second.state.marks != first.state.marks  # a point, in that half second
    assert came or (second.form, second.by) == (None, ())
    for place in first.by:
        target = target_of(rules[place])
        assert all(is_so(form, name, part) for name, part in target.items())


@given(_RULES, st.lists(st.tuples(st.floats(0, 40), st.booleans(), st.sets(st.integers(0, 5)))))
def test_switches_keep_their_distance_and_are_counted(
    rules: list[SwitchRule], steps: list[tuple[float, bool, set[int]]]
) -> None:
    form, now, state = FRAUD, 0.0, seen_at_0(rules)
    switches: list[float] = []
    for wait, private, loaded in steps:
        now += wait
        made = decide(rules, form, state, Facts(now, private, frozenset(loaded)), 10.0)
        state = made.state
        if made.form is not None:
            assert made.form != form
            assert made.by
            switches.append(now)
            form = made.form
        assert made.again_at is None or made.again_at > now
    assert all(b - a >= 10 - 1e-6 for a, b in pairwise(switches))
    fired = sum(mark.fired for mark in state.marks.values())
    assert len(switches) <= fired <= len(switches) * max(1, len(rules))


@given(_RULES, st.lists(st.floats(1, DAY / 4), max_size=8), st.integers(0, 8))
def test_a_point_is_done_once_whoever_was_there_in_between(
    rules: list[SwitchRule], waits: list[float], gone: int
) -> None:
    """Whether all moments are looked at, or some missed, the end is the same."""
    scheduled = [rule for rule in rules if rule.schedule is not None]

    def run(skip: int | None) -> Form:
        form, now, state = FRAUD, 0.0, seen_at_0(scheduled)
        for at, wait in enumerate(waits):
            now += wait
            if at == skip and at < len(waits) - 1:
                continue
            made = decide(scheduled, form, state, Facts(now, private=False), 0.0)
            form, state = made.form or form, made.state
        return form

    assert run(None).proof == run(gone).proof


@given(st.builds(Form, st.just("op-stack"), _PROOFS, st.none(), _DATA), _RULES)
def test_becoming_is_idempotent(form: Form, rules: list[SwitchRule]) -> None:
    for rule in rules:
        once = become(form, target_of(rule))
        assert become(once, target_of(rule)) == once
