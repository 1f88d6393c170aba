"""What can go wrong, as the user is told it.

::

    CalderaError
    ├── InvalidInput      exit 2, HTTP 422 (all problems of a spec at once in `problems`)
    ├── NotAvailableYet   exit 2, HTTP 422 (a field or option whose part does not exist yet)
    ├── NotFound          exit 3, HTTP 404
    ├── Conflict          exit 4, HTTP 409
    ├── DeadlineExceeded  exit 5, HTTP 504
    ├── MissingDependency exit 6, HTTP 424
    └── Failed            exit 1, HTTP 500
        ├── ServiceFailed   a node or agent did not start, or died: command, log, last lines
        ├── StorageFailed   disk full, read-only or unwritable directory, broken database
        ├── TemporaryFailure    worth trying again (a connection that broke)
        │   └── NotReady        the daemon is starting or ending, HTTP 503
        └── PermanentFailure    trying again cannot help

Retryability is in the type. Errors know nothing of HTTP or terminals; the two maps stand in
``control_plane/api/errors.py`` and ``caldera_cli/main.py``.
"""

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of an input: where it is, what is wrong, what to write instead."""

    path: str
    """Dotted path into the spec, ``rollups[1].block_time``; empty for the whole."""
    detail: str
    hint: str = ""


@dataclass(eq=False)
class CalderaError(Exception):
    """Base of all errors that a user may see."""

    title: str
    """What failed, a short sentence without a full stop."""
    detail: str = ""
    """Why, with the names, paths and values involved. Never a secret."""
    hint: str = ""
    """What to do about it: a command or the nearest valid choice."""

    type: ClassVar[str] = "error"
    """Stable slug, the tail of problem+json's `type`."""

    def __str__(self) -> str:
        return f"{self.title}: {self.detail}" if self.detail else self.title


@dataclass(eq=False)
class InvalidInput(CalderaError):
    problems: tuple[Problem, ...] = field(default=())

    type: ClassVar[str] = "invalid-input"


@dataclass(eq=False)
class NotAvailableYet(InvalidInput):
    type: ClassVar[str] = "not-available-yet"


@dataclass(eq=False)
class NotFound(CalderaError):
    type: ClassVar[str] = "not-found"


@dataclass(eq=False)
class Conflict(CalderaError):
    type: ClassVar[str] = "conflict"


@dataclass(eq=False)
class DeadlineExceeded(CalderaError):
    """Names what was waited for, where its log is and what to try."""

    type: ClassVar[str] = "deadline-exceeded"


@dataclass(eq=False)
class MissingDependency(CalderaError):
    """Which program is missing, and in `hint` the command that installs it."""

    type: ClassVar[str] = "missing-dependency"


def most_telling(error: BaseException) -> BaseException:
    """The error to show of a group, one of our own if there is any; otherwise `error` itself."""
    while isinstance(error, BaseExceptionGroup):
        known = [one for one in error.exceptions if isinstance(one, CalderaError)]
        error = known[0] if known else error.exceptions[0]
    return error


@dataclass(eq=False)
class Failed(CalderaError):
    type: ClassVar[str] = "failed"


@dataclass(eq=False)
class ServiceFailed(Failed):
    service: str = ""
    command: tuple[str, ...] = ()
    log: str = ""
    """Path of the log file."""
    last_lines: tuple[str, ...] = ()

    type: ClassVar[str] = "service-failed"


@dataclass(eq=False)
class StorageFailed(Failed):
    type: ClassVar[str] = "storage-failed"


@dataclass(eq=False)
class TemporaryFailure(Failed):
    type: ClassVar[str] = "temporary-failure"


@dataclass(eq=False)
class NotReady(TemporaryFailure):
    """The daemon is starting or ending."""

    type: ClassVar[str] = "not-ready"


@dataclass(eq=False)
class PermanentFailure(Failed):
    type: ClassVar[str] = "permanent-failure"
