"""Every error as `application/problem+json` (RFC 9457).

The one map from a domain error to its status stands in ``services/problems.py``, because
status shows a devnet's failure as the same document. Here are the ways in which an error comes
out of a request: the domain's, FastAPI's own, the router's, and those that nobody expected.
"""

import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from control_plane.api.asgi import (
    PROBLEM_TYPE,
    App,
    Message,
    Receive,
    Scope,
    Send,
    problem,
    send_problem,
)
from control_plane.domain.errors import CalderaError
from control_plane.domain.suggest import nearest
from control_plane.schemas.problem import ProblemDetail
from control_plane.services.problems import problem_detail

log = logging.getLogger(__name__)

PROBLEMS: Final[dict[str, str]] = {
    "invalid-input": "The request or the spec is not valid; `errors` lists every fault by path.",
    "not-available-yet": "A field or option whose part of the system does not exist yet.",
    "not-found": "There is no such thing; `hint` names the nearest.",
    "conflict": "It contradicts what is there: a taken name or port, a change that needs a new"
    " devnet, a devnet in another state.",
    "deadline-exceeded": "It took too long; `detail` says what was waited for.",
    "missing-dependency": "A program is missing; `hint` says how to get it.",
    "failed": "It did not work.",
    "service-failed": "A node or agent did not start or died: its command, log and last lines.",
    "storage-failed": "Disk, directory or database can't be used.",
    "temporary-failure": "A connection broke; worth trying again.",
    "permanent-failure": "Trying again cannot help.",
    "rpc-error": "A node answered with an error.",
    "foreign-host": "The Host header names no host of this API.",
    "foreign-origin": "A web page of another origin asked.",
    "unsupported-media-type": "Bodies are JSON: `content-type: application/json`.",
    "too-large": "The body is too large.",
    "idempotency-key": "The Idempotency-Key is malformed or was used for another request.",
    "method-not-allowed": "The path does not know this method; `Allow` lists those it does.",
    "not-ready": "The daemon is starting or stopping.",
    "internal-error": "A fault of ours; the daemon's log has the details under the id given.",
}
"""Every type of problem, by the tail of its `type`; /docs explains them."""

_BODY: Final = "body"
_MOST_FAULTS: Final = 50


def problem_response(
    document: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """A problem document as a response."""
    return Response(
        json.dumps(document),
        status_code=int(document["status"]),
        headers=dict(headers or {}),
        media_type=PROBLEM_TYPE,
    )


def domain_problem(error: CalderaError) -> dict[str, Any]:
    """The problem document of a domain error, with where to read more."""
    document = problem_detail(error).model_dump(mode="json")
    return {**document, "docs": f"/docs#{error.type}"}


def install_handlers(app: FastAPI) -> None:
    """Make `app` answer every error with a problem document."""

    @app.exception_handler(CalderaError)
    async def _of_domain(_: Request, error: CalderaError) -> Response:
        document = domain_problem(error)
        if document["status"] >= 500:
            log.warning("%s", error)
        return problem_response(document)

    @app.exception_handler(RequestValidationError)
    async def _of_validation(_: Request, error: RequestValidationError) -> Response:
        return problem_response(validation_problem(error.errors()))

    @app.exception_handler(HTTPException)
    async def _of_router(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:  # Starlette names the first matching route's methods only
            headers["Allow"] = ", ".join(allowed_methods(request))
        return problem_response(_router_problem(request, error), headers)


class Unexpected:
    """Answers for whatever goes wrong outside the handlers: with an id, never a traceback.

    A middleware and no exception handler, because Starlette raises again after that one.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            document = (
                domain_problem(error)
                if isinstance(error, CalderaError)
                else internal_problem(f"{scope['method']} {scope['path']}", error)
            )
            if started:  # the client sees the answer end early
                raise
            await send_problem(send, document)


def internal_problem(what: str, error: BaseException) -> dict[str, Any]:
    """A 500 that tells the client an id only; the daemon's log has the traceback under it."""
    number = secrets.token_hex(6)
    log.error("internal error %s in %s", number, what, exc_info=error)
    return problem(
        "internal-error",
        500,
        "Something went wrong in the daemon",
        f"id {number}: {type(error).__name__}",
        f"Search the daemon's log, $CALDERA_HOME/daemon.log, for {number}.",
    )


def validation_problem(errors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What FastAPI and pydantic found wrong with path, query, headers or body."""
    faults = [
        {"path": _path(error["loc"]), "detail": _sentence(error), "hint": ""}
        for error in errors[:_MOST_FAULTS]
    ]
    first = faults[0]
    detail = f"{first['path']}: {first['detail']}" if first["path"] else first["detail"]
    if len(errors) > 1:
        detail = f"{len(errors)} faults; the first: {detail}"
    return problem("invalid-input", 422, "The request is not valid", detail, errors=faults)


def _path(location: Sequence[str | int]) -> str:
    """``rollups[1].block_time``; what is in the body stands without a prefix."""
    parts = location[1:] if location and location[0] == _BODY else location
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _sentence(error: Mapping[str, Any]) -> str:
    kind, message = error["type"], str(error["msg"])
    if kind == "extra_forbidden":
        return "is not known here"
    if kind == "json_invalid":
        return f"is not JSON: {error.get('ctx', {}).get('error', message)}"
    return message[:1].lower() + message[1:]


def _router_problem(request: Request, error: HTTPException) -> dict[str, Any]:
    path = request.url.path
    if error.status_code == 405:
        hint = f"{path} knows {', '.join(allowed_methods(request))}."
        return problem("method-not-allowed", 405, f"{request.method} is not allowed here", "", hint)
    if error.status_code == 404:
        known = {route.path for route in request.app.state.routes}
        close = nearest(path, known)
        hint = f"Did you mean {close}?" if close else "See /docs for every path."
        return problem("not-found", 404, f"There is no {path}", "", hint)
    if error.status_code == 400:  # a body that is no JSON text at all
        return problem("invalid-input", 422, "The request is not valid", str(error.detail))
    return problem("failed", error.status_code, str(error.detail))


def allowed_methods(request: Request) -> list[str]:
    """The methods of every route that matches the request's path."""
    found: set[str] = set()
    for route in request.app.state.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods
    return sorted(found)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation: its particular errors, and that all others look alike."""
    texts = {
        404: "There is no such thing; `hint` names the nearest.",
        409: "It contradicts what is there.",
        422: "The request or the spec is not valid; `errors` lists every fault by path.",
        424: "A program is missing; `hint` says how to get it.",
        502: "A node answered with an error.",
        503: "The daemon is starting or stopping, or a connection broke.",
        504: "It took too long.",
    }
    chosen: dict[int | str, dict[str, Any]] = {s: _response(texts[s], s) for s in statuses}
    return chosen | {"default": _response("Any other error.", 500)}


def _response(description: str, status: int) -> dict[str, Any]:
    example = ProblemDetail.model_validate(
        problem("not-found", status, "No devnet called 'shop'", "", "Did you mean 'shop2'?")
        if status == 404
        else problem("failed", status, description.rstrip("."))
    )
    schema: type[BaseModel] = ProblemDetail
    reference = {"$ref": f"#/components/schemas/{schema.__name__}"}
    return {
        "description": description,
        "content": {PROBLEM_TYPE: {"schema": reference, "example": example.model_dump()}},
    }
