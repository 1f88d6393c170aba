"""What the rules must keep to by which a rollup switches by itself (``switch``)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from control_plane.domain.errors import Problem
from control_plane.domain.plan import SwitchRule
from control_plane.domain.schedules import schedule_problem
from control_plane.domain.switch_rules import (
    PARTS,
    Form,
    become,
    conflict,
    form_of,
    target_of,
    when_text,
)
from control_plane.domain.switching import switchable, switches_here
from control_plane.schemas.spec import RollupSpec, Spec, SwitchRuleSpec, SwitchWhen

SWITCH_INTERVAL: Final = 10.0
"""Seconds between two switches by rule, where the spec names none."""

Check = Callable[[str, RollupSpec, Spec], Iterator[Problem]]
"""Problems of a rollup at a path."""


def rules_of(rollup: RollupSpec) -> tuple[SwitchRule, ...]:
    """The rules as a plan has them."""
    return tuple(_rule(each) for each in rollup.switch)


def switch_problems(path: str, rollup: RollupSpec, spec: Spec, check: Check) -> Iterator[Problem]:
    """Problems of the rules of `rollup`, which stands at `path`; `check` finds those of what it
    becomes."""
    yield from _of_no_use(path, rollup)
    if not rollup.switch:
        return
    here = f"{path}.switch"
    plain = rollup.model_dump(mode="json")
    if not switches_here(spec.agents) or not switchable(plain, plain):
        yield Problem(here, f"{_kind(rollup, spec)} does not switch", "leave it out")
        return
    problems: list[Problem] = []
    sound: dict[int, SwitchRuleSpec] = {}
    for at, each in enumerate(rollup.switch):
        place = f"{here}[{at}]"
        own = [*_when(f"{place}.when", each.when), *_to(f"{place}.to", each)]
        problems += own or _beside(place, each, sound)
        if not own:
            sound[at] = each
    yield from problems
    if not problems and not any(True for _ in check(path, rollup, spec)):
        yield from _reached(here, rollup, spec, check)


def _of_no_use(path: str, rollup: RollupSpec) -> Iterator[Problem]:
    if rollup.switch_interval is not None and not rollup.switch:
        yield Problem(
            f"{path}.switch_interval", "no rule switches the rollup", "write a `switch`, or none"
        )
    if rollup.private and all(rule.when.private is None for rule in rollup.switch):
        yield Problem(
            f"{path}.private",
            "no rule asks for it, and it hides nothing by itself",
            "write a rule: `switch: [{when: {private: true}, to: {da: anytrust}}]`",
        )


def _kind(rollup: RollupSpec, spec: Spec) -> str:
    if spec.agents != "daemon":
        return f"a rollup with agents in {spec.agents}"
    if rollup.services != "caldera":
        return f"a rollup with {rollup.services} services"
    if rollup.engine == "external":
        return "a chain of somebody else's"
    return f"a rollup on {rollup.engine}"


def _rule(spec: SwitchRuleSpec) -> SwitchRule:
    load = spec.when.load
    return SwitchRule(
        above=load.above if load else None,
        below=load.below if load else None,
        seconds=load.for_ if load else 0,
        schedule=spec.when.schedule,
        private=spec.when.private,
        **spec.to.model_dump(),
    )


# ------------------------------------------------------------------ one rule


def _when(path: str, when: SwitchWhen) -> Iterator[Problem]:
    named = [key for key in SwitchWhen.model_fields if getattr(when, key) is not None]
    if len(named) != 1:
        told = " and ".join(f"'{key}'" for key in named) or "nothing"
        yield Problem(
            path,
            f"it names {told}",
            "name one of 'load', 'schedule' and 'private'; others are rules of their own",
        )
    load = when.load
    if load is not None and (load.above is None) == (load.below is None):
        yield Problem(
            f"{path}.load",
            "it names no limit" if load.above is None else "it names two limits",
            "write `above` or `below`",
        )
    wrong = schedule_problem(when.schedule) if when.schedule is not None else None
    if wrong is not None:
        yield Problem(
            f"{path}.schedule",
            f"'{when.schedule}' is no cron expression: {wrong}",
            "write minute, hour, day of the month, month and day of the week: '0 9 * * 1-5'",
        )


def _to(path: str, rule: SwitchRuleSpec) -> Iterator[Problem]:
    to = rule.to
    if not target_of(_rule(rule)):
        yield Problem(path, "it names nothing that could switch", "name framework, proof or da")
        return
    if to.finalization_window is not None and to.proof != "fraud":
        yield Problem(
            f"{path}.finalization_window",
            "it goes with `proof: fraud`",
            "name that, or leave it out",
        )
    for key in PARTS["da"][1:]:
        if to.da is None and getattr(to, key) is not None:
            yield Problem(f"{path}.{key}", "it goes with a `da`", "name that, or leave it out")


def _beside(
    path: str, rule: SwitchRuleSpec, before: Mapping[int, SwitchRuleSpec]
) -> Iterator[Problem]:
    """Rules that never come to anything, or with which nobody could say what holds."""
    mine = _rule(rule)
    for at, each in before.items():
        other = _rule(each)
        if not conflict(target_of(mine), target_of(other)):
            if mine == other:
                yield Problem(path, f"it is rule {at} once more", "leave it out")
        elif when_text(mine) == when_text(other):
            yield Problem(
                f"{path}.to",
                f"rule {at} wants something else under the same condition, and comes first",
                "leave one out",
            )
        elif mine.seconds == other.seconds and (gap := _overlap(mine, other)):
            yield Problem(
                f"{path}.when.load",
                f"between {gap[0]:g} and {gap[1]:g} a second rule {at} holds as well, and wants "
                "something else",
                f"write {'at most' if mine.below is not None else 'at least'} "
                f"{gap[0] if mine.below is not None else gap[1]:g}",
            )


def _overlap(one: SwitchRule, other: SwitchRule) -> tuple[float, float] | None:
    """Between which loads a rule for more and one for less both hold."""
    above = one.above if one.above is not None else other.above
    below = one.below if one.below is not None else other.below
    return (above, below) if above is not None and below is not None and above < below else None


# ------------------------------------------------------------------ where rules lead


def _reached(here: str, rollup: RollupSpec, spec: Spec, check: Check) -> Iterator[Problem]:
    """The first problem of each rule, from everything that the rollup can have become by then."""
    rules = rules_of(rollup)
    begin = form_of(rollup.model_dump())
    told: dict[int, Problem] = {}
    seen, waiting = {begin}, [begin]
    while waiting:
        form = waiting.pop()
        for at, rule in enumerate(rules):
            new = become(form, target_of(rule))
            if new in seen:
                continue
            problem = _problem(f"{here}[{at}].to", _as(rollup, form), _as(rollup, new), spec, check)
            if problem is None:
                seen.add(new)
                waiting.append(new)
            else:
                told.setdefault(at, _from(problem, form, begin))
    yield from (told[at] for at in sorted(told))


def _as(rollup: RollupSpec, form: Form) -> RollupSpec:
    """`rollup`, were it `form`."""
    keys = [key for keys in PARTS.values() for key in keys]
    return rollup.model_copy(update={key: getattr(form, key) for key in keys})


def _problem(
    path: str, was: RollupSpec, rollup: RollupSpec, spec: Spec, check: Check
) -> Problem | None:
    """What is wrong with `rollup`, which was another before."""
    before, after = was.model_dump(mode="json"), rollup.model_dump(mode="json")
    allowed = switchable(before, after)
    for name, keys in PARTS.items():
        if any(before[key] != after[key] and key not in allowed for key in keys):
            return Problem(f"{path}.{name}", *_fixed(name, rollup))
    return next(check(path, rollup, spec), None)


def _fixed(name: str, rollup: RollupSpec) -> tuple[str, str]:
    """Why that part does not switch, and what to do."""
    if name == "framework":
        return f"the framework of a rollup on {rollup.engine} stays", "leave it out"
    what = {"da": "posts no blocks", "proof": "settles nothing"}[name]
    return (
        f"a rollup that {what} can't begin to",
        f"give the rollup itself a `{name}`, or leave it out",
    )


def _from(problem: Problem, form: Form, begin: Form) -> Problem:
    """Said with what the rollup is by then, where earlier rules made it that."""
    if form == begin:
        return problem
    now = ", ".join(str(form.part(name)[0]) for name in PARTS if form.part(name)[0] is not None)
    return Problem(problem.path, f"{problem.detail} (once it is {now})", problem.hint)
