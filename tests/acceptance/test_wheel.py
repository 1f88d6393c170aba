"""The built wheel, installed into a fresh environment elsewhere, starts the default devnet."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.acceptance.world import ROOT, new_world, rpc
from tests.nodes import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def install(directory: Path) -> Path:
    """The command of a wheel built from this checkout, with the locked dependencies."""
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(directory),
        ".",
    ]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = directory.glob("*.whl")
    venv.create(directory / "venv")
    python = directory / "venv" / "bin" / "python"
    uv = [str(Path(sys.executable).with_name("uv")), "pip"]
    lock = str(ROOT / "requirements" / "runtime.lock")
    for words in (
        ["install", "-r", lock, "--require-hashes"],
        ["install", "--no-deps", str(wheel)],
    ):
        command = [*uv, words[0], "--python", str(python), "-q", *words[1:]]
        subprocess.run(command, check=True, capture_output=True, cwd=directory)
    return python.with_name("caldera")


@pytest.mark.timeout(300)
def test_wheel_starts_the_default_devnet(tmp_path: Path) -> None:
    command = install(tmp_path)
    ports = [
        f"l1.port={free_port()}",
        *(f"rollups.{r}.port={free_port()}" for r in ("op", "arb", "zk")),
    ]
    changes = [word for port in ports for word in ("--set", port)]
    with new_world(command) as world:
        world.run("up", *changes, timeout=120)
        status = world.json("status")
        assert (status["state"], len(status["rollups"])) == ("ready", 3)
        assert rpc(status["rollups"][0]["rpc_url"], "eth_chainId") == hex(901)
        sent = world.json("message", "send", "op", "zk", "--body", "0x01", "--wait")
        assert sent["delivered_tx"]
