"""Devnets: make, list, look at, change, remove; their rollups."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from control_plane.api.deps import Devnet, Services, Wired
from control_plane.api.errors import documented
from control_plane.api.parameters import IdempotencyKey, Rollup, Wait
from control_plane.domain.errors import InvalidInput
from control_plane.schemas.devnet import (
    AddRollup,
    CreateDevnet,
    DevnetStatus,
    DevnetSummary,
    JoinedRollup,
    JoinRollup,
    PatchDevnet,
    RollupStatus,
)
from control_plane.schemas.plan import PlanView

router = APIRouter(prefix="/v1/devnets", tags=["devnets"])

_CREATE_EXAMPLES = {
    "template": {"summary": "The default devnet", "value": {"template": "default"}},
    "changed": {
        "summary": "A template, changed",
        "value": {"template": "pair", "name": "shop", "set": ["l1.block_time=1"], "ttl": 600},
    },
    "spec": {
        "summary": "A spec",
        "value": {"spec": {"version": 1, "name": "shop", "rollups": [{"name": "game"}]}},
    },
}
_DONE: dict[int | str, dict[str, Any]] = {
    200: {"description": "Done, because `wait` was set.", "model": DevnetStatus}
}

_JOINED: dict[int | str, dict[str, Any]] = {
    200: {"description": "Done, because `wait` was set.", "model": JoinedRollup}
}


@router.post(
    "",
    operation_id="createDevnet",
    summary="Create a devnet",
    status_code=202,
    response_model=DevnetStatus,
    responses={**_DONE, **documented(409, 422, 424, 504)},
)
async def create_devnet(
    services: Wired,
    response: Response,
    request: Annotated[CreateDevnet, Body(openapi_examples=_CREATE_EXAMPLES)],
    _key: IdempotencyKey = None,
) -> DevnetStatus:
    """Accept a devnet and start it; `Location` names it. Its state and events tell the rest.

    A devnet of that name that exists already is a conflict, unless `update` is set: then the
    difference is applied as far as that is possible live.
    """
    status = await services.devnets.create(request)
    response.headers["location"] = f"/v1/devnets/{status.name}"
    _set_done(response, done=request.wait)
    return status


@router.get(
    "",
    operation_id="listDevnets",
    summary="List devnets",
    response_model=list[DevnetSummary],
    responses=documented(),
)
async def list_devnets(services: Wired) -> list[DevnetSummary]:
    """Every devnet of this daemon, by name."""
    return list(await services.devnets.list())


@router.get(
    "/{name}",
    operation_id="getDevnet",
    summary="Status of a devnet",
    response_model=DevnetStatus,
    responses=documented(404),
)
async def get_devnet(services: Wired, name: Devnet) -> DevnetStatus:
    """Chains, contracts, Metalayer and services at a glance."""
    return await services.devnets.status(name)


@router.patch(
    "/{name}",
    operation_id="patchDevnet",
    summary="Change, start, stop or restart a devnet",
    status_code=202,
    response_model=DevnetStatus,
    responses={**_DONE, **documented(404, 409, 422, 504)},
)
async def patch_devnet(
    services: Wired, response: Response, name: Devnet, request: PatchDevnet
) -> DevnetStatus:
    """Changes to the spec are applied first, then the time to live, then the action.

    What cannot be changed live is a conflict that names every such difference; then nothing
    is changed.
    """
    status = await _patch(services, name, request)
    _set_done(response, done=request.wait)
    return status


async def _patch(services: Services, name: str, request: PatchDevnet) -> DevnetStatus:
    devnets = services.devnets
    status: DevnetStatus | None = None
    if request.set:
        status = await devnets.patch(name, request.set, wait=request.wait)
    if request.ttl is not None:
        extended = await devnets.extend(name, request.ttl)
        status = _keep_outcome(extended, status)
    actions = {"start": devnets.start, "stop": devnets.stop, "restart": devnets.restart}
    if request.action is not None:
        acted = await actions[request.action](name, wait=request.wait)
        status = _keep_outcome(acted, status)
    if status is None:
        await devnets.status(name)
        raise InvalidInput("Nothing to change", "", "Give `action`, `set` or `ttl`.")
    return status


def _keep_outcome(now: DevnetStatus, before: DevnetStatus | None) -> DevnetStatus:
    """The later status with what the change before it did."""
    if before is None:
        return now
    return now.model_copy(update={"outcome": before.outcome, "changes": before.changes})


@router.delete(
    "/{name}",
    operation_id="deleteDevnet",
    summary="Take a devnet down",
    status_code=202,
    response_model=None,
    responses={
        202: {"description": "It is being removed.", "model": DevnetSummary},
        204: {"description": "It is gone, because `wait` was set."},
        **documented(404, 504),
    },
)
async def delete_devnet(
    services: Wired, name: Devnet, wait: Wait = False
) -> DevnetSummary | Response:
    """Stop its services and remove its files and records for good."""
    summary = await services.devnets.delete(name, wait=wait)
    return Response(status_code=204) if wait else summary


@router.get(
    "/{name}/plan",
    operation_id="getPlan",
    summary="What a devnet was planned to be",
    response_model=PlanView,
    responses=documented(404),
)
async def get_plan(services: Wired, name: Devnet) -> PlanView:
    """Chains, ids, ports, services and amounts. `POST /v1/plan` plans without touching anything."""
    return await services.devnets.plan_of(name)


@router.get(
    "/{name}/rollups",
    operation_id="listRollups",
    summary="List rollups",
    response_model=list[RollupStatus],
    responses=documented(404),
)
async def list_rollups(services: Wired, name: Devnet) -> list[RollupStatus]:
    """The rollups of a devnet, in the spec's order."""
    return list(await services.devnets.rollups(name))


