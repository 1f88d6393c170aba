"""A control plane that runs nothing: devnets are specs in memory, planned by the real planner."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

from control_plane import resources
from control_plane.api.deps import Services
from control_plane.daemon_files import Listening
from control_plane.domain.errors import Conflict, InvalidInput, NotFound
from control_plane.domain.faults import KINDS, Names, make_fault
from control_plane.domain.plan import Plan
from control_plane.domain.planner import make_plan
from control_plane.domain.ports.store import Database
from control_plane.domain.records import EventRecord, IdempotencyRecord
from control_plane.domain.suggest import hint
from control_plane.schemas.chaos import FaultKindView, FaultView, StartFault
from control_plane.schemas.devnet import (
    AccountsView,
    AccountView,
    ChainPlanView,
    ContractView,
    CreateDevnet,
    DaemonView,
    DevnetStatus,
    DevnetSummary,
    FaucetRequest,
    FaucetResult,
    FaucetTransfer,
    JoinedRollup,
    JoinRollup,
    L1Status,
    MetalayerStatus,
    PlanView,
    RollupStatus,
    ValidateResult,
)
from control_plane.schemas.dispute import DisputesView, DisputeView
from control_plane.schemas.epoch import EpochSyncView, EpochView
from control_plane.schemas.guardian import GuardianSetView, GuardianView
from control_plane.schemas.keeper import DataAvailabilityView, KeeperView
from control_plane.schemas.message import (
    MessagePaid,
    MessageSent,
    MessageView,
    PayMessage,
    SendMessage,
    TraceView,
)
from control_plane.schemas.offence import OffenceView
from control_plane.schemas.output import OutputsView, OutputView
from control_plane.schemas.proof import AttestedView, MessageProofView, SlotValue, StorageProofView
from control_plane.schemas.rules import LastSwitch, RulesView, RuleView
from control_plane.schemas.service import ServiceView
from control_plane.schemas.spec import Spec
from control_plane.services.chaos import kind_view
from control_plane.services.events import EventLog
from control_plane.services.queries import MessageFilter
from control_plane.services.specs import (
    add_rollup,
    change_spec,
    load_spec,
    remove_rollup,
    template_view,
    template_views,
)
from control_plane.services.unknown import not_found
from control_plane.settings import Settings
from tests.unit.api.fake_bridge import FakeBridge
from tests.unit.api.fake_guardians import FakeGuardians, FakeRewards

HASH = "0x" + "ab" * 32
ADDRESS = "0x" + "11" * 20
KEY = "0x" + "5e" * 32
BORN = datetime(2026, 1, 31, 12, tzinfo=UTC)


class MemoryEvents:
    def __init__(self) -> None:
        self.rows: list[EventRecord] = []
        self.pruned = 0

    async def append(
        self, devnet: str, at: float, type: str, service: str | None, data: Mapping[str, Any]
    ) -> EventRecord:
        record = EventRecord(len(self.rows) + 1, devnet, at, type, service, data)
        self.rows.append(record)
        return record

    async def since(
        self, devnet: str | None, after_id: int, limit: int = 1000
    ) -> Sequence[EventRecord]:
        found = [e for e in self.rows if e.id > after_id and devnet in {None, e.devnet}]
        return found[:limit]

    async def before_last(self, devnet: str | None, count: int) -> int:
        ids = [e.id for e in reversed(self.rows) if devnet in {None, e.devnet}]
        return ids[count] if count < len(ids) else 0

    async def prune(self, keep: int, gone_before: float) -> int:
        self.pruned += 1
        return 0


class MemoryKeys:
    def __init__(self) -> None:
        self.rows: dict[str, IdempotencyRecord] = {}

    async def get(self, key: str) -> IdempotencyRecord | None:
        return self.rows.get(key)

    async def put(self, record: IdempotencyRecord) -> None:
        self.rows[record.key] = record

    async def expire(self, before: float) -> None:
        self.rows = {k: r for k, r in self.rows.items() if r.created_at >= before}


class MemoryDatabase:
    """Events and idempotency keys only."""

    def __init__(self) -> None:
        self.events = MemoryEvents()
        self.idempotency = MemoryKeys()
        self.begun = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["MemoryDatabase"]:
        self.begun += 1
        yield self

    async def close(self) -> None:
        pass


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


class FakeQueries:
    def __init__(self, devnets: FakeDevnets) -> None:
        self._devnets = devnets

    async def messages(self, name: str, wanted: MessageFilter) -> Sequence[MessageView]:
        await self._devnets.status(name)
        return [_message()]

    async def epochs(self, name: str, *, limit: int, before: int | None) -> Sequence[EpochView]:
        await self._devnets.status(name)
        return [_epoch(1)]

    async def epoch(self, name: str, number: int | Literal["latest"]) -> EpochView:
        await self._devnets.status(name)
        if number not in {1, "latest"}:
            raise not_found("epoch", str(number), ["1"])
        return _epoch(1)

    async def guardians(self, name: str) -> Sequence[GuardianView]:
        await self._devnets.status(name)
        return [_guardian()]

    async def guardian_sets(self, name: str) -> Sequence[GuardianSetView]:
        await self._devnets.status(name)
        return [
            GuardianSetView(
                set_id=1,
                outgoing=0,
                by="founding",
                size=1,
                total_stake="1",
                members=("guardian-0",),
                made_at=BORN,
                active_at=BORN,
            )
        ]

    async def guardian(self, name: str, which: str) -> GuardianView:
        await self._devnets.status(name)
        if which != "0":
            raise not_found("guardian", which, ["guardian-0"])
        return _guardian()

    async def contracts(self, name: str, *, abi: bool) -> Sequence[ContractView]:
        status = await self._devnets.status(name)
        chains = ("l1", *(rollup.name for rollup in status.rollups))
        found = [{"type": "receive", "stateMutability": "payable"}] if abi else None
        return [
            ContractView(name="Mailbox", key="mailbox", address=ADDRESS, chains=chains, abi=found)
        ]

    async def accounts(self, name: str, *, secrets: bool) -> AccountsView:
        await self._devnets.status(name)
        return AccountsView(
            mnemonic="it's a $(secret)" if secrets else None,
            balance="10000",
            accounts=(AccountView(address=ADDRESS, private_key=KEY if secrets else None),),
        )


@dataclass
class FakeRunning:
    services: Services
    events: EventLog
    closed: bool = False

    async def close(self) -> None:
        await self.events.close()
        self.closed = True


async def fake_checkpoint(devnets: FakeDevnets, name: str, key: str) -> bytes | None:
    await devnets.status(name)
    return b"{}" if key == "validator-0/op/announcement.json" else None


class FakeOutputs:
    async def list(
        self, name: str, rollup: str, *, limit: int, before: int | None = None
    ) -> OutputsView:
        output = OutputView(
            index=0,
            state="proposed",
            block=4,
            block_hash="0x" + "01" * 32,
            state_root="0x" + "02" * 32,
            message_passer_storage_root="0x" + "03" * 32,
            output_root="0x" + "04" * 32,
            batch_commitment="0x" + "05" * 32,
            proposed_at=datetime(2026, 1, 1, tzinfo=UTC),
            final_at=datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC),
            disputes=0,
            proposer="0x" + "cd" * 20,
            bond="1000000000000000000",
        )
        return OutputsView(oracle="0x" + "ab" * 20, total=1, outputs=(output,)[:limit])


class FakeDisputes:
    async def list(
        self,
        name: str,
        rollup: str | None,
        *,
        limit: int,
        before: int | None = None,
        only_open: bool = False,
    ) -> DisputesView:
        sides: dict[str, Any] = {"challenger": "0x" + "ab" * 20, "proposer": "0x" + "cd" * 20}
        common: dict[str, Any] = {
            "rollup": rollup or "left",
            "about": "blocks",
            "bond": str(10**18),
        }
        goes_on = DisputeView(
            id=2, output=7, phase="block-answer", open=True, to_move="challenger",
            until=datetime(2026, 1, 1, 0, 1, tzinfo=UTC), output_stands=True, low=4, high=12,
            proposer_bond=str(5 * 10**17), **common, **sides,
        )  # fmt: skip
        over = DisputeView(
            id=1, output=7, phase="challenger-won", open=False, block=5, low=1, high=2,
            winner=sides["challenger"], amount=str(2 * 10**18), by_timeout=True, **common, **sides,
        )  # fmt: skip
        listed = (goes_on,) if only_open else (goes_on, over)
        return DisputesView(
            game="0x" + "ef" * 20, time=datetime(2026, 1, 1, tzinfo=UTC), total=2,
            disputes=listed[:limit],
        )  # fmt: skip


class FakeRules:
    async def rules(self, devnet: str, rollup: str) -> RulesView:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        busy = RuleView(
            rule=0, when="load above 50 a second over 10 s", to="proof validity",
            holds=True, load=73.25, fired=1, fired_at=at,
        )  # fmt: skip
        morning = RuleView(
            rule=1, when="schedule 0 9 * * *", to="da celestia", holds=False,
            next_at=datetime(2026, 1, 1, 9, tzinfo=UTC),
        )  # fmt: skip
        reason = "load above 50 a second over 10 s: 73.25"
        return RulesView(
            rollup=rollup, private=False, switch_interval=10, not_before=at,
            last=LastSwitch(at=at, reason=reason, rule=0), rules=(busy, morning),
        )  # fmt: skip


async def fake_genesis(devnet: str, chain: str) -> bytes:
    return b'{"config": {"chainId": 901}, "alloc": {}}'


async def fake_keepers(devnet: str, rollup: str) -> DataAvailabilityView:
    return DataAvailabilityView(
        da="celestia",
        keepers=(KeeperView(type="celestia", url="http://127.0.0.1:26658", stand_in=True),),
    )


class FakeEpochs:
    """The part of the proofs that is about epochs."""

    def __init__(self, devnets: "FakeDevnets") -> None:
        self._devnets = devnets

    async def epochs(self, name: str, since: int | None) -> EpochSyncView:
        await self._devnets.status(name)
        return EpochSyncView(
            since=since or 1, newest=9, header_hash=HASH, aggregate_root=HASH, set_id=1,
            certificates_checked=1, set_changes_checked=0, headers_linked=7,
        )  # fmt: skip


async def fake_payment(name: str, message_id: str, request: PayMessage) -> MessagePaid:
    gas = request.gas or 25_000
    return MessagePaid(id=HASH, gas=gas, price=str(gas * 10**9), chain="op", tx=HASH)


def fake_running(home: Path) -> FakeRunning:
    """A fresh fake; `home` is where logs of agents would be."""
    memory = MemoryDatabase()
    database = cast(Database, memory)
    events = EventLog(database)
    devnets = FakeDevnets(events)

    async def faucet(name: str, request: FaucetRequest) -> FaucetResult:
        await devnets.status(name)
        given = FaucetTransfer(chain="l1", tx=HASH, balance=request.amount)
        return FaucetResult(
            address=request.address, token=request.token, amount=request.amount, transfers=(given,)
        )

    async def send(name: str, request: SendMessage) -> MessageSent:
        await devnets.status(name)
        if request.origin == request.destination:
            raise InvalidInput("A message goes to another chain")
        return MessageSent(id=HASH, origin=901, destination=902, tx=HASH)

    async def trace(name: str, message_id: str) -> TraceView:
        await devnets.status(name)
        if not HASH.startswith(message_id):
            raise not_found("message", message_id, [HASH])
        return TraceView(id=HASH, state="dispatched", steps=(), message=_message())

    async def retry(name: str, message_id: str) -> TraceView:
        return await trace(name, message_id)

    attested = AttestedView(
        epoch=7, aggregate_root=HASH, domain=901, block_number=12, block_hash=HASH,
        state_root=HASH, certificate="0x00",
    )  # fmt: skip

    chaos = FakeChaos(devnets)

    async def offences(name: str) -> Sequence[OffenceView]:
        await devnets.status(name)
        return [
            OffenceView(
                id=HASH, guardian="guardian-2", address=ADDRESS, kind="false-leaf", epoch=7,
                state="slashed", found_at=BORN, slashed_at=BORN, amount="25", reward="2", tx=HASH,
                reporter=ADDRESS,
            )
        ]  # fmt: skip

    class FakeProofs(FakeEpochs):
        async def message(self, name: str, message_id: str) -> MessageProofView:
            await trace(name, message_id)
            return MessageProofView(id=HASH, attested=attested, proof="0x" + "01" * 165)

        async def storage(
            self, name: str, rollup: str, address: str, slots: Sequence[str]
        ) -> StorageProofView:
            await devnets.status(name)
            values = tuple(SlotValue(slot=HASH, value=HASH) for _ in slots)
            return StorageProofView(
                rollup=rollup, address=address, slots=values, attested=attested, proof="0x02",
                calldata="0x03",
            )  # fmt: skip

    services = Services(
        devnets=devnets,
        join=FakeJoin(devnets),
        queries=FakeQueries(devnets),
        events=events,
        templates=lambda: template_views(devnets.templates),
        template=lambda name: template_view(devnets.templates, name),
        agent_logs=lambda devnet, service: home / devnet / f"{service}.log",
        faucet=faucet,
        send=send,
        trace=trace,
        retry=retry,
        pay=fake_payment,
        proofs=FakeProofs(devnets),
        genesis=fake_genesis,
        bridge=FakeBridge(devnets.status),
        outputs=FakeOutputs(),
        disputes=FakeDisputes(),
        keepers=fake_keepers,
        rules=FakeRules(),
        chaos=lambda: chaos,
        guardians=FakeGuardians(devnets.status),
        rewards=FakeRewards(devnets.status),
        offences=offences,
        checkpoint=partial(fake_checkpoint, devnets),
        about=FakeAbout(home),
        database=database,
    )
    return FakeRunning(services, events)


@dataclass
class FakeJoin:
    """Takes in every chain without looking at it."""

    devnets: FakeDevnets

    async def __call__(self, name: str, rollup: str, request: JoinRollup) -> JoinedRollup:
        entry = {"name": rollup, "engine": "external", "rpc": request.rpc, "chain_id": 31337}
        await self.devnets.add_rollup(name, entry, wait=request.wait)
        status = await self.devnets.rollup(name, rollup)
        return JoinedRollup(rollup=status, payer=ADDRESS, unlocked=True, deployed=("Mailbox",))


@dataclass
class FakeChaos:
    """Faults that break nothing."""

    devnets: FakeDevnets
    faults: dict[str, FaultView] = field(default_factory=dict)

    def kinds(self) -> Sequence[FaultKindView]:
        return [kind_view(kind) for kind in KINDS.values()]

    async def list(self, name: str, *, over: bool) -> Sequence[FaultView]:
        await self.devnets.status(name)
        return [one for one in self.faults.values() if over or one.state == "active"]

    async def get(self, name: str, id_: str) -> FaultView:
        await self.devnets.status(name)
        if id_ not in self.faults:
            raise NotFound(f"No fault called {id_!r}")
        return self.faults[id_]

    async def start(self, name: str, request: StartFault) -> FaultView:
        await self.devnets.status(name)
        names = Names(["guardian-0", "guardian-1"], ["l1", "op"])
        fault = make_fault(request.kind, request.target, request.parameters, names)
        view = FaultView(
            id=f"f{len(self.faults) + 1}",
            kind=fault.kind,
            target=fault.target or None,
            parameters=request.parameters,
            state="over" if fault.at_once else "active",
            since=BORN,
        )
        self.faults[view.id] = view
        return view

    async def heal(self, name: str, id_: str) -> FaultView:
        found = await self.get(name, id_)
        self.faults[id_] = found.model_copy(update={"state": "over"})
        return self.faults[id_]

    async def heal_all(self, name: str) -> Sequence[FaultView]:
        return [await self.heal(name, one.id) for one in await self.list(name, over=False)]


@dataclass
class FakeAbout:
    """A daemon in the foreground."""

    home: Path

    async def __call__(self) -> DaemonView:
        return DaemonView(
            version="0", pid=1, home=str(self.home), started_at=BORN, socket="s", devnets=0
        )

    async def end(self) -> None:
        raise Conflict("The daemon was started by hand")


async def build_fake(settings: Settings, _: Listening) -> FakeRunning:
    """As ``bootstrap.build``."""
    return fake_running(settings.home)


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


def _message() -> MessageView:
    return MessageView(
        id=HASH,
        state="dispatched",
        origin=901,
        destination=902,
        nonce=0,
        sender=HASH,
        recipient=HASH,
        body="0x",
        tx=HASH,
        block=1,
        dispatched_at=BORN,
    )


def _epoch(number: int) -> EpochView:
    return EpochView(
        epoch=number,
        certified=True,
        set_id=1,
        timestamp=1,
        header_hash=HASH,
        parent_hash=HASH,
        aggregate_root=HASH,
        created_at=BORN,
    )


def _guardian() -> GuardianView:
    return GuardianView(
        index=0, name="guardian-0", address=ADDRESS, stake="1", share=1.0, state="ready"
    )
