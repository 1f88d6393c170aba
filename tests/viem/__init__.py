"""viem's op-stack actions as a foreign client for tests."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from control_plane.adapters.engine.program_cache import cache_dir
from tests.hyperlane import checksum, node

HERE: Final = Path(__file__).parent


def packages() -> Path:
    """Where `scripts/npm-packages viem` has put it; skips where it has not."""
    lock = (HERE / "package-lock.json").read_bytes()
    found = cache_dir(os.environ) / "viem" / checksum(lock)
    if not found.is_dir() or not node():
        pytest.skip("viem is not installed: run scripts/npm-packages viem")
    return found


def run(scratch: Path, given: Mapping[str, Any], seconds: float) -> dict[str, str]:
    """What came of each action, by its name: "works", or what it said."""
    (scratch / "node_modules").symlink_to(packages() / "node_modules")
    program = shutil.copy(HERE / "op-stack.mjs", scratch)
    done = subprocess.run(
        [node(), program, json.dumps(given)],
        capture_output=True,
        text=True,
        timeout=seconds,
        cwd=scratch,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))
