"""What there is not, said with what there is."""

from collections.abc import Collection

from control_plane.domain.errors import NotFound
from control_plane.domain.suggest import nearest


def not_found(kind: str, name: str, known: Collection[str]) -> NotFound:
    """NotFound that lists what there is, or names the nearest."""
    close = nearest(name, known)
    if close:
        hint = f"Did you mean {close!r}?"
    elif known:
        hint = f"There is: {', '.join(sorted(known))}."
    else:
        hint = f"There is no {kind} yet."
    return NotFound(f"No {kind} called {name!r}", "", hint)
