"""Apps: contracts and calls by a manifest, the same on every rollup."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from control_plane.api.deps import Devnet, Wired
from control_plane.api.errors import documented
from control_plane.api.parameters import IdempotencyKey
from control_plane.schemas.app import AppView, DeployApp
from control_plane.schemas.names import NAME_PATTERN

router = APIRouter(prefix="/v1/devnets/{name}/apps", tags=["apps"])

AppName = Annotated[
    str,
    Path(
        description="Name of an app.",
        max_length=100,
        examples=["shop"],
        json_schema_extra={"pattern": NAME_PATTERN},
    ),
]


@router.get(
    "",
    operation_id="listApps",
    summary="List apps",
    response_model=list[AppView],
    responses=documented(404),
)
async def list_apps(services: Wired, name: Devnet) -> list[AppView]:
    """What was deployed, as it is recorded; chains are not asked."""
    return list(await services.apps.list(name))


@router.post(
    "",
    operation_id="deployApp",
    summary="Deploy an app",
    response_model=AppView,
    responses=documented(404, 409, 422, 502, 504),
)
async def deploy_app(
    services: Wired,
    name: Devnet,
    request: DeployApp,
    dry_run: Annotated[
        bool, Query(description="Touch nothing: only look at what stands, and what would be done.")
    ] = False,
    _key: IdempotencyKey = None,
) -> AppView:
    """Deploys what does not stand yet, on all rollups at once, then makes the calls that were not
    made. Answers when all is done; events tell of each contract and call. What is done is not done
    twice: the same request finishes what failed or was interrupted."""
    if dry_run:
        return await services.apps.plan(name, request)
    return await services.apps.deploy(name, request)


@router.get(
    "/{app}",
    operation_id="getApp",
    summary="One app",
    response_model=AppView,
    responses=documented(404),
)
async def get_app(services: Wired, name: Devnet, app: AppName) -> AppView:
    """What was deployed of it, as it is recorded; chains are not asked."""
    return await services.apps.get(name, app)
