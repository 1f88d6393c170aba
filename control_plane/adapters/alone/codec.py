"""News as JSON lines, from one process to another."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from control_plane.domain.hub import (
    Checkpointed,
    Delivered,
    Dispatched,
    EpochCertified,
    FinalityWanted,
    FlagSet,
    Head,
    Missed,
    News,
    Published,
    Reorged,
    Rest,
    Resting,
    Resume,
    Retry,
    SetCarried,
    SetChanged,
    Standing,
    Votes,
    Wanted,
)
from control_plane.domain.records import EpochRecord, MessageRecord
from control_plane.domain.states import MessageState

KINDS: Final[tuple[type[Any], ...]] = (
    Head,
    Dispatched,
    Delivered,
    Reorged,
    EpochCertified,
    Votes,
    SetChanged,
    SetCarried,
    Wanted,
    FinalityWanted,
    FlagSet,
    Retry,
    Missed,
    Published,
    Standing,
    Rest,
    Resting,
    Resume,
    Checkpointed,
)
_BY_NAME: Final = {kind.__name__: kind for kind in KINDS}


def encode(news: News) -> bytes:
    """One line: ``{"Head": {…its fields…}}``."""
    return orjson.dumps({type(news).__name__: news}, option=orjson.OPT_APPEND_NEWLINE)


def decode(line: bytes) -> News | None:
    """The news of a line; None of a kind that this version does not know.

    ValueError when the line is no news.
    """
    value = orjson.loads(line)
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("a line of news is an object with one member")
    ((name, fields),) = value.items()
    kind = _BY_NAME.get(name)
    if kind is None:
        return None
    try:
        made: News = kind(**{key: _MEMBERS.get(key, _same)(part) for key, part in fields.items()})
    except (TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"{name} does not look like that: {error}") from error
    return made


def _messages(value: list[Mapping[str, Any]]) -> tuple[MessageRecord, ...]:
    return tuple(MessageRecord(**{**one, "state": MessageState(one["state"])}) for one in value)


def _epoch(value: Any) -> EpochRecord | int:
    if isinstance(value, int):
        return value
    tuples = {key: tuple(value[key]) for key in ("leaves", "signers", "absent", "reads")}
    return EpochRecord(**{**value, **tuples})


def _pairs(value: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(pair) for pair in value)


def _same(value: Any) -> Any:
    return value


_MEMBERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "messages": _messages,
    "epoch": _epoch,
    "ids": tuple,
    "leaves": tuple,
    "reads": tuple,
    "blocks": tuple,
    "signatures": _pairs,
}
"""How fields that are no plain values are made, by their names."""
