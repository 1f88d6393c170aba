"""The parts of a run: each measures on its own, or is skipped by name where it can't."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.harness import Figure, new_home
from benchmarks.lifecycle import measure, measure_many
from benchmarks.messages import measure_instant, measure_paced


@dataclass(frozen=True)
class Group:
    """One part of a run."""

    name: str
    run: Callable[[bool], list[Figure]]
    """With few repeats when True."""
    lacks: Callable[[], str | None] = lambda: None
    """Why it can't run on this machine; None: it can."""


def _up(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return measure(home, 7 if smoke else 11)


def _messages(smoke: bool) -> list[Figure]:
    with new_home() as home:
        instant = measure_instant(home, *((10, 100) if smoke else (100, 1000)))
        return instant + measure_paced(home, 6 if smoke else 100)


def _many(smoke: bool) -> list[Figure]:
    with new_home() as home:
        return measure_many(home, 2 if smoke else 10)


GROUPS: Final = (
    Group("up", _up),
    Group("messages", _messages),
    Group("many", _many),
)
