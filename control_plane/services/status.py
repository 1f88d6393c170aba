"""What a devnet is like now, from its record, its services' records and what runs here."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from control_plane.domain import op_stack_l1
from control_plane.domain.errors import CalderaError
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import portal_address
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.store import Database, UnitOfWork
from control_plane.domain.records import (
    DevnetRecord,
    EpochRecord,
    GuardianSetRecord,
    ServiceRecord,
    SwitchRecord,
)
from control_plane.domain.settlement import inbox_address, posts_batches, settles
from control_plane.domain.settlement.deposits import has_portal
from control_plane.domain.settlement.gas_tokens import coin_symbol, token_address
from control_plane.domain.settlement.places import settlement_addresses
from control_plane.domain.settlement.surfaces import surface_of
from control_plane.domain.spec_external import NOT_BROUGHT
from control_plane.domain.states import DevnetState, MessageState, ServiceState
from control_plane.schemas.devnet import (
    DevnetStatus,
    DevnetSummary,
    L1Status,
    MessageCounts,
    MetalayerStatus,
    RollupStatus,
    Timings,
)
from control_plane.schemas.problem import ProblemDetail
from control_plane.schemas.rules import LastSwitch
from control_plane.schemas.service import ServiceView
from control_plane.services.problems import problem_detail
from control_plane.services.reconciler import Reconciler
from control_plane.services.supervisor import AgentView

L1_ONLY = frozenset({"era", "guardianRegistry", "guardianRewards", "slasher"})
"""Contracts (by JSON key) that exist on the L1 alone."""


def moment(seconds: float | None) -> datetime | None:
    """Unix seconds as an aware UTC time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


async def status(
    record: DevnetRecord,
    worker: Reconciler | None,
    database: Database,
    plan: Plan,
    contracts: Mapping[str, Hex],
) -> DevnetStatus:
    """The status JSON of a devnet; reads the database only, never a node."""
    async with database.begin() as unit:
        services = await unit.services.list(record.name)
        metalayer = await _metalayer(unit, record, plan, worker)
        switched = await _switched(unit, record.name, plan)
    state, problem = _now(record, worker)
    private = {each["name"] for each in record.spec.get("rollups", ()) if each.get("private")}
    nodes = {service.service: service for service in services}
    return DevnetStatus(
        name=record.name,
        state=state.value,
        runtime=plan.runtime,
        created_at=datetime.fromtimestamp(record.created_at, UTC),
        expires_at=moment(record.expires_at),
        version=record.version,
        problem=problem,
        error=_error(record, worker),
        notes=plan.notes,
        timings=Timings(ready_ms=record.ready_ms, steps=dict(record.timings)),
        l1=_l1(plan.l1, nodes, contracts),
        rollups=tuple(
            _rollup(
                chain, nodes, contracts, switched.get(chain.name), private=chain.name in private
            )
            for chain in plan.rollups
        ),
        metalayer=metalayer,
        services=_services(services, worker),
    )


def summary(record: DevnetRecord, worker: Reconciler | None, plan: Plan) -> DevnetSummary:
    """One line of `caldera ls`."""
    state, problem = _now(record, worker)
    return DevnetSummary(
        name=record.name,
        state=state.value,
        runtime=plan.runtime,
        rollups=tuple(chain.name for chain in plan.rollups),
        l1_rpc_url=_url(plan.l1),
        created_at=datetime.fromtimestamp(record.created_at, UTC),
        expires_at=moment(record.expires_at),
        problem=problem,
    )


def service_views(
    records: Sequence[ServiceRecord], worker: Reconciler | None
) -> tuple[ServiceView, ...]:
    """Nodes first, then agents."""
    return _services(records, worker)


def _now(record: DevnetRecord, worker: Reconciler | None) -> tuple[DevnetState, str | None]:
    """The state as of this moment: an agent's trouble shows before the reconciler has noted it."""
    if worker is None or record.state not in {DevnetState.READY, DevnetState.DEGRADED}:
        return record.state, record.problem
    problem = worker.problem() or (
        record.problem if record.state is DevnetState.DEGRADED and worker.healing else None
    )
    return (DevnetState.DEGRADED if problem else DevnetState.READY), problem


