"""Where the package's data lies: in a wheel below ``control_plane/_data``, else in the checkout.

Both are directories on disk: the package is never imported from a zip archive (hatchling's
wheels are installed unpacked, an editable install is the checkout itself).
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

_IN_CHECKOUT = {
    "templates": "templates",
    "artifacts": "contracts/artifacts",
    "genesis": "contracts/genesis",
    "third_party": "contracts/third_party",
    "compose": "compose",
}


@cache
def _directory(name: str) -> Path:
    package = Path(str(files("control_plane")))
    packaged = package / "_data" / name
    if packaged.is_dir():
        return packaged
    return package.parent / _IN_CHECKOUT[name]


def templates_dir() -> Path:
    """Scenario templates, one YAML file each."""
    return _directory("templates")


def artifacts_dir() -> Path:
    """Compiled contracts, ``<Contract>.json``, and their ``manifest.json``."""
    return _directory("artifacts")


def genesis_dir() -> Path:
    """Baked contract state, ``l1.json`` and ``rollup.json``, and their ``manifest.json``."""
    return _directory("genesis")


def third_party_dir() -> Path:
    """Deployed bytecode of others, one directory each, with licence, origin and hash."""
    return _directory("third_party")


def compose_dir() -> Path:
    """What engines and containers are made from: ``engines/`` are the Go modules that pin node
    programs."""
    return _directory("compose")


def checkout_dir() -> Path | None:
    """The root of the checkout this package runs from; None when it was installed from a wheel."""
    root = Path(str(files("control_plane"))).parent
    return root if (root / "contracts" / "foundry.toml").is_file() else None
