"""op-geth's command line and genesis, without op-geth."""

import json
from dataclasses import replace
from pathlib import Path

from control_plane.adapters.engine.op_geth import OpGethEngine
from control_plane.adapters.engine.op_geth_genesis import extra_data
from control_plane.domain.ports.node import Listen, NodePaths, NodeSpec
from tests.nodes import make_plan

PATHS = NodePaths(Path("/g.json"), Path("/data"), Path("/cache"), Path("/jwt"), Path("/s.toml"))


def spec_of(tmp_path: Path) -> NodeSpec:
    plan = make_plan(2)
    chain = replace(plan.chains[1], engine="op-geth")
    return NodeSpec("shop", chain, plan, tmp_path, tmp_path / "genesis.json", restore=True)


def test_arguments_tell_where_it_listens(tmp_path: Path) -> None:
    engine = OpGethEngine()
    for listen in (Listen("127.1.2.3", 1234, 5678), Listen("0.0.0.0", 8545, 8551)):
        arguments = engine.arguments(spec_of(tmp_path), listen, PATHS)
        assert engine.listens_on(("op-geth", *arguments)) == listen


def test_its_secret_is_named_and_not_shown(tmp_path: Path) -> None:
    arguments = OpGethEngine().arguments(spec_of(tmp_path), Listen("127.0.0.1", 1, 2), PATHS)
    assert arguments[arguments.index("--authrpc.jwtsecret") + 1] == "/jwt"


def test_it_has_no_port_for_peers(tmp_path: Path) -> None:
    spec, listen = spec_of(tmp_path), Listen("127.0.0.1", 1, 2)
    assert "--config" in OpGethEngine().arguments(spec, listen, PATHS)
    assert 'ListenAddr = ""' in OpGethEngine.settings
    inside = OpGethEngine().arguments(spec, listen, replace(PATHS, settings=None))
    assert "--config" not in inside
    assert inside[:2] == ("--port", "0")


def test_genesis_has_every_fork_at_zero(tmp_path: Path) -> None:
    alloc = {"f39fd6e51aad88f6f4ce6ab8827279cfffb92266": {"balance": "0x1"}}
    genesis = json.loads(OpGethEngine().genesis(spec_of(tmp_path), alloc, 1_700_000_000))
    config = genesis["config"]
    assert config["chainId"] == 901
    assert {config[f"{fork}Time"] for fork in ("prague", "holocene", "isthmus", "jovian")} == {0}
    assert genesis["timestamp"] == hex(1_700_000_000)
    assert (
        genesis["extraData"]
        == "0x01000000fa000000060000000000000000"
        == "0x" + (extra_data().hex())
    )
    assert alloc.items() <= genesis["alloc"].items()
    assert len(genesis["alloc"]) == 3  # and the system contracts of EIP-4788 and EIP-2935
