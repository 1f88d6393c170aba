"""What anybody needs who rebuilds a rollup from its L1, and what the L1 says of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from control_plane.api.deps import Devnet, Wired
from control_plane.api.errors import documented
from control_plane.schemas.dispute import DisputesView
from control_plane.schemas.keeper import DataAvailabilityView
from control_plane.schemas.output import OutputsView
from control_plane.schemas.rules import RulesView

router = APIRouter(prefix="/v1/devnets/{name}", tags=["settlement"])


@router.get(
    "/rollups/{rollup}/genesis",
    operation_id="getGenesis",
    summary="A rollup's genesis",
    response_class=Response,
    responses={
        200: {
            "description": "geth's `genesis.json`.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        **documented(404, 409),
    },
)
async def get_genesis(
    services: Wired,
    name: Devnet,
    rollup: Annotated[str, Path(description="A rollup's name.", max_length=64, examples=["op"])],
) -> Response:
    """The accounts, code and storage that the rollup began with."""
    await services.devnets.rollup(name, rollup)
    content = await services.genesis(name, rollup)
    return Response(content, media_type="application/json")


@router.get(
    "/rollups/{rollup}/data-availability",
    operation_id="getDataAvailability",
    summary="Where a rollup's data are",
    responses=documented(404, 409),
)
async def get_data_availability(
    services: Wired,
    name: Devnet,
    rollup: Annotated[str, Path(description="A rollup's name.", max_length=64, examples=["op"])],
) -> DataAvailabilityView:
    """Who keeps what the L1 has not, as whoever rebuilds the rollup must know it."""
    await services.devnets.rollup(name, rollup)
    return await services.keepers(name, rollup)


@router.get(
    "/rollups/{rollup}/outputs",
    operation_id="listOutputs",
    summary="List a rollup's outputs",
    responses=documented(404, 409),
)
async def list_outputs(
    services: Wired,
    name: Devnet,
    rollup: Annotated[str, Path(description="A rollup's name.", max_length=64, examples=["op"])],
    limit: Annotated[int, Query(description="How many at most.", ge=1, le=200)] = 20,
    before: Annotated[
        int | None, Query(description="Only those of a lower index.", ge=0, le=2**63 - 1)
    ] = None,
) -> OutputsView:
    """Newest first, as they are on the L1 now."""
    await services.devnets.rollup(name, rollup)
    return await services.outputs.list(name, rollup, limit=limit, before=before)


@router.get(
    "/rollups/{rollup}/rules",
    operation_id="listRules",
    summary="List the rules by which a rollup switches",
    responses=documented(404),
)
async def list_rules(
    services: Wired,
    name: Devnet,
    rollup: Annotated[str, Path(description="A rollup's name.", max_length=64, examples=["op"])],
) -> RulesView:
    """The strongest first, with what each has done and whether it holds now."""
    await services.devnets.rollup(name, rollup)
    return await services.rules.rules(name, rollup)


@router.get(
    "/disputes",
    operation_id="listDisputes",
    summary="List disputes about outputs",
    responses=documented(404, 409),
)
async def list_disputes(
    services: Wired,
    name: Devnet,
    rollup: Annotated[
        str | None, Query(description="Of this rollup alone.", max_length=64, examples=["op"])
    ] = None,
    limit: Annotated[int, Query(description="How many at most.", ge=1, le=200)] = 20,
    before: Annotated[
        int | None, Query(description="Only those of a lower id.", ge=0, le=2**63 - 1)
    ] = None,
    only_open: Annotated[bool, Query(alias="open", description="Only those that go on.")] = False,
) -> DisputesView:
    """Newest first, as they are on the L1 now: where each stands, who is to move and until when."""
    await services.devnets.status(name)
    if rollup is not None:
        await services.devnets.rollup(name, rollup)
    return await services.disputes.list(
        name, rollup, limit=limit, before=before, only_open=only_open
    )
