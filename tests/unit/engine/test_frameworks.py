"""Frameworks' own nodes by configuration: files that Compose accepts, docs that say the same."""

import json
import os
import subprocess

import pytest

from control_plane.adapters.engine import frameworks
from control_plane.domain.errors import NotFound
from control_plane.domain.spec_errors import FRAMEWORK_NODES
from tests.acceptance.world import ROOT
from tests.docker import needs_compose

_PAGE = ROOT / "docs" / "concepts" / "frameworks.md"
_ADDRESS = "0x" + "11" * 20
_VARIABLES = {
    "cdk-erigon": {
        "CDK_CONFIG_DIR": "/nowhere",
        "L1_RPC_URL": "http://l1:8545",
        "CHAIN_ID": "901",
        **{
            f"{name}_ADDRESS": _ADDRESS
            for name in ("ADMIN", "GER_MANAGER", "ROLLUP_MANAGER", "SEQUENCER", "ROLLUP", "POL")
        },
    }
}
"""What a user has to give."""


@pytest.mark.parametrize("name", frameworks.NAMES)
def test_file_says_what_it_is(name: str) -> None:
    found = frameworks.read(name)
    assert found["framework"] == FRAMEWORK_NODES[name]
    assert found["lacks"]
    assert all(found[key] for key in ("chain_id", "funding", "ready"))


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(NotFound) as told:
        frameworks.read("nitr")
    assert "nitro" in told.value.hint


def render(name: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    path = ROOT / "compose" / "frameworks" / f"{name}.yaml"
    kept = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    return subprocess.run(
        ["docker", "compose", "-f", str(path), "config", "--format", "json"],
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@needs_compose
@pytest.mark.parametrize("name", frameworks.NAMES)
def test_compose_accepts_the_file(name: str) -> None:
    done = render(name, **_VARIABLES.get(name, {}))
    assert done.returncode == 0, done.stderr
    node = json.loads(done.stdout)["services"]["node"]
    assert ":" in node["image"].rpartition("/")[2], "the image is pinned"
    assert {port["host_ip"] for port in node["ports"]} == {"127.0.0.1"}
    assert node["healthcheck"]["test"][0] == "CMD"
    assert "no-new-privileges:true" in node["security_opt"]


@needs_compose
def test_file_names_what_is_missing() -> None:
    done = render("cdk-erigon")
    assert done.returncode != 0
    assert "missing a value" in done.stderr


def table() -> list[str]:
    lines = [
        "| engine | framework | chain id | funded accounts | ready when | lacks |",
        "|---|---|---|---|---|---|",
    ]
    for name in frameworks.NAMES:
        of = frameworks.read(name)
        cells = [f"`{name}`", of["framework"], of["chain_id"], of["funding"], of["ready"]]
        lines.append(f"| {' | '.join(cells)} | {'; '.join(of['lacks'])} |")
    return lines


def test_docs_say_the_same() -> None:
    assert "\n".join(table()) in _PAGE.read_text(encoding="utf-8")
