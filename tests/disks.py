"""Small disks that can be filled or made read-only; they take root and mount(8)."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(path: Path, *, kilobytes: int) -> Iterator[Path]:
    """A file system in memory, mounted at `path`; skips the test where that is not allowed."""
    path.mkdir(parents=True)
    options = f"size={kilobytes}k,mode=0755"
    command = ["mount", "-t", "tmpfs", "-o", options, "caldera-test", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk takes root")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
