"""What users' scripts read is the same for every runtime and engine."""

from typing import Any

import pytest

from tests.acceptance.world import ROOT
from tests.conformance.cells import CELLS, NAME
from tests.conformance.devnet import Devnet
from tests.conformance.engines import ENGINES, table
from tests.e2e.messages import chains_of

_PAGE = ROOT / "docs" / "concepts" / "engines.md"
_NODE = {"name", "kind", "state", "problem", "restarts", "pid", "port", "command", "log"}


def test_every_engine_has_its_column() -> None:
    assert {engine for cell in CELLS for engine in cell.engines} == set(ENGINES)


def test_docs_show_the_table() -> None:
    assert "\n".join(table()) in _PAGE.read_text(encoding="utf-8")


@pytest.mark.mixed
def test_status_is_ready_and_names_runtime_and_engine(devnet: Devnet) -> None:
    status = devnet.status
    assert (status["state"], status["runtime"]) == ("ready", devnet.cell.runtime)
    for chain in (status["l1"], *status["rollups"]):
        assert chain["engine"] == devnet.cell.engine(chain["name"])
        assert chain["state"] == "ready"


def test_contracts_stand_at_the_same_addresses_everywhere(devnet: Devnet) -> None:
    """The L1 is Anvil's in every cell."""
    status = devnet.status
    chains, l1 = chains_of(status), status["l1"]["contracts"]
    for rollup in status["rollups"]:
        shared = set(rollup["contracts"]) & set(l1)
        assert {"mailbox", "metalayerRouter", "rootVerifier", "multicall3"} <= shared
        assert {name: l1[name] for name in shared} == {
            name: rollup["contracts"][name] for name in shared
        }
        for name, address in rollup["contracts"].items():
            code = chains[rollup["name"]].call("eth_getCode", address, "latest")
            assert code != "0x", f"{name} on {rollup['name']}"


def test_services_are_the_same(devnet: Devnet) -> None:
    services = {s["name"]: s for s in devnet.status["services"]}
    nodes = {"l1/node", "a/node", "b/node"}
    agents = {"l1/sequencer", "a/sequencer", "b/sequencer", "indexer", "aggregator", "relayer"}
    assert nodes | agents <= set(services)
    for name in nodes:
        assert set(services[name]) >= _NODE
        assert services[name]["command"], "what was started"


def test_env_names_the_same_variables(devnet: Devnet) -> None:
    env: dict[str, Any] = devnet.home.json("env", NAME)
    variables = env.get("variables", env)
    for chain, at in devnet.chains.items():
        assert variables[f"{chain.upper()}_RPC_URL"] == at.url
        assert int(variables[f"{chain.upper()}_CHAIN_ID"]) == at.chain_id
