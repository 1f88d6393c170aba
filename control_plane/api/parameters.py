"""Parameters that several routes share."""

import re
from typing import Annotated

from fastapi import Header, Path, Query
from pydantic import WithJsonSchema

from control_plane.schemas.names import NAME_PATTERN

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def moment_text(text: object) -> object:
    """Let RFC 3339 through, not all else that pydantic takes for a time (numbers, bare dates)."""
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
        raise ValueError("it is no RFC 3339 time, as 2026-01-31T12:00:00Z")
    return text


Rollup = Annotated[
    str,
    Path(
        description="Name of a rollup.",
        max_length=100,
        examples=["op"],
        json_schema_extra={"pattern": NAME_PATTERN},
    ),
]
Wait = Annotated[bool, Query(description="Answer when it is done.")]
IdempotencyKey = Annotated[
    Annotated[str | None, WithJsonSchema({"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"})],
    Header(
        alias="Idempotency-Key",
        description="A key of your own, 1 to 255 printable ASCII characters without spaces. The"
        " same request with the same key again gets the first answer again and does nothing;"
        " another request with it is a conflict.",
        examples=["8f14e45f-ceea-467f-a8d4-b9e1c1f1c1f1"],
    ),
]
