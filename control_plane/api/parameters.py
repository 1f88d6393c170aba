"""Parameters that several routes share."""

from typing import Annotated

from fastapi import Header, Path, Query

from control_plane.schemas.names import NAME_PATTERN

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
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A key of your own, 1 to 255 printable ASCII characters. The same request"
        " with the same key again gets the first answer again and does nothing.",
        examples=["8f14e45f-ceea-467f-a8d4-b9e1c1f1c1f1"],
    ),
]
