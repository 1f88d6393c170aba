"""schemathesis over the document of a live daemon, with real chains behind it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.world import ROOT, World, new_world, spec

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

STARTS_NODES = ("createDevnet", "addRollup")
"""Left to tests/integration/api, where nothing runs: each example would start nodes."""
BREAKS_THEM = ("startFault",)
"""Likewise: what is broken on purpose makes others answer that they waited in vain."""
CONNECTS = ("joinRollup",)
"""Likewise: each example would connect to a host that is made up."""
ENDS_THEM = ("deleteDevnet",)
MAY_END_THEM = "patchDevnet"
"""A time to live of a millisecond is a valid one: this operation comes last."""


@pytest.fixture(scope="module")
def live() -> Iterator[World]:
    with new_world() as made:
        (made.home / "default.yaml").write_text(spec("default", ("op", "arb")))
        made.run("up", "default.yaml")
        # A daemon that a command started ends with its last devnet: this one stays.
        (made.home / "keeper.yaml").write_text(spec("keeper", ("op",)))
        made.run("up", "keeper.yaml")
        made.json("message", "send", "op", "arb", "--body", "0x01", "--wait", "--devnet", "default")
        yield made


def run(world: World, *which: str) -> None:
    url = f"http://127.0.0.1:{world.daemon()['port']}/openapi.json"
    command = Path(sys.executable).with_name("schemathesis")
    phases = ["--phases=examples,coverage,fuzzing", "--max-examples=8", "--seed=7", "--workers=1"]
    done = subprocess.run(
        [str(command), "run", url, *phases, *which],
        cwd=ROOT,
        env=world.environment,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.timeout(300)
def test_live_daemon_answers_as_its_document_says(live: World) -> None:
    later = (*STARTS_NODES, *BREAKS_THEM, *CONNECTS, *ENDS_THEM, MAY_END_THEM)
    run(live, *(word for name in later for word in ("--exclude-operation-id", name)))
    assert live.json("status", "default")["state"] in {"ready", "degraded"}
    run(live, "--include-operation-id", MAY_END_THEM)
    live.run("ls")
