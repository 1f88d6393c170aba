"""A small HTTP server beside an agent: its health, and what a guardian is asked.

One request a connection, answered by ``Connection: close``. h11 parses; a general server would cost
each of a devnet's many processes its import and a timer.
"""

import asyncio
import contextlib
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import h11
import orjson

from control_plane.adapters.alone.address import Address
from control_plane.domain.errors import Conflict

HEALTH: Final = "/v1/health"
_LARGEST_BODY: Final = 16 * 2**20
_CHUNK: Final = 65536
_REQUEST_DEADLINE: Final = 10.0
"""Seconds for a request to come in."""

log = logging.getLogger(__name__)

Handle = Callable[[Any], Awaitable[Any]]
"""JSON to JSON; ValueError, KeyError, TypeError when what is asked makes no sense."""


@dataclass(frozen=True, slots=True)
class Health:
    """What ``GET /v1/health`` answers."""

    service: str
    ready: bool
    problem: str | None


class AgentApp:
    """Health for everybody, `routes` (POST) for who knows the token; more of them may be added
    while it runs."""

    def __init__(
        self,
        health: Callable[[], Health],
        token: Callable[[], bytes],
        routes: Mapping[str, Handle] | None = None,
    ) -> None:
        self._health = health
        self._token = token
        self._routes = {} if routes is None else routes

    async def answer(
        self, method: str, path: str, headers: Mapping[bytes, bytes], body: bytes
    ) -> tuple[HTTPStatus, Any]:
        """Status and JSON; names of headers are in small letters."""
        if method == "GET" and path == HEALTH:
            health = self._health()
            return HTTPStatus.OK if health.ready else HTTPStatus.SERVICE_UNAVAILABLE, health
        handle = self._routes.get(path)
        if handle is None or method != "POST":
            return HTTPStatus.NOT_FOUND, {"title": "There is nothing here"}
        shown = headers.get(b"authorization", b"")
        if not hmac.compare_digest(shown, f"Bearer {self._token().hex()}".encode()):
            return HTTPStatus.UNAUTHORIZED, {"title": "The token is not the one of this devnet"}
        try:
            return HTTPStatus.OK, await handle(orjson.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return HTTPStatus.BAD_REQUEST, {
                "title": f"Not understood: {type(error).__name__}: {error}"
            }


@asynccontextmanager
async def serving(app: AgentApp, at: Address) -> AsyncIterator[None]:
    """Serve `app` at `at` inside. Conflict when the address can't be had."""
    clients: set[asyncio.StreamWriter] = set()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.add(writer)
        try:
            await _attend(app, reader, writer)
        except (OSError, EOFError, h11.RemoteProtocolError) as error:
            log.debug("a connection ended: %s", error)
        except Exception:
            log.exception("answering a request")
        finally:
            clients.discard(writer)
            writer.close()

    server = await _server(attend, at)
    try:
        yield
    finally:
        server.close()
        for writer in tuple(clients):
            writer.transport.abort()
        if at.path is not None:
            with contextlib.suppress(OSError):
                at.socket_path.unlink()


async def _server(attend: Any, at: Address) -> asyncio.Server:
    try:
        if at.path is None:
            return await asyncio.start_server(attend, at.host, at.port)
        path = at.make_room()
        server = await asyncio.start_unix_server(attend, path)
        path.chmod(0o600)
        return server
    except OSError as error:
        raise Conflict(
            f"Can't listen on {at}", error.strerror or str(error), "Name another address."
        ) from error


async def _attend(
    app: AgentApp, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    connection = h11.Connection(h11.SERVER)
    async with asyncio.timeout(_REQUEST_DEADLINE):
        request, body = await _request(connection, reader)
    if request is None:
        return
    if body is None:
        status, answer = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"title": "Too large"}
    else:
        path = request.target.decode("latin-1").partition("?")[0]
        status, answer = await app.answer(
            request.method.decode("latin-1"), path, dict(request.headers), body
        )
    content = orjson.dumps(answer)
    head = h11.Response(
        status_code=status,
        reason=status.phrase.encode(),
        headers=[
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(content))),
            ("Connection", "close"),
        ],
    )
    for event in (head, h11.Data(data=content), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    await writer.drain()


async def _request(
    connection: h11.Connection, reader: asyncio.StreamReader
) -> tuple[h11.Request | None, bytes | None]:
    """The request, None when none comes, and its body, None when that is too large."""
    request, parts, size = None, [], 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            parts.append(bytes(event.data))
            size += len(parts[-1])
            if size > _LARGEST_BODY:
                return request, None
        elif isinstance(event, h11.EndOfMessage):
            return request, b"".join(parts)
        else:
            return None, None
