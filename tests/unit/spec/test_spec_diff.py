import json
from typing import Any

import pytest
from hypothesis import given

from control_plane.domain.plan import Plan
from control_plane.domain.plan_json import plan_from_json, plan_to_json
from control_plane.domain.planner import make_plan
from control_plane.domain.spec_diff import diff_specs
from control_plane.domain.switching import seals_alike, switchable, was_ever
from control_plane.domain.validation import validate_spec
from control_plane.schemas.spec import Spec
from tests.unit.spec.specs import specs


def spec_of(**fields: Any) -> Spec:
    return validate_spec({"version": 1, **fields})


BASE = spec_of(rollups=[{"name": "a"}, {"name": "b"}])


@given(specs())
def test_a_spec_does_not_differ_from_itself(spec: Spec) -> None:
    assert diff_specs(spec, spec) == ()


@given(specs(), specs())
def test_differences_turn_around(old: Spec, new: Spec) -> None:
    there = {(c.path, repr(c.old), repr(c.new)) for c in diff_specs(old, new)}
    back = {(c.path, repr(c.new), repr(c.old)) for c in diff_specs(new, old)}
    assert there == back


def test_the_order_of_rollups_is_no_difference() -> None:
    assert diff_specs(BASE, spec_of(rollups=[{"name": "b"}, {"name": "a"}])) == ()


def test_rollups_come_and_go_live() -> None:
    changes = diff_specs(BASE, spec_of(rollups=[{"name": "b"}, {"name": "c"}]))
    assert [(str(c), c.live) for c in changes] == [
        ("rollups.a is removed", True),
        ("rollups.c is added", True),
    ]


def test_a_gas_token_never_changes_and_others_come_along() -> None:
    def paying(token: str | None, *tokens: dict[str, Any], more: tuple[Any, ...] = ()) -> Spec:
        rollup = {"name": "a", "da": "ethereum-calldata", "proof": "fraud", "gas_token": token}
        return spec_of(rollups=[rollup, *more], tokens=tokens)

    assert diff_specs(paying(None), paying("ETH")) == ()
    changes = diff_specs(paying("ETH"), paying("USDC"))
    assert [change.live for change in changes] == [False]
    assert "rollups.a.gas_token: ETH → USDC of 6 decimals (every coin" in str(changes[0])
    dai = {"symbol": "DAI", "decimals": 18}
    # another token of the same name is another token
    changes = diff_specs(paying("DAI", dai), paying("DAI", dai | {"address": "0x" + "da" * 20}))
    assert {c.path: c.live for c in changes} == {"tokens": True, "rollups.a.gas_token": False}
    further = {"name": "b", "da": "ethereum-calldata", "proof": "fraud", "gas_token": "DAI"}
    changes = diff_specs(paying("USDC"), paying("USDC", dai, more=(further,)))
    assert {c.path: c.live for c in changes} == {"tokens": True, "rollups.b": True}


def test_settings_that_can_be_applied_live() -> None:
    new = spec_of(
        rollups=[{"name": "a"}, {"name": "b"}], metalayer={"epoch_interval": 2}, save_interval=60
    )
    assert {c.path: c.live for c in diff_specs(BASE, new)} == {
        "metalayer.epoch_interval": True,
        "save_interval": True,
    }


def test_a_name_taken_away_is_live() -> None:
    named = [{"name": "a", "port": 9600, "chain_id": 5, "domain": 6}, {"name": "b"}]
    changes = diff_specs(spec_of(rollups=named), BASE)
    assert len(changes) == 3
    assert all(change.live for change in changes)


def test_all_else_needs_a_new_devnet() -> None:
    new = spec_of(
        l1={"block_time": 1},
        rollups=[{"name": "a", "port": 9600}, {"name": "b", "block_time": 2}],
        metalayer={"guardians": 5},
        accounts={"count": 3},
        origins=["http://a"],
    )
    changes = diff_specs(BASE, new)
    assert not any(change.live for change in changes)
    assert {str(change) for change in changes} == {
        "l1.block_time: 0.0 → 1.0",
        "rollups.a.port: not set → 9600",
        "rollups.b.block_time: 0.0 → 2.0",
        "metalayer.guardians: 4 → 5",
        "accounts.count: 10 → 3",
        "origins: [] → ['http://a']",
    }


SETTLES = {"name": "a", "da": "ethereum-calldata", "proof": "fraud"}
OP_GETH = {"name": "a", "engine": "op-geth"}


@pytest.mark.parametrize(
    ("was", "becomes", "live"),
    [
        ({"name": "a"}, {"name": "a", "framework": "zk-stack"}, True),
        (SETTLES, SETTLES | {"da": "celestia"}, True),
        (SETTLES, SETTLES | {"proof": "validity"}, True),
        (SETTLES, SETTLES | {"finalization_window": 60}, True),
        ({"name": "a"}, {"name": "a", "da": "celestia"}, False),
        (SETTLES, {"name": "a", "da": "ethereum-calldata"}, False),
        ({"name": "a"}, OP_GETH, False),
        (OP_GETH | SETTLES, OP_GETH | SETTLES | {"da": "celestia"}, True),
        (OP_GETH | SETTLES, OP_GETH | SETTLES | {"proof": "validity"}, True),
    ],
)
def test_what_a_rollup_switches_while_it_runs(
    was: dict[str, Any], becomes: dict[str, Any], live: bool
) -> None:
    changes = diff_specs(spec_of(rollups=[was]), spec_of(rollups=[becomes]))
    assert changes
    assert all(change.live for change in changes) is live


def test_op_geth_stays_the_op_stacks() -> None:
    zk = {"framework": "zk-stack"}
    assert switchable(OP_GETH | SETTLES, OP_GETH | SETTLES | zk).isdisjoint(zk)
    assert "framework" in switchable(SETTLES, SETTLES | zk)
    assert not switchable(SETTLES, OP_GETH | SETTLES)


@pytest.mark.parametrize("agents", ["daemon", "containers"])
def test_nothing_switches_whose_agents_are_in_containers(agents: str) -> None:
    here = {"runtime": "compose", "agents": agents}
    was = spec_of(**here, rollups=[{"name": "a"}])
    becomes = spec_of(**here, rollups=[{"name": "a", "framework": "zk-stack"}])
    assert any(change.live for change in diff_specs(was, becomes)) is (agents == "daemon")


def planned(rollup: dict[str, Any], keep: Plan | None) -> Plan:
    return make_plan(spec_of(rollups=[rollup]), keep=keep)


def test_a_plan_keeps_what_a_rollup_was() -> None:
    first = planned(SETTLES, None)
    assert first.chains[1].earlier == ()
    second = planned(SETTLES | {"proof": "validity"}, first)
    assert [each.proof for each in second.chains[1].earlier] == ["fraud"]
    assert was_ever(second.chains[1], "fraud")
    assert seals_alike(first.chains[1], second.chains[1])
    third = planned(SETTLES, second)
    assert [each.proof for each in third.chains[1].earlier] == ["fraud", "validity"]
    assert plan_from_json(json.loads(json.dumps(plan_to_json(third)))) == third
