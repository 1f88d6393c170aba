"""Rules by which a rollup switches its framework, proof system or data availability by itself.

A rule says when, and what the rollup becomes then. Rules of load and of the privacy flag hold as
long as their condition does; one of a schedule from its point on until it has been done. Of those
that hold the first decides; a later one has its way beside it where the two say nothing different
of the same thing, wholly or not at all. So what a rollup becomes follows from which rules hold, and
does not go to and fro while these stay the same.

Everything here is pure. Times are Unix seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from control_plane.domain.plan import SwitchRule
from control_plane.domain.schedules import last_point, next_point

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "framework": ("framework",),
    "proof": ("proof", "finalization_window"),
    "da": ("da", "da_url", "da_token_file", "da_committee_file"),
}
"""What switches, and the fields that go with it."""

Part = tuple[Any, ...]
Target = Mapping[str, Part]
"""What a rule names, with its fields' values."""


@dataclass(frozen=True, slots=True)
class Form:
    """What of a rollup can switch; fields as in its spec."""

    framework: str
    proof: str | None = None
    finalization_window: int | None = None
    da: str | None = None
    da_url: str | None = None
    da_token_file: str | None = None
    da_committee_file: str | None = None

    def part(self, name: str) -> Part:
        """Values of the fields of one of :data:`PARTS`."""
        return tuple(getattr(self, key) for key in PARTS[name])


@dataclass(frozen=True, slots=True)
class Mark:
    """What is remembered of one rule."""

    seen_to: float | None = None
    """Up to when points of its schedule were looked at; None: not yet."""
    due_at: float | None = None
    """The point that waits to be done."""
    fired_at: float | None = None
    """When it last made the rollup switch."""
    fired: int = 0
    """How often it did."""


@dataclass(frozen=True, slots=True)
class RuleState:
    """What is remembered of a rollup's rules."""

    switched_at: float | None = None
    """The last switch, by a rule or by somebody; None: there was none."""
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """By :func:`rule_text`."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules depend on, beside the time."""

    now: float
    private: bool
    loaded: frozenset[int] = frozenset()
    """Places of the rules of load that hold."""


@dataclass(frozen=True, slots=True)
class Decision:
    state: RuleState
    """What is to be remembered from now on."""
    form: Form | None = None
    """What the rollup is to become; None: it stays what it is."""
    by: tuple[int, ...] = ()
    """Places of the rules that want it so, the first of each part."""
    again_at: float | None = None
    """When to look again, if nothing happens before; None: not before something does."""


def form_of(rollup: Mapping[str, Any]) -> Form:
    """What switches, of a rollup's spec or plan as a mapping."""
    found: dict[str, Any] = {key: rollup.get(key) for keys in PARTS.values() for key in keys}
    return Form(**found)


def target_of(rule: SwitchRule) -> Target:
    """What `rule` names."""
    return {
        name: tuple(getattr(rule, key) for key in keys)
        for name, keys in PARTS.items()
        if getattr(rule, keys[0]) is not None
    }


def is_so(form: Form, name: str, wanted: Part) -> bool:
    """Whether that part of `form` is as wanted: what a rule leaves open is as it should be."""
    have = form.part(name)
    rest = zip(have[1:], wanted[1:], strict=True)
    return have[0] == wanted[0] and all(want in (None, value) for value, want in rest)


def become(form: Form, target: Target) -> Form:
    """`form` with what `target` names, where it is not so; what went with the old choice alone
    goes with it."""
    changes = {
        key: value
        for name, wanted in target.items()
        if not is_so(form, name, wanted)
        for key, value in zip(PARTS[name], wanted, strict=True)
    }
    return replace(form, **changes)


def conflict(one: Target, other: Target) -> bool:
    """Whether the two say something different of the same thing."""
    return any(name in other and other[name] != part for name, part in one.items())


def decide(
    rules: Sequence[SwitchRule], form: Form, state: RuleState, facts: Facts, interval: float
) -> Decision:
    """What follows from `rules` now, for a rollup that is `form`.

    `interval` is the least time between two switches, in seconds; what a rule wants before it is
    over waits.
    """
    marks = _marked(rules, state, facts.now)
    chosen: dict[str, tuple[int, Part]] = {}
    followed = []
    for place, rule in enumerate(rules):
        target = target_of(rule)
        taken = {name: part for name, (_, part) in chosen.items()}
        if _holds(place, rule, marks, facts) and not conflict(target, taken):
            followed.append(place)
            chosen = {**{name: (place, part) for name, part in target.items()}, **chosen}
    wanted = {name: part for name, (_, part) in chosen.items()}
    by = sorted({at for name, (at, part) in chosen.items() if not is_so(form, name, part)})
    rest = _left(state.switched_at, facts.now, interval) if by else 0.0
    if rest:
        marks = _done(rules, marks, [at for at in followed if not _wants(rules[at], form)])
        waiting = RuleState(state.switched_at, marks)
        return Decision(waiting, again_at=_earliest(facts.now + rest, _next(rules, facts.now)))
    marks = _done(rules, marks, followed)
    if not by:
        return Decision(RuleState(state.switched_at, marks), again_at=_next(rules, facts.now))
    for at in by:
        key = rule_text(rules[at])
        marks[key] = replace(marks[key], fired_at=facts.now, fired=marks[key].fired + 1)
    after = RuleState(facts.now, marks)
    return Decision(after, become(form, wanted), tuple(by), _next(rules, facts.now))


