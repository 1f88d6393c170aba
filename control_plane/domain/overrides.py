"""``path=value`` changes to a spec, as ``--set`` and the REST API take them.

A path is made of keys with dots between them; an element of a list is named by its index or,
for rollups, by the rollup's name::

    l1.block_time=2
    rollups[0].block_time=0.5
    rollups.game.port=9600
    metalayer={guardians: 7, stake: 5}
"""

import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from control_plane.domain.errors import InvalidInput, Problem
from control_plane.domain.spec_text import parse_value
from control_plane.domain.suggest import hint

_PATH = re.compile(r"[A-Za-z_][\w-]*(\[\d{1,4}\])*(\.[A-Za-z_][\w-]*(\[\d{1,4}\])*)*", re.ASCII)
_PART = re.compile(r"[A-Za-z_][\w-]*|\[\d+\]", re.ASCII)

Key = str | int


@dataclass(frozen=True, slots=True)
class Override:
    text: str
    """As the user wrote its path."""
    path: tuple[Key, ...]
    value: Any


class _Refused(Exception):
    """Carries one problem out to the loop over all assignments."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def apply_overrides(raw: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """A copy of `raw` with the changes made, in order.

    Raises InvalidInput with every assignment that can't be understood or whose place does not
    exist. Whether the result is a valid spec is not looked at.
    """
    changed = deepcopy(raw)
    problems: list[Problem] = []
    for assignment in assignments:
        try:
            override = _parse(assignment)
            _put(changed, override)
        except _Refused as refused:
            problems.append(refused.problem)
    if problems:
        raise InvalidInput("A change to the spec can't be made", problems=tuple(problems))
    return changed


def _parse(assignment: str) -> Override:
    """`assignment` taken apart; the value is YAML."""
    left, equals, right = assignment.partition("=")
    left = left.strip()
    if not equals or not _PATH.fullmatch(left):
        raise _Refused(
            Problem(
                f"--set {assignment}",
                "it is not of the form path=value",
                "for example rollups.op.block_time=1",
            )
        )
    parts = tuple(int(part[1:-1]) if part[0] == "[" else part for part in _PART.findall(left))
    try:
        value = parse_value(right)
    except InvalidInput as error:
        raise _Refused(
            Problem(f"--set {left}", error.detail, "put quotes around a text")
        ) from error
    return Override(left, parts, value)


def _put(raw: dict[str, Any], override: Override) -> None:
    place: Any = raw
    for depth, key in enumerate(override.path[:-1]):
        place = _enter(place, key, override, depth)
    last = override.path[-1]
    if isinstance(place, list):
        index = _index(place, last, override, len(override.path) - 1)
        place[index : index + 1] = [override.value]
    elif isinstance(place, dict) and isinstance(last, str):
        place[last] = override.value
    else:
        raise _no_such_place(override, len(override.path) - 1)


def _enter(place: Any, key: Key, override: Override, depth: int) -> Any:
    """The value at `key`, made as an empty mapping where nothing stands."""
    if isinstance(place, list):
        index = _index(place, key, override, depth)
        if index == len(place):
            place.append({})
        return place[index]
    if isinstance(place, dict) and isinstance(key, str):
        if place.get(key) is None:
            place[key] = [] if isinstance(override.path[depth + 1], int) else {}
        return place[key]
    raise _no_such_place(override, depth)


def _index(place: list[Any], key: Key, override: Override, depth: int) -> int:
    if isinstance(key, int):
        if key <= len(place):
            return key
        raise _Refused(
            Problem(
                f"--set {override.text}",
                f"there is no element {key}; there are {len(place)}",
                f"the next one is [{len(place)}]",
            )
        )
    names = [str(item["name"]) for item in place if isinstance(item, dict) and "name" in item]
    if key in names:
        return next(
            at
            for at, item in enumerate(place)
            if isinstance(item, dict) and item.get("name") == key
        )
    where = _shown(override.path[:depth])
    raise _Refused(
        Problem(
            f"--set {override.text}",
            f"'{where}' has no element called '{key}'",
            hint(key, names, "names"),
        )
    )


def _no_such_place(override: Override, depth: int) -> _Refused:
    where = _shown(override.path[:depth])
    return _Refused(
        Problem(
            f"--set {override.text}",
            f"'{where}' holds a single value, nothing stands below it",
            "",
        )
    )


def _shown(path: tuple[Key, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text or "the spec"
