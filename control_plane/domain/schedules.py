"""Points in time by a cron expression, in UTC: ``0 9 * * 1-5``, at nine from Monday to Friday.

Five fields as in Debian's cron (minute, hour, day of the month, month, day of the week), or six
with seconds before them. UTC has no summer time, so each point comes once.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cronsim import CronSim


def schedule_problem(text: str) -> str | None:
    """What is wrong with the expression; None when there are points."""
    from cronsim import CronSimError

    try:
        found = next_point(text, 0.0)
    except (CronSimError, ValueError, OverflowError) as error:
        return str(error).lower() or "it is none"
    return "it never comes" if found is None else None


def next_point(text: str, after: float) -> float | None:
    """The first point later than `after`, in Unix seconds; None when there is none in 50 years.

    Raises CronSimError for an expression that is none.
    """
    # points are whole seconds; a fraction that is rounded up would leap over one
    return _first(_points(text, int(after)))


def last_point(text: str, until: float) -> float | None:
    """The last point no later than `until`; None when there was none in 50 years."""
    return _first(_points(text, int(until) + 1, reverse=True))


def _points(text: str, start: float, *, reverse: bool = False) -> "CronSim":
    from cronsim import CronSim

    return CronSim(text, datetime.fromtimestamp(start, UTC), reverse=reverse)


def _first(points: "CronSim") -> float | None:
    found = next(points, None)
    return None if found is None else found.timestamp()
