"""Column types that turn stored values into the records' own and back."""

# ruff: noqa: ARG002 - the methods' parameters are SQLAlchemy's

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Dialect, String, TypeDecorator


class EnumText(TypeDecorator[StrEnum]):
    """A StrEnum kept as its value, so that a new member needs no migration."""

    impl = String(16)
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.kind(value)


class BigNumber(TypeDecorator[int]):
    """An integer of up to 256 bits as decimal text: users can pay for more gas than 2⁶³."""

    impl = String(80)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


class JsonTuple(TypeDecorator[tuple[Any, ...]]):
    """A tuple kept as a JSON array."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> list[Any] | None:
        return None if value is None else list(value)

    def process_result_value(
        self, value: list[Any] | None, dialect: Dialect
    ) -> tuple[Any, ...] | None:
        return None if value is None else tuple(value)


def dump_json(value: Any) -> str:
    """Compact JSON. The standard library's, because amounts in wei pass 64 bits."""
    return json.dumps(value, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """Mappings and sequences that are no dict or list (frozen views, tuples)."""
    if hasattr(value, "keys"):
        return {key: value[key] for key in value.keys()}  # noqa: SIM118 - a Mapping, not a dict
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} does not belong into JSON")
