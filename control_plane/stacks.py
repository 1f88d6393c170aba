"""Exported stacks, for the command line: ``python -m control_plane.stacks``.

As ``control_plane.engines``: one JSON document on stdout, no daemon. What to do comes on stdin:
``{"create": {…CreateDevnet…}, "out": DIR, "swarm": bool}``.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.engine.anvil_binary import resolve_anvil
from control_plane.adapters.engine.op_geth import OpGethEngine
from control_plane.adapters.engine.program_cache import cache_dir
from control_plane.adapters.evm.bake import Genesis, ensure_genesis
from control_plane.adapters.machine import read_facts
from control_plane.adapters.provision import FileProvision
from control_plane.adapters.runtime.compose.files import Kit
from control_plane.adapters.stack.export import export_stack
from control_plane.adapters.templates import TemplateFiles
from control_plane.domain.errors import CalderaError
from control_plane.planning import plan_for_machine
from control_plane.resources import compose_dir, templates_dir
from control_plane.schemas.devnet import CreateDevnet
from control_plane.services.problems import problem_detail
from control_plane.services.specs import load_spec

_INTERRUPTED: Final = 130


def main() -> int:
    """Write one stack; 0, or 1 when the document tells a problem."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        document = _export(json.load(sys.stdin))
    except CalderaError as error:
        _print({"problem": problem_detail(error).model_dump(mode="json")})
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    _print(document)
    return 0


def _export(request: dict[str, Any]) -> dict[str, Any]:
    create = CreateDevnet.model_validate(request["create"])
    spec = load_spec(create, TemplateFiles(templates_dir()), read_facts())
    plan = plan_for_machine(spec, (), None, create.free_ports)
    engines = {engine.name: engine for engine in (AnvilEngine(), OpGethEngine())}
    written = export_stack(
        plan,
        Kit(compose_dir(), engines),
        FileProvision(_bake, engines),
        Path(request["out"]).absolute(),
        swarm=bool(request["swarm"]),
        has=_has,
    )
    return {
        "name": plan.name,
        "files": [str(path) for path in written],
        "notes": plan.notes,
    }


def _bake() -> Genesis:
    cache = cache_dir(os.environ)
    return ensure_genesis(lambda: resolve_anvil(None, cache=cache).path, cache)


@cache
def _has(image: str) -> bool:
    """Whether the engine here has `image`; without an engine all that can be built is named."""
    docker = shutil.which("docker")
    if docker is None:
        return True
    done = subprocess.run([docker, "image", "inspect", image], capture_output=True, check=False)
    return done.returncode == 0 or b"No such image" not in done.stderr


def _print(document: Any) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    sys.exit(main())
