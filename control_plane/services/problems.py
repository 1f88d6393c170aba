"""An error as the problem document that users get (RFC 9457)."""

from typing import Final

from control_plane.domain.errors import CalderaError, InvalidInput, ServiceFailed
from control_plane.schemas.problem import TYPE_BASE, FieldProblem, ProblemDetail

STATUS: Final[dict[str, int]] = {
    "invalid-input": 422,
    "not-available-yet": 422,
    "not-found": 404,
    "conflict": 409,
    "deadline-exceeded": 504,
    "missing-dependency": 424,
    "failed": 500,
    "service-failed": 500,
    "storage-failed": 500,
    "temporary-failure": 503,
    "not-ready": 503,
    "permanent-failure": 500,
    "rpc-error": 502,
    "error": 500,
}
"""HTTP status by an error's slug (every class's `type`; a subclass without one has its base's)."""


def problem_detail(error: CalderaError) -> ProblemDetail:
    """The problem document of `error`; nothing in it is secret."""
    failed = error if isinstance(error, ServiceFailed) else None
    return ProblemDetail(
        type=TYPE_BASE + error.type,
        title=error.title,
        status=STATUS.get(error.type, 500),
        detail=error.detail,
        hint=error.hint,
        errors=_faults(error),
        service=failed.service if failed else None,
        command=failed.command if failed else (),
        log=failed.log if failed else None,
        last_lines=failed.last_lines if failed else (),
    )


def _faults(error: CalderaError) -> tuple[FieldProblem, ...]:
    if not isinstance(error, InvalidInput):
        return ()
    return tuple(FieldProblem(path=p.path, detail=p.detail, hint=p.hint) for p in error.problems)