def _error(record: DevnetRecord, worker: Reconciler | None) -> ProblemDetail | None:
    error = worker.last_error if worker else None
    if record.state is not DevnetState.FAILED or not isinstance(error, CalderaError):
        return None
    return problem_detail(error)


def _url(chain: ChainPlan) -> str:
    return chain.http_url


def _ws(chain: ChainPlan) -> str:
    return chain.ws_url


def _node_state(chain: ChainPlan, nodes: Mapping[str, ServiceRecord]) -> ServiceState:
    node = nodes.get(f"{chain.name}/node")
    return node.state if node else ServiceState.STARTING


def _l1(
    chain: ChainPlan, nodes: Mapping[str, ServiceRecord], contracts: Mapping[str, Hex]
) -> L1Status:
    return L1Status(
        name=chain.name,
        chain_id=chain.chain_id,
        domain=chain.domain,
        rpc_url=_url(chain),
        ws_url=_ws(chain),
        engine=chain.engine,
        block_time=chain.block_time,
        state=_node_state(chain, nodes).value,
        contracts=dict(contracts),
    )


async def _switched(unit: UnitOfWork, devnet: str, plan: Plan) -> Mapping[str, LastSwitch]:
    """The last switch of each rollup that ever became another one."""
    if not any(chain.rules or chain.earlier or chain.born for chain in plan.rollups):
        return {}
    found = {record.rollup: last_switch(record) for record in await unit.switches.list(devnet)}
    return {name: last for name, last in found.items() if last is not None}


def last_switch(record: SwitchRecord) -> LastSwitch | None:
    """When a rollup last became another one, by a rule or because somebody asked for it."""
    at = moment(record.switched_at)
    if at is None:
        return None
    return LastSwitch(at=at, reason=record.reason or "", rule=record.rule)


def _rollup(
    chain: ChainPlan,
    nodes: Mapping[str, ServiceRecord],
    contracts: Mapping[str, Hex],
    switched: LastSwitch | None,
    *,
    private: bool,
) -> RollupStatus:
    return RollupStatus(
        name=chain.name,
        chain_id=chain.chain_id,
        domain=chain.domain,
        framework=chain.framework or "",
        surface=surface_of(chain),
        engine=chain.engine,
        services=chain.services,
        da=chain.da,
        proof=chain.proof,
        finalization_window=chain.finalization_window if chain.proof else None,
        prover="attestation" if chain.proof == "validity" else None,
        sequencing_window=chain.sequencing_window if chain.proof else None,
        gas_token=coin_symbol(chain.gas_token) if settles(chain) else None,
        shard=chain.shard,
        private=private,
        rules=len(chain.rules),
        switched=switched,
        block_time=chain.block_time,
        rpc_url=_url(chain),
        ws_url=_ws(chain),
        state=_node_state(chain, nodes).value,
        contracts={key: at for key, at in contracts.items() if key not in absent(chain)},
        l1_contracts=dict(_l1_contracts(chain, contracts)),
    )


def absent(chain: ChainPlan) -> Collection[str]:
    """Keys of contracts that a rollup has not."""
    return L1_ONLY | NOT_BROUGHT if chain.is_external else L1_ONLY


def _l1_contracts(chain: ChainPlan, contracts: Mapping[str, Hex]) -> Mapping[str, Hex]:
    """What the rollup's framework, or our own services in its place, have on L1."""
    factory = contracts.get("create3Factory")
    if factory is None:
        return {}
    if chain.services == "native":
        return op_stack_l1.shown(factory, chain.chain_id)
    found = {}
    if posts_batches(chain):
        found["batchInbox"] = Hex("0x" + inbox_address(contracts).hex())
    if has_portal(chain):
        found["optimismPortal"] = Hex("0x" + portal_address(contracts, chain.chain_id).hex())
    if settles(chain) and chain.proof:
        at = settlement_addresses(contracts, chain.chain_id, proof=chain.proof, born=chain.built_as)
        found |= {key: Hex("0x" + address.hex()) for key, address in at.items()}
    if chain.gas_token is not None:
        found["gasToken"] = Hex("0x" + token_address(chain.gas_token, contracts).hex())
    return found


