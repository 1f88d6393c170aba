"""Baked genesis: made by deploying, the same twice, and what a chain loaded with it answers."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_abi.abi import decode
from eth_hash.auto import keccak

from control_plane.adapters.engine.anvil_binary import resolve_anvil
from control_plane.adapters.evm import deployment
from control_plane.adapters.evm.bake import Genesis, ensure_genesis
from control_plane.adapters.evm.bake_node import BakeNode, bake_node
from control_plane.adapters.evm.bake_sources import Sources, content_hash
from control_plane.adapters.evm.baking import bake
from control_plane.domain.errors import PermanentFailure, StorageFailed
from control_plane.resources import artifacts_dir, genesis_dir, third_party_dir

pytestmark = pytest.mark.integration
CHAIN_ID, DOMAIN, GOVERNOR = 4242, 77, "0x" + "ab" * 20


def never() -> Path:
    raise AssertionError("nothing has to be baked")


@pytest.fixture(scope="module")
def anvil() -> Path:
    return resolve_anvil().path


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """The contracts as they are, in a directory where they can be edited."""
    shutil.copytree(artifacts_dir(), tmp_path / "artifacts")
    return Sources(tmp_path / "artifacts", third_party_dir())


@pytest.fixture(scope="module", params=["l1", "rollup"])
def chain(
    request: pytest.FixtureRequest, anvil: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[BakeNode, Genesis, bool]]:
    """A node that was started from the packaged genesis."""
    is_l1 = request.param == "l1"
    genesis = ensure_genesis(never, Path("/nowhere"))
    alloc = genesis.alloc(is_l1=is_l1, chain_id=CHAIN_ID, domain=DOMAIN, governor=GOVERNOR)
    path = tmp_path_factory.mktemp("genesis") / "genesis.json"
    path.write_text(json.dumps({"alloc": alloc}))
    with bake_node(anvil, CHAIN_ID, 1_767_225_600, path) as node:
        yield node, genesis, is_l1


def ask(node: BakeNode, to: str, function: str, kind: str) -> object:
    data = "0x" + keccak(function.encode())[:4].hex()
    result = node.call("eth_call", {"to": to, "data": data}, "latest")
    return decode([kind], bytes.fromhex(result[2:]))[0]


def test_committed_genesis_is_reproduced(anvil: Path, tmp_path: Path) -> None:
    bake(anvil, tmp_path)
    for name in ("l1.json", "rollup.json", "op-stack.json", "surfaces.json", "manifest.json"):
        assert (tmp_path / name).read_bytes() == (genesis_dir() / name).read_bytes(), name


def test_every_address_has_code_where_it_should(chain: tuple[BakeNode, Genesis, bool]) -> None:
    node, genesis, is_l1 = chain
    absent = set() if is_l1 else set(genesis.manifest["l1_only"])
    for key, address in genesis.addresses.items():
        has_code = node.call("eth_getCode", address, "latest") != "0x"
        assert has_code == (key not in absent), key


def test_patched_slots(chain: tuple[BakeNode, Genesis, bool]) -> None:
    node, genesis, _ = chain
    addresses = genesis.addresses
    assert ask(node, addresses["mailbox"], "localDomain()", "uint32") == DOMAIN
    assert ask(node, addresses["mailbox"], "nonce()", "uint32") == 0
    assert ask(node, addresses["governanceExecutor"], "owner()", "address") == GOVERNOR
    executor = addresses["governanceExecutor"].lower()
    for step in deployment.steps_of("l1" if chain[2] else "rollup"):
        if step.initializer is not None:
            assert ask(node, addresses[step.key], "owner()", "address") == executor, step.key


def test_wiring(chain: tuple[BakeNode, Genesis, bool]) -> None:
    node, genesis, is_l1 = chain
    addresses = {key: address.lower() for key, address in genesis.addresses.items()}
    for function, key in {
        "defaultIsm()": "aggregateRootIsm",
        "defaultHook()": "interchainGasPaymaster",
        "requiredHook()": "merkleTreeHook",
    }.items():
        assert ask(node, addresses["mailbox"], function, "address") == addresses[key]
    if is_l1:
        supply = ask(node, addresses["era"], "totalSupply()", "uint256")
        assert supply == 10**27


def test_permit2_is_what_a_deployment_on_this_chain_leaves(
    chain: tuple[BakeNode, Genesis, bool], anvil: Path
) -> None:
    node, genesis, _ = chain
    permit2 = genesis.addresses["permit2"]
    home = third_party_dir() / "Permit2"
    creation = bytes.fromhex((home / "creation.hex").read_text().strip()[2:])
    salt = bytes.fromhex(json.loads((home / "origin.json").read_text())["create2Salt"][2:])
    proxy = genesis.addresses["deterministicDeploymentProxy"]
    with bake_node(anvil, CHAIN_ID, 1_767_225_600) as fresh:
        assert fresh.call("eth_getCode", proxy, "latest") == node.call(
            "eth_getCode", proxy, "latest"
        )
        fresh.send(proxy, salt + creation, "Permit2")
        deployed = fresh.call("eth_getCode", permit2, "latest")
    assert node.call("eth_getCode", permit2, "latest") == deployed


def test_multicall3_works(chain: tuple[BakeNode, Genesis, bool]) -> None:
    node, genesis, _ = chain
    assert ask(node, genesis.addresses["multicall3"], "getChainId()", "uint256") == CHAIN_ID


def test_an_edit_bakes_anew_into_the_cache_once(
    anvil: Path, sources: Sources, tmp_path: Path
) -> None:
    path = sources.artifacts / "TestRecipient.json"
    artifact = json.loads(path.read_text())
    # INVALID, never reached: other code, same behaviour
    artifact["bytecode"] += "fe"
    path.write_text(json.dumps(artifact))
    cache = tmp_path / "cache"
    made = ensure_genesis(lambda: anvil, cache, sources=sources)
    assert made.directory.parent == cache / "genesis"
    assert made.content_hash == content_hash(sources) != content_hash()
    assert made.addresses == ensure_genesis(never, cache).addresses
    assert ensure_genesis(never, cache, sources=sources).directory == made.directory
    assert [p.name for p in (cache / "genesis").iterdir()] == [made.content_hash]


def test_a_contract_that_reverts_is_named(anvil: Path, sources: Sources, tmp_path: Path) -> None:
    path = sources.artifacts / "Mailbox.json"
    artifact = json.loads(path.read_text())
    artifact["bytecode"] = "0x5f5ffd"
    path.write_text(json.dumps(artifact))
    with pytest.raises(PermanentFailure, match=r"Mailbox\.implementation reverted"):
        ensure_genesis(lambda: anvil, tmp_path / "cache", sources=sources)
    assert list((tmp_path / "cache" / "genesis").iterdir()) == []


def test_cache_that_cannot_be_written(sources: Sources, tmp_path: Path) -> None:
    (sources.artifacts / "TestRecipient.json").write_text("{}")
    (tmp_path / "cache").write_text("a file where a directory should be")
    with pytest.raises(StorageFailed) as caught:
        ensure_genesis(never, tmp_path / "cache", sources=sources)
    assert "CALDERA_CACHE" in caught.value.hint
