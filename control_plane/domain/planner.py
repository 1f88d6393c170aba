"""A spec, completed to a plan: names, ids, ports and amounts of everything that will run.

Pure: the same spec and the same taken ports give the same plan.
"""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

from control_plane.domain.errors import Conflict, InvalidInput, Problem
from control_plane.domain.ids import L1, ChainId, Domain, Name
from control_plane.domain.plan import (
    AccountsPlan,
    ChainPlan,
    EngineChoice,
    GuardianPlan,
    Limits,
    MetalayerPlan,
    Plan,
)
from control_plane.domain.spec_tokens import gas_token_of
from control_plane.domain.switching import born_as, earlier_of
from control_plane.schemas.spec import (
    AccountsSpec,
    L1Spec,
    MetalayerSpec,
    Resources,
    RollupSpec,
    Spec,
)

FIRST_ROLLUP_ID: Final = 901
WEI: Final = 10**18
_LAST_PORT: Final = 65_535
_FINALIZATION_WINDOW: Final = 10
_SEQUENCING_WINDOW: Final = 60.0
"""Seconds; the OP Stack's real one is a week."""
_BYTES: Final = {"k": 1024, "m": 1024**2, "g": 1024**3}

_Chains = tuple[L1Spec | RollupSpec, ...]
"""The L1 first."""


@dataclass(frozen=True, slots=True)
class DefaultPorts:
    """Where ports begin that the spec does not name."""

    l1: int = 8545
    rollups: int = 9545


def make_plan(
    spec: Spec,
    taken: Container[int] = frozenset(),
    *,
    keep: Plan | None = None,
    ports: DefaultPorts | None = None,
) -> Plan:
    """The plan of `spec`, which is valid (``validate_spec``).

    `taken` says which TCP ports can't be had: a default one moves to the next free one and
    leaves a note. `keep` is the plan that runs: its chains keep their ids and ports, and ids of
    chains that were removed are not given out again, for a message of the new chain could have
    the id of an old one. Raises Conflict for a taken port that the spec names, InvalidInput for
    ids that can't be.
    """
    chains: _Chains = (spec.l1, *spec.rollups)
    names = (L1, *(Name(rollup.name) for rollup in spec.rollups))
    retired = _retired(keep, names)
    chain_ids = _chain_ids(spec, names, keep, retired)
    domains = _domains(chains, names, chain_ids, keep, retired)
    notes: list[str] = []
    chosen = _ports(chains, names, taken, keep, ports or DefaultPorts(), notes)
    ran = {chain.name: chain for chain in keep.chains} if keep else {}
    planned = [
        _chain(spec, at, chain_ids[name], domains[name], chosen[name])
        for at, name in enumerate(names)
    ]
    return Plan(
        name=Name(spec.name),
        runtime=spec.runtime,
        chains=tuple(_after(ran.get(chain.name), chain) for chain in planned),
        metalayer=_metalayer(spec.metalayer),
        accounts=_accounts(spec.accounts),
        save_interval=spec.save_interval,
        origins=spec.origins,
        notes=tuple(notes),
        retired=retired,
        agents=spec.agents,
        engines=tuple(
            EngineChoice(name, choice.path, choice.image) for name, choice in spec.engines.items()
        ),
    )


def _metalayer(spec: MetalayerSpec) -> MetalayerPlan:
    return MetalayerPlan(
        guardians=GuardianPlan(spec.guardians, to_wei(spec.stake)),
        epoch_interval=spec.epoch_interval,
        fees=spec.fees,
        validators=spec.validators,
        finality=spec.finality,
    )


def _accounts(spec: AccountsSpec) -> AccountsPlan:
    return AccountsPlan(spec.count, to_wei(spec.balance), spec.mnemonic)


def _chain(spec: Spec, at: int, chain_id: ChainId, domain: Domain, port: int) -> ChainPlan:
    """The L1's plan, which is number 0, or that of a rollup, from 1 on."""
    chain = spec.rollups[at - 1] if at else spec.l1
    plan = ChainPlan(
        name=Name(chain.name) if isinstance(chain, RollupSpec) else L1,
        chain_id=chain_id,
        domain=domain,
        port=port,
        port_named=chain.port is not None,
        engine=chain.engine,
        block_time=chain.block_time,
        phase=at / (1 + len(spec.rollups)),
        framework=None,
        is_l1=at == 0,
        limits=_limits(chain.resources),
    )
    return _rollup(plan, chain, spec) if isinstance(chain, RollupSpec) else plan


def _rollup(plan: ChainPlan, rollup: RollupSpec, spec: Spec) -> ChainPlan:
    """With what only rollups have."""
    return replace(
        plan,
        # nobody here knows that of somebody else's chain
        framework=None if rollup.engine == "external" else rollup.framework,
        services=rollup.services,
        da=rollup.da or ("ethereum-calldata" if rollup.services == "native" else None),
        da_url=rollup.da_url,
        da_token_file=rollup.da_token_file,
        da_committee_file=rollup.da_committee_file,
        shard=rollup.shard,
        rpc=rollup.rpc,
        ws=rollup.ws,
        proof=rollup.proof,
        finalization_window=_window(rollup),
        sequencing_window=_sequencing_window(spec, rollup),
        gas_token=gas_token_of(rollup, spec),
        **_rules(rollup),
    )


def _after(was: ChainPlan | None, chain: ChainPlan) -> ChainPlan:
    return replace(chain, earlier=earlier_of(chain, was), born=born_as(chain, was))


def _window(rollup: RollupSpec) -> int:
    if rollup.proof != "fraud":
        return 0
    return rollup.finalization_window or _FINALIZATION_WINDOW


