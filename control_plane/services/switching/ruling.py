"""Rollups that switch by themselves: their rules decided on, and told."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Final

from control_plane.domain.errors import NotFound
from control_plane.domain.load import LoadMeter, Loads, is_of_load
from control_plane.domain.plan import ChainPlan, SwitchRule
from control_plane.domain.plan_json import plan_from_json
from control_plane.domain.ports.store import Database
from control_plane.domain.records import DevnetRecord, SwitchRecord
from control_plane.domain.schedules import next_point
from control_plane.domain.states import Desired, DevnetState
from control_plane.domain.switch_rules import (
    Decision,
    Facts,
    Mark,
    RuleState,
    decide,
    marks_from_json,
    marks_to_json,
    rule_text,
    to_text,
    when_text,
)
from control_plane.domain.validation import validate_spec
from control_plane.schemas.rules import RulesView, RuleView
from control_plane.schemas.spec import RollupSpec, Spec
from control_plane.services.control import ControlPlane, Revision
from control_plane.services.status import last_switch, moment
from control_plane.services.switching.journal import ByRule, spec_form, with_form

_UP_DEADLINE: Final = 120.0


@dataclass(frozen=True, slots=True)
class Ruling:
    """Decides by rules, and answers the API's ``Rules``."""

    control: ControlPlane
    database: Database
    clock: Callable[[], float] = time.time
    """Unix seconds: this machine's, whatever a chain's clock says."""
    ticks: Callable[[], float] = time.monotonic
    _meters: dict[tuple[str, str], LoadMeter] = field(default_factory=dict)

    def meter(self, devnet: str, rollup: str) -> LoadMeter:
        """What measures that rollup's load, for as long as this process runs."""
        return self._meters.setdefault((devnet, rollup), LoadMeter(self.ticks()))

    def keep(self, devnet: str, rollups: Collection[str]) -> None:
        """Forget the loads of a devnet's other rollups."""
        for key in [k for k in self._meters if k[0] == devnet and k[1] not in rollups]:
            del self._meters[key]

    async def up(self, devnet: str) -> None:
        """Until the devnet is up. Raises what ``ControlPlane.wait`` does."""
        await self.control.wait(devnet, {DevnetState.READY, DevnetState.DEGRADED}, _UP_DEADLINE)

    async def consider(self, devnet: str, rollup: str, loads: Loads) -> float | None:
        """Have `rollup` switch if its rules want that now; when to look again, in Unix seconds.

        What they decided is written down together with the switch. Raises what a change of the
        spec by command raises.
        """
        decisions: list[Decision] = []

        async def revise(record: DevnetRecord) -> Revision | None:
            found = _rollup_of(record, rollup)
            if record.desired is not Desired.RUNNING or found is None or not found.switch:
                return None
            chain = _chain(record, rollup)
            decision = await self._decide(devnet, found, chain, loads)
            decisions.append(decision)
            return _revision(Spec.model_validate(record.spec), found, chain, decision, loads)

        await self.control.revise(devnet, revise)
        return decisions[0].again_at if decisions else None

    async def _decide(
        self, devnet: str, rollup: RollupSpec, chain: ChainPlan, loads: Loads
    ) -> Decision:
        """By what is remembered; what is to be remembered without a switch is written down."""
        async with self.database.begin() as unit:
            known = await unit.switches.get(devnet, rollup.name)
            known = known or SwitchRecord(devnet, rollup.name)
            state = RuleState(known.switched_at, marks_from_json(known.marks))
            facts = Facts(self.clock(), rollup.private, loads.holding)
            form, interval = spec_form(rollup), chain.switch_interval
            decision = decide(chain.rules, form, state, facts, interval)
            if decision.form is None and decision.state != state:
                marks = marks_to_json(decision.state.marks)
                await unit.switches.put(replace(known, marks=marks))
        return decision

    # ------------------------------------------------------------------ telling

    async def rules(self, devnet: str, rollup: str) -> RulesView:
        """The rules of a rollup, and what they have done. NotFound when there is none such."""
        record = await self.control.record(devnet)
        spec = _rollup_of(record, rollup)
        if spec is None:
            raise NotFound(f"{devnet} has no rollup '{rollup}'")
        chain = _chain(record, rollup)
        async with self.database.begin() as unit:
            known = await unit.switches.get(record.name, rollup)
        known = known or SwitchRecord(record.name, rollup)
        marks = marks_from_json(known.marks)
        meter = self._meters.get((record.name, rollup))
        views = tuple(
            self._view(place, rule, spec, marks.get(rule_text(rule), Mark()), meter)
            for place, rule in enumerate(chain.rules)
        )
        earliest = (known.switched_at or 0) + chain.switch_interval
        waits = bool(views) and earliest > self.clock()
        return RulesView(
            rollup=rollup,
            private=spec.private,
            switch_interval=chain.switch_interval if views else None,
            not_before=moment(earliest) if waits else None,
            last=last_switch(known),
            rules=views,
        )

    def _view(
        self, place: int, rule: SwitchRule, spec: RollupSpec, mark: Mark, meter: LoadMeter | None
    ) -> RuleView:
        ticks = self.ticks()
        if rule.private is not None:
            holds = rule.private == spec.private
        elif rule.schedule is not None:
            holds = mark.due_at is not None
        else:
            holds = meter is not None and meter.holds(rule, ticks)
        return RuleView(
            rule=place,
            when=when_text(rule),
            to=to_text(rule),
            holds=holds,
            load=meter.rate(rule.seconds, ticks) if meter and is_of_load(rule) else None,
            next_at=moment(next_point(rule.schedule, self.clock())) if rule.schedule else None,
            fired=mark.fired,
            fired_at=moment(mark.fired_at),
        )


def _rollup_of(record: DevnetRecord, rollup: str) -> RollupSpec | None:
    spec = Spec.model_validate(record.spec)
    return next((one for one in spec.rollups if one.name == rollup), None)


def _chain(record: DevnetRecord, rollup: str) -> ChainPlan:
    return plan_from_json(record.plan).chain(rollup)


def _revision(
    spec: Spec, rollup: RollupSpec, chain: ChainPlan, decision: Decision, loads: Loads
) -> Revision | None:
    """The spec after the switch, checked as any."""
    if decision.form is None:
        return None
    become = with_form(rollup, decision.form)
    rollups = tuple(become if one.name == rollup.name else one for one in spec.rollups)
    raw = spec.model_copy(update={"rollups": rollups}).model_dump(mode="json")
    changed = validate_spec(raw, source=f"What the rules of {rollup.name} make of it")
    rules = [chain.rules[place] for place in decision.by]
    reason = "; ".join(_reason(rule, loads) for rule in rules)
    by = ByRule(rollup.name, decision.by[0], reason, marks_to_json(decision.state.marks))
    return Revision(changed, by)


def _reason(rule: SwitchRule, loads: Loads) -> str:
    measured = loads.rates.get(rule.seconds) if is_of_load(rule) else None
    told = when_text(rule)
    return told if measured is None else f"{told}: {measured:.4g}"
