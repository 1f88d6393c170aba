"""Node programs, for the command line: ``python -m control_plane.engines REQUEST NAME…``, where
REQUEST is ls, install or compose.

The CLI imports no adapters; it runs this. One JSON document on stdout: rows, or the problem that
ended it (RFC 9457, ``{"problem": …}``). Progress goes to stderr. Needs no daemon.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.engine import binaries, frameworks
from control_plane.adapters.engine.binaries import Binary
from control_plane.adapters.engine.go_build import Go, find_go, need_go, variable_of
from control_plane.adapters.engine.go_programs import GO_PROGRAMS
from control_plane.adapters.engine.program_cache import cache_dir
from control_plane.domain.errors import CalderaError, MissingDependency
from control_plane.services.problems import problem_detail

Row = dict[str, str | None]

_INTERRUPTED: Final = 130


def main(arguments: Sequence[str]) -> int:
    """Run one request; 0, or 1 when the document tells a problem."""
    # A build has compilers below it: ended like Ctrl-C, it ends them.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    request, *names = arguments
    try:
        document = _answer(request, names)
    except CalderaError as error:
        _print({"problem": problem_detail(error).model_dump(mode="json")})
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    _print(document)
    return 0


def _answer(request: str, names: Sequence[str]) -> Any:
    cache = cache_dir(os.environ)
    if request == "compose":
        return frameworks.read(names[0])
    if request == "install":
        return [_install(name, cache, os.environ) for name in binaries.expand(names)]
    return {
        "programs": [look(name, cache, os.environ) for name in binaries.expand(names)],
        "go": _go(os.environ),
    }


def look(name: str, cache: Path, environ: Mapping[str, str]) -> Row:
    """What `name` is on this machine now; nothing is fetched or built.

    ``state``: ready, installable (the first use or `caldera engine install` brings it) or
    missing (``why`` says what hinders it, ``hint`` what helps).
    """
    try:
        found = binaries.resolve_program(
            name, named=None, cache=cache, environ=environ, build=False
        )
    except CalderaError as error:
        insisted = environ.get(variable_of(name))
        return _missing(name, error) if insisted else _to_come(name, cache, environ)
    return _row(found)


def _install(name: str, cache: Path, environ: Mapping[str, str]) -> Row:
    return _row(
        binaries.resolve_program(name, named=None, cache=cache, environ=environ, progress=_say)
    )


def _row(found: Binary) -> Row:
    return {
        "name": found.name,
        "state": "ready",
        "version": found.version,
        "source": found.source,
        "path": str(found.path),
        "why": _WHY[found.source].format(variable=variable_of(found.name)),
        "hint": "",
    }


_WHY: Final[Mapping[binaries.Source, str]] = {
    "spec": "the spec names it",
    "environment": "{variable} names it",
    "path": "it is on PATH, in a version known to work",
    "cache": "the pinned version is in the cache",
    "built": "built just now, in the pinned version",
    "fetched": "fetched just now, in the pinned version",
}


def _to_come(name: str, cache: Path, environ: Mapping[str, str]) -> Row:
    """Not here, and nobody insists on one: it can be brought, or what that needs is missing."""
    try:
        how = _how(name, environ)
    except MissingDependency as error:
        return _missing(name, error)
    over = binaries.passed_over(name, cache, environ)
    return {
        "name": name,
        "state": "installable",
        "version": binaries.pinned_version(name),
        "source": None,
        "path": None,
        "why": "; ".join(text for text in (over, how) if text),
        "hint": f"`caldera engine install {name}`",
    }


def _how(name: str, environ: Mapping[str, str]) -> str:
    program = GO_PROGRAMS.get(name)
    if program is None:
        return "fetched when it is first used"
    return f"Go {need_go(program, environ).version} builds it when it is first used"


def _missing(name: str, error: CalderaError) -> Row:
    return {
        "name": name,
        "state": "missing",
        "version": binaries.pinned_version(name),
        "source": None,
        "path": None,
        "why": str(error),
        "hint": error.hint,
    }


def _go(environ: Mapping[str, str]) -> Row | None:
    """The Go that would build, whether it is new enough or not."""
    oldest = max(program.module.oldest_go() for program in GO_PROGRAMS.values())
    go: Go | None = find_go(environ, oldest)
    if go is None:
        return None
    return {
        "version": go.version,
        "path": str(go.path),
        "oldest": ".".join(map(str, oldest)),
        "state": "ok" if go.builds(oldest) else "warning",
    }


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _print(document: Any) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
