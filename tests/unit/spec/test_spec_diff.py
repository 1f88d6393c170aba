from typing import Any

from hypothesis import given

from control_plane.domain.spec_diff import diff_specs
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
        rollups=[{"name": "a", "port": 9600}, {"name": "b", "framework": "zk-stack"}],
        metalayer={"guardians": 5},
        accounts={"count": 3},
        origins=["http://a"],
    )
    changes = diff_specs(BASE, new)
    assert not any(change.live for change in changes)
    assert {str(change) for change in changes} == {
        "l1.block_time: 0.0 → 1.0",
        "rollups.a.port: not set → 9600",
        "rollups.b.framework: op-stack → zk-stack",
        "metalayer.guardians: 4 → 5",
        "accounts.count: 10 → 3",
        "origins: [] → ['http://a']",
    }
