"""Services: nodes and agents."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from control_plane.schemas.common import Model, Request

ServiceStateName = Literal["starting", "ready", "restarting", "stopped", "failed"]


class ServiceView(Model):
    """A node or an agent of a devnet."""

    name: str = Field(examples=["op/node", "relayer"], description="`rollup/role`, or a role.")
    kind: Literal["node", "agent"]
    state: ServiceStateName
    problem: str | None = None
    restarts: int = 0
    pid: int | None = Field(default=None, description="Null for an agent inside the daemon.")
    port: int | None = None
    command: tuple[str, ...] = Field(default=(), description="How the node was started.")
    log: str | None = Field(default=None, description="Path of its log.")
    saved_block: int | None = Field(default=None, description="Block of the last saved state.")
    saved_at: datetime | None = None
    lost_blocks: Annotated[tuple[int, ...], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="First and last block that went when it was last restored."
    )


class PatchService(Request):
    """A change to a service."""

    action: Literal["start", "stop", "restart"]
    wait: bool = Field(default=False, description="Answer when it is done.")
