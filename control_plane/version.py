"""The version of this package, from its metadata."""

from functools import cache
from typing import Final

_DISTRIBUTION: Final = "caldera-devnet"


@cache
def version() -> str:
    """E.g. ``0.1.0``; ``0`` in a tree that was never installed."""
    from importlib import metadata

    try:
        return metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "0"