@router.post(
    "/{name}/rollups",
    operation_id="addRollup",
    summary="Add a rollup",
    status_code=202,
    response_model=DevnetStatus,
    responses={**_DONE, **documented(404, 409, 422, 504)},
)
async def add_rollup(
    services: Wired,
    response: Response,
    name: Devnet,
    request: AddRollup,
    _key: IdempotencyKey = None,
) -> DevnetStatus:
    """Add a rollup to a running devnet; `Location` names it."""
    status, rollup = await services.devnets.add_rollup(name, request.rollup, wait=request.wait)
    response.headers["location"] = f"/v1/devnets/{name}/rollups/{rollup}"
    _set_done(response, done=request.wait)
    return status


@router.get(
    "/{name}/rollups/{rollup}",
    operation_id="getRollup",
    summary="One rollup",
    response_model=RollupStatus,
    responses=documented(404),
)
async def get_rollup(services: Wired, name: Devnet, rollup: Rollup) -> RollupStatus:
    """Endpoints, ids, framework and contracts of a rollup."""
    return await services.devnets.rollup(name, rollup)


@router.post(
    "/{name}/rollups/{rollup}/join",
    operation_id="joinRollup",
    summary="Let somebody else's chain join",
    status_code=202,
    response_model=JoinedRollup,
    responses={**_JOINED, **documented(404, 409, 422, 504)},
)
async def join_rollup(
    services: Wired,
    response: Response,
    name: Devnet,
    rollup: Rollup,
    request: JoinRollup,
    _key: IdempotencyKey = None,
) -> JoinedRollup:
    """Deploy the Metalayer's contracts on a chain that runs already, by ordinary transactions, and
    take it into the devnet. Its node is left as it is. `DELETE` on the rollup lets go of it."""
    joined = await services.join(name, rollup, request)
    _set_done(response, done=request.wait)
    return joined


@router.delete(
    "/{name}/rollups/{rollup}",
    operation_id="removeRollup",
    summary="Remove a rollup",
    status_code=202,
    response_model=DevnetStatus,
    responses={**_DONE, **documented(404, 409, 422, 504)},
)
async def remove_rollup(
    services: Wired, response: Response, name: Devnet, rollup: Rollup, wait: Wait = False
) -> DevnetStatus:
    """Remove a rollup from a running devnet, its chain and files included."""
    status = await services.devnets.remove_rollup(name, rollup, wait=wait)
    _set_done(response, done=wait)
    return status


def _set_done(response: Response, *, done: bool) -> None:
    """200 instead of 202 where the client waited until it was done."""
    if done:
        response.status_code = 200
