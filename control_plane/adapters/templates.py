"""Scenario templates as files of one directory."""

from pathlib import Path

from control_plane.domain.errors import NotFound
from control_plane.domain.suggest import hint


class TemplateFiles:
    """Every ``NAME.yaml`` of `directory` is a template."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self) -> list[str]:
        """Sorted."""
        return sorted(path.stem for path in self._directory.glob("*.yaml"))

    def text(self, name: str) -> str:
        """The YAML of template `name`; NotFound for any other name, one with a path in it too."""
        known = self.names()
        if name not in known:
            raise NotFound(f"No template is called '{name}'", hint=hint(name, known, "templates"))
        return (self._directory / f"{name}.yaml").read_text(encoding="utf-8")
