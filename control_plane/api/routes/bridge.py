"""Deposits and withdrawals."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from control_plane.api.deps import Devnet, Wired
from control_plane.api.errors import documented
from control_plane.api.parameters import IdempotencyKey
from control_plane.schemas.bridge import (
    ContinueWithdrawal,
    DepositView,
    MakeDeposit,
    MakeWithdrawal,
    WithdrawalView,
)

router = APIRouter(prefix="/v1/devnets/{name}/bridge", tags=["bridge"])

TransactionId = Annotated[
    str,
    Path(
        description="Hash of the transaction that began it.",
        max_length=66,
        pattern="^0x[0-9a-fA-F]{64}$",
        examples=["0x" + "ab" * 32],
    ),
]
WithdrawalId = Annotated[
    str,
    Path(
        description="Hash of the transaction that began it; with `:1` the second of that one.",
        max_length=71,
        pattern=r"^0x[0-9a-fA-F]{64}(:[1-9][0-9]{0,3})?$",
        examples=["0x" + "ab" * 32],
    ),
]
Of = Annotated[
    str | None,
    Query(description="A rollup's name; by default all.", max_length=64, examples=["op"]),
]
Limit = Annotated[int, Query(description="How many at most.", ge=1, le=1000)]


@router.get(
    "/deposits",
    operation_id="listDeposits",
    summary="List deposits",
    response_model=list[DepositView],
    responses=documented(404, 409, 422),
)
async def list_deposits(
    services: Wired, name: Devnet, rollup: Of = None, limit: Limit = 20
) -> list[DepositView]:
    """Newest first, whoever made them."""
    return list(await services.bridge.list_deposits(name, rollup, limit))


@router.post(
    "/deposits",
    operation_id="makeDeposit",
    summary="Deposit",
    status_code=201,
    response_model=DepositView,
    responses=documented(404, 409, 422, 502, 504),
)
async def make_deposit(
    services: Wired,
    response: Response,
    name: Devnet,
    request: MakeDeposit,
    _key: IdempotencyKey = None,
) -> DepositView:
    """Brings coins or tokens of a listed account from the L1 to a rollup. Answers when the L1 has
    it, with `wait` when the rollup has it. What stands for a token on the rollup is made where it
    is missing."""
    made = await services.bridge.deposit(name, request)
    response.headers["location"] = f"/v1/devnets/{name}/bridge/deposits/{made.id}"
    return made


@router.get(
    "/deposits/{id}",
    operation_id="getDeposit",
    summary="One deposit",
    response_model=DepositView,
    responses=documented(404, 409, 422),
)
async def get_deposit(services: Wired, name: Devnet, id: TransactionId) -> DepositView:
    """By its transaction on the L1."""
    return await services.bridge.deposit_of(name, id)


@router.get(
    "/withdrawals",
    operation_id="listWithdrawals",
    summary="List withdrawals",
    response_model=list[WithdrawalView],
    responses=documented(404, 409, 422),
)
async def list_withdrawals(
    services: Wired, name: Devnet, rollup: Of = None, limit: Limit = 20
) -> list[WithdrawalView]:
    """Newest first, whoever began them."""
    return list(await services.bridge.list_withdrawals(name, rollup, limit))


@router.post(
    "/withdrawals",
    operation_id="makeWithdrawal",
    summary="Withdraw",
    status_code=201,
    response_model=WithdrawalView,
    responses=documented(404, 409, 422, 502, 504),
)
async def make_withdrawal(
    services: Wired,
    response: Response,
    name: Devnet,
    request: MakeWithdrawal,
    _key: IdempotencyKey = None,
) -> WithdrawalView:
    """Begins a withdrawal of a listed account from a rollup to the L1. With `wait` it is proven and
    finalized too; without, `continue` does that."""
    made = await services.bridge.withdraw(name, request)
    response.headers["location"] = f"/v1/devnets/{name}/bridge/withdrawals/{made.id}"
    return made


@router.get(
    "/withdrawals/{id}",
    operation_id="getWithdrawal",
    summary="One withdrawal",
    response_model=WithdrawalView,
    responses=documented(404, 409, 422),
)
async def get_withdrawal(services: Wired, name: Devnet, id: WithdrawalId) -> WithdrawalView:
    """By its transaction on the rollup."""
    return await services.bridge.withdrawal(name, id)


@router.post(
    "/withdrawals/{id}/continue",
    operation_id="continueWithdrawal",
    summary="Take a withdrawal's next step",
    response_model=WithdrawalView,
    responses=documented(404, 409, 422, 502, 504),
)
async def continue_withdrawal(
    services: Wired,
    name: Devnet,
    id: WithdrawalId,
    request: ContinueWithdrawal,
    _key: IdempotencyKey = None,
) -> WithdrawalView:
    """Proves it, finalizes it, or waits for what it waits for; answers when its state is another
    one, with `wait` when it is finalized. Nothing happens to one that is."""
    return await services.bridge.proceed(name, id, request)
