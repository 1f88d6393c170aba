"""Runtimes and engines that must be indistinguishable, and what each needs on the machine."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import yaml

from tests.conformance.engines import ENGINES, Capabilities
from tests.docker import lacks_engine
from tests.nodes import free_port

NAME: Final = "net"
"""The devnet of a cell."""


@dataclass(frozen=True)
class Cell:
    """A runtime, and the engines of the rollups `a` and `b`."""

    runtime: str
    engines: tuple[str, str]

    @property
    def name(self) -> str:
        first, second = self.engines
        return f"{self.runtime}-{first if first == second else 'mixed'}"

    @property
    def mixed(self) -> bool:
        return len(set(self.engines)) > 1

    def can(self, rollup: str) -> Capabilities:
        """What the rollup's engine can do."""
        return ENGINES[self.engine(rollup)]

    def engine(self, chain: str) -> str:
        return {"l1": "anvil", "a": self.engines[0], "b": self.engines[1]}[chain]

    def spec(self) -> dict[str, Any]:
        """`a` makes blocks when transactions wait, `b` every second."""
        rollups = [
            {"name": name, "engine": engine, "block_time": block_time, "port": free_port()}
            for name, engine, block_time in zip("ab", self.engines, (0, 1), strict=True)
        ]
        return {
            "version": 1,
            "name": NAME,
            "runtime": self.runtime,
            "l1": {"port": free_port()},
            "rollups": rollups,
        }

    def text(self) -> str:
        return yaml.safe_dump(self.spec(), sort_keys=False)

    def missing(self) -> str | None:
        """What this machine lacks for it; None: nothing."""
        if self.runtime == "compose":
            return lacks_engine() or _images({"anvil", "devnet", *self.engines})
        if "op-geth" in self.engines:
            return _op_geth()
        return None


_RUNTIMES: Final = ("process", "compose")
_PAIRS: Final = (("anvil", "anvil"), ("op-geth", "op-geth"), ("anvil", "op-geth"))
CELLS: Final = tuple(Cell(runtime, engines) for runtime in _RUNTIMES for engines in _PAIRS)


def _images(programs: Iterable[str]) -> str | None:
    """Which images the engine lacks."""
    from control_plane.adapters.runtime.compose.images import read_images
    from control_plane.resources import compose_dir

    table = read_images(compose_dir())
    for name in sorted(programs):
        words = ["docker", "image", "inspect", table[name].local]
        if subprocess.run(words, capture_output=True, timeout=30, check=False).returncode:
            return f"there is no image {table[name].local} (`caldera images build` makes it)"
    return None


@cache
def _op_geth() -> str | None:
    from control_plane.adapters.engine.anvil_binary import cache_dir
    from control_plane.adapters.engine.binaries import resolve_program
    from control_plane.domain.errors import MissingDependency

    try:
        resolve_program(
            "op-geth", named=None, cache=cache_dir(os.environ), environ=os.environ, build=False
        )
    except MissingDependency as error:
        return f"{error.title}: {error.hint}"
    return None
