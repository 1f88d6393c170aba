"""Errors of the command line and the exit codes they end in.

::

    CliError            exit code in `code`
    └── from_problem    what the daemon answered (RFC 9457)

Exit codes: 0 done, 1 failed, 2 wrong usage or invalid spec, 3 not found, 4 conflict, 5 timed
out, 6 a dependency is missing, 130 interrupted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
CONFLICT: Final = 4
TIMED_OUT: Final = 5
MISSING: Final = 6
INTERRUPTED: Final = 130

_BY_SLUG: Final = {
    "invalid-input": USAGE,
    "not-available-yet": USAGE,
    "not-found": NOT_FOUND,
    "conflict": CONFLICT,
    "deadline-exceeded": TIMED_OUT,
    "missing-dependency": MISSING,
}
_BY_STATUS: Final = {
    400: USAGE,
    404: NOT_FOUND,
    405: USAGE,
    408: TIMED_OUT,
    409: CONFLICT,
    413: USAGE,
    422: USAGE,
    424: MISSING,
    504: TIMED_OUT,
}

Json = Mapping[str, Any]


@dataclass(eq=False)
class CliError(Exception):
    """An error that ends a command."""

    title: str
    detail: str = ""
    hint: str = ""
    code: int = FAILED
    problem: Json = field(default_factory=dict)
    """The daemon's problem document, if it said so."""

    def __str__(self) -> str:
        return f"{self.title}: {self.detail}" if self.detail else self.title

    def as_json(self) -> dict[str, Any]:
        """The problem document, one made of the texts where there is none."""
        if self.problem:
            return dict(self.problem)
        return {"title": self.title, "detail": self.detail, "hint": self.hint}


def from_problem(problem: Json, status: int) -> CliError:
    """The error that a problem document stands for."""
    slug = str(problem.get("type", "")).rpartition(":")[2]
    return CliError(
        str(problem.get("title") or f"The daemon answered {status}"),
        str(problem.get("detail") or ""),
        str(problem.get("hint") or ""),
        _BY_SLUG.get(slug) or _BY_STATUS.get(status, FAILED),
        problem,
    )


def usage(title: str, detail: str = "", hint: str = "") -> CliError:
    """Wrong usage: exit code 2."""
    return CliError(title, detail, hint, USAGE)
