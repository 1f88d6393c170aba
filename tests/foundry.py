"""Foundry's programs as foreign clients for tests: `cast`, found or fetched like Anvil."""

import subprocess
from functools import cache
from pathlib import Path

from control_plane.adapters.engine.anvil_binary import resolve_tool


@cache
def cast_binary() -> Path:
    """A cast of a known version; fetched once per user where none is there."""
    return resolve_tool("cast").path


def cast(*arguments: str, timeout: float = 30) -> str:
    """What `cast ARGUMENTS…` prints; AssertionError with its words when it fails."""
    command = [str(cast_binary()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"cast {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()
