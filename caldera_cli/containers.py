"""Containers of a home directory that nobody looks after any more."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

from caldera_cli.errors import FAILED, MISSING, CliError

_DEADLINE: Final = 120.0


def find_projects(home: Path) -> list[str]:
    """Compose projects of the devnets of `home`: each has its file, which names it."""
    found = []
    for file in sorted(home.glob("devnets/*/compose.yaml")):
        lines = (line for line in file.read_text().splitlines() if line.startswith("name:"))
        found += [json.loads(line.removeprefix("name:")) for line in lines]
    return found


def remove_projects(names: list[str]) -> None:
    """Remove their containers, volumes and networks; they go by their projects' labels.

    Raises CliError when Docker can't: then nothing else may be removed, or nobody would know
    of them any more.
    """
    program = shutil.which("docker")
    if names and program is None:
        raise CliError(
            "There may be containers", ", ".join(names), "install Docker to remove them", MISSING
        )
    for name in names:
        done = subprocess.run(
            [
                str(program),
                "compose",
                "-p",
                name,
                "down",
                "--volumes",
                "--remove-orphans",
                "-t",
                "0",
            ],
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise CliError(f"The containers of {name} can't be removed", last, code=FAILED)
