import pytest

from control_plane.domain.errors import InvalidInput
from control_plane.domain.hashing import keccak256
from control_plane.domain.plan_json import plan_from_json, plan_to_json
from control_plane.domain.planner import make_plan
from control_plane.domain.shards import shard_id, shard_names, shards_by_domain
from control_plane.domain.spec_diff import diff_specs
from control_plane.domain.validation import validate_spec

ROLLUPS = [
    {"name": "game", "shard": "gaming", "domain": 90100},
    {"name": "play", "shard": "gaming"},
    {"name": "bank", "shard": "finance"},
    {"name": "alone"},
]


def test_a_shard_has_the_number_of_its_name() -> None:
    assert shard_id("gaming") == int.from_bytes(keccak256(b"gaming")[:4])
    assert shard_id(None) == 0


def test_the_plan_says_who_is_in_which() -> None:
    plan = make_plan(validate_spec({"version": 1, "rollups": ROLLUPS}))
    gaming, finance = shard_id("gaming"), shard_id("finance")
    numbers = {900: 0, 90100: gaming, 902: gaming, 903: finance, 904: 0}
    assert shards_by_domain(plan.chains) == numbers
    assert shard_names(plan.chains) == {gaming: "gaming", finance: "finance"}
    assert plan_from_json(plan_to_json(plan)) == plan


def test_a_rollup_stays_in_its_shard() -> None:
    """A message of it could not be proven under an older epoch by the plan of now."""
    old = validate_spec({"version": 1, "rollups": ROLLUPS})
    new = validate_spec({"version": 1, "rollups": [*ROLLUPS[:3], {"name": "alone", "shard": "x"}]})
    (change,) = diff_specs(old, new)
    assert (change.path, change.live) == ("rollups.alone.shard", False)


def test_names_that_are_none_are_refused() -> None:
    for name in ("", "Gaming", "a b", 7):
        with pytest.raises(InvalidInput, match="shard"):
            validate_spec({"version": 1, "rollups": [{"name": "a", "shard": name}]})
    with pytest.raises(InvalidInput, match=r"l1\.shard"):
        validate_spec({"version": 1, "l1": {"shard": "gaming"}})


def test_two_names_of_one_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from control_plane.domain import spec_rules

    monkeypatch.setattr(spec_rules, "shard_id", len)
    with pytest.raises(InvalidInput, match=r"rollups\[2\].shard: 'finances'.*'gamingss'"):
        validate_spec(
            {
                "version": 1,
                "rollups": [
                    {"name": "a", "shard": "gamingss"},
                    {"name": "b", "shard": "gamingss"},
                    {"name": "c", "shard": "finances"},
                ],
            }
        )
