"""Building images through the Docker CLI; what is up to date is left as it is."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.images.recipes import BYTECODE, RECIPES, Machine
from control_plane.adapters.images.root import Root
from control_plane.domain.errors import Failed, MissingDependency
from control_plane.resources import compose_dir

LABEL: Final = "dev.caldera.source"
"""Hash of everything that an image was made of."""
_DEADLINE: Final = 900.0


@dataclass(frozen=True, slots=True)
class Found:
    """An image as the engine has it."""

    name: str
    tag: str
    size: int
    """Bytes; 0 when it is not there."""
    source: str | None
    id: str = ""
    built: bool = False
    """Just now."""


def look(name: str, tag: str) -> Found:
    """What the engine has under `tag`. Raises MissingDependency when it does not answer."""
    done = _docker("image", "inspect", tag)
    if done.returncode != 0:
        if "No such image" in done.stderr:
            return Found(name, tag, 0, None)
        raise _unreachable(done.stderr)
    image: dict[str, Any] = json.loads(done.stdout)[0]
    labels = image["Config"].get("Labels") or {}
    return Found(name, tag, int(image["Size"]), labels.get(LABEL), image["Id"])


def build(name: str, tag: str, machine: Machine) -> Found:
    """The image `name` under `tag`, built unless it is there from the same sources.

    Raises MissingDependency (Docker, Go, a program), Failed, and what programs' builds raise.
    """
    before = look(name, tag)
    dockerfile = compose_dir() / "images" / name / "Dockerfile"
    root = RECIPES[name](machine)
    source = _source(root, dockerfile)
    if before.source == source:
        machine.progress(f"{tag} is up to date")
        return before
    machine.progress(f"building {tag}")
    with tempfile.TemporaryDirectory(prefix="caldera-image-") as scratch:
        directory = Path(scratch) / "root"
        directory.mkdir(mode=0o755)
        root.write(directory)
        if name in BYTECODE:
            _compile(directory / BYTECODE[name].lstrip("/"))
        _build(directory, dockerfile, tag, source)
    after = look(name, tag)
    if before.id and before.id != after.id:
        _docker("image", "rm", before.id)  # one that a container runs stays
    return replace(after, built=True)


def _source(root: Root, dockerfile: Path) -> str:
    import hashlib

    return hashlib.sha256(dockerfile.read_bytes() + root.fingerprint().encode()).hexdigest()


def _compile(directory: Path) -> None:
    """Bytecode that is believed without a look at the source: nobody changes an image's files."""
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    # a file for another version of Python does not compile, and need not
    subprocess.run(
        [*command, "-s", str(directory), str(directory)],
        env=environ,
        capture_output=True,
        check=False,
    )


def _build(directory: Path, dockerfile: Path, tag: str, source: str) -> None:
    command = ("build", "--quiet", "--tag", tag, "--file", str(dockerfile))
    labels = ("--label", f"{LABEL}={source}", "--label", f"org.opencontainers.image.title={tag}")
    done = _docker(*command, *labels, str(directory), timeout=_DEADLINE)
    if done.returncode != 0:
        raise Failed(f"{tag} can't be built", done.stderr.strip()[-1000:], f"See {dockerfile}.")


def _docker(*arguments: str, timeout: float = 60.0) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("docker")
    if program is None:
        raise MissingDependency(
            "Docker is missing", "there is no docker on PATH", "`caldera doctor` tells more."
        )
    try:
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failed(
            f"docker {arguments[0]} did not end",
            f"waited {timeout:g} s",
            "Is the Docker engine busy? `caldera doctor` asks it.",
        ) from None


def _unreachable(said: str) -> MissingDependency:
    return MissingDependency(
        "The Docker engine does not answer", said.strip()[-300:], "`caldera doctor` tells more."
    )
