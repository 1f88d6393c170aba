"""Server-sent events: the wire format, heartbeats, and where a reader left off."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from fastapi import Request
from fastapi.responses import StreamingResponse

from control_plane.domain.errors import InvalidInput, Problem
from control_plane.domain.records import EventRecord
from control_plane.services.events import event_view

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a comment is sent, so that a dead connection is noticed."""
LARGEST_ID: Final = 2**63 - 1


def wants_stream(request: Request) -> bool:
    """Whether the client takes an event stream; one that asks for JSON only does not."""
    accept = request.headers.get("accept", "*/*").lower()
    return "text/event-stream" in accept or "application/json" not in accept


def resume_point(request: Request, after: int | None) -> int:
    """The id after which to go on: `?after=`, else the header `Last-Event-ID`, else 0."""
    text = request.headers.get("last-event-id", "")
    if not text:
        return after or 0
    if not text.isascii() or not text.isdigit() or int(text) > LARGEST_ID:
        raise InvalidInput(
            "The header Last-Event-ID is no event's id",
            repr(text[:40]),
            "Send the `id` of the last event that you have seen.",
            (Problem("Last-Event-ID", "is no event's id"),),
        )
    return int(text) if after is None else after


def event_stream(events: AsyncIterator[EventRecord], start: int = 0) -> StreamingResponse:
    """The events, those after the id `start`, as a `text/event-stream` that goes on until either
    side ends it."""
    return StreamingResponse(
        frames(events, start=start),
        media_type="text/event-stream",
        headers={"cache-control": "no-cache"},
    )


async def frames(
    events: AsyncIterator[EventRecord], heartbeat: float = HEARTBEAT, start: int = 0
) -> AsyncGenerator[str]:
    """Text of the stream; opens with the time to wait before reconnecting, and the id after which
    to go on if the connection breaks before the first event (an id without data is no event)."""
    yield f"retry: 1000\nid: {start}\n\n"
    waiting: asyncio.Task[EventRecord] | None = None
    try:
        while True:
            if waiting is None:
                waiting = asyncio.ensure_future(_next(events))
            done, _ = await asyncio.wait({waiting}, timeout=heartbeat)
            if not done:
                yield ": still here\n\n"
                continue
            try:
                record = waiting.result()
            except StopAsyncIteration:
                return
            waiting = None
            yield frame(record)
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


def frame(record: EventRecord) -> str:
    """One event. Its JSON has no line break, its type no space: nothing can break the frame."""
    data = event_view(record).model_dump_json()
    return f"id: {record.id}\nevent: {record.type}\ndata: {data}\n\n"


async def _next(events: AsyncIterator[EventRecord]) -> EventRecord:
    return await anext(events)
