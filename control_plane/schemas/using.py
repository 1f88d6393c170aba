"""What users and programs need of a devnet that runs: accounts, variables, contracts, coins."""

from typing import Any

from pydantic import Field

from control_plane.schemas.common import Address, Hash, Model, Request


class AccountView(Model):
    """An account that is funded on every chain, and unlocked where the engine can do that."""

    address: Address
    private_key: str | None = Field(
        default=None, description="A public development key; given out over the socket only."
    )


class AccountsView(Model):
    """The accounts of a spec."""

    mnemonic: str | None = Field(default=None, description="Given out over the socket only.")
    derivation_path: str = "m/44'/60'/0'/0/{index}"
    balance: str = Field(description="Native coins of each on every chain at the start.")
    accounts: tuple[AccountView, ...]
    warning: str = "Public development keys: never use them on a real network."


class EnvView(Model):
    """What other programs need, as environment variables."""

    variables: dict[str, str] = Field(
        examples=[{"CALDERA_DEVNET": "default", "L1_RPC_URL": "http://127.0.0.1:8545"}]
    )


class ContractView(Model):
    """A contract and where it is."""

    name: str = Field(examples=["Mailbox"])
    key: str = Field(examples=["mailbox"])
    address: Address
    chains: tuple[str, ...] = Field(description="Names of the chains that have it.")
    abi: list[dict[str, Any]] | None = Field(default=None, description="With `abi=true` only.")


class FaucetRequest(Request):
    """Coins or tokens for an address."""

    address: Address
    on: str | None = Field(
        default=None, description="Chain; by default every chain.", examples=["op"]
    )
    token: str = Field(
        default="ETH",
        description="ETH: each chain's coin, whatever that is; or on the L1 ERA, or a test token"
        " that is a rollup's coin.",
    )
    amount: str = Field(
        default="10", pattern=r"^[0-9]{1,30}(\.[0-9]{1,18})?$", description="Whole units."
    )


class FaucetTransfer(Model):
    """One transfer."""

    chain: str
    tx: Hash
    balance: str = Field(description="What the address holds after it, whole units.")
    symbol: str = Field(default="ETH", description="Of what was given there.")


class FaucetResult(Model):
    """What the faucet gave."""

    address: Address
    token: str
    amount: str
    transfers: tuple[FaucetTransfer, ...]
