"""Which program runs as a node or a service, and why it is that one.

In this order: the path that the spec names (``engines.op-geth.path``), the one that the
environment names (``OP_GETH_BIN``, ``ANVIL_BIN`` …), PATH where its version is known to work, the
user's cache; else the pinned one is brought into the cache: Anvil from its registry package, the
others built from their Go modules. The first two are insisted on: they work, or it is an error.
"""

import re
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import defpath
from pathlib import Path
from typing import Final, Literal

from control_plane.adapters.engine.anvil_binary import ANVIL_VERSION, resolve_tool
from control_plane.adapters.engine.go_build import build_program, variable_of
from control_plane.adapters.engine.go_programs import GO_PROGRAMS, OP_STACK, GoProgram
from control_plane.adapters.engine.program_cache import ask_version, is_program, read_version
from control_plane.domain.errors import MissingDependency, NotFound
from control_plane.domain.ports.node import NodeSpec

Source = Literal["spec", "environment", "path", "cache", "built", "fetched"]

PROGRAMS: Final = ("anvil", *GO_PROGRAMS)
"""All names, in the order in which they are shown."""
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {"op-stack": OP_STACK}
"""Names that stand for several programs."""

_ANVIL: Final[Mapping[str, Source]] = {"path": "path", "cache": "cache", "npm": "fetched"}
_VERSION_LINE = re.compile(r"^(?P<tool>[\w-]+) version v?(?P<version>\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Binary:
    """A program that is there and answers."""

    name: str
    path: Path
    version: str
    """As it says it, without a leading v."""
    source: Source


def resolve_program(
    name: str,
    *,
    named: Path | None,
    cache: Path,
    environ: Mapping[str, str],
    build: bool = True,
    progress: Callable[[str], None] = lambda _line: None,
    stop: threading.Event | None = None,
) -> Binary:
    """The program `name` of :data:`PROGRAMS`; blocking (minutes when it is built): call it in a
    thread. `named` is the spec's path; `stop`, once set, ends a build, with Failed.

    Raises NotFound (no such name), MissingDependency (not to be had, the named one is not usable,
    or it is not here and `build` is False), ServiceFailed (its build failed), DeadlineExceeded
    and StorageFailed.
    """
    if name == "anvil":
        return _anvil(named, cache, environ, build=build)
    program = GO_PROGRAMS.get(name)
    if program is None:
        raise NotFound(f"There is no program '{name}'", hint=f"known: {', '.join(PROGRAMS)}")
    if named is not None:
        return _usable(program, named, cache, "spec")
    if explicit := environ.get(variable_of(name)):
        return _usable(program, Path(explicit), cache, "environment")
    if (found := _good_on_path(program, cache, environ)) is not None:
        return found
    version = _version(program, program.cached(cache), cache)
    if version is not None:
        return Binary(name, program.cached(cache), version, "cache")
    if not build:
        raise MissingDependency(
            f"{name} is not here yet",
            f"none is named, known to work on PATH, or in {program.cached(cache).parent}",
            f"`caldera engine install {name}` builds it",
        )
    return _built(program, cache, environ, progress, stop)


def finder(
    name: str,
    *,
    cache: Path,
    environ: Mapping[str, str],
    progress: Callable[[str], None] = lambda _line: None,
) -> Callable[[NodeSpec, threading.Event], Path]:
    """How a runtime finds the engine `name`: where the node's spec says, else as everybody does."""

    def find(spec: NodeSpec, stop: threading.Event) -> Path:
        chosen = spec.plan.engine(name).path
        named = None if chosen is None else Path(chosen)
        return resolve_program(
            name, named=named, cache=cache, environ=environ, progress=progress, stop=stop
        ).path

    return find


def pinned_version(name: str) -> str:
    """The version that is brought where none is found, without a leading v."""
    program = GO_PROGRAMS.get(name)
    return ANVIL_VERSION if program is None else program.module.version().removeprefix("v")


def expand(names: Sequence[str]) -> list[str]:
    """Programs by their names and those of groups, each once, in order. Raises NotFound."""
    wanted = [program for name in names for program in GROUPS.get(name, (name,))]
    for name in wanted:
        if name not in PROGRAMS:
            known = ", ".join((*PROGRAMS, *GROUPS))
            raise NotFound(f"There is no engine '{name}'", hint=f"known: {known}")
    return list(dict.fromkeys(wanted))


def passed_over(name: str, cache: Path, environ: Mapping[str, str]) -> str:
    """Why the program on PATH is not taken, empty when there is none."""
    program = GO_PROGRAMS.get(name)
    path = _on_path(name, environ)
    if program is None or path is None:
        return ""
    version = _version(program, path, cache)
    if version is None:
        return f"{path} does not answer as {name}"
    if program.known_good.search(version):
        return ""
    return f"{path} is {version}, which is not known to work"


def _anvil(named: Path | None, cache: Path, environ: Mapping[str, str], *, build: bool) -> Binary:
    found = resolve_tool("anvil", named, cache=cache, environ=environ, fetch=build)
    insisted: Source = "spec" if named is not None else "environment"
    return Binary("anvil", found.path, found.version, _ANVIL.get(found.source, insisted))


def _usable(program: GoProgram, path: Path, store: Path, source: Source) -> Binary:
    """`path` as the caller insists on it, or the one error that says what is wrong with it."""
    name, path = program.name, path.expanduser().absolute()
    what = f"engines.{name}.path" if source == "spec" else variable_of(name)
    hint = f"name another one in {what}, or leave it out and let {name} be built"
    if not path.is_file():
        raise MissingDependency(f"{name} is not there", f"{path} ({what}) is not a file", hint)
    if not is_program(path):
        raise MissingDependency(
            f"{name} is not executable", f"{path} ({what}) lacks the permission", f"chmod +x {path}"
        )
    version = _version(program, path, store)
    if version is None:
        raise MissingDependency(
            f"This is no {name} that runs here",
            f"`{path} --version` ({what}) does not answer as {name} does",
            hint,
        )
    return Binary(name, path, version, source)


def _on_path(name: str, environ: Mapping[str, str]) -> Path | None:
    found = shutil.which(name, path=environ.get("PATH", defpath))
    return Path(found).absolute() if found else None


def _good_on_path(program: GoProgram, store: Path, environ: Mapping[str, str]) -> Binary | None:
    path = _on_path(program.name, environ)
    version = _version(program, path, store) if path else None
    if path is None or version is None or not program.known_good.search(version):
        return None
    return Binary(program.name, path, version, "path")


def _version(program: GoProgram, path: Path, store: Path) -> str | None:
    """What `path` says of itself if it is `program` and runs here; remembered in `store`."""
    if not is_program(path):
        return None
    return read_version(path, store, lambda file: _ask(program, file))


def _ask(program: GoProgram, path: Path) -> str | None:
    names = program.called or (program.name,)
    answers = (ask_version(path, _VERSION_LINE, named=name) for name in names)
    return next((answer for answer in answers if answer is not None), None)


def _built(
    program: GoProgram,
    store: Path,
    environ: Mapping[str, str],
    progress: Callable[[str], None],
    stop: threading.Event | None,
) -> Binary:
    target = program.cached(store)

    def usable(path: Path) -> bool:
        return is_program(path) and _ask(program, path) is not None

    ours = build_program(program, target, environ, usable=usable, progress=progress, stop=stop)
    version = _version(program, target, store) or program.module.version()
    return Binary(program.name, target, version, "built" if ours else "cache")
