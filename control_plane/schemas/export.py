"""Exports: files for other programs."""

from typing import Literal

from pydantic import Field

from control_plane.schemas.common import Model

EnvFormat = Literal["sh", "dotenv", "json"]


class ExportFile(Model):
    """One file of an export."""

    name: str = Field(
        description="File name, with directories below the export's own where it has some.",
        examples=["addresses.json", "chains/op/metadata.yaml"],
    )
    content: str


class ExportView(Model):
    """A devnet described for another program."""

    kind: str = Field(examples=["addresses"])
    files: tuple[ExportFile, ...]
