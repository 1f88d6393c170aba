"""The running Python with the packages that agents need, for an image.

The interpreter, its standard library and its packages are copied from where this process runs, so
nothing is fetched and what runs in the container is what was tested outside of it.
"""

import importlib.metadata
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import control_plane
from control_plane.adapters.images.root import Root
from control_plane.domain.errors import Failed
from control_plane.resources import artifacts_dir

PREFIX: Final = "/opt/python"

PACKAGES: Final = (
    *("orjson", "pydantic", "sqlalchemy", "websockets", "uvicorn"),
    *("rlp", "coincurve", "eth-hash", "safe-pysha3", "eth-abi", "py_arkworks_bls12381", "bip32"),
)
"""What agents and the gate import, with what these need."""
_OPTIONAL: Final = ("psycopg", "psycopg-binary")
"""For agents whose database is PostgreSQL."""

_NOT_NEEDED: Final = frozenset(
    {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "distutils"}
    | {"site-packages", "__pycache__", "pydoc_data", "unittest", "config"}
)


def python_root() -> Root:
    """Everything below :data:`PREFIX`, and the shared libraries. Raises Failed."""
    root = Root.empty()
    library = Path(sysconfig.get_path("stdlib"))
    here = f"{PREFIX}/lib/{library.name}"
    interpreter = Path(sys.executable).resolve()
    root.add_program(f"{PREFIX}/bin/python3", interpreter)
    _move_own_library(root)
    for path in _below(library):
        root.files[f"{here}/{path.relative_to(library)}"] = path
    for source, target in _packages():
        root.files[f"{here}/site-packages/{target}"] = source
    for path in _below(Path(control_plane.__file__).parent):
        parts = path.relative_to(Path(control_plane.__file__).parent)
        if parts.suffix == ".py" or "migrations" in parts.parts:
            root.files[f"{here}/site-packages/control_plane/{parts}"] = path
    for path in _below(artifacts_dir()):  # the names of errors that contracts revert with
        root.files[f"{here}/site-packages/control_plane/_data/artifacts/{path.name}"] = path
    root.add_libraries(
        source
        for source in list(root.files.values())
        if isinstance(source, Path) and ".so" in source.suffixes
    )
    return root


def _move_own_library(root: Root) -> None:
    """libpython goes to where LD_LIBRARY_PATH points, whatever path it has on this machine."""
    for target in [t for t in root.files if Path(t).name.startswith("libpython")]:
        root.files[f"{PREFIX}/lib/{Path(target).name}"] = root.files.pop(target)
        root.programs.discard(target)


def _below(directory: Path) -> Iterator[Path]:
    """Files below `directory` that a container has a use for."""
    for path in sorted(directory.iterdir()):
        if path.name in _NOT_NEEDED or path.name.startswith("config-"):
            continue
        if path.is_dir():
            yield from _below(path)
        elif path.suffix not in {".a", ".pyc", ".exe", ".pyi"} and "_test" not in path.name:
            yield path


def _packages() -> Iterator[tuple[Path, str]]:
    """Files of the packages, each with its path below site-packages."""
    for distribution in _closure():
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file)))
            parts = Path(str(file)).parts
            if parts[0] == ".." or _NOT_NEEDED.intersection(parts) or not path.is_file():
                continue
            if path.suffix not in {".pyc", ".pyi", ".pyx", ".c", ".h"}:
                yield path, str(file)


def _closure() -> list[importlib.metadata.Distribution]:
    from packaging.requirements import Requirement

    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = list(PACKAGES)
    waiting += [name for name in _OPTIONAL if _installed(name)]
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        distribution = _installed(name)
        if distribution is None:
            raise Failed("An image can't be made", f"the package {name} is not installed here")
        found[key] = distribution
        for text in distribution.requires or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                waiting.append(needed.name)
    return [found[key] for key in sorted(found)]


def _installed(name: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
