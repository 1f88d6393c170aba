"""What the services ask of the machine and of the package's own files."""

from collections.abc import Sequence
from typing import Protocol


class Templates(Protocol):
    """The scenario templates that come with the package."""

    def names(self) -> Sequence[str]:
        """Sorted."""
        ...

    def text(self, name: str) -> str:
        """The YAML of one; NotFound suggests the nearest name."""
        ...
