"""Parts that are imported and made when they are first used: few devnets use them all."""

import functools
from collections.abc import Callable
from typing import Any


class OnDemand:
    """A part that is imported and made when it is first used: few devnets do."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._made = functools.cache(make)

    @property
    def is_made(self) -> bool:
        return self._made.cache_info().currsize > 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._made()(*arguments, **named)  # type: ignore[operator]
