"""Devnets as the REST API speaks of them: wire models in, wire models out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from control_plane.domain.errors import InvalidInput, Problem
from control_plane.domain.ids import Hex
from control_plane.domain.native_services import native_services
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.plan_json import plan_from_json
from control_plane.domain.ports.machine import Templates
from control_plane.domain.ports.store import Database
from control_plane.domain.records import DevnetRecord
from control_plane.domain.spec_diff import Change, diff_specs
from control_plane.domain.spec_rules import Facts
from control_plane.domain.states import DevnetState
from control_plane.schemas.devnet import (
    ChangeView,
    CreateDevnet,
    DevnetStatus,
    DevnetSummary,
    RollupStatus,
)
from control_plane.schemas.plan import ChainPlanView, PlanView, ValidateResult
from control_plane.schemas.service import ServiceView
from control_plane.schemas.spec import Spec
from control_plane.services.control import Accepted, ControlPlane, MakePlan
from control_plane.services.specs import add_rollup, change_spec, load_spec, remove_rollup
from control_plane.services.status import service_views, status, summary
from control_plane.services.unknown import not_found

UP = (DevnetState.READY, DevnetState.DEGRADED)
_START_DEADLINE = 90.0
_STOP_DEADLINE = 60.0
_WEI = 10**18

FactsNow = Callable[[], Facts]
"""What the machine has at this moment."""


@dataclass(frozen=True, slots=True)
class Devnets:
    """The use cases behind ``/v1/devnets``."""

    control: ControlPlane
    database: Database
    templates: Templates
    make_plan: MakePlan
    facts: FactsNow
    born: Callable[[str], Mapping[str, Hex]]
    """Contract addresses of a devnet by its name, empty before it has any."""
    defaults: Mapping[str, Any]
    """Top-level fields for a spec that does not name them: settings of this daemon."""

    # ------------------------------------------------------------------ asking

    async def list(self) -> list[DevnetSummary]:
        """Every devnet, by name."""
        return [
            summary(record, self.control.worker(record.name), plan_from_json(record.plan))
            for record in await self.control.records()
        ]

    async def status(self, name: str) -> DevnetStatus:
        """One devnet; NotFound suggests the nearest name."""
        return await self._status(await self.control.record(name))

    async def plan_of(self, name: str) -> PlanView:
        """What an existing devnet was planned to be."""
        record = await self.control.record(name)
        return _plan_view(plan_from_json(record.plan), dict(record.spec), ())

    async def plan(self, request: CreateDevnet) -> PlanView:
        """What `create` would do; touches nothing."""
        spec = await self._spec(request)
        others: list[Plan] = []
        keep: Plan | None = None
        changes: tuple[Change, ...] = ()
        for record in await self.control.records():
            plan = plan_from_json(record.plan)
            if record.name == spec.name:
                keep = plan
                spec = await self.control.as_it_runs(record, spec)
                changes = diff_specs(Spec.model_validate(record.spec), spec)
            else:
                others.append(plan)
        made = self.make_plan(spec, others, keep, request.free_ports)
        return _plan_view(made, spec.model_dump(mode="json"), changes)

    async def validate(self, request: CreateDevnet) -> ValidateResult:
        """Whether a spec is valid; InvalidInput lists everything that is not."""
        return ValidateResult(spec=(await self._spec(request)).model_dump(mode="json"))

    async def rollups(self, name: str) -> tuple[RollupStatus, ...]:
        """The rollups of a devnet."""
        return (await self.status(name)).rollups

    async def rollup(self, name: str, rollup: str) -> RollupStatus:
        """One rollup; NotFound suggests the nearest name."""
        rollups = await self.rollups(name)
        for one in rollups:
            if one.name == rollup:
                return one
        raise not_found("rollup", rollup, [one.name for one in rollups])

    async def services(self, name: str) -> tuple[ServiceView, ...]:
        """Nodes and agents of a devnet."""
        record = await self.control.record(name)
        async with self.database.begin() as unit:
            rows = await unit.services.list(record.name)
        return service_views(rows, self.control.worker(name))

    async def service(self, name: str, service: str) -> ServiceView:
        """One service; NotFound suggests the nearest name."""
        views = await self.services(name)
        for view in views:
            if view.name == service:
                return view
        raise not_found("service", service, [view.name for view in views])

    # ------------------------------------------------------------------ changing

    async def create(self, request: CreateDevnet) -> DevnetStatus:
        """Accept a devnet; with `wait`, answer when it is up or raise why it is not."""
        accepted = await self.control.create(
            await self._spec(request),
            ttl=request.ttl,
            update=request.update,
            free_ports=request.free_ports,
        )
        return await self._answer(accepted, wait=request.wait)

    async def patch(self, name: str, overrides: tuple[str, ...], *, wait: bool) -> DevnetStatus:
        """Apply `path=value` changes to a devnet's spec, live."""
        record = await self.control.record(name)
        spec = change_spec(Spec.model_validate(record.spec), overrides, self.facts())
        _same_name(name, spec)
        return await self._answer(await self.control.change(name, spec), wait=wait)

    async def extend(self, name: str, ttl: float) -> DevnetStatus:
        """Let a devnet live `ttl` more seconds from now."""
        return await self._status(await self.control.extend(name, ttl))

    async def delete(self, name: str, *, wait: bool) -> DevnetSummary:
        """Take a devnet down for good."""
        record = await self.control.remove(name)
        worker = self.control.worker(name)
        if wait:
            await self.control.wait_gone(name, _STOP_DEADLINE)
        return summary(record, worker, plan_from_json(record.plan))

    async def stop(self, name: str, *, wait: bool) -> DevnetStatus:
        """Save and stop every node."""
        await self.control.stop(name)
        if wait:
            await self.control.wait(name, {DevnetState.STOPPED}, _STOP_DEADLINE)
        return await self.status(name)

    async def start(self, name: str, *, wait: bool) -> DevnetStatus:
        """Start again from saved state."""
        await self.control.start(name)
        return await self._when_up(name, wait=wait)

    async def restart(self, name: str, *, wait: bool) -> DevnetStatus:
        """Stop, then start."""
        await self.control.restart(name, timeout=_STOP_DEADLINE)
        return await self._when_up(name, wait=wait)

    async def add_rollup(
        self, name: str, rollup: Mapping[str, Any], *, wait: bool
    ) -> tuple[DevnetStatus, str]:
        """Add a rollup to a running devnet; also returns the name it got."""
        record = await self.control.record(name)
        spec = add_rollup(Spec.model_validate(record.spec), rollup, self.facts())
        status = await self._answer(await self.control.change(name, spec), wait=wait)
        return status, spec.rollups[-1].name

    async def remove_rollup(self, name: str, rollup: str, *, wait: bool) -> DevnetStatus:
        """Remove a rollup from a running devnet, its chain included."""
        record = await self.control.record(name)
        spec = remove_rollup(Spec.model_validate(record.spec), rollup)
        return await self._answer(await self.control.change(name, spec), wait=wait)

    async def is_external(self, name: str, service: str) -> bool:
        """Whether `service` is a node that somebody else runs."""
        plan = plan_from_json((await self.control.record(name)).plan)
        return any(f"{c.name}/node" == service for c in plan.chains if c.is_external)

    async def act_on_service(
        self, name: str, service: str, action: str, *, wait: bool
    ) -> ServiceView:
        """Start, stop or restart one service; with `wait` it does its work again."""
        if action in {"stop", "restart"}:
            await self.control.stop_service(name, service)
        if action in {"start", "restart"}:
            await self.control.start_service(name, service)
            if wait:
                await self.control.wait_service(name, service, _START_DEADLINE)
        return await self.service(name, service)

    # ------------------------------------------------------------------ inside

    async def _spec(self, request: CreateDevnet) -> Spec:
        """The spec that a request asks for; without any of its own, that of the devnet it names."""
        known = {record.name: record.spec for record in await self.control.records()}

        def running(name: str) -> Spec | None:
            return Spec.model_validate(known[name]) if name in known else None

        return load_spec(request, self.templates, self.facts(), running, self.defaults)

    async def _answer(self, accepted: Accepted, *, wait: bool) -> DevnetStatus:
        name = accepted.record.name
        answer = await self._when_up(name, wait=wait)
        return answer.model_copy(
            update={
                "outcome": accepted.outcome,
                "changes": tuple(_change_view(change) for change in accepted.changes),
            }
        )

    async def _when_up(self, name: str, *, wait: bool) -> DevnetStatus:
        if wait:
            await self.control.wait_settled(name, _START_DEADLINE)
        return await self.status(name)

    async def _status(self, record: DevnetRecord) -> DevnetStatus:
        worker = self.control.worker(record.name)
        plan = plan_from_json(record.plan)
        return await status(record, worker, self.database, plan, self.born(record.name))


