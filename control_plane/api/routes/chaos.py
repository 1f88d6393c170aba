"""Breaking a devnet on purpose."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from control_plane.api.deps import Devnet, Wired
from control_plane.api.errors import documented
from control_plane.api.parameters import IdempotencyKey
from control_plane.schemas.chaos import FaultKindView, FaultView, StartFault

router = APIRouter(prefix="/v1", tags=["chaos"])

FaultId = Annotated[str, Path(description="A fault's id.", max_length=20, examples=["f1"])]


@router.get(
    "/chaos",
    operation_id="listFaultKinds",
    summary="What can be broken",
    response_model=list[FaultKindView],
    responses=documented(),
)
async def list_fault_kinds(services: Wired) -> list[FaultKindView]:
    """Every kind of fault with its parameters."""
    return list(services.chaos().kinds())


@router.get(
    "/devnets/{name}/chaos",
    operation_id="listFaults",
    summary="List faults",
    response_model=list[FaultView],
    responses=documented(404, 422),
)
async def list_faults(
    services: Wired,
    name: Devnet,
    over: Annotated[bool, Query(description="Those that are over, too.")] = False,
) -> list[FaultView]:
    """Oldest first."""
    return list(await services.chaos().list(name, over=over))


@router.post(
    "/devnets/{name}/chaos",
    operation_id="startFault",
    summary="Break something",
    status_code=201,
    response_model=FaultView,
    responses=documented(404, 409, 422, 502, 504),
)
async def start_fault(
    services: Wired,
    response: Response,
    name: Devnet,
    request: StartFault,
    _key: IdempotencyKey = None,
) -> FaultView:
    """Answers when the fault is there, or was done if it is a single act. `Location` is where it is
    shown and healed; what the network makes of it is told by events."""
    fault = await services.chaos().start(name, request)
    response.headers["location"] = f"/v1/devnets/{name}/chaos/{fault.id}"
    return fault


@router.delete(
    "/devnets/{name}/chaos",
    operation_id="healFaults",
    summary="Mend everything",
    response_model=list[FaultView],
    responses=documented(404),
)
async def heal_faults(services: Wired, name: Devnet) -> list[FaultView]:
    """Ends every active fault; those."""
    return list(await services.chaos().heal_all(name))


@router.get(
    "/devnets/{name}/chaos/{fault}",
    operation_id="getFault",
    summary="One fault",
    response_model=FaultView,
    responses=documented(404),
)
async def get_fault(services: Wired, name: Devnet, fault: FaultId) -> FaultView:
    """A fault, active or over."""
    return await services.chaos().get(name, fault)


@router.delete(
    "/devnets/{name}/chaos/{fault}",
    operation_id="healFault",
    summary="Mend it",
    response_model=FaultView,
    responses=documented(404),
)
async def heal_fault(services: Wired, name: Devnet, fault: FaultId) -> FaultView:
    """Ends a fault; nothing happens to one that is over."""
    return await services.chaos().heal(name, fault)
