"""What would run: plans, valid specs, templates."""

from typing import Any, Literal

from pydantic import Field

from control_plane.schemas.common import Model, Name
from control_plane.schemas.devnet import ChangeView


class ChainPlanView(Model):
    """One chain of a plan."""

    name: str
    chain_id: int
    domain: int
    port: int
    engine: str
    framework: str | None = Field(default=None, description="Null for the L1.")
    shard: str | None = Field(default=None, description="Null: of no named one.")
    gas_token: str | None = Field(
        default=None, description="Symbol of the token that is its coin; null: of none."
    )
    block_time: float
    phase: float = Field(description="Where in its block time it ticks, 0 to 1.")


class PlanView(Model):
    """What `up` would do."""

    name: Name
    runtime: str
    chains: tuple[ChainPlanView, ...] = Field(description="The L1 first.")
    services: tuple[str, ...] = Field(description="Nodes and agents that will run.")
    guardians: int
    stake: str = Field(description="ERA of each guardian.")
    epoch_interval: float
    fees: str
    accounts: int
    balance: str = Field(description="Native coins of each account on every chain.")
    save_interval: float
    origins: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    spec: dict[str, Any] = Field(description="The whole spec, defaults filled in.")
    changes: tuple[ChangeView, ...] = Field(
        default=(), description="How it differs from the devnet of that name that exists."
    )


class ValidateResult(Model):
    """A spec that is valid."""

    valid: Literal[True] = True
    spec: dict[str, Any] = Field(description="The whole spec, defaults filled in.")
    notes: tuple[str, ...] = ()


class TemplateView(Model):
    """A template."""

    name: str = Field(examples=["default"])
    description: str
    rollups: tuple[str, ...] = Field(description="Names of its rollups.")
    source: str | None = Field(
        default=None, description="The YAML; only where one template is shown."
    )
