"""The command's entry point: a daemon that `up` will need starts before anything is imported.

Importing the command line and starting the daemon then happen side by side.
"""

import gc
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import subprocess

DAEMON: Final = (sys.executable, "-P", "-m", "control_plane.main")
"""The daemon's program; -P, so that nothing in the user's directory is imported in its place."""

_OBJECTS: Final = 100_000
"""Objects between two searches for cycles: a short command makes none that are worth 6 ms."""

_INTERRUPTED: Final = 130

_MEMORY: Final = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Bytes (mallopt(3)): glibc raises these by itself once it has seen a large buffer, and then keeps
what large ones leave behind. Every save of a chain's state is one, larger than the last."""

_started: "subprocess.Popen[str] | None" = None


def run() -> None:
    """``caldera``."""
    gc.set_threshold(_OBJECTS)
    try:
        _run()
    except KeyboardInterrupt:  # while the command line is imported; afterwards it sees to it
        from caldera_cli.daemon import let_go

        let_go()
        os._exit(_INTERRUPTED)


def _run() -> None:
    if sys.argv[1:2] == ["up"] and not {"-h", "--help"} & set(sys.argv):
        _begin()
    from caldera_cli.main import run as command

    command()


def _begin() -> None:
    """Start a daemon when no socket says that one runs."""
    from control_plane.schemas import paths

    global _started  # noqa: PLW0603 - handed from the entry to the client, once
    home = paths.home()
    if not paths.socket_path(home).exists():
        _started = spawn(os.fspath(home))


def spawn(home: str) -> "subprocess.Popen[str]":
    """A process that ends when the daemon it starts listens, or with its reason not to."""
    import subprocess

    return subprocess.Popen(
        [*DAEMON, "--detached", "--home", home],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the command; it ends the daemon in good order
    )


def begun() -> bool:
    """Whether a daemon was begun that nobody took."""
    return _started is not None


def take(home: str) -> "subprocess.Popen[str]":
    """The process begun early, or one begun now."""
    global _started
    begun, _started = _started, None
    return begun or spawn(home)


def environment() -> dict[str, str]:
    """Of our other programs: ours, how they keep memory, and in a checkout that is not installed
    where we are."""
    ours = _MEMORY | os.environ
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    if os.path.basename(root) in {"site-packages", "dist-packages"}:  # noqa: PTH119
        return ours
    known = os.environ.get("PYTHONPATH")
    return {**ours, "PYTHONPATH": os.pathsep.join([root, *([known] if known else [])])}
