"""Frozen dataclasses that are made in two thirds of the time; imported before any is made.

CPython up to 3.12 compiles two functions for every frozen class, only to refuse assignments. A
start makes two hundred such classes. Here the two are closures, and do the same.
"""

import dataclasses
import sys
from collections.abc import Callable, Iterable
from typing import Any


def _refusals(
    cls: Any, fields: Iterable[Any], _globals: object
) -> tuple[Callable[[Any, str, Any], None], Callable[[Any, str], None]]:
    """In place of ``dataclasses._frozen_get_del_attr``."""
    names = frozenset(field.name for field in fields)

    def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: N807 - what it becomes
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return __setattr__, __delattr__


if sys.version_info < (3, 13) and hasattr(dataclasses, "_frozen_get_del_attr"):
    dataclasses._frozen_get_del_attr = _refusals
