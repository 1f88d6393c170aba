"""Finding a usable Anvil (and, for tests, cast), and fetching the pinned one where none is.

Order: the path that was named (spec or ``ANVIL_BIN``), the per-user cache, PATH, the registry
package. A warm call reads two small facts from disk and starts no process.
"""

import os
import platform
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from control_plane.adapters.engine.npm_package import NpmPackage, install_program
from control_plane.adapters.engine.program_cache import (
    ask_version,
    is_program,
    locked,
    read_version,
)
from control_plane.adapters.engine.program_cache import cache_dir as cache_dir  # noqa: PLC0414
from control_plane.domain.errors import MissingDependency, StorageFailed

ANVIL_VERSION = "1.7.1"
"""What is fetched, and what the tests run against."""
_KNOWN_GOOD = re.compile(r"^1\.7\.\d+$")
_VERSION_LINE = re.compile(
    r"^(?P<tool>\w+) (?:Version: )?v?(?P<version>\d+\.\d+\.\d+)\S*", re.MULTILINE
)
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
    fetch: bool = True,
) -> AnvilBinary:
    """Like `resolve_anvil` for any of Foundry's programs; ``ANVIL_BIN``, ``CAST_BIN`` name one.

    Without `fetch` a program that would have to be fetched is a missing one.
    """
    env = os.environ if environ is None else environ
    store = cache or cache_dir(env)
    if explicit := named or env.get(f"{tool.upper()}_BIN"):
        return _usable(tool, Path(explicit).expanduser(), store, "named")
    cached = store / "engines" / tool / PACKAGES[tool].version / tool
    if (version := _known_version(tool, cached, store)) is not None:
        return AnvilBinary(cached, version, "cache")
    if (on_path := _good_on_path(tool, store, env)) is not None:
        return on_path
    if not fetch:
        raise MissingDependency(
            f"{tool} is not here yet",
            f"no {tool} of Foundry 1.7 is on PATH or in {store}",
            f"`caldera engine install {tool}` fetches it, as the first `caldera up` does",
        )
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
    if not is_program(path):
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
    return read_version(path, store, lambda file: ask_version(file, _VERSION_LINE, named=tool))


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
        with locked(target.parent, _LOCK_SECONDS):
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
