"""Who may speak to the API: nobody whom a web page of another origin sent.

A page of another site can make a browser send requests to 127.0.0.1, under a host name of its
own (DNS rebinding) or across origins. Both are refused before anything reads the request, on
every method. Programs that are no browsers send neither `Origin` nor `Sec-Fetch-Site`.
Over the Unix socket the host may have any name: no browser can get there.
"""

import logging
from collections.abc import Iterable
from typing import Final

from control_plane.api.asgi import (
    OVER_SOCKET,
    App,
    Message,
    Receive,
    Scope,
    Send,
    header,
    problem,
    send_problem,
)

_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site` for our own pages and for what the user typed."""
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)

log = logging.getLogger(__name__)


class Guard:
    """Checks Host and Origin, then hands on to `app`.

    `origins` are browser origins that may use the API (``http://localhost:3000``), `hosts`
    names beside the loopback ones under which it may be addressed; any port will do, because
    ports are forwarded.
    """

    def __init__(self, app: App, *, origins: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origin.lower() for origin in origins)
        self._hosts = _HOSTS | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # there are no WebSockets
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            log.warning("refused %s %s: %s", scope["method"], scope["path"], refusal["detail"])
            await send_problem(_with_headers(send), refusal)
            return
        await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> dict[str, object] | None:
        host = header(scope, b"host") or ""
        if not scope.get(OVER_SOCKET) and host_name(host) not in self._hosts:
            return problem(
                "foreign-host",
                403,
                "This host name is not served",
                f"Host: {host!r}",
                "Use 127.0.0.1 or localhost, or name the host in CALDERA_HOSTS.",
            )
        origin = header(scope, b"origin")
        site = header(scope, b"sec-fetch-site")
        if origin is None:
            foreign = site is not None and site not in _OWN_SITES
        else:
            foreign = not self._is_known(origin.lower(), host)
        if not foreign:
            return None
        return problem(
            "foreign-origin",
            403,
            "Web pages of other origins may not use this API",
            f"Origin: {origin!r}, Sec-Fetch-Site: {site!r}",
            "Name the origin in CALDERA_ORIGINS if it is yours.",
        )

    def _is_known(self, origin: str, host: str) -> bool:
        own = f"http://{host.lower()}"
        return origin in self._origins or (bool(host_name(host)) and origin == own)


def host_name(host: str) -> str | None:
    """The name in a Host header, lower-case, without its port; None when it is malformed."""
    name, bracket, rest = host.lower().partition("]")
    if bracket:
        name, port = name + bracket, rest
    else:
        name, colon, digits = host.lower().partition(":")
        port = colon + digits
    if not name or (port and not (port[0] == ":" and port[1:].isascii() and port[1:].isdigit())):
        return None
    return name


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {key for key, _ in message["headers"]}
            extra = [pair for pair in _HEADERS if pair[0] not in present]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return with_headers
