"""Nodes' log files: appended to by the node itself, kept within bounds by us."""

import contextlib
import os
from pathlib import Path
from typing import Final

BOUND: Final = 16 * 1024 * 1024
"""Bytes after which a log is cut; what was there goes to ``NAME.1``."""
_KEPT: Final = 4 * 1024 * 1024
"""Bytes of the end that ``NAME.1`` keeps."""


def open_log(path: Path) -> int:
    """A descriptor that appends to `path`; mode 0600, closed on exec."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    return os.open(path, flags, 0o600)


def bound_log(path: Path) -> None:
    """Cut a log that grew too long. Its writer may go on meanwhile: it appends, so whatever
    it writes next stands at the new beginning."""
    with contextlib.suppress(OSError):
        if path.stat().st_size <= BOUND:
            return
        path.with_name(path.name + ".1").write_bytes(_tail(path, _KEPT))
        os.truncate(path, 0)


def last_lines(path: Path, count: int = 15) -> tuple[str, ...]:
    """The last lines that say something."""
    try:
        text = _tail(path, 16 * 1024).decode(errors="replace")
    except OSError:
        return ()
    return tuple([line.rstrip() for line in text.splitlines() if line.strip()][-count:])


def _tail(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - size))
        return file.read()
