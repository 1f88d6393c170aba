"""Messages, epochs and guardians of a devnet."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BeforeValidator

from control_plane.api.deps import Devnet, Wired
from control_plane.api.errors import documented
from control_plane.api.parameters import IdempotencyKey, moment_text
from control_plane.domain.errors import NotFound
from control_plane.domain.states import MessageState
from control_plane.schemas.epoch import EpochSyncView, EpochView
from control_plane.schemas.guardian import GuardianView
from control_plane.schemas.message import (
    MessagePaid,
    MessageSent,
    MessageStateName,
    MessageView,
    PayMessage,
    SendMessage,
    TraceView,
)
from control_plane.schemas.offence import OffenceView
from control_plane.services.queries import MessageFilter

router = APIRouter(prefix="/v1/devnets/{name}", tags=["metalayer"])

_LARGEST = 2**63 - 1
MessageId = Annotated[
    str,
    Path(
        description="A message's id, or the beginning of it if no other begins so.",
        max_length=66,
        examples=["0x" + "ab" * 32],
    ),
]
Moment = Annotated[datetime, BeforeValidator(moment_text)]
Limit = Annotated[int, Query(description="How many at most.", ge=1, le=1000)]


@router.get(
    "/messages",
    operation_id="listMessages",
    summary="List messages",
    response_model=list[MessageView],
    responses=documented(404, 422),
)
async def list_messages(
    services: Wired,
    name: Devnet,
    state: Annotated[MessageStateName | None, Query(description="In this state only.")] = None,
    origin: Annotated[
        str | None, Query(description="From this chain only: its name or domain.", max_length=64)
    ] = None,
    destination: Annotated[
        str | None, Query(description="To this chain only: its name or domain.", max_length=64)
    ] = None,
    limit: Limit = 100,
    before: Annotated[
        Moment | None, Query(description="Only those dispatched before this moment.")
    ] = None,
) -> list[MessageView]:
    """Newest first."""
    wanted = MessageFilter(
        state=None if state is None else MessageState(state),
        origin=origin,
        destination=destination,
        limit=limit,
        before=None if before is None else before.timestamp(),
    )
    return list(await services.queries.messages(name, wanted))


@router.post(
    "/messages",
    operation_id="sendMessage",
    summary="Send a message",
    status_code=201,
    response_model=MessageSent,
    responses=documented(404, 409, 422, 502, 504),
)
async def send_message(
    services: Wired,
    response: Response,
    name: Devnet,
    request: SendMessage,
    _key: IdempotencyKey = None,
) -> MessageSent:
    """Dispatch a message through the origin's mailbox; with `wait`, answer when it is delivered.
    `Location` is where it is traced."""
    sent = await services.send(name, request)
    response.headers["location"] = f"/v1/devnets/{name}/messages/{sent.id}"
    return sent


@router.get(
    "/messages/{id}",
    operation_id="getMessage",
    summary="One message, traced",
    response_model=TraceView,
    responses=documented(404, 422),
)
async def get_message(services: Wired, name: Devnet, id: MessageId) -> TraceView:
    """The five steps of a message with their transactions, and why it is not delivered, if so."""
    return await services.trace(name, hexadecimal(id))


@router.get(
    "/messages/{id}/trace",
    operation_id="traceMessage",
    summary="Trace a message",
    response_model=TraceView,
    responses=documented(404, 422),
)
async def trace_message(services: Wired, name: Devnet, id: MessageId) -> TraceView:
    """The same as without `/trace`."""
    return await services.trace(name, hexadecimal(id))


@router.post(
    "/messages/{id}/retry",
    operation_id="retryMessage",
    summary="Try a message again now",
    status_code=202,
    response_model=TraceView,
    responses=documented(404, 409, 422),
)
async def retry_message(
    services: Wired, name: Devnet, id: MessageId, _key: IdempotencyKey = None
) -> TraceView:
    """Ends the pause before the relayer's next attempt to deliver it. The attempt is made in the
    background; what became of it is in the trace."""
    return await services.retry(name, hexadecimal(id))


@router.post(
    "/messages/{id}/pay",
    operation_id="payForMessage",
    summary="Pay for a message's gas",
    response_model=MessagePaid,
    responses=documented(404, 409, 422),
)
async def pay_for_message(
    services: Wired, name: Devnet, id: MessageId, request: PayMessage, _key: IdempotencyKey = None
) -> MessagePaid:
    """Where `metalayer.fees` is `prepaid`, the relayer leaves messages whose gas is unpaid; what
    is missing stands in the trace. The faucet's account pays, on the message's origin."""
    return await services.pay(name, hexadecimal(id), request)


def hexadecimal(text: str) -> str:
    """A message id, or the beginning of one, in lower case. NotFound for what is none."""
    digits = text.lower().removeprefix("0x")
    if not digits or any(c not in "0123456789abcdef" for c in digits):
        raise NotFound(f"No message {text!r}", "", "An id is 0x and 64 hexadecimal digits.")
    return "0x" + digits


@router.get(
    "/epochs",
    operation_id="listEpochs",
    summary="List epochs",
    response_model=list[EpochView],
    responses=documented(404, 422),
)
async def list_epochs(
    services: Wired,
    name: Devnet,
    limit: Limit = 50,
    before: Annotated[
        int | None, Query(description="Only those of a lower number.", ge=0, le=_LARGEST)
    ] = None,
) -> list[EpochView]:
    """Newest first, without their certificates."""
    return list(await services.queries.epochs(name, limit=limit, before=before))


@router.get(
    "/epochs/sync",
    operation_id="syncEpochs",
    summary="Check the epochs",
    response_model=EpochSyncView,
    responses=documented(404, 409, 422),
)
async def sync_epochs(
    services: Wired,
    name: Devnet,
    since: Annotated[
        int | None,
        Query(description="Epoch to trust; the oldest kept by default.", ge=0, le=_LARGEST),
    ] = None,
) -> EpochSyncView:
    """Follow from a trusted epoch to the newest as a light client does: one certificate however
    many epochs are skipped, one signature for each change of the guardian set, hashes for the
    rest."""
    return await services.proofs.epochs(name, since)


@router.get(
    "/epochs/{epoch}",
    operation_id="getEpoch",
    summary="One epoch",
    response_model=EpochView,
    responses=documented(404, 422),
)
async def get_epoch(
    services: Wired,
    name: Devnet,
    epoch: Annotated[
        Annotated[int, Path(ge=0, le=_LARGEST)] | Literal["latest"],
        Path(description="Its number, or `latest`: the last certified one."),
    ],
) -> EpochView:
    """Leaves, signers and certificate of an epoch."""
    return await services.queries.epoch(name, epoch)


@router.get(
    "/guardians",
    operation_id="listGuardians",
    summary="List guardians",
    response_model=list[GuardianView],
    responses=documented(404),
)
async def list_guardians(services: Wired, name: Devnet) -> list[GuardianView]:
    """The current set, by index."""
    return list(await services.queries.guardians(name))


@router.get(
    "/offences",
    operation_id="listOffences",
    summary="List offences of guardians",
    response_model=list[OffenceView],
    responses=documented(404),
)
async def list_offences(services: Wired, name: Devnet) -> list[OffenceView]:
    """What guardians signed that they must not sign, and what they lost for it; oldest first."""
    return list(await services.offences(name))


@router.get(
    "/guardians/{guardian}",
    operation_id="getGuardian",
    summary="One guardian",
    response_model=GuardianView,
    responses=documented(404),
)
async def get_guardian(
    services: Wired,
    name: Devnet,
    guardian: Annotated[
        str, Path(description="Its index, or its service's name.", max_length=64, examples=["0"])
    ],
) -> GuardianView:
    """Stake, key, state and last signed epoch of a guardian."""
    return await services.queries.guardian(name, guardian)
