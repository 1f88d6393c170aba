"""Proofs against certified aggregate roots."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from control_plane.api.deps import Devnet, Wired
from control_plane.api.errors import documented
from control_plane.api.routes.metalayer import MessageId, hexadecimal
from control_plane.schemas.common import Address
from control_plane.schemas.proof import MessageProofView, StorageProofView

router = APIRouter(prefix="/v1/devnets/{name}/proofs", tags=["metalayer"])

_MOST_SLOTS = 256


@router.get(
    "/messages/{id}",
    operation_id="proveMessage",
    summary="Prove a message",
    response_model=MessageProofView,
    responses=documented(404, 409, 422),
)
async def prove_message(services: Wired, name: Devnet, id: MessageId) -> MessageProofView:
    """The meta-proof that takes a message to the aggregate root of the epoch that attested it."""
    return await services.proofs.message(name, hexadecimal(id))


@router.get(
    "/storage/{rollup}/{address}",
    operation_id="proveStorage",
    summary="Prove storage",
    response_model=StorageProofView,
    responses=documented(404, 409, 422, 502, 504),
)
async def prove_storage(
    services: Wired,
    name: Devnet,
    rollup: Annotated[str, Path(description="A chain's name.", max_length=64, examples=["op"])],
    address: Annotated[Address, Path(description="A contract on it.")],
    slot: Annotated[
        list[Annotated[str, Query(max_length=80)]],
        Query(
            description="Storage slots: numbers, or 0x-hex.",
            min_length=1,
            max_length=_MOST_SLOTS,
            examples=[["0"]],
        ),
    ],
) -> StorageProofView:
    """Values of storage slots, with the proof that takes them to a certified aggregate root. The
    attested block is no older than the chain's head at the time of the request."""
    return await services.proofs.storage(name, rollup, address, slot)
