"""The daemon's REST API over its Unix socket, with the standard library only."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from caldera_cli import wire
from caldera_cli.errors import FAILED, TIMED_OUT, CliError, from_problem
from control_plane.schemas import paths

Json = dict[str, Any]

_TIMEOUT: Final = 30.0
"""Seconds that an answer may take; requests that wait for something say more."""
_STREAM_TIMEOUT: Final = 60.0
"""Seconds of silence on a stream; the daemon sends a comment more often than that."""
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*", re.ASCII)
"""What stands in a path or a query as it is (RFC 3986, unreserved)."""


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
        """The JSON at `path`; None-valued query parameters are left out, a list's are repeated."""
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
        self,
        devnet: str,
        *,
        after: str | None = None,
        tail: int | None = None,
        silence: float = _STREAM_TIMEOUT,
    ) -> Iterator[Iterator[Event]]:
        """Events of a devnet as they come: of the past those after the id `after`, the last
        `tail`, or all; the stream is open inside. Between them there are events without type:
        the daemon's signs of life, and, with an id, where the stream starts. Ends when the
        daemon ends the stream; CliError after `silence` seconds without a byte."""
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = after
        path = _with_query(f"/v1/devnets/{segment(devnet)}/events", {"tail": tail})
        with self._stream(path, headers) as answer:
            answer.patient(silence)
            lines = _guarded(answer.lines(), path, silence)
            yield _parse_events(lines)

    @contextmanager
    def lines(
        self, path: str, query: Mapping[str, object] | None = None
    ) -> Iterator[Iterator[str]]:
        """Lines of a text as they come, however long that takes."""
        headers = {"Accept": "text/plain"}
        where = _with_query(path, query)
        with self._stream(where, headers) as answer:
            answer.patient(None)
            lines = _guarded(answer.lines(), where, 0.0)
            yield (line.decode("utf-8", "replace") for line in lines)

    # ------------------------------------------------------------------ inside

    def _json(self, method: str, path: str, body: Json | None, timeout: float) -> Any:
        headers = {"Accept": "application/json"}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        if method == "POST":
            headers["Idempotency-Key"] = os.urandom(16).hex()
        with (
            _named(method, path, timeout),
            wire.send(self._socket, method, path, headers, payload, timeout) as answer,
        ):
            text = answer.read()
        return _decoded(answer, text)

    @contextmanager
    def _stream(self, path: str, headers: Mapping[str, str]) -> Iterator[wire.Answer]:
        """An answer whose body is read inside; CliError when it is an error."""
        with _named("GET", path, _TIMEOUT):
            answer = wire.send(self._socket, "GET", path, headers, None, _TIMEOUT)
        with answer:
            if answer.status >= 400:
                with _named("GET", path, _TIMEOUT):
                    text = answer.read()
                _decoded(answer, text)
            yield answer


@contextmanager
def _named(method: str, path: str, timeout: float) -> Iterator[None]:
    """What goes wrong on the wire, as CliError. Only around our own reading and writing: an
    OSError of whoever uses what was read is not the daemon's."""
    try:
        yield
    except TimeoutError as error:
        raise _late(method, path, timeout) from error
    except (OSError, wire.Malformed) as error:
        raise _gone(error) from error


def _guarded(lines: Iterator[bytes], path: str, timeout: float) -> Iterator[bytes]:
    with _named("GET", path, timeout):
        yield from lines


def segment(text: str) -> str:
    """`text` as one part of a path; a service's slash stays."""
    if _PLAIN.fullmatch(text):
        return text
    from urllib.parse import quote

    return quote(text, safe="/" if "/" in text and ".." not in text else "")


def _with_query(path: str, query: Mapping[str, object] | None) -> str:
    given = [
        (key, _plain(one))
        for key, value in (query or {}).items()
        if value is not None
        for one in (value if isinstance(value, list) else [value])
    ]
    if not given:
        return path
    if all(_PLAIN.fullmatch(value) for _, value in given):
        return f"{path}?{'&'.join(f'{key}={value}' for key, value in given)}"
    from urllib.parse import urlencode

    return f"{path}?{urlencode(given)}"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _decoded(answer: wire.Answer, text: bytes) -> Any:
    """The JSON of an answer; CliError when it is an error."""
    try:
        value = json.loads(text) if text else None
    except ValueError as error:
        raise CliError(
            "The daemon's answer can't be read", f"status {answer.status}", _see_log()
        ) from error
    if answer.status >= 400:
        raise from_problem(value if isinstance(value, dict) else {}, answer.status)
    return value


def _parse_events(lines: Iterator[bytes]) -> Iterator[Event]:
    """Server-sent events (WHATWG HTML, section 9.2.6), of which we use id, event and data."""
    fields: dict[str, list[str]] = {}
    for line in lines:
        text = line.decode("utf-8", "replace")
        if text:
            key, _, value = text.partition(":")
            if not key:
                yield Event("", "", {})
                continue
            fields.setdefault(key, []).append(value.removeprefix(" "))
            continue
        number = fields.get("id", [""])[-1]
        if "data" in fields:
            kind = fields.get("event", ["message"])[-1]
            yield Event(number, kind, json.loads("\n".join(fields["data"])))
        elif number:
            yield Event(number, "", {})
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
    if isinstance(error, wire.Truncated):
        return CliError("The daemon ended before it had answered", str(error), _see_log(), FAILED)
    return CliError("The daemon does not answer", str(error), _see_log(), FAILED)
