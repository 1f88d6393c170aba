"""The nearest valid choice to what somebody typed."""

from collections.abc import Collection
from difflib import get_close_matches


def nearest(word: str, choices: Collection[str]) -> str | None:
    """The one of `choices` that `word` most likely meant; None when none is close."""
    found = get_close_matches(word.lower(), choices, n=1, cutoff=0.6)
    return found[0] if found else None
