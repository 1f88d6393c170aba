"""Who keeps a rollup's data."""

from typing import Literal

from pydantic import Field

from control_plane.schemas.common import Model


class KeeperView(Model):
    """A data availability service, as whoever reads from it must know it."""

    type: Literal["celestia", "eigenda", "anytrust", "alt-da"]
    url: str = Field(
        examples=["http://127.0.0.1:26658"],
        description="Empty of a committee of somebody else's, each of whose members has one.",
    )
    stand_in: bool = Field(description="A server of ours on this machine, nobody behind it.")
    namespace: str | None = Field(default=None, description="The rollup's own on Celestia, 0x-hex.")
    token_file: str | None = Field(default=None, description="Path of a file with its token.")
    committee: str | None = Field(
        default=None, description="Path of the description of AnyTrust's committee."
    )


class DataAvailabilityView(Model):
    """Where a rollup's data are."""

    da: str | None = Field(description="Null where nothing posts them.", examples=["celestia"])
    keepers: tuple[KeeperView, ...] = Field(
        default=(), description="Who keeps what the L1 has not; none where it has everything."
    )