def _holds(place: int, rule: SwitchRule, marks: Mapping[str, Mark], facts: Facts) -> bool:
    if rule.private is not None:
        return rule.private == facts.private
    if rule.schedule is not None:
        return marks[rule_text(rule)].due_at is not None
    return place in facts.loaded


def _wants(rule: SwitchRule, form: Form) -> bool:
    """Whether it is not so yet."""
    return any(not is_so(form, name, part) for name, part in target_of(rule).items())


def _marked(rules: Sequence[SwitchRule], state: RuleState, now: float) -> dict[str, Mark]:
    """What is known of each rule, points that have come by `now` among it. Of several that nobody
    was there for the last counts; a later point of one rule takes the place of an earlier one of
    another that wants something else."""
    marks = {rule_text(rule): state.marks.get(rule_text(rule), Mark()) for rule in rules}
    came: list[tuple[float, int]] = []
    for place, rule in enumerate(rules):
        mark = marks[rule_text(rule)]
        if rule.schedule is None:
            continue
        if mark.seen_to is None:
            marks[rule_text(rule)] = replace(mark, seen_to=now)
            continue
        point = last_point(rule.schedule, now)
        if point is not None and point > mark.seen_to:
            marks[rule_text(rule)] = replace(mark, seen_to=now, due_at=point)
            came.append((point, -place))  # of points at once the first rule's is the last
    for point, place in sorted(came):
        late = rules[-place]
        for at, rule in enumerate(rules):
            mark = marks[rule_text(rule)]
            older = mark.due_at is not None and (mark.due_at, -at) < (point, place)
            if older and conflict(target_of(rule), target_of(late)):
                marks[rule_text(rule)] = replace(mark, due_at=None)
    return marks


def _done(
    rules: Sequence[SwitchRule], marks: Mapping[str, Mark], places: Iterable[int]
) -> dict[str, Mark]:
    """Nothing of the rules at `places` waits any more."""
    keys = {rule_text(rules[at]) for at in places}
    return {key: replace(m, due_at=None) if key in keys else m for key, m in marks.items()}


def _left(switched_at: float | None, now: float, interval: float) -> float:
    """Seconds until the next switch may be. A clock that was set back keeps nothing waiting."""
    if switched_at is None or not switched_at <= now < switched_at + interval:
        return 0.0
    return switched_at + interval - now


def _next(rules: Iterable[SwitchRule], now: float) -> float | None:
    points = [next_point(rule.schedule, now) for rule in rules if rule.schedule is not None]
    return min((point for point in points if point is not None), default=None)


def _earliest(one: float, other: float | None) -> float:
    return one if other is None else min(one, other)


# ------------------------------------------------------------------ as text, and kept


def when_text(rule: SwitchRule) -> str:
    """The condition, in words."""
    if rule.schedule is not None:
        return f"schedule {rule.schedule}"
    if rule.private is not None:
        return "private" if rule.private else "not private"
    limit = f"above {rule.above:g}" if rule.above is not None else f"below {rule.below:g}"
    return f"load {limit} a second over {rule.seconds:g} s"


def to_text(rule: SwitchRule) -> str:
    """What the rollup becomes, in words."""
    told = []
    for name, part in target_of(rule).items():
        more = zip(PARTS[name][1:], part[1:], strict=True)
        rest = [f"{key} {value}" for key, value in more if value is not None]
        told.append(f"{name} {part[0]}" + (f" ({', '.join(rest)})" if rest else ""))
    return ", ".join(told)


def rule_text(rule: SwitchRule) -> str:
    """The whole rule, in words; no two rules of a rollup are alike."""
    return f"{when_text(rule)}: {to_text(rule)}"


def marks_to_json(marks: Mapping[str, Mark]) -> dict[str, Any]:
    """As the database keeps them."""
    return {key: asdict(mark) for key, mark in marks.items()}


def marks_from_json(value: Mapping[str, Any]) -> dict[str, Mark]:
    """What :func:`marks_to_json` made `value` of."""
    return {key: Mark(**mark) for key, mark in value.items()}
