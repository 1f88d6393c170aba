"""Images, for the command line: ``python -m control_plane.images REQUEST NAME…``, where REQUEST is
ls or build.

As ``control_plane.engines``: one JSON document on stdout, progress on stderr, no daemon.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final

from control_plane.adapters.engine.program_cache import cache_dir
from control_plane.adapters.images.build import Found, build, look
from control_plane.adapters.images.recipes import RECIPES, Machine
from control_plane.domain.errors import CalderaError, NotFound
from control_plane.domain.suggest import nearest
from control_plane.resources import compose_dir
from control_plane.services.problems import problem_detail

_INTERRUPTED: Final = 130


def main(arguments: Sequence[str]) -> int:
    """Run one request; 0, or 1 when the document tells a problem."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    request, *names = arguments
    try:
        document = _answer(request, _expand(names))
    except CalderaError as error:
        _print({"problem": problem_detail(error).model_dump(mode="json")})
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    _print(document)
    return 0


def _answer(request: str, names: Sequence[str]) -> list[dict[str, Any]]:
    tags = local_tags()
    if request == "ls":
        return [_row(look(name, tags[name])) for name in names]
    machine = Machine(cache_dir(os.environ), os.environ, _say)
    return [_row(build(name, tags[name], machine)) for name in names]


def local_tags() -> dict[str, str]:
    """The tag of each image that is built here, from ``compose/images.yaml``."""
    import yaml

    table = yaml.safe_load((compose_dir() / "images.yaml").read_text(encoding="utf-8"))
    return {name: entry["local"] for name, entry in table.items()}


def _expand(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in RECIPES:
            close = nearest(name, RECIPES)
            hint = f"did you mean {close!r}?" if close else f"known: {', '.join(RECIPES)}"
            raise NotFound(f"There is no image '{name}'", hint=hint)
    return [name for name in RECIPES if name in names or not names]


def _row(found: Found) -> dict[str, Any]:
    state = "ready" if found.size else "missing"
    return {
        "name": found.name,
        "state": state,
        "image": found.tag,
        "bytes": found.size or None,
        "built": found.built,
    }


def _print(document: Any) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
