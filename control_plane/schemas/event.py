"""Events: what happened in a devnet."""

from datetime import datetime
from typing import Any

from pydantic import Field

from control_plane.schemas.common import Model


class EventView(Model):
    """One event. Ids rise strictly; `Last-Event-ID` resumes after one."""

    id: int
    devnet: str
    at: datetime
    type: str = Field(examples=["devnet.ready", "message.delivered"])
    service: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)
