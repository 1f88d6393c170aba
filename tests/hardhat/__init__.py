"""A Hardhat node as anybody starts it, for tests."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from control_plane.adapters.engine.program_cache import cache_dir
from tests.acceptance.world import until
from tests.hyperlane import checksum, node
from tests.nodes import free_port, is_open

HERE: Final = Path(__file__).parent
_PROGRAM: Final = "node_modules/hardhat/internal/cli/bootstrap.js"


def packages() -> Path:
    """Where `scripts/npm-packages hardhat` has put them; skips where it has not."""
    lock = (HERE / "package-lock.json").read_bytes()
    found = cache_dir(os.environ) / "hardhat" / checksum(lock)
    if not found.is_dir() or not node():
        pytest.skip("Hardhat is not installed: run scripts/npm-packages hardhat")
    return found


@contextmanager
def hardhat(project: Path) -> Iterator[str]:
    """`hardhat node` in the empty directory `project`; its URL. Chain id 31337."""
    port, found = free_port(), packages()
    (project / "package.json").write_text('{"private": true}')
    (project / "hardhat.config.js").write_text('module.exports = {solidity: "0.8.28"};')
    (project / "node_modules").symlink_to(found / "node_modules")
    process = subprocess.Popen(
        [node(), str(found / _PROGRAM), "node", "--port", str(port)],
        cwd=project,
        env=os.environ | {"HARDHAT_DISABLE_TELEMETRY_PROMPT": "true", "HOME": str(project)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: is_open(port), 40, f"Hardhat listens on port {port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
