"""Baked contract state as committed files: `bake.py write|check`.

write   bake contracts/genesis unless it belongs to the contracts as they are
check   bake twice from nothing, compare both with each other and with what is committed
"""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from control_plane.adapters.engine.anvil_binary import resolve_anvil  # noqa: E402
from control_plane.adapters.evm.bake import Genesis  # noqa: E402
from control_plane.adapters.evm.bake_sources import content_hash  # noqa: E402
from control_plane.adapters.evm.baking import bake  # noqa: E402

GENESIS = ROOT / "contracts" / "genesis"
FILES = ("l1.json", "rollup.json", "op-stack.json", "surfaces.json", "manifest.json")


def main(arguments: list[str]) -> int:
    """Exit code 0 done, 1 different, 2 wrong usage."""
    match arguments:
        case ["write"]:
            if not _is_current():
                bake(resolve_anvil().path, GENESIS)
            return 0
        case ["check"]:
            return check()
        case _:
            print(__doc__, file=sys.stderr)
            return 2


def _is_current() -> bool:
    try:
        return Genesis(GENESIS).content_hash == content_hash()
    except (OSError, ValueError, KeyError):
        return False


def check() -> int:
    """Whether two fresh bakes and the committed one are the same bytes."""
    anvil = resolve_anvil().path
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        for scratch in (first, second):
            bake(anvil, Path(scratch))
        directories = [Path(first), Path(second), GENESIS]
        different = [name for name in FILES if len({_read(d / name) for d in directories}) != 1]
    for name in different:
        print(f"contracts/genesis/{name} is not what the contracts give", file=sys.stderr)
    if different:
        print("run `make contracts` and commit the result", file=sys.stderr)
    return 1 if different else 0


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else os.fsencode(f"no {path.name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
