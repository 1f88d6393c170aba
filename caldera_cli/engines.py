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
STACKS: Final = (sys.executable, "-P", "-m", "control_plane.stacks")


def ask(
    request: str,
    *names: str,
    quiet: bool = False,
    program: tuple[str, ...] | None = None,
    given: Any = None,
) -> Any:
    """The document that `program`, by default ``control_plane.engines``, answers `request` with,
    `given` as JSON on its standard input; what it says meanwhile goes to stderr unless `quiet`.
    Raises CliError, also for the problem that it tells."""
    with subprocess.Popen(
        [*(program or _PROGRAM), request, *names],
        env=environment(),
        stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        text=True,
    ) as child:
        text, _ = child.communicate(None if given is None else json.dumps(given))
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
