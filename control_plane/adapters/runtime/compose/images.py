"""Which image a container runs: the table in ``compose/images.yaml``, and what the engine has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from control_plane.domain.errors import MissingDependency

FILE: Final = "images.yaml"
OURS: Final = "devnet"
"""The control plane's own image in the table."""

Has = Callable[[str], bool]
"""Whether the engine has an image of that name."""


@dataclass(frozen=True, slots=True)
class Image:
    """One entry of the table."""

    name: str
    local: str
    published: str | None
    program: tuple[str, ...]
    health: tuple[str, ...]
    """Asks the node; ``{port}`` stands for its JSON-RPC port. Empty: nothing does."""
    published_health: tuple[str, ...]
    """The same by what the published image has."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The image that a service runs."""

    name: str
    pull: str
    """Compose's pull policy: ``never`` or ``missing``."""
    health: tuple[str, ...]
    """What asks the node in this image."""


@cache
def read_images(directory: Path) -> Mapping[str, Image]:
    """The table below `directory`, by program."""
    import yaml

    table: dict[str, Any] = yaml.safe_load((directory / FILE).read_text(encoding="utf-8"))
    return {
        name: Image(
            name,
            entry["local"],
            entry["published"],
            tuple(entry["program"]),
            tuple(entry["health"]),
            tuple(entry.get("published_health", ())),
        )
        for name, entry in table.items()
    }


def choose(image: Image, named: str | None, has: Has) -> Choice:
    """What to run for `image`: what the spec names, else the local one, else the published one.

    Raises MissingDependency when there is none and nobody publishes one.
    """
    if named is not None:
        return Choice(named, "never" if has(named) else "missing", image.published_health)
    if has(image.local):
        return Choice(image.local, "never", image.health)
    if image.published is None:
        raise missing(image.name, f"the engine has no image {image.local}")
    pull = "never" if has(image.published) else "missing"
    return Choice(image.published, pull, image.published_health)


def missing(name: str, why: str) -> MissingDependency:
    """The error for an image that can't be had."""
    return MissingDependency(
        f"The image of {name} is missing",
        why,
        "Run `caldera images build`, which makes all of them on this machine.",
    )
