"""What all wire models share."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from control_plane.schemas.names import NAME_PATTERN


class Model(BaseModel):
    """Frozen; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Request(Model):
    """A body that clients send: types are as the schema says, ``"1"`` is no number, 0 not false."""

    model_config = ConfigDict(strict=True)


Texts = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of texts: in JSON there are no tuples, so a list will do."""

Name = Annotated[
    str,
    Field(
        pattern=NAME_PATTERN,
        description="Name of a devnet or a rollup.",
        examples=["default", "game"],
    ),
]

Address = Annotated[
    str,
    Field(
        pattern=r"^0x[0-9a-fA-F]{40}$",
        description="20 bytes, 0x-hex.",
        examples=["0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"],
    ),
]

Hash = Annotated[
    str,
    Field(
        pattern=r"^0x[0-9a-fA-F]{64}$",
        description="32 bytes, 0x-hex.",
        examples=["0x" + "ab" * 32],
    ),
]

HexData = Annotated[
    str,
    Field(
        pattern=r"^0x([0-9a-fA-F]{2})*$",
        description="Bytes, 0x-hex.",
        examples=["0x68656c6c6f"],
    ),
]

Amount = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,30}(\.[0-9]{1,18})?$",
        description="Decimal number of whole coins or tokens (18 decimals).",
        examples=["10", "0.25"],
    ),
]


class ShownAs:
    """Annotation: any JSON object at run time, documented as `model`.

    For input whose faults are found, all at once and with hints, by a later step than
    pydantic's.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return handler(source)

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(self.model.__pydantic_core_schema__)
