"""Devnets that are specs in memory, planned by the real planner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from control_plane import resources
from control_plane.domain.errors import Conflict, NotFound
from control_plane.domain.plan import Plan
from control_plane.domain.planner import make_plan
from control_plane.domain.suggest import hint
from control_plane.schemas.devnet import (
    CreateDevnet,
    DevnetStatus,
    DevnetSummary,
    JoinedRollup,
    JoinRollup,
    L1Status,
    MetalayerStatus,
    RollupStatus,
)
from control_plane.schemas.plan import ChainPlanView, PlanView, ValidateResult
from control_plane.schemas.service import ServiceView
from control_plane.schemas.spec import Spec
from control_plane.services.events import EventLog
from control_plane.services.specs import add_rollup, change_spec, load_spec, remove_rollup
from control_plane.services.unknown import not_found
from tests.unit.api.values import ADDRESS, BORN


class PackagedTemplates:
    def names(self) -> Sequence[str]:
        return sorted(path.stem for path in resources.templates_dir().glob("*.yaml"))

    def text(self, name: str) -> str:
        if name not in self.names():
            raise NotFound(f"No template called {name!r}", "", hint(name, self.names()))
        return (resources.templates_dir() / f"{name}.yaml").read_text()


@dataclass
class FakeDevnets:
    events: EventLog
    templates: PackagedTemplates = field(default_factory=PackagedTemplates)
    specs: dict[str, Spec] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    explode: bool = False

    def _spec(self, name: str) -> Spec:
        if self.explode:
            raise RuntimeError("a secret detail")
        if name not in self.specs:
            raise not_found("devnet", name, list(self.specs))
        return self.specs[name]

    def _load(self, request: CreateDevnet) -> Spec:
        return load_spec(request, self.templates, None, self.specs.get)

    async def list(self) -> Sequence[DevnetSummary]:
        return [_summary(await self.status(name)) for name in sorted(self.specs)]

    async def status(self, name: str) -> DevnetStatus:
        return _status(self._spec(name), stopped=name in self.stopped)

    async def plan_of(self, name: str) -> PlanView:
        return _plan_view(self._spec(name))

    async def plan(self, request: CreateDevnet) -> PlanView:
        return _plan_view(self._load(request))

    async def validate(self, request: CreateDevnet) -> ValidateResult:
        return ValidateResult(spec=self._load(request).model_dump(mode="json"))

    async def rollups(self, name: str) -> Sequence[RollupStatus]:
        return (await self.status(name)).rollups

    async def rollup(self, name: str, rollup: str) -> RollupStatus:
        rollups = await self.rollups(name)
        for one in rollups:
            if one.name == rollup:
                return one
        raise not_found("rollup", rollup, [one.name for one in rollups])

    async def services(self, name: str) -> Sequence[ServiceView]:
        return (await self.status(name)).services

    async def service(self, name: str, service: str) -> ServiceView:
        for view in await self.services(name):
            if view.name == service:
                return view
        raise not_found("service", service, [v.name for v in await self.services(name)])

    async def create(self, request: CreateDevnet) -> DevnetStatus:
        spec = self._load(request)
        if spec.name in self.specs and not request.update:
            raise Conflict(f"A devnet called {spec.name} exists", "", "Choose another name.")
        make_plan(spec)
        self.specs[spec.name] = spec
        await self.events.publish(spec.name, "devnet.created", {})
        await self.events.publish(spec.name, "devnet.ready", {"ms": 1})
        return (await self.status(spec.name)).model_copy(update={"outcome": "created"})

    async def patch(self, name: str, overrides: tuple[str, ...], *, wait: bool) -> DevnetStatus:
        changed = change_spec(self._spec(name), overrides)
        make_plan(changed)
        self.specs[name] = changed.model_copy(update={"name": name})
        return await self.status(name)

    async def extend(self, name: str, ttl: float) -> DevnetStatus:
        return await self.status(name)

    async def delete(self, name: str, *, wait: bool) -> DevnetSummary:
        gone = _summary(await self.status(name))
        del self.specs[name]
        await self.events.publish(name, "devnet.removed", {})
        return gone

    async def stop(self, name: str, *, wait: bool) -> DevnetStatus:
        self._spec(name)
        self.stopped.add(name)
        return await self.status(name)

    async def start(self, name: str, *, wait: bool) -> DevnetStatus:
        self._spec(name)
        self.stopped.discard(name)
        return await self.status(name)

    async def restart(self, name: str, *, wait: bool) -> DevnetStatus:
        return await self.start(name, wait=wait)

    async def add_rollup(
        self, name: str, rollup: Mapping[str, Any], *, wait: bool
    ) -> tuple[DevnetStatus, str]:
        spec = add_rollup(self._spec(name), rollup)
        make_plan(spec)
        self.specs[name] = spec
        return await self.status(name), spec.rollups[-1].name

    async def remove_rollup(self, name: str, rollup: str, *, wait: bool) -> DevnetStatus:
        self.specs[name] = remove_rollup(self._spec(name), rollup)
        return await self.status(name)

    async def is_external(self, name: str, service: str) -> bool:
        await self.service(name, service)
        return False

    async def act_on_service(
        self, name: str, service: str, action: str, *, wait: bool
    ) -> ServiceView:
        return await self.service(name, service)


@dataclass
class FakeJoin:
    """Takes in every chain without looking at it."""

    devnets: FakeDevnets

    async def __call__(self, name: str, rollup: str, request: JoinRollup) -> JoinedRollup:
        entry = {"name": rollup, "engine": "external", "rpc": request.rpc, "chain_id": 31337}
        await self.devnets.add_rollup(name, entry, wait=request.wait)
        status = await self.devnets.rollup(name, rollup)
        return JoinedRollup(rollup=status, payer=ADDRESS, unlocked=True, deployed=("Mailbox",))


def _status(spec: Spec, *, stopped: bool) -> DevnetStatus:
    plan = make_plan(spec)
    l1, *rollups = plan.chains
    return DevnetStatus(
        name=spec.name,
        state="stopped" if stopped else "ready",
        runtime=spec.runtime,
        created_at=BORN,
        l1=L1Status(
            chain_id=l1.chain_id,
            domain=l1.domain,
            rpc_url=f"http://127.0.0.1:{l1.port}",
            ws_url=f"ws://127.0.0.1:{l1.port}",
            engine=l1.engine,
            block_time=l1.block_time,
            state="ready",
            contracts={"mailbox": ADDRESS, "guardianRegistry": ADDRESS},
        ),
        rollups=tuple(
            RollupStatus(
                name=chain.name,
                chain_id=chain.chain_id,
                domain=chain.domain,
                framework=chain.framework or "",
                surface="none",
                engine=chain.engine,
                services="caldera",
                block_time=chain.block_time,
                rpc_url=f"http://127.0.0.1:{chain.port}",
                ws_url=f"ws://127.0.0.1:{chain.port}",
                state="ready",
                contracts={"mailbox": ADDRESS},
            )
            for chain in rollups
        ),
        metalayer=MetalayerStatus(guardians=spec.metalayer.guardians),
        services=(
            *(ServiceView(name=f"{c.name}/node", kind="node", state="ready") for c in plan.chains),
            ServiceView(name="relayer", kind="agent", state="ready"),
        ),
    )


def _summary(status: DevnetStatus) -> DevnetSummary:
    return DevnetSummary(
        name=status.name,
        state=status.state,
        runtime=status.runtime,
        rollups=tuple(rollup.name for rollup in status.rollups),
        l1_rpc_url=status.l1.rpc_url,
        created_at=status.created_at,
    )


def _plan_view(spec: Spec) -> PlanView:
    plan: Plan = make_plan(spec)
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
                block_time=chain.block_time,
                phase=chain.phase,
            )
            for chain in plan.chains
        ),
        services=(),
        guardians=plan.metalayer.guardians.count,
        stake="1",
        epoch_interval=plan.metalayer.epoch_interval,
        fees=plan.metalayer.fees,
        accounts=plan.accounts.count,
        balance="1",
        save_interval=plan.save_interval,
        spec=spec.model_dump(mode="json"),
    )
