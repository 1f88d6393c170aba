"""Faults that users start."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from control_plane.schemas.common import Model, Request

Parameters = Annotated[
    dict[str, int | str], Field(description="As the kind has them.", max_length=16)
]


class FaultParameterView(Model):
    """A parameter of a kind of fault."""

    name: str = Field(examples=["ms"])
    default: int | str
    description: str


class FaultKindView(Model):
    """Something that can be broken."""

    kind: str = Field(examples=["guardian-silent"])
    target: Literal["guardian", "chain"] | None = Field(description="What it is aimed at.")
    at_once: bool = Field(description="A single act, over as soon as it is done.")
    description: str
    parameters: tuple[FaultParameterView, ...] = ()


class StartFault(Request):
    """A fault to start."""

    kind: str = Field(max_length=64, examples=["guardian-late"])
    target: str | None = Field(
        default=None, max_length=64, description="A guardian or a chain.", examples=["guardian-2"]
    )
    parameters: Parameters = Field(default={}, examples=[{"ms": 500}])


class FaultView(Model):
    """A fault."""

    id: str = Field(examples=["f1"])
    kind: str
    target: str | None = None
    parameters: Parameters = Field(default={})
    state: Literal["active", "over"]
    since: datetime
    ended_at: datetime | None = None
    outcome: str | None = Field(default=None, description="What it did, or what came of it.")
