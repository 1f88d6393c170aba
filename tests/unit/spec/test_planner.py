from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.domain.errors import Conflict, InvalidInput
from control_plane.domain.plan import Plan
from control_plane.domain.plan_json import plan_from_json, plan_to_json
from control_plane.domain.planner import DefaultPorts, make_plan, to_wei
from control_plane.domain.validation import set_rollup_count, validate_spec
from control_plane.schemas.spec import L1Spec, RollupSpec, Spec
from tests.unit.spec.specs import specs


def spec_of(**fields: Any) -> Spec:
    return validate_spec({"version": 1, **fields})


THREE = spec_of(rollups=[{"name": "op"}, {"name": "arb"}, {"name": "zk"}])


def ports(plan: Plan) -> dict[str, int]:
    return {chain.name: chain.port for chain in plan.chains}


def in_spec(spec: Spec) -> list[L1Spec | RollupSpec]:
    return [spec.l1, *spec.rollups]


def test_defaults() -> None:
    plan = make_plan(THREE)
    assert [(c.name, c.chain_id, c.domain, c.port) for c in plan.chains] == [
        ("l1", 900, 900, 8545),
        ("op", 901, 901, 9545),
        ("arb", 902, 902, 9546),
        ("zk", 903, 903, 9547),
    ]
    assert [c.phase for c in plan.chains] == [0, 0.25, 0.5, 0.75]
    assert plan.metalayer.guardians.stake == 100_000 * 10**18
    assert plan.accounts.balance == 10_000 * 10**18
    assert plan.notes == ()


@given(specs(), st.sets(st.integers(8545, 9600)))
def test_every_plan_is_consistent(spec: Spec, taken: set[int]) -> None:
    named = {chain.port for chain in in_spec(spec) if chain.port}
    plan = make_plan(spec, taken - named)
    chains = plan.chains
    assert len({c.port for c in chains}) == len(chains)
    assert len({c.chain_id for c in chains}) == len(chains)
    assert len({c.domain for c in chains}) == len(chains)
    assert not {c.port for c in chains} & (taken - named)
    assert all(0 <= c.phase < 1 for c in chains)
    assert [c.name for c in chains[1:]] == [r.name for r in spec.rollups]
    assert all(0 < c.domain < 2**32 for c in chains)
    for chain, given_ in zip(chains, in_spec(spec), strict=True):
        assert chain.port_named == (given_.port is not None)
        assert given_.chain_id in {None, chain.chain_id}


@given(specs())
def test_the_same_spec_gives_the_same_plan(spec: Spec) -> None:
    assert make_plan(spec) == make_plan(spec)


@given(specs())
def test_a_plan_comes_back_from_json(spec: Spec) -> None:
    plan = make_plan(spec)
    assert plan_from_json(orjson.loads(orjson.dumps(plan_to_json(plan)))) == plan


def test_a_taken_default_port_moves_and_is_said() -> None:
    plan = make_plan(THREE, {8545, 9546})
    assert ports(plan) == {"l1": 8546, "op": 9545, "arb": 9547, "zk": 9548}
    assert plan.notes == (
        "port 8545 is taken: l1 listens on 8546",
        "port 9546 is taken: arb listens on 9547",
    )


def test_a_taken_named_port_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="Port 9999 is taken"):
        make_plan(spec_of(l1={"port": 9999}), {9999})


def test_a_named_port_is_no_default_of_others() -> None:
    plan = make_plan(spec_of(rollups=[{"name": "a"}, {"name": "b", "port": 9545}]))
    assert ports(plan) == {"l1": 8545, "a": 9546, "b": 9545}
    assert plan.notes == ()


def test_ports_may_begin_elsewhere() -> None:
    plan = make_plan(THREE, {20_000}, ports=DefaultPorts(20_000, 21_000))
    assert ports(plan) == {"l1": 20_001, "op": 21_000, "arb": 21_001, "zk": 21_002}


def test_no_port_left_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="no free port"):
        make_plan(THREE, ports=DefaultPorts(8545, 65_535))


def test_default_chain_ids_and_domains_avoid_named_ones() -> None:
    rollups = [{"name": "a"}, {"name": "b", "chain_id": 901}, {"name": "c", "domain": 902}]
    plan = make_plan(spec_of(rollups=rollups))
    assert [(c.chain_id, c.domain) for c in plan.rollups] == [(903, 903), (901, 901), (904, 902)]


def test_domains_may_differ_from_chain_ids() -> None:
    plan = make_plan(spec_of(rollups=[{"name": "a", "domain": 7}], l1={"domain": 8}))
    assert [(c.chain_id, c.domain) for c in plan.chains] == [(900, 8), (901, 7)]


def test_what_runs_keeps_ids_and_ports() -> None:
    before = make_plan(THREE, {9545})
    wider = validate_spec(
        {"version": 1, "rollups": [{"name": "new"}, {"name": "zk"}, {"name": "op"}]}
    )
    after = make_plan(wider, set(range(8545, 9560)), keep=before)
    assert after.chain("zk") == replace(before.chain("zk"), phase=after.chain("zk").phase)
    assert after.chain("op").port == before.chain("op").port
    assert after.l1.port == before.l1.port
    assert after.chain("new").chain_id == 904


def test_ids_of_removed_rollups_are_never_given_again() -> None:
    first = make_plan(THREE)
    second = make_plan(spec_of(rollups=[{"name": "op"}]), keep=first)
    assert second.retired == (902, 903)
    third = make_plan(spec_of(rollups=[{"name": "op"}, {"name": "zk"}]), keep=second)
    assert third.chain("zk").chain_id == 904
    assert third.retired == (902, 903)
    with pytest.raises(InvalidInput, match="belonged to a rollup"):
        make_plan(spec_of(rollups=[{"name": "op"}, {"name": "x", "chain_id": 902}]), keep=third)


@given(st.integers(0, 10**9), st.integers(0, 999))
def test_amounts_in_wei(whole: int, thousandths: int) -> None:
    amount = whole + thousandths / 1000
    assert to_wei(amount) == int(Decimal(repr(amount)) * 10**18)


def test_eight_hundred_rollups_are_planned() -> None:
    plan = make_plan(validate_spec(set_rollup_count({"version": 1}, 800)))
    assert len({c.port for c in plan.chains}) == 801
