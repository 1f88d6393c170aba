"""What programs need to use a devnet: variables, accounts, contracts, exports, coins."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import PlainTextResponse

from control_plane.api.deps import Devnet, OverSocket, Wired
from control_plane.api.errors import documented
from control_plane.api.parameters import IdempotencyKey
from control_plane.schemas.export import EnvFormat, ExportView
from control_plane.schemas.using import (
    AccountsView,
    ContractView,
    EnvView,
    FaucetRequest,
    FaucetResult,
)
from control_plane.services.environment import render, variables
from control_plane.services.exports import KINDS, export

_NO_SUCH_KEY: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
    "<Message>The specified key does not exist.</Message></Error>\n"
)
"""S3's; readers know it by its message."""

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
    responses=documented(404, 409, 422),
)
async def export_devnet(
    services: Wired,
    name: Devnet,
    kind: Annotated[
        str,
        Path(description=f"One of: {', '.join(KINDS)}.", max_length=64, examples=["addresses"]),
    ],
) -> ExportView:
    """Addresses, ABIs, chain definitions for viem and wagmi, endpoints for Foundry, or a registry
    for Hyperlane's CLI and SDK."""
    status = await services.devnets.status(name)
    contracts = await services.queries.contracts(name, abi=kind in {"abi", "wagmi"})
    api_url = f"http://127.0.0.1:{(await services.about()).port}"
    return export(kind, status, contracts, api_url)


@router.get(
    "/checkpoints/{key:path}",
    operation_id="getCheckpoint",
    summary="Files of the validators",
    response_class=Response,
    responses={
        200: {
            "description": "The file as the validator wrote it.",
            "content": {"application/json": {"schema": {}}},
        },
        **documented(422),
        404: {
            "description": "There is no such file: S3's own error, or a problem for the devnet.",
            "content": {
                "application/xml": {"schema": {"type": "string"}},
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/ProblemDetail"}
                },
            },
        },
    },
)
async def get_checkpoint(
    services: Wired,
    name: Devnet,
    key: Annotated[
        str,
        Path(
            description="Validator, chain and file.",
            max_length=200,
            examples=["validator-0/op/announcement.json"],
        ),
    ],
) -> Response:
    """Announcements and signed checkpoints, as Hyperlane's agents ask S3 for them: with
    `AWS_ENDPOINT_URL_S3` set to this API's `/v1/devnets`, devnets are buckets."""
    found = await services.checkpoint(name, key)
    if found is None:
        return Response(_NO_SUCH_KEY, status_code=404, media_type="application/xml")
    return Response(found, media_type="application/json")


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
