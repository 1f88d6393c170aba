"""Nodes and agents of a devnet, and what they write."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi import Path as PathParameter
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.convertors import Convertor, register_url_convertor

from control_plane.api.deps import Devnet, Services, Wired
from control_plane.api.errors import documented
from control_plane.domain.errors import NotFound
from control_plane.schemas.service import PatchService, ServiceView
from control_plane.services.logs import follow_log, parse_since, read_log


class _ServiceName(Convertor[str]):
    """`role` or `rollup/role`. No role is called ``logs``: that is what a service has."""

    regex = "[^/]+(?:/(?!logs$)[^/]+)?"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("service", _ServiceName())
router = APIRouter(prefix="/v1/devnets/{name}/services", tags=["services"])

Service = Annotated[
    str,
    PathParameter(
        description="Name of a service, `rollup/role` or a role. Its slash may stand as it is.",
        max_length=200,
        examples=["op/node", "relayer"],
    ),
]


@router.get(
    "",
    operation_id="listServices",
    summary="List services",
    response_model=list[ServiceView],
    responses=documented(404),
)
async def list_services(services: Wired, name: Devnet) -> list[ServiceView]:
    """Nodes first, then agents."""
    return list(await services.devnets.services(name))


@router.get(
    "/{service:service}/logs",
    operation_id="getLogs",
    summary="Log of a service",
    response_class=PlainTextResponse,
    responses={200: {"description": "Lines, oldest first."}, **documented(404, 422)},
)
async def get_logs(
    services: Wired,
    name: Devnet,
    service: Service,
    follow: Annotated[bool, Query(description="Go on with new lines as they come.")] = False,
    since: Annotated[
        str | None,
        Query(
            description="Only lines since then: a time ago (`30s`, `5m`, `2h`) or an RFC 3339"
            " moment. A line without a time has that of the line before.",
            max_length=64,
            examples=["5m"],
        ),
    ] = None,
    tail: Annotated[
        int | None, Query(description="Only the last so many lines.", ge=0, le=10_000)
    ] = None,
) -> Response:
    """What the service wrote, as plain text; control characters are shown, not obeyed."""
    path = await _log_path(services, name, service)
    moment = None if since is None else parse_since(since)
    if not follow:
        lines = await asyncio.to_thread(read_log, path, since=moment, tail=tail)
        return PlainTextResponse("".join(f"{line}\n" for line in lines))
    return StreamingResponse(_followed(path, moment, tail), media_type="text/plain")


async def _followed(path: Path, since: float | None, tail: int | None) -> AsyncGenerator[str]:
    async for line in follow_log(path, since=since, tail=tail):
        yield f"{line}\n"


async def _log_path(services: Services, name: str, service: str) -> Path:
    view = await services.devnets.service(name, service)
    if not view.log and await services.devnets.is_external(name, view.name):
        raise NotFound(
            f"There is no log of {view.name} here",
            "somebody else runs that chain",
            "Look where its node was started.",
        )
    return Path(view.log) if view.log else services.agent_logs(name, view.name)


@router.get(
    "/{service:service}",
    operation_id="getService",
    summary="One service",
    response_model=ServiceView,
    responses=documented(404),
)
async def get_service(services: Wired, name: Devnet, service: Service) -> ServiceView:
    """State, process, port, log and saved state of a node or an agent."""
    return await services.devnets.service(name, service)


@router.patch(
    "/{service:service}",
    operation_id="patchService",
    summary="Start, stop or restart a service",
    status_code=202,
    response_model=ServiceView,
    responses=documented(404, 409, 422),
)
async def patch_service(
    services: Wired, name: Devnet, service: Service, request: PatchService
) -> ServiceView:
    """A service that was stopped stays so until it is started; a node's state is saved first."""
    return await services.devnets.act_on_service(name, service, request.action, wait=request.wait)
