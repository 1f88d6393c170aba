"""Finding a usable Anvil (and, for tests, cast), and fetching the pinned one where none is.

Order: the path that was named (spec or ``ANVIL_BIN``), the per-user cache, PATH, the registry
package. A warm call reads two small facts from disk and starts no process: what `--version` said
is remembered for as long as the file's path, time and size stay the same.
"""

import contextlib
import fcntl
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from control_plane.adapters.engine.npm_package import NpmPackage, install_program
from control_plane.domain.errors import DeadlineExceeded, MissingDependency, StorageFailed

ANVIL_VERSION = "1.7.1"
"""What is fetched, and what the tests run against."""
_KNOWN_GOOD = re.compile(r"^1\.7\.\d+$")
_VERSION_LINE = re.compile(
    r"^(?P<tool>\w+) (?:Version: )?v?(?P<version>\d+\.\d+\.\d+)\S*", re.MULTILINE
)
_VERSION_SECONDS = 20.0
_LOCK_SECONDS = 300.0

Tool = Literal["anvil", "cast"]
Source = Literal["named", "cache", "path", "npm"]

PACKAGES: Mapping[Tool, NpmPackage] = {
    "anvil": NpmPackage(
        "@foundry-rs/anvil-linux-amd64",
        ANVIL_VERSION,
        "+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg==",
        "package/bin/anvil",
    ),
    "cast": NpmPackage(
        "@foundry-rs/cast-linux-amd64",
        ANVIL_VERSION,
        "XUpTM2rwtkF8BJ02dae38NNZAx5QfycWRpdR2RmSgOJnasvXuvN58whDVLjQu8IDHEV/fCNIa49aE8V74pmDwQ==",
        "package/bin/cast",
    ),
}
"""Pinned packages; linux-amd64 only: no other platform's hash was verified by us."""


@dataclass(frozen=True, slots=True)
class AnvilBinary:
    """A program that was found and whose version is known to work."""

    path: Path
    version: str
    source: Source


def cache_dir(environ: Mapping[str, str]) -> Path:
    """The user's cache: ``CALDERA_CACHE``, ``$XDG_CACHE_HOME/caldera`` or ``~/.cache/caldera``."""
    if named := environ.get("CALDERA_CACHE"):
        return Path(named).expanduser().absolute()
    if xdg := environ.get("XDG_CACHE_HOME"):
        return Path(xdg).expanduser().absolute() / "caldera"
    return Path(environ.get("HOME") or Path.home()) / ".cache" / "caldera"


def resolve_anvil(
    named: str | Path | None = None,
    *,
    cache: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> AnvilBinary:
    """A usable Anvil; blocking (seconds when it must be fetched): call it in a thread.

    Raises MissingDependency (none to be had, or the named one is not usable: one error each),
    StorageFailed (the cache can't be written) and DeadlineExceeded.
    """
    return resolve_tool("anvil", named, cache=cache, environ=environ)


def resolve_tool(
    tool: Tool,
    named: str | Path | None = None,
    *,
    cache: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> AnvilBinary:
    """Like `resolve_anvil` for any of Foundry's programs; ``ANVIL_BIN``, ``CAST_BIN`` name one."""
    env = os.environ if environ is None else environ
    store = cache or cache_dir(env)
    if explicit := named or env.get(f"{tool.upper()}_BIN"):
        return _usable(tool, Path(explicit).expanduser(), store, "named")
    cached = store / "engines" / tool / PACKAGES[tool].version / tool
    if (version := _known_version(tool, cached, store)) is not None:
        return AnvilBinary(cached, version, "cache")
    if (on_path := _good_on_path(tool, store, env)) is not None:
        return on_path
    return _fetch(tool, cached, store, env)


def _usable(tool: Tool, path: Path, store: Path, source: Source) -> AnvilBinary:
    """`path` as the caller insists on it, or the one error that says what is wrong with it."""
    hint = (
        f"name another one, or unset {tool.upper()}_BIN and let {tool} {ANVIL_VERSION} be fetched"
    )
    path = path.absolute()
    if not path.is_file():
        raise MissingDependency(f"{tool} is not there", f"{path} is not a file", hint)
    if not os.access(path, os.X_OK):
        raise MissingDependency(
            f"{tool} is not executable", f"{path} lacks the permission", f"chmod +x {path}"
        )
    version = _read_version(tool, path, store)
    if version is None:
        raise MissingDependency(
            f"This is not {'an' if tool == 'anvil' else 'a'} {tool} that runs here",
            f"`{path} --version` does not answer as {tool} does",
            hint,
        )
    if not _KNOWN_GOOD.match(version):
        raise MissingDependency(
            f"{tool} {version} is not supported",
            f"{path}: versions known to work are 1.7.x",
            hint,
        )
    return AnvilBinary(path, version, source)


def _known_version(tool: Tool, path: Path, store: Path) -> str | None:
    """The version of a usable program at `path`, None when it is not one."""
    if not (path.is_file() and os.access(path, os.X_OK)):
        return None
    version = _read_version(tool, path, store)
    return version if version is not None and _KNOWN_GOOD.match(version) else None


def _good_on_path(tool: Tool, store: Path, env: Mapping[str, str]) -> AnvilBinary | None:
    found = shutil.which(tool, path=env.get("PATH", os.defpath))
    if found is None:
        return None
    path = Path(found).absolute()
    version = _known_version(tool, path, store)
    return AnvilBinary(path, version, "path") if version else None


def _read_version(tool: Tool, path: Path, store: Path) -> str | None:
    """What ``--version`` says, remembered per path, modification time and size."""
    stat = path.stat()
    key = f"{path}:{stat.st_mtime_ns}:{stat.st_size}"
    memory = store / "engines" / "versions.json"
    known = _read_memory(memory)
    if key in known:
        return known[key]
    version = _ask_version(tool, path)
    if version is not None:
        _remember(
            memory,
            {k: v for k, v in known.items() if not k.startswith(f"{path}:")} | {key: version},
        )
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


def _ask_version(tool: Tool, path: Path) -> str | None:
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
    match = _VERSION_LINE.search(done.stdout)
    if done.returncode != 0 or match is None or match["tool"] != tool:
        return None
    return match["version"]


def _fetch(tool: Tool, target: Path, store: Path, env: Mapping[str, str]) -> AnvilBinary:
    """The pinned package into the cache, once however many ask at the same time."""
    if (sys.platform, platform.machine().lower()) not in {("linux", "x86_64"), ("linux", "amd64")}:
        raise MissingDependency(
            f"{tool} is missing",
            f"no hash of {tool} for {sys.platform} on {platform.machine()} is pinned, "
            "so it is not fetched",
            f"put {tool} of Foundry 1.7 on PATH, or set {tool.upper()}_BIN=/path/to/{tool}",
        )
    try:
        with _lock(target.parent):
            if not _known_version(tool, target, store):
                install_program(PACKAGES[tool], target, env)
    except OSError as error:
        raise StorageFailed(
            f"{tool} can't be stored",
            f"{error.strerror or error}: {error.filename or target}",
            "free some space, or set CALDERA_CACHE to a directory that can be written",
        ) from error
    version = _known_version(tool, target, store)
    if version is None:
        raise MissingDependency(
            f"The fetched {tool} does not run here",
            f"{target} was checked against its hash, yet `--version` fails",
            f"it needs glibc; set {tool.upper()}_BIN=/path/to/{tool} built for this system",
        )
    return AnvilBinary(target, version, "npm")


@contextlib.contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Hold `directory`'s lock; the kernel drops it when its holder dies."""
    directory.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _LOCK_SECONDS
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
                time.sleep(0.1)
        yield
