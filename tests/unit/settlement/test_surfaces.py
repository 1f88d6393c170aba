"""How much of its framework a rollup shows, after switches too."""

from dataclasses import replace
from typing import Any

import pytest

from control_plane.adapters.evm.deployment import OP_STACK, SURFACES
from control_plane.domain.plan import ChainPlan
from control_plane.domain.plan_json import plan_from_json, plan_to_json
from control_plane.domain.settlement import surfaces
from control_plane.domain.settlement.surfaces import surface_of
from control_plane.domain.switching import born_as
from tests.nodes import make_plan


def rollup(framework: str = "op-stack", *, settles: bool = True, **more: Any) -> ChainPlan:
    settling: dict[str, Any] = {"da": "ethereum-calldata", "proof": "fraud"} if settles else {}
    return replace(make_plan(2).chains[1], framework=framework, **settling, **more)


@pytest.mark.parametrize(
    ("chain", "shown"),
    [
        (rollup(), "partial"),
        (rollup(settles=False), "none"),
        (rollup(settles=False, engine="op-geth"), "partial"),
        (rollup(settles=False, engine="op-geth", services="native"), "complete"),
        (rollup("arbitrum-nitro"), "partial"),
        (rollup("arbitrum-nitro", settles=False), "none"),
        (rollup("arbitrum-nitro", born="zk-stack"), "none"),
        (rollup("op-stack", born="arbitrum-nitro"), "partial"),
        (rollup("zk-stack"), "partial"),
        (rollup("zk-stack", born="op-stack"), "none"),
        (rollup("polygon-cdk"), "partial"),
        (rollup("polygon-cdk", settles=False), "none"),
        (rollup("polygon-cdk", born="arbitrum-nitro"), "none"),
    ],
)
def test_surface(chain: ChainPlan, shown: str) -> None:
    assert surface_of(chain) == shown


def test_what_it_was_born_as_is_kept_over_switches() -> None:
    arb = rollup("arbitrum-nitro")
    assert born_as(arb, None) is None
    assert born_as(arb, arb) is None
    zk = replace(arb, framework="zk-stack")
    zk = replace(zk, born=born_as(zk, arb))
    assert (zk.born, zk.built_as) == ("arbitrum-nitro", "arbitrum-nitro")
    op = replace(zk, framework="op-stack", born=None)
    assert born_as(op, zk) == "arbitrum-nitro"
    assert born_as(replace(arb, born=None), zk) is None


def test_born_is_in_the_plans_file() -> None:
    plan = make_plan(2)
    plan = replace(plan, chains=(plan.chains[0], rollup("zk-stack", born="arbitrum-nitro")))
    assert plan_from_json(plan_to_json(plan)) == plan


def test_the_table_and_the_genesis_agree() -> None:
    assert set(SURFACES) == surfaces._WITH_CONTRACTS
    for predeploys in SURFACES.values():
        addresses = [each.address for each in (*OP_STACK, *predeploys)]
        assert len(set(addresses)) == len(addresses)
