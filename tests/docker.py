"""Whether this machine has a Docker engine, asked once; tests that need one are skipped by name."""

import shutil
import subprocess
from functools import cache

import pytest


@cache
def lacks_engine() -> str | None:
    """Why no container can be run here; None: one can."""
    return lacks_compose() or _fails("docker", "version")


@cache
def lacks_compose() -> str | None:
    """Why no Compose file can be rendered here; None: one can."""
    return _fails("docker", "compose", "version")


def _fails(*words: str) -> str | None:
    if shutil.which(words[0]) is None:
        return "there is no docker command (scripts/test-tools brings one)"
    done = subprocess.run(words, capture_output=True, timeout=30, check=False)
    if done.returncode:
        return f"`{' '.join(words)}` fails (scripts/test-tools brings an engine)"
    return None


needs_compose = pytest.mark.skipif(lacks_compose() is not None, reason=str(lacks_compose()))
needs_docker = pytest.mark.skipif(lacks_engine() is not None, reason=str(lacks_engine()))
