"""The little of ASGI that the parts in front of FastAPI need; standard library only."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PROBLEM_TYPE: Final = "application/problem+json"
TYPE_BASE: Final = "urn:caldera:problem:"
"""As ``schemas.problem.TYPE_BASE``, which costs an import of pydantic."""

OVER_SOCKET: Final = "caldera.over_socket"
"""Key of the scope; True when the request came over the Unix socket, hence from this user."""


def header(scope: Scope, name: bytes) -> str | None:
    """The value of a header that must be there once at most; several are joined by a comma."""
    values = [value for key, value in scope["headers"] if key == name]
    return b",".join(values).decode("latin-1") if values else None


def problem(
    slug: str, status: int, title: str, detail: str = "", hint: str = "", **more: Any
) -> dict[str, Any]:
    """A problem document (RFC 9457) with every field that ``ProblemDetail`` has by default."""
    return {
        "type": TYPE_BASE + slug,
        "title": title,
        "status": status,
        "detail": detail,
        "hint": hint,
        "docs": f"/docs#{slug}",
        "errors": [],
        **more,
    }


async def send_problem(
    send: Send, document: Mapping[str, Any], headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Answer with a problem document."""
    await send_json(send, int(document["status"]), document, PROBLEM_TYPE, headers)


async def send_json(
    send: Send,
    status: int,
    document: Any,
    media_type: str = "application/json",
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Answer with `document` as JSON."""
    body = json.dumps(document).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", media_type.encode()),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


def over_socket(app: App) -> App:
    """`app` for the listener on the Unix socket: marks its requests as this user's own."""

    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, OVER_SOCKET: True}, receive, send)

    return marked
