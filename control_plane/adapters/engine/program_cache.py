"""The user's cache of node programs: where it is, who may write to it, what is known of programs.

A program's version is what it says itself. The answer is remembered for as long as the file's
path, time and size stay the same, so that a warm call reads small facts and starts no process.
"""

import contextlib
import fcntl
import json
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from control_plane.domain.errors import DeadlineExceeded, Failed

_VERSION_SECONDS: Final = 20.0
_MEMORY: Final = Path("engines", "versions.json")

Ask = Callable[[Path], str | None]
"""A program's version as it tells it; None where it does not answer as that program does."""


def cache_dir(environ: Mapping[str, str]) -> Path:
    """The user's cache: ``CALDERA_CACHE``, ``$XDG_CACHE_HOME/caldera`` or ``~/.cache/caldera``."""
    if named := environ.get("CALDERA_CACHE"):
        return Path(named).expanduser().absolute()
    if xdg := environ.get("XDG_CACHE_HOME"):
        return Path(xdg).expanduser().absolute() / "caldera"
    return Path(environ.get("HOME") or Path.home()) / ".cache" / "caldera"


def is_program(path: Path) -> bool:
    """Whether there is a file at `path` that may be run."""
    return path.is_file() and os.access(path, os.X_OK)


def ask_version(path: Path, line: re.Pattern[str], *, named: str) -> str | None:
    """Group ``version`` of `line` in what ``--version`` prints; group ``tool`` must be `named`."""
    try:
        done = subprocess.run(
            [str(path), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = line.search(done.stdout)
    if done.returncode != 0 or match is None or match["tool"] != named:
        return None
    return match["version"]


def read_version(path: Path, store: Path, ask: Ask) -> str | None:
    """What `ask` says of the file at `path`, remembered in `store` per path, time and size."""
    stat = path.stat()
    key = f"{path}:{stat.st_mtime_ns}:{stat.st_size}"
    memory = store / _MEMORY
    known = _read_memory(memory)
    if key in known:
        return known[key]
    version = ask(path)
    if version is not None:
        others = {k: v for k, v in known.items() if not k.startswith(f"{path}:")}
        _remember(memory, others | {key: version})
    return version


def _read_memory(memory: Path) -> dict[str, str]:
    try:
        known = json.loads(memory.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {str(key): str(value) for key, value in known.items()}


def _remember(memory: Path, known: Mapping[str, str]) -> None:
    # Only a shortcut: where the cache can't be written, the next call asks again.
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=memory.parent, delete=False) as scratch:
            json.dump(known, scratch)
        Path(scratch.name).replace(memory)


@contextlib.contextmanager
def locked(
    directory: Path,
    seconds: float,
    waiting: Callable[[], None] = lambda: None,
    stop: threading.Event | None = None,
) -> Iterator[None]:
    """Hold `directory`'s lock; the kernel drops it when its holder dies.

    `waiting` is called once when somebody else holds it. Raises DeadlineExceeded after `seconds`,
    Failed when `stop` was set meanwhile, OSError where the directory can't be written.
    """
    stop = stop or threading.Event()
    directory.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    told = False
    with (directory / ".lock").open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DeadlineExceeded(
                        "Another process has been fetching for too long",
                        f"{directory} stays locked",
                        "end that process, or try again",
                    ) from None
            if not told:
                told = True
                waiting()
            # flock knows no deadline, and alarms are the main thread's only
            if stop.wait(0.1):
                raise Failed("Waiting for another process was ended", str(directory))
        yield
