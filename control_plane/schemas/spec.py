"""The spec of a devnet (``caldera.yaml``), version 1.

These models say what a spec *may* hold in the end; what this version can do, and which
combinations are valid, is checked by ``control_plane/domain/validation.py``, which reports all
problems at once.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from control_plane.schemas.common import Address, Model, Name

Framework = Literal["op-stack", "arbitrum-nitro", "zk-stack", "polygon-cdk"]
Engine = Literal["anvil", "op-geth"]
RollupEngine = Literal["anvil", "op-geth", "external"]
Runtime = Literal["process", "compose"]
Surface = Literal["none", "partial", "complete"]
DataAvailability = Literal[
    "ethereum-calldata", "ethereum-blobs", "celestia", "eigenda", "anytrust", "alt-da"
]
Proof = Literal["fraud", "validity"]
Services = Literal["caldera", "native"]
Finality = Literal["instant", "finalized"]
Fees = Literal["free", "prepaid"]
AgentsPlace = Literal["daemon", "containers"]

TEST_MNEMONIC = "test test test test test test test test test test test junk"

URL = r"^https?://[^\s/?#@]+(/[^\s]*)?$"
WS_URL = r"^wss?://[^\s/?#@]+(/[^\s]*)?$"

SYMBOL = r"^[A-Z][A-Z0-9]{1,10}$"

Port = Annotated[int, Field(ge=1024, le=65535)]
ChainIdNumber = Annotated[int, Field(ge=1, le=2**53 - 1)]
DomainNumber = Annotated[int, Field(ge=1, le=2**32 - 1)]
BlockTime = Annotated[
    float,
    Field(
        ge=0,
        le=3600,
        description="Seconds between blocks; 0: a block as soon as a transaction waits.",
        examples=[0, 0.25, 2],
    ),
]


class Resources(Model):
    """Limits of a chain's node; of containers."""

    cpus: float | None = Field(default=None, gt=0, le=1024, description="Processor cores.")
    memory: str | None = Field(
        default=None, pattern=r"^[1-9][0-9]*(k|m|g)?$", description="Bytes, or with k, m or g."
    )


class EngineSpec(Model):
    """Which program a node engine is, when it is not the one that `caldera engine ls` tells."""

    path: str | None = Field(
        default=None, pattern=r"^/", max_length=4096, description="A program of this machine."
    )
    image: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-zA-Z0-9._/:@-]*$",
        max_length=255,
        description="A container image.",
    )


class L1Spec(Model):
    """The chain that the rollups settle to."""

    engine: Literal["anvil"] = Field(default="anvil", description="Node program.")
    block_time: BlockTime = 0
    port: Port | None = Field(
        default=None,
        description="JSON-RPC port. Named, it must be free; by default 8545, or the next.",
    )
    chain_id: ChainIdNumber = Field(default=900, description="EIP-155 chain id.")
    domain: DomainNumber | None = Field(
        default=None, description="Domain id in messages; by default the chain id."
    )
    resources: Resources | None = Field(
        default=None, description="What its node may take of the machine; with 'compose' alone."
    )


class LoadCondition(Model):
    """How many transactions a second, on average over a while."""

    # `for` is a keyword of Python's
    model_config = ConfigDict(serialize_by_alias=True)

    above: float | None = Field(default=None, ge=0, le=10**6, description="More than these.")
    below: float | None = Field(default=None, gt=0, le=10**6, description="Fewer than these.")
    for_: float = Field(
        default=10,
        alias="for",
        ge=1,
        le=3600,
        description="Seconds that the average is taken over, up to now.",
    )


class SwitchWhen(Model):
    """A condition: one of these."""

    load: LoadCondition | None = Field(
        default=None,
        description="What the rollup's blocks carry.",
        examples=[{"above": 50, "for": 10}],
    )
    schedule: str | None = Field(
        default=None,
        max_length=200,
        description="Points in time, by a cron expression in UTC: five fields, or six with the"
        " second first.",
        examples=["0 9 * * 1-5"],
    )
    private: bool | None = Field(
        default=None, description="What the rollup's privacy flag is.", examples=[True]
    )


