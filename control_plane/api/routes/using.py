"""What programs need to use a devnet: variables, accounts, contracts, exports, coins."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import PlainTextResponse

from control_plane.api.deps import Devnet, OverSocket, Wired
from control_plane.api.errors import documented
from control_plane.api.parameters import IdempotencyKey
from control_plane.schemas.devnet import (
    AccountsView,
    ContractView,
    EnvView,
    FaucetRequest,
    FaucetResult,
)
from control_plane.schemas.export import EnvFormat, ExportView
from control_plane.services.environment import render, variables
from control_plane.services.exports import KINDS, export

router = APIRouter(prefix="/v1/devnets/{name}", tags=["using"])


@router.get(
    "/env",
    operation_id="getEnv",
    summary="Environment variables",
    response_model=EnvView,
    responses={
        200: {
            "description": "As JSON, or as text where `format` is given.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **documented(404, 422),
    },
)
async def get_env(
    services: Wired,
    secrets: OverSocket,
    name: Devnet,
    format: Annotated[
        EnvFormat | None, Query(description="`sh` for eval, `dotenv` for a .env file, or `json`.")
    ] = None,
) -> EnvView | Response:
    """Endpoints, ids, addresses and accounts. Private keys are in it only over the Unix socket."""
    accounts = await services.queries.accounts(name, secrets=secrets)
    values = variables(await services.devnets.status(name), accounts)
    if format is None or format == "json":
        return EnvView(variables=values)
    return PlainTextResponse(render(values, format))


@router.get(
    "/accounts",
    operation_id="listAccounts",
    summary="Funded accounts",
    response_model=AccountsView,
    responses=documented(404),
)
async def list_accounts(services: Wired, secrets: OverSocket, name: Devnet) -> AccountsView:
    """The listed accounts, funded on every chain. Private keys are in it only over
    the Unix socket; no service uses any of them."""
    return await services.queries.accounts(name, secrets=secrets)


@router.get(
    "/contracts",
    operation_id="listContracts",
    summary="Contracts",
    response_model=list[ContractView],
    responses=documented(404, 422),
)
async def list_contracts(
    services: Wired,
    name: Devnet,
    abi: Annotated[bool, Query(description="With their ABIs.")] = False,
) -> list[ContractView]:
    """Every contract, where it is, and its ABI if asked for."""
    return list(await services.queries.contracts(name, abi=abi))


@router.get(
    "/export/{kind}",
    operation_id="exportDevnet",
    summary="Files for other programs",
    response_model=ExportView,
    responses=documented(404, 422),
)
async def export_devnet(
    services: Wired,
    name: Devnet,
    kind: Annotated[
        str,
        Path(description=f"One of: {', '.join(KINDS)}.", max_length=64, examples=["addresses"]),
    ],
) -> ExportView:
    """Addresses, ABIs, chain definitions for viem and wagmi, or endpoints for Foundry."""
    status = await services.devnets.status(name)
    contracts = await services.queries.contracts(name, abi=kind in {"abi", "wagmi"})
    return export(kind, status, contracts)


@router.post(
    "/faucet",
    operation_id="useFaucet",
    summary="Coins or tokens for an address",
    response_model=FaucetResult,
    responses=documented(404, 409, 422, 502, 504),
)
async def use_faucet(
    services: Wired, name: Devnet, request: FaucetRequest, _key: IdempotencyKey = None
) -> FaucetResult:
    """Real transfers from the devnet's faucet account, on one chain or all."""
    return await services.faucet(name, request)
