"""The daemon itself, templates, and what touches nothing: plan and validate."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from control_plane.api.deps import Wired
from control_plane.api.docs_page import docs_page
from control_plane.api.errors import PROBLEMS, documented
from control_plane.api.metrics import metrics_text
from control_plane.api.parameters import IdempotencyKey
from control_plane.schemas.devnet import CreateDevnet
from control_plane.schemas.plan import PlanView, TemplateView, ValidateResult
from control_plane.schemas.system import DaemonView, Health
from control_plane.version import version

router = APIRouter(tags=["system"])


@router.post(
    "/v1/plan",
    operation_id="plan",
    summary="What creating a devnet would do",
    response_model=PlanView,
    responses=documented(404, 409, 422),
)
async def plan(services: Wired, request: CreateDevnet, _key: IdempotencyKey = None) -> PlanView:
    """Touches nothing. For a devnet that exists, `changes` tells how it would change."""
    return await services.devnets.plan(request)


@router.post(
    "/v1/validate",
    operation_id="validate",
    summary="Whether a spec is valid",
    response_model=ValidateResult,
    responses=documented(404, 422),
)
async def validate(
    services: Wired, request: CreateDevnet, _key: IdempotencyKey = None
) -> ValidateResult:
    """Touches nothing. Everything that is wrong comes at once, with paths and hints."""
    return await services.devnets.validate(request)


@router.get(
    "/v1/templates",
    operation_id="listTemplates",
    summary="List templates",
    response_model=list[TemplateView],
    responses=documented(),
)
async def list_templates(services: Wired) -> list[TemplateView]:
    """Ready-made specs."""
    return list(await asyncio.to_thread(services.templates))


@router.get(
    "/v1/templates/{template}",
    operation_id="getTemplate",
    summary="One template",
    response_model=TemplateView,
    responses=documented(404),
)
async def get_template(
    services: Wired,
    template: Annotated[str, Path(description="Its name.", max_length=64, examples=["default"])],
) -> TemplateView:
    """A template with its YAML."""
    return await asyncio.to_thread(services.template, template)


@router.get(
    "/v1/runtime",
    operation_id="getRuntime",
    summary="The daemon",
    response_model=DaemonView,
    responses=documented(),
)
async def get_runtime(services: Wired) -> DaemonView:
    """Process, version and where it listens."""
    return await services.about()


@router.delete(
    "/v1/runtime",
    operation_id="endRuntime",
    summary="End an idle daemon",
    status_code=202,
    response_model=Health,
    responses=documented(409),
)
async def end_runtime(services: Wired) -> Health:
    """A daemon that a command started in the background ends when it has no devnet left. One
    that runs in the foreground (`caldera serve`) ends by its own signal only: a conflict."""
    await services.about.end()
    return Health(status="stopping", version=version())


@router.get(
    "/health",
    operation_id="getHealth",
    summary="Whether the daemon answers",
    response_model=Health,
    responses=documented(),
)
async def get_health() -> Health:
    """`starting` until everything is loaded, then `ok`."""
    return Health(version=version())


@router.get(
    "/ready",
    operation_id="getReady",
    summary="Whether the daemon can work",
    response_model=Health,
    responses=documented(503),
)
async def get_ready(services: Wired) -> Health:
    """200 when everything is loaded and the database answers."""
    await services.devnets.list()
    return Health(version=version())


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Metrics",
    response_class=PlainTextResponse,
    responses={200: {"description": "Prometheus' text format."}, **documented()},
)
async def get_metrics(services: Wired) -> Response:
    """Gauges in Prometheus' text format."""
    text = await metrics_text(services)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/openapi.json", include_in_schema=False)
async def get_openapi(request: Request) -> JSONResponse:
    """This API for programs. Made at the first request, which takes a fifth of a second."""
    return JSONResponse(await asyncio.to_thread(request.app.openapi))


@router.get("/docs", include_in_schema=False)
async def get_docs(request: Request) -> HTMLResponse:
    """Every operation and every problem on a page of our own: nothing is fetched elsewhere."""
    page = docs_page(await asyncio.to_thread(request.app.openapi), PROBLEMS)
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return HTMLResponse(page, headers={"content-security-policy": policy})
