"""HTTP to a data availability service: the standard library's client, in a thread.

A put or a get is one request of up to some megabytes every few seconds; what makes a general
client quick would be imported for nothing.
"""

import asyncio
import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from control_plane.domain.errors import PermanentFailure, TemporaryFailure
from control_plane.domain.ports.da import DataWithheld
from control_plane.domain.rpc import RpcError

LONGEST: Final = 64 * 1024 * 1024
"""Of an answer, bytes; more is not read."""

OCTETS: Final = "application/octet-stream"
JSON: Final = "application/json"
_CONNECT: Final = 5.0
"""Seconds for a connection: a thread can't be called back before it is there."""

Answer = tuple[int, bytes]
"""HTTP status and body."""


class Service:
    """One service at one URL; paths are appended to it."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> None:
        """`name` stands in errors, `timeout` (seconds) around every request. Raises ValueError
        for a URL that is not http or https."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url} is no http or https URL")
        self.name = name
        self.url = url.rstrip("/")
        self._parts = parts
        self._headers = dict(headers or {})
        self._timeout = timeout

    async def ask(
        self, method: str, path: str, body: bytes | None = None, *, kind: str = OCTETS
    ) -> Answer:
        """Raises TemporaryFailure when there is no answer in time."""
        headers = {**self._headers, **({"Content-Type": kind} if body is not None else {})}
        connection = self._connection()
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.to_thread(
                    self._exchange, connection, method, path, body, headers
                )
        except asyncio.CancelledError:
            _hang_up(connection)
            raise
        except (OSError, http.client.HTTPException) as error:
            _hang_up(connection)
            raise TemporaryFailure(
                f"{self.name} does not answer",
                f"{self.url}: {str(error) or type(error).__name__}",
                f"Look whether it runs at {self.url}.",
            ) from error

    async def call(self, method: str, *params: Any) -> Any:
        """JSON-RPC. RpcError for an error answer, PermanentFailure for a token that is refused,
        TemporaryFailure otherwise."""
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        status, body = await self.ask("POST", "", json.dumps(question).encode(), kind=JSON)
        if status == 401:
            raise PermanentFailure(
                f"{self.name} refuses the token",
                f"{self.url} answered 401 to {method}",
                "Give it a token of that service that may write.",
            )
        try:
            answer = json.loads(body)
            error = answer.get("error")
            if error is None:
                return answer.get("result")
            code, message = int(error.get("code", 0)), str(error.get("message", ""))
        except (ValueError, AttributeError, TypeError, RecursionError):
            raise self.refused(method, status, body) from None
        raise RpcError(
            f"{self.name} refused {method}", message, method=method, code=code, message=message
        )

    async def fetch(self, path: str) -> Answer:
        """GET for :meth:`ports.da.DataAvailability.get`: DataWithheld when there is no answer."""
        try:
            return await self.ask("GET", path)
        except TemporaryFailure as error:
            raise withheld(error) from error

    def refused(self, what: str, status: int, body: bytes) -> TemporaryFailure:
        """The error for an answer that says no."""
        said = body[:200].decode(errors="replace").strip()
        return TemporaryFailure(
            f"{self.name} refused {what}", f"{self.url} answered {status}: {said or 'nothing'}"
        )

    def _connection(self) -> http.client.HTTPConnection:
        secure = self._parts.scheme == "https"
        made = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return made(self._parts.hostname or "", self._parts.port, timeout=_CONNECT)

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        try:
            connection.connect()
            connection.sock.settimeout(self._timeout)
            target = self._parts.path.rstrip("/") + path or "/"
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            content = answer.read(LONGEST + 1)
        finally:
            connection.close()
        if len(content) > LONGEST:
            raise http.client.HTTPException(f"the answer is longer than {LONGEST} bytes")
        return answer.status, content


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """Ends the thread that waits for an answer: nobody waits for the thread, but a loop that ends
    would."""
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def withheld(error: TemporaryFailure) -> DataWithheld:
    """`error` of somebody who should give data and does not answer."""
    return DataWithheld(error.title, error.detail, error.hint)


def fields(answer: Any, names: Sequence[str]) -> list[Any]:
    """The values of `names` in a JSON object. Raises ValueError when one is missing."""
    if not isinstance(answer, dict) or any(name not in answer for name in names):
        raise ValueError(f"no object with {', '.join(names)}")
    return [answer[name] for name in names]
