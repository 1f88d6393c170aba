"""Reading a program's arguments."""

from collections.abc import Sequence


def value_after(flag: str, arguments: Sequence[str]) -> str:
    """The argument after `flag`; empty when there is none."""
    for at, argument in enumerate(arguments[:-1]):
        if argument == flag:
            return arguments[at + 1]
    return ""
