"""The daemon's REST API over its Unix socket, with the standard library only."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from caldera_cli.errors import FAILED, TIMED_OUT, CliError, from_problem
from control_plane.schemas import paths

Json = dict[str, Any]

_TIMEOUT: Final = 30.0
"""Seconds that an answer may take; requests that wait for something say more."""
_STREAM_TIMEOUT: Final = 60.0
"""Seconds of silence on a stream; the daemon sends a comment more often than that."""


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    id: str
    type: str
    data: Json


class Client:
    """One daemon. Every call raises CliError for whatever goes wrong."""

    def __init__(self, socket_path: Path) -> None:
        self._socket = socket_path

    # ------------------------------------------------------------------ plain requests

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """The JSON at `path`; None-valued query parameters are left out."""
        return self._json("GET", _with_query(path, query), None, _TIMEOUT)

    def post(self, path: str, body: Json, *, timeout: float = _TIMEOUT) -> Any:
        """POST, with an idempotency key of its own."""
        return self._json("POST", path, body, timeout)

    def patch(self, path: str, body: Json, *, timeout: float = _TIMEOUT) -> Any:
        """PATCH."""
        return self._json("PATCH", path, body, timeout)

    def delete(
        self, path: str, query: Mapping[str, object] | None = None, *, timeout: float = _TIMEOUT
    ) -> Any:
        """DELETE; None where the answer has no body."""
        return self._json("DELETE", _with_query(path, query), None, timeout)

    # ------------------------------------------------------------------ streams

    @contextmanager
    def events(
        self, devnet: str, *, after: str | None = None, silence: float = _STREAM_TIMEOUT
    ) -> Iterator[Iterator[Event]]:
        """Events of a devnet as they come, those after the id `after` first, or all; the stream
        is open inside. The daemon's signs of life between them are events without type. Ends
        when the daemon ends the stream; CliError after `silence` seconds without a byte."""
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = after
        path = f"/v1/devnets/{segment(devnet)}/events"
        with self._exchange("GET", path, None, headers, _TIMEOUT) as (connection, response):
            _must_succeed(response)
            _silence(connection, silence)
            yield _parse_events(response)

    @contextmanager
    def lines(
        self, path: str, query: Mapping[str, object] | None = None
    ) -> Iterator[Iterator[str]]:
        """Lines of a text as they come, however long that takes."""
        headers = {"Accept": "text/plain"}
        where = _with_query(path, query)
        with self._exchange("GET", where, None, headers, _TIMEOUT) as (connection, response):
            _must_succeed(response)
            _silence(connection, None)
            yield (line.decode("utf-8", "replace").rstrip("\n") for line in response)

    # ------------------------------------------------------------------ inside

    def _json(self, method: str, path: str, body: Json | None, timeout: float) -> Any:
        headers = {"Accept": "application/json"}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        if method == "POST":
            headers["Idempotency-Key"] = os.urandom(16).hex()
        with self._exchange(method, path, payload, headers, timeout) as (_, response):
            return _decoded(response, response.read())

    @contextmanager
    def _exchange(
        self,
        method: str,
        path: str,
        payload: bytes | None,
        headers: Mapping[str, str],
        timeout: float,
    ) -> Iterator[tuple[_UnixConnection, HTTPResponse]]:
        """One request on a connection of its own, and its answer while the body is read."""
        connection = _UnixConnection(self._socket, timeout)
        try:
            connection.request(method, path, payload, dict(headers))
            with connection.getresponse() as response:
                yield connection, response
        except TimeoutError as error:
            raise _late(method, path, timeout) from error
        except (OSError, HTTPException) as error:
            raise _gone(error) from error
        finally:
            connection.close()


def segment(text: str) -> str:
    """`text` as one part of a path; a service's slash stays."""
    return quote(text, safe="/" if "/" in text and ".." not in text else "")


def _must_succeed(response: HTTPResponse) -> None:
    if response.status >= 400:
        _decoded(response, response.read())


def _silence(connection: _UnixConnection, seconds: float | None) -> None:
    """From now on, how long the other side may be silent."""
    if connection.sock is not None:
        connection.sock.settimeout(seconds)


def _with_query(path: str, query: Mapping[str, object] | None) -> str:
    given = {key: _plain(value) for key, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _decoded(response: HTTPResponse, text: bytes) -> Any:
    """The JSON of an answer; CliError when it is an error."""
    try:
        value = json.loads(text) if text else None
    except ValueError as error:
        raise CliError(
            "The daemon's answer can't be read", f"status {response.status}", _see_log()
        ) from error
    if response.status >= 400:
        raise from_problem(value if isinstance(value, dict) else {}, response.status)
    return value


def _parse_events(response: HTTPResponse) -> Iterator[Event]:
    """Server-sent events (WHATWG HTML, section 9.2.6), of which we use id, event and data."""
    fields: dict[str, list[str]] = {}
    while line := response.readline():
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text:
            key, _, value = text.partition(":")
            if not key:
                yield Event("", "", {})
                continue
            fields.setdefault(key, []).append(value.removeprefix(" "))
            continue
        if "data" in fields:
            yield Event(
                id=fields.get("id", [""])[-1],
                type=fields.get("event", ["message"])[-1],
                data=json.loads("\n".join(fields["data"])),
            )
        fields = {}


def _see_log() -> str:
    return f"see {paths.log_path(paths.home())}"


def _late(method: str, path: str, timeout: float) -> CliError:
    return CliError(
        "The daemon did not answer in time",
        f"{method} {path.partition('?')[0]}, after {timeout:g} s",
        _see_log(),
        TIMED_OUT,
    )


def _gone(error: BaseException) -> CliError:
    return CliError("The daemon does not answer", str(error), _see_log(), FAILED)