def _sequencing_window(spec: Spec, rollup: RollupSpec) -> float:
    if rollup.proof is None:
        return 0
    return rollup.sequencing_window or max(_SEQUENCING_WINDOW, 4 * spec.save_interval)


def _rules(rollup: RollupSpec) -> dict[str, Any]:
    """What a plan has of a rollup that switches by itself."""
    if not rollup.switch:
        return {}
    from control_plane.domain.spec_switch import SWITCH_INTERVAL, rules_of

    interval = rollup.switch_interval or SWITCH_INTERVAL
    return {"rules": rules_of(rollup), "switch_interval": interval}


def _limits(resources: Resources | None) -> Limits:
    if resources is None:
        return Limits()
    memory = resources.memory
    if memory is None:
        return Limits(resources.cpus)
    digits, unit = memory.rstrip("kmg"), memory[-1:]
    return Limits(resources.cpus, int(digits) * _BYTES.get(unit, 1))


def to_wei(amount: float) -> int:
    """Whole coins or tokens of 18 decimals in their smallest unit, rounded down."""
    return int(Decimal(repr(amount)) * WEI)


def _chain_ids(
    spec: Spec, names: Iterable[Name], keep: Plan | None, retired: tuple[int, ...]
) -> dict[Name, ChainId]:
    named = {Name(r.name): r.chain_id for r in spec.rollups if r.chain_id is not None}
    named[L1] = spec.l1.chain_id
    kept = {c.name: int(c.chain_id) for c in keep.chains} if keep else {}
    given: dict[Name, int] = {}
    for name in names:
        if name in named or name in kept:
            given[name] = named.get(name) or kept[name]
    used = set(given.values()) | set(retired) | set(_domains_named(spec))
    number = FIRST_ROLLUP_ID
    for name in names:
        if name not in given:
            while number in used:
                number += 1
            given[name] = number
            used.add(number)
    return {name: ChainId(number) for name, number in given.items()}


def _domains_named(spec: Spec) -> list[int]:
    """Domains that the spec gives away; a default chain id must not come to be one of them."""
    named = (spec.l1.domain, *(rollup.domain for rollup in spec.rollups))
    return [domain for domain in named if domain is not None]


def _domains(
    chains: _Chains,
    names: tuple[Name, ...],
    chain_ids: dict[Name, ChainId],
    keep: Plan | None,
    retired: tuple[int, ...],
) -> dict[Name, Domain]:
    kept = {c.name: c.domain for c in keep.chains} if keep else {}
    domains: dict[Name, Domain] = {}
    owners: dict[Domain, Name] = {}
    for at, (name, chain) in enumerate(zip(names, chains, strict=True)):
        domain = Domain(chain.domain or kept.get(name) or int(chain_ids[name]))
        path = "l1.domain" if at == 0 else f"rollups[{at - 1}].domain"
        # a chain that comes back goes on with the messages that it had; `rollup join` sees to it
        if domain in retired and chain.engine != "external":
            raise _bad_domain(
                path, f"{domain} belonged to a rollup that was removed", "name another"
            )
        if domain in owners:
            raise _bad_domain(
                path, f"{domain} is the domain of {owners[domain]} too", "name another"
            )
        domains[name], owners[domain] = domain, name
    return domains


def _bad_domain(path: str, detail: str, hint: str) -> InvalidInput:
    return InvalidInput(
        "The spec is not valid",
        f"{path}: {detail}",
        hint,
        problems=(Problem(path, detail, hint),),
    )


def _retired(keep: Plan | None, names: Container[Name]) -> tuple[int, ...]:
    """Chain ids and domains of removed chains, of all times."""
    if keep is None:
        return ()
    gone = {number for c in keep.chains if c.name not in names for number in (c.chain_id, c.domain)}
    return tuple(sorted({*keep.retired, *(int(number) for number in gone)}))


def _ports(
    chains: _Chains,
    names: tuple[Name, ...],
    taken: Container[int],
    keep: Plan | None,
    first: DefaultPorts,
    notes: list[str],
) -> dict[Name, int]:
    kept = {c.name: c.port for c in keep.chains} if keep else {}
    chosen: dict[Name, int] = {}
    for name, chain in zip(names, chains, strict=True):
        if isinstance(chain, RollupSpec) and chain.rpc is not None:
            chosen[name] = _port_of(chain.rpc)
        elif chain.port is not None:
            if chain.port in taken and kept.get(name) != chain.port:
                raise _port_taken(name, chain.port)
            chosen[name] = chain.port
        elif name in kept:
            chosen[name] = kept[name]
    used = set(chosen.values())

    def can_have(port: int) -> bool:
        return port not in used and port not in taken

    for at, name in enumerate(names):
        if name in chosen:
            continue
        wanted = first.l1 if at == 0 else first.rollups + at - 1
        port = _next_port(name, wanted, can_have)
        if port != wanted and wanted not in used:
            notes.append(f"port {wanted} is taken: {name} listens on {port}")
        chosen[name] = port
        used.add(port)
    return chosen


def _port_of(url: str) -> int:
    """The port of a chain that was joined."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _next_port(name: Name, wanted: int, can_have: Callable[[int], bool]) -> int:
    for port in range(wanted, _LAST_PORT + 1):
        if can_have(port):
            return port
    raise Conflict(
        f"There is no free port for {name}", f"{wanted} and all above are taken", "name one"
    )


def _port_taken(name: Name, port: int) -> Conflict:
    return Conflict(
        f"Port {port} is taken",
        f"the spec names it for {name}, and another program listens there",
        "stop that program, name another port, or leave `port` out to get a free one",
    )
