"""The daemon's REST API over its Unix socket, with the standard library only."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
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
        self._connection: _UnixConnection | None = None

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

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ------------------------------------------------------------------ streams

    def events(
        self, devnet: str, *, after: str | None = None, silence: float = _STREAM_TIMEOUT
    ) -> Iterator[Event]:
        """Events of a devnet as they come: after the id `after`, or from now on; the stream is
        open when this returns. The daemon's signs of life between them are events without type.
        Ends when the daemon ends the stream; CliError after `silence` seconds without a byte."""
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = after
        path = f"/v1/devnets/{segment(devnet)}/events"
        connection, response = self._open(path, headers, silence)
        return self._read_events(connection, response, silence)

    @staticmethod
    def _read_events(
        connection: _UnixConnection, response: HTTPResponse, silence: float
    ) -> Iterator[Event]:
        try:
            yield from _parse_events(response)
        except TimeoutError as error:
            raise _silent(silence) from error
        except (OSError, HTTPException) as error:
            raise _gone(error) from error
        finally:
            connection.close()

    def lines(self, path: str, query: Mapping[str, object] | None = None) -> Iterator[str]:
        """Lines of a text as they come."""
        connection, response = self._open(_with_query(path, query), {"Accept": "text/plain"}, None)
        try:
            for line in response:
                yield line.decode("utf-8", "replace").rstrip("\n")
        except (OSError, HTTPException) as error:
            raise _gone(error) from error
        finally:
            connection.close()

    # ------------------------------------------------------------------ inside

    def _json(self, method: str, path: str, body: Json | None, timeout: float) -> Any:
        headers = {"Accept": "application/json"}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        if method == "POST":
            headers["Idempotency-Key"] = os.urandom(16).hex()
        if self._connection is None:
            self._connection = _UnixConnection(self._socket, timeout)
        connection = self._connection
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        try:
            connection.request(method, path, payload, headers)
            response = connection.getresponse()
            text = response.read()
        except TimeoutError as error:
            self.close()
            raise _late(method, path, timeout) from error
        except (OSError, HTTPException) as error:
            self.close()
            raise _gone(error) from error
        except BaseException:
            self.close()  # an interrupted exchange leaves its connection unusable
            raise
        return _decoded(response, text)

    def _open(
        self, path: str, headers: Mapping[str, str], timeout: float | None
    ) -> tuple[_UnixConnection, HTTPResponse]:
        """A connection of its own with an answer whose body is still to be read."""
        connection = _UnixConnection(self._socket, _TIMEOUT)
        try:
            connection.request("GET", path, headers=dict(headers))
            response = connection.getresponse()
            if response.status >= 400:
                _decoded(response, response.read())
        except TimeoutError as error:
            connection.close()
            raise _late("GET", path, _TIMEOUT) from error
        except (OSError, HTTPException) as error:
            connection.close()
            raise _gone(error) from error
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection, response


def segment(text: str) -> str:
    """`text` as one part of a path; a service's slash stays."""
    return quote(text, safe="/" if "/" in text and ".." not in text else "")


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


def _silent(seconds: float) -> CliError:
    return CliError("The daemon fell silent", f"for {seconds:g} s", _see_log(), TIMED_OUT)


def _gone(error: BaseException) -> CliError:
    return CliError("The daemon does not answer", str(error), _see_log(), FAILED)
