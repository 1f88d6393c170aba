"""The daemon itself."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from control_plane.schemas.common import Model


class Health(Model):
    """Whether the daemon answers."""

    status: Literal["ok", "starting", "stopping"] = "ok"
    version: str = Field(examples=["0.1.0"])


class DaemonView(Model):
    """The daemon itself."""

    version: str
    pid: int
    home: str
    started_at: datetime
    socket: str
    port: int | None = Field(
        default=None, description="TCP port of the same REST, if it listens there."
    )
    devnets: int
