"""Devnets in containers, against `docker compose up --wait` of their bare nodes."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from benchmarks.harness import Figure, Home, median

TARGET = 2.5
"""What `up` and `down` may take, as ratios to Compose with the bare nodes in the same run."""
LIMIT = 2.5
"""What CI holds them to."""


def measure(home: Home, smoke: bool) -> list[Figure]:
    """The default devnet with `--runtime compose`: up and down, images present, daemon warm."""
    up: list[float] = []
    down: list[float] = []
    bare: list[tuple[float, float]] = []
    with home.serving():
        home.run("up", "--runtime", "compose")
        with _bare_stack(home) as stack:
            home.run("down", "default", "-y")
            for _ in range(3 if smoke else 7):
                bare.append((_timed(stack, "up", "-d", "--wait"), _timed(stack, "down")))
                up.append(home.timed("up", "--runtime", "compose"))
                down.append(home.timed("down", "default", "-y"))
    starts, ends = median([each[0] for each in bare]), median([each[1] for each in bare])
    nodes = "of 4 bare Anvils"
    return [
        _figure("compose: up, warm daemon", up, starts, f"`docker compose up --wait` {nodes}"),
        _figure("compose: down", down, ends, f"`docker compose down` {nodes}"),
    ]


def _figure(name: str, taken: list[float], base: float, label: str) -> Figure:
    return Figure(name, median(taken), "s", base, label, TARGET * base, limit=LIMIT)


@contextmanager
def _bare_stack(home: Home) -> Iterator[Path]:
    """A Compose file with the nodes of the devnet that is up, their images, genesis files and
    health checks, and nothing else: no gate, no fixed addresses. Gone afterwards."""
    root = home.directory / "devnets" / "default"
    directory = home.directory / f"bare-{os.getpid()}"
    directory.mkdir()
    whole = yaml.safe_load((root / "compose.yaml").read_text())
    services = {
        name: _bare(service, root, directory / name)
        for name, service in whole["services"].items()
        if name.startswith("node-")
    }
    file = directory / "compose.yaml"
    file.write_text(yaml.safe_dump({"name": f"caldera-{directory.name}", "services": services}))
    try:
        yield file
    finally:
        _run(file, "down", "--volumes")
        shutil.rmtree(directory, ignore_errors=True)


def _bare(service: dict[str, Any], root: Path, directory: Path) -> dict[str, Any]:
    directory.mkdir()
    kept = {key: service[key] for key in service if key not in {"networks", "labels", "volumes"}}
    mounts = []
    for mount in service["volumes"]:
        file = directory / Path(mount["source"]).name
        shutil.copyfile(root / mount["source"], file)
        mounts.append(mount | {"source": str(file)})
    return kept | {"volumes": mounts}


def _timed(file: Path, *words: str) -> float:
    began = time.perf_counter()
    _run(file, *words)
    return time.perf_counter() - began


def _run(file: Path, *words: str) -> None:
    command = ["docker", "compose", "--progress", "quiet", "-f", str(file), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
