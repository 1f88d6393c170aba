"""Asking for node programs and images in a process of its own: the CLI does not import
adapters."""

import json
import subprocess
import sys
from typing import Any, Final

from caldera_cli.early import environment
from caldera_cli.errors import INTERRUPTED, CliError, from_problem

_PROGRAM: Final = (sys.executable, "-P", "-m", "control_plane.engines")
IMAGES: Final = (sys.executable, "-P", "-m", "control_plane.images")


def ask(
    request: str, *names: str, quiet: bool = False, program: tuple[str, ...] | None = None
) -> Any:
    """The document that `program`, by default ``control_plane.engines``, answers `request` with;
    what it says meanwhile goes to stderr unless `quiet`. Raises CliError, also for the problem
    that it tells."""
    with subprocess.Popen(
        [*(program or _PROGRAM), request, *names],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        text=True,
    ) as child:
        text, _ = child.communicate()
    if child.returncode == INTERRUPTED:
        raise KeyboardInterrupt
    try:
        document = json.loads(text)
    except ValueError:
        raise CliError(
            "Looking for node programs failed",
            f"it ended with exit code {child.returncode} and said nothing that is known",
            "install Caldera anew: `make up` in a checkout",
        ) from None
    if isinstance(document, dict) and "problem" in document:
        raise from_problem(document["problem"], int(document["problem"]["status"]))
    return document
