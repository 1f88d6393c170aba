"""Images, really built, and what their containers may do."""

import json
import subprocess
import sys

import pytest

from tests.docker import needs_docker

pytestmark = needs_docker

LIMITS = {"anvil": 80, "op-geth": 120, "op-stack": 220, "devnet": 200}
"""Megabytes."""


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def images() -> dict[str, str]:
    """Tags by name; whatever is not there from these very sources is built."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "control_plane.images", "build"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    rows = json.loads(done.stdout)
    assert done.returncode == 0, rows
    return {row["name"]: row["image"] for row in rows}


def test_they_are_small_and_run_without_rights(images: dict[str, str]) -> None:
    for name, tag in images.items():
        image = json.loads(docker("image", "inspect", tag))[0]
        print(f"{tag}: {image['Size'] / 1e6:.0f} MB, user {image['Config']['User']}")
        assert image["Size"] < LIMITS[name] * 1e6
        assert image["Config"]["User"] == "65532:65532"


@pytest.mark.parametrize(
    ("name", "program", "arguments", "said"),
    [
        ("anvil", "/bin/anvil", ["--version"], "anvil"),
        ("op-geth", "/bin/geth", ["version"], "Version"),
        ("op-stack", "/bin/op-node", ["--version"], "op-node"),
        ("op-stack", "/bin/op-challenger", ["--version"], "op-challenger"),
        ("devnet", "/opt/python/bin/python3", ["-m", "control_plane.agent_main", "-h"], "usage"),
    ],
)
def test_programs_run_read_only_and_without_capabilities(
    images: dict[str, str], name: str, program: str, arguments: list[str], said: str
) -> None:
    hardened = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true")
    run = ("run", "--rm", "--network", "none", *hardened, "--entrypoint", program)
    assert said in docker(*run, images[name], *arguments)


def test_the_health_checker_tells_what_is_wrong(images: dict[str, str]) -> None:
    run = ("run", "--rm", "--network", "none", "--entrypoint", "/bin/health")
    assert "refused" in docker(*run, images["anvil"], "8545", check=False)
    assert "usage" in docker(*run, images["anvil"], check=False)


def test_all_that_agents_import_is_there(images: dict[str, str]) -> None:
    code = (
        "import control_plane.alone, control_plane.making, control_plane.health_probe\n"
        "import bip32, coincurve, eth_abi, psycopg, sqlalchemy, sqlite3, ssl, uvicorn\n"
        "from control_plane.adapters.evm.revert import decode_error\n"
        "print(decode_error('0x' + '00' * 4))"
    )
    run = ("run", "--rm", "--read-only", "--network", "none", "--entrypoint", "python3")
    docker(*run, images["devnet"], "-c", code)
