"""What is written down when rollups switch, in the transaction that makes them do so: so nothing is
lost by a kill, and nothing happens twice."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from control_plane.domain.ports.store import UnitOfWork
from control_plane.domain.records import SwitchRecord
from control_plane.domain.switch_rules import PARTS, Form, form_of
from control_plane.schemas.spec import RollupSpec, Spec

SWITCHED: Final = "rollup.switched"
"""Type of the event."""
ASKED: Final = "asked for"
"""Reason of a switch that no rule made."""


@dataclass(frozen=True, slots=True)
class ByRule:
    """Why a rollup switches by itself."""

    rollup: str
    place: int
    """Of the rule, the first of those that want it."""
    reason: str
    marks: Mapping[str, Any]
    """What is remembered of its rules from now on, as JSON."""


async def note_switches(
    unit: UnitOfWork, devnet: str, old: Spec, new: Spec, by: ByRule | None
) -> None:
    """Write down which rollups of `old` are to be something else in `new`, and tell it."""
    after = {rollup.name: rollup for rollup in new.rollups}
    for rollup in old.rollups:
        if rollup.name not in after:
            await unit.switches.remove(devnet, rollup.name)
            continue
        was, now = spec_form(rollup), spec_form(after[rollup.name])
        if was != now:
            mine = by if by is not None and by.rollup == rollup.name else None
            await _note(unit, devnet, rollup.name, was, now, mine)


async def _note(
    unit: UnitOfWork, devnet: str, rollup: str, was: Form, now: Form, by: ByRule | None
) -> None:
    known = await unit.switches.get(devnet, rollup) or SwitchRecord(devnet, rollup)
    at = time.time()
    switched = replace(known, switched_at=at, reason=by.reason if by else ASKED)
    if by is None:
        record = replace(switched, rule=None, declared=None)
    else:
        declared = known.declared or asdict(was)
        record = replace(switched, rule=by.place, declared=declared, marks=by.marks)
    await unit.switches.put(record)
    service = f"{rollup}/switcher" if by else None
    await unit.events.append(devnet, at, SWITCHED, service, _told(rollup, was, now, record))


def _told(rollup: str, was: Form, now: Form, record: SwitchRecord) -> dict[str, Any]:
    changed = [name for name in PARTS if was.part(name) != now.part(name)]
    return {
        "rollup": rollup,
        "from": {name: was.part(name)[0] for name in changed},
        "to": {name: now.part(name)[0] for name in changed},
        "rule": record.rule,
        "reason": record.reason,
    }


def spec_form(rollup: RollupSpec) -> Form:
    """What of a rollup's spec can switch."""
    return form_of(rollup.model_dump(mode="json"))


def as_switched(spec: Spec, running: Spec, declared: Mapping[str, Mapping[str, Any]]) -> Spec:
    """`spec`, whose rollups are what rules have made of the running ones since, where it says of
    them what was said before: the same file again changes nothing.

    `declared`, by rollup, is what was said before.
    """
    now = {rollup.name: rollup for rollup in running.rollups}
    rollups = tuple(
        with_form(rollup, spec_form(now[rollup.name]))
        if rollup.name in now
        and rollup.switch
        and form_of(declared.get(rollup.name, {"framework": ""})) == spec_form(rollup)
        else rollup
        for rollup in spec.rollups
    )
    return spec.model_copy(update={"rollups": rollups})


def with_form(rollup: RollupSpec, form: Form) -> RollupSpec:
    """`rollup`, become `form`."""
    return rollup.model_copy(update=asdict(form))