async def _metalayer(
    unit: UnitOfWork, record: DevnetRecord, plan: Plan, worker: Reconciler | None
) -> MetalayerStatus:
    epoch = await unit.epochs.latest(record.name, certified=True)
    counts = await unit.messages.counts(record.name)
    active = await unit.guardian_sets.active(record.name)
    seats = _seats(plan, active)
    return MetalayerStatus(
        epoch=epoch.epoch if epoch else None,
        aggregate_root=epoch.header["aggregateRoot"] if epoch else None,
        guardians=len(active.members) if active else plan.metalayer.guardians.count,
        missing_guardians=_missing(epoch, worker, seats, active.set_id if active else None),
        epoch_interval=plan.metalayer.epoch_interval,
        finality=plan.metalayer.finality,
        fees=plan.metalayer.fees,
        messages=_counts(counts),
    )


def _counts(counts: Mapping[MessageState, int]) -> MessageCounts:
    total = sum(counts.values())
    delivered = counts.get(MessageState.DELIVERED, 0)
    reorged = counts.get(MessageState.REORGED, 0)
    dead = counts.get(MessageState.DEAD, 0)
    return MessageCounts(
        dispatched=total,
        delivered=delivered,
        pending=total - delivered - reorged - dead,
        failing=counts.get(MessageState.FAILING, 0),
        dead=dead,
        reorged=reorged,
    )


def _seats(plan: Plan, active: GuardianSetRecord | None) -> dict[int, int]:
    """Places in the set in force, by the numbers of our guardians."""
    if active is None:
        return {number: number for number in range(plan.metalayer.guardians.count)}
    members = [member for member in active.members if member.get("number") is not None]
    return {member["number"]: member["index"] for member in members}


def _missing(
    epoch: EpochRecord | None,
    worker: Reconciler | None,
    seats: Mapping[int, int],
    set_id: int | None,
) -> tuple[int, ...]:
    """Guardians of the set that do not run, or that were absent from the last certified epoch
    although they did."""
    if worker is None or not worker.agents.names():
        return ()
    views = {view.name: view for view in worker.agents.views()}
    found = []
    known = epoch is not None and set_id in {None, epoch.header["setId"]}
    of_set = epoch if known else None
    for number, seat in sorted(seats.items()):
        view = views.get(f"guardian-{number}")
        runs = view is not None and view.state is ServiceState.READY
        if view is None or not runs or _was_absent(seat, of_set, view.since):
            found.append(number)
    return tuple(found)


def _was_absent(seat: int, epoch: EpochRecord | None, since: float) -> bool:
    """Whether the guardian, which runs since `since`, did not sign the epoch."""
    return epoch is not None and seat in epoch.absent and epoch.created_at > since


def _services(
    records: Sequence[ServiceRecord], worker: Reconciler | None
) -> tuple[ServiceView, ...]:
    agents = worker.agents.views() if worker else []
    return (*(_node(record) for record in records), *(_agent(view) for view in agents))


def _node(record: ServiceRecord) -> ServiceView:
    return ServiceView(
        name=record.service,
        kind="node",
        state=record.state.value,
        problem=record.problem,
        restarts=record.restarts,
        pid=record.pid,
        port=record.port,
        command=record.command,
        log=record.log,
        saved_block=record.saved_block,
        saved_at=moment(record.saved_at),
        lost_blocks=record.lost_blocks,
    )


def _agent(view: AgentView) -> ServiceView:
    return ServiceView(
        name=view.name,
        kind="agent",
        state=view.state.value,
        problem=view.problem,
        restarts=view.restarts,
    )