def _same_name(name: str, spec: Spec) -> None:
    if spec.name != name:
        raise InvalidInput(
            "A devnet's name can't change",
            f"{name} would become {spec.name}",
            "Make a new devnet.",
            (Problem("name", f"is {name!r} and stays it"),),
        )


def _change_view(change: Change) -> ChangeView:
    return ChangeView(path=change.path, old=change.old, new=change.new, live=change.live)


def _plan_view(plan: Plan, spec: dict[str, Any], changes: tuple[Change, ...]) -> PlanView:
    return PlanView(
        name=plan.name,
        runtime=plan.runtime,
        chains=tuple(
            ChainPlanView(
                name=chain.name,
                chain_id=chain.chain_id,
                domain=chain.domain,
                port=chain.port,
                engine=chain.engine,
                framework=chain.framework,
                shard=chain.shard,
                gas_token=chain.gas_token.symbol if chain.gas_token else None,
                block_time=chain.block_time,
                phase=chain.phase,
            )
            for chain in plan.chains
        ),
        services=_service_names(plan),
        guardians=plan.metalayer.guardians.count,
        stake=_whole(plan.metalayer.guardians.stake),
        epoch_interval=plan.metalayer.epoch_interval,
        fees=plan.metalayer.fees,
        accounts=plan.accounts.count,
        balance=_whole(plan.accounts.balance),
        save_interval=plan.save_interval,
        origins=plan.origins,
        notes=plan.notes,
        spec=spec,
        changes=tuple(_change_view(change) for change in changes),
    )


def _beside(chain: ChainPlan) -> tuple[str, ...]:
    """Who makes the chain's blocks; of somebody else's chain nobody of ours."""
    if chain.is_external:
        return ()
    return native_services(chain) if chain.services == "native" else (f"{chain.name}/sequencer",)


def _service_names(plan: Plan) -> tuple[str, ...]:
    return (
        *(f"{chain.name}/node" for chain in plan.chains),
        *(name for chain in plan.chains for name in _beside(chain)),
        "indexer",
        *(f"guardian-{index}" for index in range(plan.metalayer.guardians.count)),
        "aggregator",
        "relayer",
        *(f"validator-{index}" for index in range(plan.metalayer.validators)),
    )


def _whole(wei: int) -> str:
    """Wei as a decimal number of whole coins."""
    whole, rest = divmod(wei, _WEI)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".")
