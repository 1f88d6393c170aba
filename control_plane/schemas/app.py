"""Apps: a manifest of contracts and calls, and what of it stands on which rollup."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from control_plane.schemas.common import Address, HexData, Model, Name, Request, ShownAs, Texts

MOST_CONTRACTS: Final = 64
MOST_CALLS: Final = 256
LARGEST_CODE: Final = 49_152
"""Bytes of creation code with its arguments (EIP-3860)."""

Arguments = Annotated[
    tuple[Any, ...],
    Field(
        max_length=64,
        description="In the order of the ABI: values, lists, references such as `$owner` and"
        " `$contracts.points`, and lists with an element for each other rollup:"
        " `{each: rollup, value: …}`.",
        examples=[["Points", "$owner", 1000]],
    ),
]


class AppContract(Model):
    """A contract, at the same address on every rollup."""

    name: Name
    artifact: str = Field(
        min_length=1,
        max_length=512,
        description="JSON artifact of Foundry or Hardhat, by its path from the manifest.",
        examples=["out/Points.sol/Points.json"],
    )
    args: Arguments = ()


class AppCall(Model):
    """A transaction that is made once, after all contracts stand."""

    contract: Name
    function: str = Field(
        min_length=1,
        max_length=512,
        description="Name, or signature where several have that name.",
        examples=["approve", "approve(address,uint256)"],
    )
    args: Arguments = ()
    each: Literal["rollup"] | None = Field(
        default=None, description="Once for each other rollup of the app, which is `$peer`."
    )


class AppManifest(Model):
    """An app: contracts, their constructors' arguments, and calls that link them."""

    version: Literal[1]
    name: Name
    contracts: tuple[AppContract, ...] = Field(min_length=1, max_length=MOST_CONTRACTS)
    calls: tuple[AppCall, ...] = Field(default=(), max_length=MOST_CALLS)


class AbiParameter(BaseModel):
    """A parameter of an ABI; what else compilers write beside it does not matter here."""

    model_config = ConfigDict(frozen=True)

    name: str = ""
    type: str
    components: "tuple[AbiParameter, ...]" = ()


class AbiEntry(BaseModel):
    """A constructor, function or error of an ABI, or something that does not matter here."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(examples=["function"])
    name: str = Field(default="", examples=["approve"])
    inputs: tuple[AbiParameter, ...] = ()
    mutability: str = Field(default="nonpayable", alias="stateMutability", examples=["view"])


class Artifact(Request):
    """What a compiler made of a contract."""

    abi: Annotated[tuple[AbiEntry, ...], Field(strict=False)]
    bytecode: HexData = Field(
        max_length=2 + 2 * LARGEST_CODE, description="Creation code, libraries linked."
    )


class DeployApp(Request):
    """A manifest with the artifacts that it names."""

    manifest: Annotated[dict[str, Any], ShownAs(AppManifest)]
    artifacts: dict[str, Artifact] = Field(
        max_length=MOST_CONTRACTS,
        description="By their paths, as the manifest has them.",
        examples=[
            {
                "out/Points.sol/Points.json": {
                    "abi": [{"type": "constructor", "inputs": []}],
                    "bytecode": "0x600a600c600039600a6000f3",
                }
            }
        ],
    )
    on: Texts = Field(default=(), max_length=1000, description="Rollups; by default all.")
    sender: int = Field(
        default=0,
        ge=0,
        le=999,
        description="Number of the listed account that deploys, from 0; `$owner`.",
    )


ContractState = Literal["planned", "deployed", "stands", "older", "conflict"]
CallState = Literal["planned", "made", "stands"]


class AppContractView(Model):
    """A contract of an app on one rollup."""

    name: str
    state: ContractState = Field(
        description="planned: is to be deployed. deployed: just now. stands: it did already. older:"
        " it stands, with arguments made when the app had other rollups. conflict: something else"
        " stands there."
    )
    tx: str | None = Field(default=None, description="The transaction that deployed it, if known.")
    detail: str | None = Field(default=None, description="Of one that is older, or a conflict.")


class AppCallView(Model):
    """A call of an app on one rollup."""

    contract: str
    function: str
    peer: str | None = Field(default=None, description="The rollup for which it is made.")
    state: CallState = Field(
        description="planned: is to be made. made: just now. stands: it was made already."
    )
    tx: str | None = None


class AppRollupView(Model):
    """An app on one rollup."""

    rollup: str
    chain_id: int
    contracts: tuple[AppContractView, ...]
    calls: tuple[AppCallView, ...] = ()


class AppView(Model):
    """An app of a devnet."""

    name: str
    owner: Address = Field(description="The account that deploys it.")
    addresses: dict[str, str] = Field(
        description="By contract; the same on every rollup.",
        examples=[{"points": "0x5fbdb2315678afecb367f032d93f642f64180aa3"}],
    )
    rollups: tuple[AppRollupView, ...]
