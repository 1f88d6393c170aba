"""What happens in devnets, as it happens or as a list."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import WithJsonSchema

from control_plane.api.deps import Devnet, Services, Wired
from control_plane.api.errors import documented
from control_plane.api.sse import LARGEST_ID, event_stream, resume_point, wants_stream
from control_plane.domain.errors import NotFound
from control_plane.schemas.event import EventView
from control_plane.services.events import event_view

router = APIRouter(tags=["events"])

After = Annotated[
    int | None,
    Query(description="Only events after this one; before `Last-Event-ID`.", ge=0, le=LARGEST_ID),
]
Tail = Annotated[
    int | None,
    Query(
        description="Of the past only the last so many events, 0 for what comes from now on. "
        "Without effect beside `Last-Event-ID`, so that a stream that reconnects misses nothing.",
        ge=0,
        le=10_000,
    ),
]
Limit = Annotated[
    int, Query(description="How many at most, where a list is asked for.", ge=1, le=10_000)
]
LastEventId = Annotated[
    Annotated[str | None, WithJsonSchema({"type": "string", "pattern": "^[0-9]{0,18}$"})],
    Header(alias="Last-Event-ID", description="Go on after this event.", examples=["17"]),
]
_EXAMPLE = (
    "id: 7\nevent: devnet.ready\n"
    'data: {"id":7,"devnet":"default","at":"2026-01-31T12:00:00Z","type":"devnet.ready",'
    '"service":null,"data":{}}\n\n'
)
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A list, or a stream that goes on.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


@router.get(
    "/v1/devnets/{name}/events",
    operation_id="followEvents",
    summary="Events of a devnet",
    response_model=list[EventView],
    responses={**_STREAM, **documented(404, 422)},
)
async def devnet_events(
    services: Wired,
    request: Request,
    name: Devnet,
    after: After = None,
    tail: Tail = None,
    limit: Limit = 1000,
    _last: LastEventId = None,
) -> list[EventView] | Response:
    """Server-sent events from the devnet's beginning, or after `Last-Event-ID`, then as they
    happen; with `Accept: application/json` those of the past as a list.

    Every event has an `id`, an `event` (its type) and `data` (JSON). The stream ends when the
    devnet is gone. Of the past, the newest 10,000 events are kept.
    """
    start = await _start(services, request, name, after, tail)
    await _must_exist(services, name, start)
    return await _answer(services, request, name, start, limit)


@router.get(
    "/v1/events",
    operation_id="followAllEvents",
    summary="Events of all devnets",
    response_model=list[EventView],
    responses={**_STREAM, **documented(422)},
)
async def all_events(
    services: Wired,
    request: Request,
    after: After = None,
    tail: Tail = None,
    limit: Limit = 1000,
    _last: LastEventId = None,
) -> list[EventView] | Response:
    """As the events of one devnet, of all together."""
    start = await _start(services, request, None, after, tail)
    return await _answer(services, request, None, start, limit)


async def _start(
    services: Services, request: Request, name: str | None, after: int | None, tail: int | None
) -> int:
    """The id after which the events come that are wanted."""
    start = resume_point(request, after)
    if tail is None or request.headers.get("last-event-id"):
        return start
    return max(start, await services.events.before_last(name, tail))


async def _answer(
    services: Services, request: Request, name: str | None, start: int, limit: int
) -> list[EventView] | Response:
    if wants_stream(request):
        return event_stream(services.events.follow(name, start), start)
    return [event_view(record) for record in await services.events.since(name, start, limit)]


async def _must_exist(services: Services, name: str, start: int) -> None:
    """A devnet that is gone still has its last event to tell."""
    try:
        await services.devnets.status(name)
    except NotFound:
        if not await services.events.since(name, start, 1):
            raise
