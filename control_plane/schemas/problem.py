"""Errors on the wire: RFC 9457 problem details."""

from typing import Any, Final

from pydantic import Field

from control_plane.schemas.common import Model

TYPE_BASE: Final = "urn:caldera:problem:"
"""What a problem's slug is appended to; an identifier, not an address to open."""


class FieldProblem(Model):
    """One fault of an input."""

    path: str = Field(description="Where, dotted.", examples=["rollups[1].block_time"])
    detail: str = Field(description="What is wrong.")
    hint: str = Field(default="", description="What to write instead.")


class ProblemDetail(Model):
    """Any error (application/problem+json)."""

    type: str = Field(description="Stable identifier.", examples=[TYPE_BASE + "not-found"])
    title: str = Field(description="What failed.", examples=["No devnet is called 'shop'"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(default="", description="Why.")
    hint: str = Field(default="", description="What to do about it.")
    docs: str | None = Field(default=None, description="Where to read more.")
    errors: tuple[FieldProblem, ...] = Field(
        default=(), description="All faults of a spec or a body."
    )
    service: str | None = Field(default=None, description="The service that failed.")
    command: tuple[str, ...] = Field(default=(), description="How it was started.")
    log: str | None = Field(default=None, description="Path of its log.")
    last_lines: tuple[str, ...] = Field(default=(), description="The log's last lines.")
    extra: dict[str, Any] | None = Field(default=None, description="Anything else worth knowing.")