class SwitchTo(Model):
    """What a rollup becomes: one or more of `framework`, `proof` and `da`."""

    framework: Framework | None = Field(default=None, description="As of a rollup.")
    proof: Proof | None = Field(default=None, description="As of a rollup.")
    finalization_window: int | None = Field(
        default=None, ge=1, le=31_536_000, description="Goes with `proof: fraud`."
    )
    da: DataAvailability | None = Field(default=None, description="As of a rollup.")
    da_url: str | None = Field(
        default=None, pattern=URL, max_length=512, description="Goes with `da`, as the next two."
    )
    da_token_file: str | None = Field(
        default=None, pattern=r"^/", max_length=4096, description="As of a rollup."
    )
    da_committee_file: str | None = Field(
        default=None, pattern=r"^/", max_length=4096, description="As of a rollup."
    )


class SwitchRuleSpec(Model):
    """A rule by which a rollup switches by itself."""

    when: SwitchWhen
    to: SwitchTo


class RollupSpec(Model):
    """One rollup."""

    name: Name = Field(default="", description="By default after its framework: op, arb, zk, cdk.")
    framework: Framework = Field(default="op-stack", description="The stack whose rollup this is.")
    engine: RollupEngine = Field(
        default="anvil",
        description="Node program; 'external': somebody else's, joined by `rollup join`.",
    )
    surface: Surface = Field(
        default="none", description="How much of its framework's contracts the rollup shows."
    )
    services: Services = Field(
        default="caldera", description="Whose settlement services: ours or the framework's own."
    )
    da: DataAvailability | None = Field(
        default=None, description="Where a batcher posts the rollup's blocks; by default nowhere."
    )
    da_url: str | None = Field(
        default=None,
        pattern=URL,
        max_length=512,
        description="The real service that keeps the blocks; by default a stand-in here.",
        examples=["http://127.0.0.1:26658"],
    )
    da_token_file: str | None = Field(
        default=None,
        pattern=r"^/",
        max_length=4096,
        description="A file with the token that the service wants: celestia-node's, for writing.",
    )
    da_committee_file: str | None = Field(
        default=None,
        pattern=r"^/",
        max_length=4096,
        description="A JSON file that describes somebody else's AnyTrust committee.",
    )
    proof: Proof | None = Field(
        default=None,
        description="What makes its outputs on the L1 true; by default it has none. Needs a `da`.",
    )
    finalization_window: int | None = Field(
        default=None,
        ge=1,
        le=31_536_000,
        description="Seconds in which an output can be disputed, by default 10; with fraud alone.",
    )
    sequencing_window: float | None = Field(
        default=None,
        gt=0,
        le=31_536_000,
        description="Seconds after which a deposit on the L1 must be in a block, whatever the "
        "sequencer wants; by default 60, or four times the save interval. Needs a `proof`.",
    )
    gas_token: str | None = Field(
        default=None,
        pattern=SYMBOL,
        description="Symbol of the coin that pays for gas: ETH, ERA, USDC or one of `tokens`; by"
        " default ETH. Another than ETH needs a `proof`, and never changes.",
        examples=["ETH", "USDC"],
    )
    block_time: BlockTime = 0
    port: Port | None = Field(
        default=None, description="JSON-RPC port. Named, it must be free; by default 9545 and up."
    )
    chain_id: ChainIdNumber | None = Field(
        default=None, description="EIP-155 chain id; by default 901 and up."
    )
    domain: DomainNumber | None = Field(
        default=None, description="Domain id in messages; by default the chain id."
    )
    rpc: str | None = Field(
        default=None,
        pattern=URL,
        max_length=512,
        description="JSON-RPC over HTTP of a chain that was joined.",
        examples=["http://127.0.0.1:8555"],
    )
    ws: str | None = Field(
        default=None,
        pattern=WS_URL,
        max_length=512,
        description="The same over WebSocket; by default at the same host, port and path.",
    )
    shard: Name | None = Field(
        default=None,
        description="Group of rollups, by industry say, whose leaves have a root of their own.",
        examples=["gaming"],
    )
    switch: tuple[SwitchRuleSpec, ...] = Field(
        default=(),
        max_length=16,
        description="Rules by which it changes its framework, proof system or data availability"
        " by itself; the first that holds decides.",
        examples=[[{"when": {"load": {"above": 50, "for": 10}}, "to": {"proof": "validity"}}]],
    )
    switch_interval: float | None = Field(
        default=None,
        ge=1,
        le=86_400,
        description="Seconds between two switches by rule, at least; by default 10.",
    )
    private: bool = Field(
        default=False,
        description="A flag that rules of `switch` ask for. It hides nothing by itself.",
    )
    resources: Resources | None = Field(
        default=None, description="What its node may take of the machine; with 'compose' alone."
    )


