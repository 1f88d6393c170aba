"""A small HTTP server beside an agent: its health, and what a guardian is asked."""

import asyncio
import contextlib
import hmac
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import orjson
import uvicorn

from control_plane.adapters.alone.address import Address
from control_plane.domain.errors import Conflict

HEALTH: Final = "/v1/health"
_LARGEST_BODY: Final = 16 * 2**20
_KEEP_ALIVE: Final = 60
_END: Final = 0.5
"""Seconds that requests under way get at the end."""

Handle = Callable[[Any], Awaitable[Any]]
"""JSON to JSON; ValueError, KeyError, TypeError when what is asked makes no sense."""


@dataclass(frozen=True, slots=True)
class Health:
    """What ``GET /v1/health`` answers."""

    service: str
    ready: bool
    problem: str | None


class AgentApp:
    """An ASGI app: health for everybody, `routes` (POST) for who knows the token; more of them
    may be added while it runs."""

    def __init__(
        self, health: Callable[[], Health], token: bytes, routes: dict[str, Handle] | None = None
    ) -> None:
        self._health = health
        self._token = f"Bearer {token.hex()}".encode()
        self._routes = {} if routes is None else routes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        status, answer = await self._answer(scope, receive)
        body = orjson.dumps(answer)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Any, receive: Any) -> tuple[int, Any]:
        if scope["method"] == "GET" and scope["path"] == HEALTH:
            health = self._health()
            return 200 if health.ready else 503, health
        handle = self._routes.get(scope["path"])
        if handle is None or scope["method"] != "POST":
            return 404, {"title": "There is nothing here"}
        shown = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(shown, self._token):
            return 401, {"title": "The token is not the one of this devnet"}
        body = await _body(receive)
        if body is None:
            return 413, {"title": f"More than {_LARGEST_BODY} bytes"}
        try:
            return 200, await handle(orjson.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return 400, {"title": f"Not understood: {type(error).__name__}: {error}"}


async def _body(receive: Any) -> bytes | None:
    parts, size = [], 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _LARGEST_BODY:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: AgentApp, at: Address) -> AsyncIterator[None]:
    """Serve `app` at `at` inside. Conflict when the address is taken."""
    listener = _listener(at)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name=f"http {at}")
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait({task}, timeout=_END)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        listener.close()
        if at.path is not None:
            with contextlib.suppress(OSError):
                at.socket_path.unlink()


def _listener(at: Address) -> socket.socket:
    try:
        if at.path is not None:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(at.make_room()))
            at.socket_path.chmod(0o600)
        else:
            family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
            listener = socket.create_server((at.host, at.port), family=family)
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        raise Conflict(
            f"Can't listen on {at}", error.strerror or str(error), "Name another address."
        ) from error
    return listener
