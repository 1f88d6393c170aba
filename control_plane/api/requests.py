"""Bodies and repeats: size and type of a body, and `Idempotency-Key`.

A POST with a key is done once: its answer is kept for a day and given again to whoever sends the
same request with the same key. Two at the same time: the second waits for the first's answer.
The same key on another request is refused. Answers of 5xx are not kept; the next try is a
new one. (After draft-ietf-httpapi-idempotency-key-header.)
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from control_plane.api.asgi import (
    App,
    Message,
    Receive,
    Scope,
    Send,
    header,
    problem,
    send_problem,
)
from control_plane.domain.ports.store import Database
from control_plane.domain.records import IdempotencyRecord

LARGEST_BODY: Final = 1_048_576
"""Bytes; a spec of a thousand rollups is about a quarter."""
_KEPT: Final = 24 * 3600.0
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_SWEEP: Final = 600.0
_KEPT_HEADERS: Final = frozenset({b"content-type", b"location"})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Requests:
    """Reads a body as a whole, checks it, and answers repeats from the database."""

    def __init__(self, app: App, database: Database) -> None:
        self._app = app
        self._database = database
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._swept = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        body = await _read_body(scope, receive)
        if body is None:
            await send_problem(send, _too_large(), [(b"connection", b"close")])
            return
        if body and not _is_json(header(scope, b"content-type")):
            await send_problem(send, _not_json())
            return
        replayed = _replay(body, receive)
        key = header(scope, b"idempotency-key")
        if scope["method"] != "POST" or key is None:
            await self._app(scope, replayed, send)
        elif not _KEY.fullmatch(key):
            await send_problem(
                send, _bad_key("it is 1 to 255 printable ASCII characters without spaces", 422)
            )
        else:
            await self._once(scope, replayed, send, key, _fingerprint(scope, body))

    async def _once(
        self, scope: Scope, receive: Receive, send: Send, key: str, fingerprint: str
    ) -> None:
        while (other := self._under_way.get(key)) is not None:
            await asyncio.shield(other)
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way[key] = mine
        try:
            known = await self._known(key)
            if known is None:
                answer = await _collect(self._app, scope, receive)
                await self._keep(key, fingerprint, answer)
                await _give(send, answer)
            elif known.fingerprint != fingerprint:
                await send_problem(send, _bad_key("it was used for another request before", 409))
            else:
                await _give(send, _answer_of(known), [(b"idempotency-replayed", b"true")])
        finally:
            del self._under_way[key]
            mine.set_result(None)

    async def _known(self, key: str) -> IdempotencyRecord | None:
        oldest = time.time() - _KEPT
        async with self._database.begin() as unit:
            if time.monotonic() - self._swept > _SWEEP:
                self._swept = time.monotonic()
                await unit.idempotency.expire(oldest)
            record = await unit.idempotency.get(key)
        return record if record is not None and record.created_at >= oldest else None

    async def _keep(self, key: str, fingerprint: str, answer: _Answer) -> None:
        if answer.status >= 500:
            return
        headers: Mapping[str, Any] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers
        }
        record = IdempotencyRecord(
            key, fingerprint, answer.status, headers, answer.body.decode(), time.time()
        )
        async with self._database.begin() as unit:
            await unit.idempotency.put(record)


async def _read_body(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body; None when it is larger than allowed."""
    length = header(scope, b"content-length")
    if length is not None and length.isdigit() and int(length) > LARGEST_BODY:
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_BODY:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body`, then whatever the real one gives."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _is_json(content_type: str | None) -> bool:
    media = (content_type or "").partition(";")[0].strip().lower()
    return media == "application/json" or (
        media.startswith("application/") and media.endswith("+json")
    )


def _fingerprint(scope: Scope, body: bytes) -> str:
    digest = hashlib.sha256()
    for part in (scope["method"].encode(), scope["raw_path"], scope["query_string"], body):
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


async def _collect(app: App, scope: Scope, receive: Receive) -> _Answer:
    """The answer of `app` as a whole; answers to POST are never streams."""
    status = 500
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: list[bytes] = []

    async def take(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = tuple(h for h in message["headers"] if h[0].lower() in _KEPT_HEADERS)
        else:
            body.append(message.get("body", b""))

    await app(scope, receive, take)
    return _Answer(status, headers, b"".join(body))


def _answer_of(record: IdempotencyRecord) -> _Answer:
    headers = tuple(
        (k.encode("latin-1"), str(v).encode("latin-1")) for k, v in record.headers.items()
    )
    return _Answer(record.status, headers, record.body.encode())


async def _give(send: Send, answer: _Answer, more: list[tuple[bytes, bytes]] | None = None) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    headers = [*answer.headers, length, *(more or [])]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _too_large() -> dict[str, Any]:
    return problem(
        "too-large", 413, "The body is too large", f"more than {LARGEST_BODY // 1024} KiB"
    )


def _not_json() -> dict[str, Any]:
    return problem(
        "unsupported-media-type",
        415,
        "A body must be JSON",
        "",
        "Send the header `content-type: application/json`.",
    )


def _bad_key(detail: str, status: int) -> dict[str, Any]:
    return problem(
        "idempotency-key",
        status,
        "The Idempotency-Key can't be used",
        detail,
        "Draw a new key for each request, e.g. a UUID, and use it again only to repeat that one.",
    )