class TokenSpec(Model):
    """An ERC-20 of the L1, for rollups to have as their coin."""

    symbol: str = Field(
        pattern=SYMBOL, description="By which a rollup's `gas_token` names it.", examples=["DAI"]
    )
    decimals: int = Field(
        ge=0, le=18, description="Of the token on the L1; the rollup's coin has 18 always."
    )
    name: str | None = Field(
        default=None, min_length=1, max_length=32, description="By default its symbol."
    )
    address: Address | None = Field(
        default=None,
        description="Where it is on the L1, if it is there; by default a test token is made, which"
        " everybody may mint.",
    )


class MetalayerSpec(Model):
    """Guardians and what they do."""

    guardians: int = Field(default=4, ge=1, le=100, description="How many guardians.")
    stake: float = Field(default=100_000, gt=0, le=10_000_000, description="ERA that each stakes.")
    epoch_interval: float = Field(
        default=1.0,
        ge=0.05,
        le=3600,
        description="Seconds after which an epoch is made though nothing waits for one.",
    )
    finality: Finality = Field(
        default="instant",
        description="What a message's block must be before it is delivered, unless its recipient "
        "chooses a module of its own; messages through the router say it themselves.",
    )
    fees: Fees = Field(default="free", description="Whether messages must be paid for.")
    validators: int = Field(
        default=0,
        ge=0,
        le=16,
        description="Validators that sign checkpoints for Hyperlane's multisig module; 0: none.",
    )


class AccountsSpec(Model):
    """Funded on every chain, and unlocked where the engine can do that (Anvil). The mnemonic is
    public: never use it elsewhere."""

    count: int = Field(default=10, ge=1, le=1000, description="How many accounts.")
    balance: float = Field(
        default=10_000, ge=0, le=10**12, description="Native coins of each on every chain."
    )
    mnemonic: str = Field(default=TEST_MNEMONIC, max_length=400, description="BIP-39 words.")


class Spec(Model):
    """A devnet: one L1, its rollups and the Metalayer between them."""

    version: Literal[1] = Field(description="Version of this format.")
    name: Name = Field(default="default", description="Name of the devnet.")
    runtime: Runtime = Field(default="process", description="Where nodes run.")
    agents: AgentsPlace = Field(default="daemon", description="Where agents run.")
    l1: L1Spec = Field(default_factory=L1Spec)
    rollups: tuple[RollupSpec, ...] = Field(
        default=(RollupSpec(name="op"),), min_length=1, description="At least one."
    )
    tokens: tuple[TokenSpec, ...] = Field(
        default=(),
        max_length=32,
        description="Tokens that rollups have as their coin, besides ERA and USDC.",
        examples=[[{"symbol": "DAI", "decimals": 18}]],
    )
    metalayer: MetalayerSpec = Field(default_factory=MetalayerSpec)
    accounts: AccountsSpec = Field(default_factory=AccountsSpec)
    engines: dict[Engine, EngineSpec] = Field(
        default_factory=dict,
        description="Programs of node engines, where they are not to be found by themselves.",
        examples=[{"op-geth": {"path": "/usr/local/bin/op-geth"}}],
    )
    save_interval: float = Field(
        default=5.0,
        ge=0.5,
        le=86_400,
        description="Seconds between saves of every chain's state: what a killed node may lose.",
    )
    origins: tuple[str, ...] = Field(
        default=(),
        max_length=32,
        description="Browser origins that the nodes' RPC allows; none by default.",
        examples=[["http://localhost:3000"]],
    )
