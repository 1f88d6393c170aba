"""Pydantic's findings in a spec, in the words of a spec's author."""

from collections.abc import Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from control_plane.domain.errors import Problem
from control_plane.domain.suggest import hint

Location = tuple[str | int, ...]

_WANTED: Final = {
    "bool_type": "true or false",
    "dict_type": "keys with values",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_attributes_type": "keys with values",
    "model_type": "keys with values",
    "string_type": "a text",
    "tuple_type": "a list",
}

_LIMITS: Final = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "at least {}"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "at most {}"),
}

_NAME_RULE = "small letters, digits and hyphens, a letter first, at most 31"
FRAMEWORK_NODES: Final = {
    "nitro": "arbitrum-nitro",
    "anvil-zksync": "zk-stack",
    "cdk-erigon": "polygon-cdk",
}
"""Frameworks' own nodes and whose they are: no engines, for the reason that is told."""

_PATTERNS: Final = {
    "name": _NAME_RULE,
    "gas_token": "a symbol of capital letters and digits, like ETH or USDC",
    "symbol": "capital letters and digits, like DAI",
    "address": "20 bytes in hex: 0x…",
    "memory": "a number with k, m or g, like 512m",
}


def shown_path(location: Location) -> str:
    """``("rollups", 1, "da")`` as ``rollups[1].da``."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def problem_of(error: ErrorDetails, model: type[BaseModel]) -> Problem:
    """One finding as a problem with path, reason and nearest valid choice."""
    location: Location = tuple(error["loc"])
    path, kind, value = shown_path(location), error["type"], error["input"]
    context: Mapping[str, Any] = error.get("ctx", {})
    last = str(location[-1]) if location else ""
    if kind == "extra_forbidden":
        keys = fields_at(model, location[:-1])
        return Problem(path, f"there is no field '{last}' here", hint(last, keys, "fields"))
    if kind == "missing":
        return Problem(path, "it is missing", "write `version: 1`" if last == "version" else "")
    if kind == "literal_error":
        return _not_a_choice(path, location, value, model)
    if kind == "string_pattern_mismatch":
        return Problem(
            path, f"{_shown(value)} is not valid", f"write {_PATTERNS.get(last, 'another')}"
        )
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        return Problem(
            path,
            f"{_shown(value)} is out of range",
            f"write {words.format(format(context[key], 'g'))}",
        )
    if kind in _WANTED:
        return Problem(path, f"{_shown(value)} is not {_WANTED[kind]}", _type_hint(kind, value))
    return _sized(path, kind, context) or Problem(path, str(error["msg"]).lower(), "")


def fields_at(model: type[BaseModel], location: Location) -> list[str]:
    """Names of the fields of the model that stands at `location` below `model`."""
    found = _model_at(model, location)
    return [] if found is None else [f.alias or key for key, f in found.model_fields.items()]


def choices_at(model: type[BaseModel], location: Location) -> list[str]:
    """The values that the field at `location` may have, empty if it is free."""
    owner = _model_at(model, location[:-1])
    field = owner.model_fields.get(str(location[-1])) if owner else None
    return [] if field is None else [str(value) for value in _literals(field.annotation)]


def _number(value: float) -> str:
    """Whole numbers without a fraction, never in exponents."""
    return str(int(value)) if value == int(value) else str(value)


def _not_a_choice(path: str, location: Location, value: object, model: type[BaseModel]) -> Problem:
    choices = choices_at(model, location)
    if isinstance(value, str) and value in choices:
        return Problem(path, f"{_shown(value)} is a text", "write it without quotes")
    if location[-1:] == ("engine",) and value in FRAMEWORK_NODES:
        return Problem(
            path,
            f"'{value}' starts without Caldera's contracts, so a devnet would never be ready on it",
            f"use 'anvil'; `caldera engine compose {value}` prints its own Compose service",
        )
    return Problem(path, f"{_shown(value)} is not a choice", hint(str(value), choices))


def _sized(path: str, kind: str, context: Mapping[str, Any]) -> Problem | None:
    if kind == "too_short":
        return Problem(path, "it is empty", f"write at least {context['min_length']}")
    if kind in {"too_long", "string_too_long"}:
        return Problem(path, "it is too long", f"write at most {context['max_length']}")
    return None


def _type_hint(kind: str, value: object) -> str:
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "put it between quotes if it is meant as a text"
    if kind in {"int_type", "float_type", "int_parsing"} and isinstance(value, str):
        return "write it without quotes" if value.replace(".", "", 1).isdigit() else ""
    return ""


def _shown(value: object) -> str:
    """A value as the author may have written it, short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "what stands there, keys with values,"
    if isinstance(value, list | tuple):
        return "what stands there, a list,"
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:56] + "…'"


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    current: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part) if current else None
        current = _model_in(field.annotation) if field else None
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation like ``tuple[Model, ...]`` or ``Model | None`` speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        found = _model_in(part)
        if found is not None:
            return found
    return None


def _literals(annotation: Any) -> list[object]:
    found: list[object] = []
    for part in get_args(annotation):
        if isinstance(part, str | int):
            found.append(part)
        else:
            found += _literals(part)
    return found
