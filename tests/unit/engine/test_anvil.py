"""Anvil's command line and genesis: what a rollup that settles has in another way."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.domain.ports.node import Listen, NodePaths, NodeSpec
from tests.nodes import make_plan


def _spec(directory: Path, **changes: str) -> NodeSpec:
    plan = make_plan(2)
    chain = replace(plan.chains[1], **changes)  # type: ignore[arg-type]
    return NodeSpec(plan.name, chain, plan, directory, directory / "genesis.json", restore=False)


def _arguments(spec: NodeSpec) -> Sequence[str]:
    home = spec.directory
    paths = NodePaths(spec.genesis, home, home / "cache", home / "jwt.hex")
    return AnvilEngine().arguments(spec, Listen("127.0.0.1", 1), paths)


def test_a_rollup_that_settles_takes_deposits(tmp_path: Path) -> None:
    spec = _spec(tmp_path, da="ethereum-calldata", proof="fraud")
    assert " ".join(_arguments(spec)).count("--network optimism --hardfork isthmus") == 1
    genesis = json.loads(AnvilEngine().genesis(spec, {}, 1))
    assert genesis["coinbase"] == "0x4200000000000000000000000000000000000011"


def test_others_stay_as_they_are(tmp_path: Path) -> None:
    spec = _spec(tmp_path, da="ethereum-calldata")
    arguments = " ".join(_arguments(spec))
    assert "--hardfork prague --order fees" in arguments
    assert "optimism" not in arguments
    assert json.loads(AnvilEngine().genesis(spec, {}, 1))["coinbase"] == "0x" + "0" * 40
