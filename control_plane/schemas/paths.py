"""Where the daemon and its clients meet: files below ``$CALDERA_HOME``. Standard library only."""

import os
from pathlib import Path
from typing import Final

HOME_VARIABLE: Final = "CALDERA_HOME"

_LONGEST_GATE_DIRECTORY: Final = 80
GATE_SOCKET: Final = "gate.sock"
KNOWN: Final = ("caldera.db", "daemon.", "gate.", "devnets", "reserve", "cache")
"""How the names of all that is ours below the home directory begin."""

_LONGEST_SOCKET_NAME = 100
"""Bytes. ``sun_path`` holds 104 on macOS and 108 on Linux, with the final zero."""


def home() -> Path:
    """``$CALDERA_HOME``, by default ``~/.caldera``; absolute, not necessarily there."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / ".caldera"


def socket_path(directory: Path) -> Path:
    """The daemon's socket of the home `directory`.

    ``daemon.sock`` inside it, or, when that name is too long for a socket, one below the
    temporary directory in a folder of this user's own (mode 0700, made by the daemon) whose
    name follows from `directory`: client and daemon arrive at the same one.
    """
    wanted = directory / "daemon.sock"
    if len(os.fsencode(wanted)) <= _LONGEST_SOCKET_NAME:
        return wanted
    import hashlib  # with tempfile 5 ms, at every command
    import tempfile

    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    folder = f"caldera-{os.getuid()}"
    short = Path(tempfile.gettempdir()) / folder / f"{digest}.sock"
    if len(os.fsencode(short)) <= _LONGEST_SOCKET_NAME:
        return short
    return Path("/tmp") / folder / f"{digest}.sock"  # noqa: S108 - a 0700 folder of our own in it


def lock_path(directory: Path) -> Path:
    """Held (flock) by the daemon while it lives."""
    return directory / "daemon.lock"


def info_path(directory: Path) -> Path:
    """``daemon.json``: pid, version, socket, port, started_at of the running daemon."""
    return directory / "daemon.json"


def log_path(directory: Path) -> Path:
    """What the daemon writes."""
    return directory / "daemon.log"


def gate_directory(directory: Path) -> Path:
    """Where the gate of the home `directory` runs and has its socket :data:`GATE_SOCKET`: the
    home, or, when that name is too long for a socket, one below the temporary directory."""
    if len(os.fsencode(directory)) <= _LONGEST_GATE_DIRECTORY:
        return directory
    import hashlib
    import tempfile

    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"caldera-{os.getuid()}-{digest}"
