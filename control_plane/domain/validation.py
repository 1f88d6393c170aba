"""Plain data to a valid spec, or all of its problems at once."""

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from control_plane.domain.errors import InvalidInput, NotAvailableYet, Problem
from control_plane.domain.spec_errors import Location, problem_of, shown_path
from control_plane.domain.spec_rollup import NOT_YET
from control_plane.domain.spec_rules import RULES, Facts, too_many
from control_plane.schemas.spec import Spec

SHORT_NAMES: Final = {
    "op-stack": "op",
    "arbitrum-nitro": "arb",
    "zk-stack": "zk",
    "polygon-cdk": "cdk",
}
_DEFAULT_FRAMEWORK: Final = "op-stack"
_MOST_SHOWN: Final = 50
_STAND_INS: Final = {"origins": "http://localhost"}
"""What takes the place of a broken element of a list, so that those after it keep theirs."""


def validate_spec(
    raw: Mapping[str, Any], facts: Facts | None = None, *, source: str = "The spec"
) -> Spec:
    """The spec that `raw` describes, rollups named, everything else as it stands there.

    `facts` bounds the number of rollups; None leaves it unbounded. `source` is what the error's
    title calls it. Raises InvalidInput with every problem; NotAvailableYet, a kind of it, when
    nothing is wrong but that parts of this system are still to come.
    """
    named = fill_names(raw)
    spec, problems, broken = _read(named)
    if spec is None:
        spec = _without(named, broken)
    if spec is not None:
        problems += _rule_problems(spec, facts, broken)
    if problems:
        raise _refusal(problems, f"{source} is not valid")
    assert spec is not None  # noqa: S101 - without problems there is one
    return spec


def validate_rollup(raw: Mapping[str, Any], spec: Spec, facts: Facts | None = None) -> Spec:
    """`spec` with the rollup `raw` added to it. Raises as :func:`validate_spec` does."""
    whole = spec.model_dump(mode="json")
    whole["rollups"] = [*whole["rollups"], dict(raw)]
    return validate_spec(whole, facts, source="The devnet with this rollup")


def fill_names(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `raw` in which every rollup has a name: ``op``, ``op2`` … after its framework."""
    filled = deepcopy(dict(raw))
    rollups = filled.get("rollups")
    if not isinstance(rollups, list):
        return filled
    taken = {str(item.get("name")) for item in rollups if isinstance(item, dict)}
    for item in rollups:
        if isinstance(item, dict) and item.get("name") in (None, ""):
            framework = str(item.get("framework", _DEFAULT_FRAMEWORK))
            item["name"] = free_name(SHORT_NAMES.get(framework, "rollup"), taken)
            taken.add(item["name"])
    return filled


def set_rollup_count(raw: Mapping[str, Any], count: int) -> dict[str, Any]:
    """A copy of `raw` with its first `count` rollups, or with further ones, of the frameworks in
    turn, until there are `count`."""
    changed = fill_names(raw)
    rollups = changed.get("rollups")
    kept = list(rollups[:count]) if isinstance(rollups, list) else []
    frameworks = list(SHORT_NAMES)
    while len(kept) < count:
        kept.append({"framework": frameworks[len(kept) % len(frameworks)]})
    return fill_names({**changed, "rollups": kept})


def free_name(stem: str, taken: set[str]) -> str:
    """`stem`, or with the lowest number from 2 on that makes it new."""
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}{number}"
    return name


def _read(raw: Mapping[str, Any]) -> tuple[Spec | None, list[Problem], list[Location]]:
    """The spec if its types are right, else problems and where they are.

    Strict, and through JSON: there a list is a tuple, while ``"1"`` is no number and ``1`` no
    text.
    """
    try:
        text = json.dumps(raw, default=str)
        return Spec.model_validate_json(text, strict=True), [], []
    except ValidationError as error:
        found = [e for e in error.errors(include_url=False) if not _follows_from_another(e)]
        problems = [problem_of(detail, Spec) for detail in found]
        return None, problems, [tuple(detail["loc"]) for detail in found]
    except (TypeError, ValueError, RecursionError) as error:
        return None, [Problem("", f"it can't be read: {error}", "use plain keys and values")], [()]


def _follows_from_another(error: ErrorDetails) -> bool:
    """Pydantic calls a list too short when enough of its elements are invalid."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _without(raw: Mapping[str, Any], broken: list[Location]) -> Spec | None:
    """The spec without the places that are broken, so that the rules can look at the rest."""
    rest = deepcopy(dict(raw))
    rest["version"] = 1
    for location in sorted(broken, key=len, reverse=True):
        if location and location != ("version",):
            _delete(rest, location)
    spec, _, _ = _read(fill_names(rest))
    return spec


def _delete(raw: Any, location: Location) -> None:
    place = raw
    for part in location[:-1]:
        try:
            place = place[part]
        except (KeyError, IndexError, TypeError):
            return
    last = location[-1]
    if isinstance(place, dict):
        place.pop(last, None)
    elif isinstance(place, list) and isinstance(last, int) and last < len(place):
        place[last] = _STAND_INS.get(str(location[0]), {})


def _rule_problems(spec: Spec, facts: Facts | None, broken: list[Location]) -> list[Problem]:
    """What the rules find, less what stands at a place that is broken already, or around one; of a
    place with several problems, an invalid combination goes before *not available yet*."""
    known = {shown_path(location) for location in broken}
    around = {path[:at] for path in known for at, letter in enumerate(path) if letter == "."}
    known |= around
    found: list[Problem] = []
    for rule in RULES:
        for problem in rule(spec):
            if problem.path not in known:
                known.add(problem.path)
                found.append(problem)
    if facts is not None:
        found += too_many(spec, facts)
    return found


def _refusal(problems: list[Problem], title: str) -> InvalidInput:
    kind = NotAvailableYet if all(NOT_YET in p.detail for p in problems) else InvalidInput
    if len(problems) == 1:
        detail = (
            f"{problems[0].path}: {problems[0].detail}" if problems[0].path else problems[0].detail
        )
        return kind(title, detail, problems[0].hint, problems=tuple(problems))
    shown = tuple(problems[:_MOST_SHOWN])
    rest = len(problems) - len(shown)
    detail = f"{len(problems)} problems" + (f", the first {len(shown)} are listed" if rest else "")
    return kind(title, detail, problems=shown)
