"""Devnets: requests that make or change them, and their status."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from control_plane.schemas.common import Address, Hash, Model, Name, Request, ShownAs, Texts
from control_plane.schemas.problem import ProblemDetail
from control_plane.schemas.rules import LastSwitch
from control_plane.schemas.service import ServiceView
from control_plane.schemas.spec import URL, WS_URL, RollupSpec, Spec

DevnetStateName = Literal[
    "planned", "starting", "ready", "degraded", "stopping", "stopped", "failed"
]
ChainStateName = Literal["starting", "ready", "restarting", "stopped", "failed"]
Action = Literal["start", "stop", "restart"]
Seconds = Annotated[float, Field(gt=0, le=31_536_000)]


class CreateDevnet(Request):
    """What to make: a template or a spec, at most one of them, and what to change in it."""

    template: str | None = Field(
        default=None,
        description="Name of a template; `default` when nothing is given.",
        max_length=64,
    )
    spec: Annotated[dict[str, Any], ShownAs(Spec)] | None = Field(
        default=None, description="A spec as JSON."
    )
    source: str | None = Field(
        default=None,
        description="A spec as YAML text.",
        examples=["version: 1\nrollups: [{name: game}]\n"],
    )
    source_name: str | None = Field(
        default=None, description="What to call `source` in messages.", examples=["caldera.yaml"]
    )
    set: Texts = Field(
        default=(),
        description="Changes to the spec, `path=value`, the value in YAML.",
        examples=[["rollups.op.block_time=1"]],
        max_length=1000,
    )
    name: str | None = Field(default=None, description="Name of the devnet, before the spec's own.")
    rollups: int | None = Field(default=None, ge=1, le=10_000, description="How many rollups.")
    runtime: str | None = Field(default=None, description="Where nodes run.")
    ttl: Seconds | None = Field(default=None, description="Seconds after which it is taken down.")
    update: bool = Field(
        default=False,
        description="When the devnet exists already: apply what differs, start it if it is"
        " stopped. Otherwise that is a conflict.",
    )
    free_ports: bool = Field(
        default=False,
        description="Use free ports of the system's choice where the spec names none.",
    )
    wait: bool = Field(default=False, description="Answer when the devnet is ready, or has failed.")


class PatchDevnet(Request):
    """A change to a devnet."""

    action: Action | None = Field(default=None, description="Start, stop or restart it.")
    set: Texts = Field(
        default=(), description="Changes to the spec that can be applied live.", max_length=1000
    )
    ttl: Seconds | None = Field(
        default=None, description="Seconds from now until it is taken down."
    )
    wait: bool = Field(default=False, description="Answer when it is done.")


class AddRollup(Request):
    """A rollup to add to a running devnet."""

    rollup: Annotated[dict[str, Any], ShownAs(RollupSpec)] = Field(
        description="As in a spec.", examples=[{"name": "shop", "framework": "op-stack"}]
    )
    wait: bool = Field(default=False, description="Answer when it takes part in the Metalayer.")


class JoinRollup(Request):
    """A chain that somebody else runs and that is to join a running devnet."""

    rpc: str = Field(
        pattern=URL,
        max_length=512,
        description="Its JSON-RPC over HTTP.",
        examples=["http://127.0.0.1:8555"],
    )
    ws: str | None = Field(
        default=None,
        pattern=WS_URL,
        max_length=512,
        description="The same over WebSocket; by default at the same host, port and path.",
    )
    chain_id: int | None = Field(
        default=None, ge=1, le=2**53 - 1, description="Refuse a chain with another id."
    )
    domain: int | None = Field(
        default=None, ge=1, le=2**32 - 1, description="Domain in messages; by default its chain id."
    )
    shard: Name | None = Field(default=None, description="Its group in epochs.")
    fund: float = Field(
        default=100, ge=0, le=10**9, description="Coins for the relayer; others get a tenth."
    )
    key: SecretStr | None = Field(
        default=None,
        description="Key of the account that pays; by default an unlocked account of that node.",
    )
    wait: bool = Field(default=False, description="Answer when it takes part in the Metalayer.")


class L1Status(Model):
    """The L1 as it runs."""

    name: str = Field(default="l1", description="Its name among the chains.")
    chain_id: int = Field(examples=[900])
    domain: int = Field(examples=[900])
    rpc_url: str = Field(examples=["http://127.0.0.1:8545"])
    ws_url: str = Field(examples=["ws://127.0.0.1:8545"])
    engine: str = Field(examples=["anvil"])
    block_time: float = Field(description="Seconds; 0: as soon as a transaction waits.")
    state: ChainStateName = Field(description="State of its node.")
    contracts: dict[str, Address] = Field(default_factory=dict, description="By name.")


class RollupStatus(Model):
    """A rollup as it runs."""

    name: Name
    chain_id: int = Field(examples=[901])
    domain: int = Field(examples=[901])
    framework: str = Field(examples=["op-stack"])
    surface: str = Field(
        description="How much of its framework's own contracts it has: none, partial, complete.",
        examples=["none"],
    )
    engine: str = Field(examples=["anvil"])
    services: str = Field(examples=["caldera"])
    da: str | None = Field(
        default=None, description="Null where nothing posts it.", examples=["ethereum-calldata"]
    )
    proof: str | None = Field(
        default=None,
        description="What makes its outputs on the L1 true; null where it has none.",
        examples=["fraud"],
    )
    finalization_window: int | None = Field(
        default=None,
        description="Seconds in which an output can be disputed: 0 where each is proven beforehand,"
        " null where there are none.",
        examples=[10],
    )
    prover: str | None = Field(
        default=None,
        description="Who proves its outputs: `attestation` is a signature, as good as the holder of"
        " its key; null without validity proofs.",
        examples=["attestation"],
    )
    sequencing_window: float | None = Field(
        default=None,
        description="Seconds after which a deposit must be in a block; null where there are no"
        " outputs.",
        examples=[60],
    )
    gas_token: str | None = Field(
        default=None,
        description="Symbol of its coin: ETH, or a token of the L1 (`gasToken` of `l1_contracts`);"
        " null where it does not settle, so that coins neither come nor go.",
        examples=["ETH"],
    )
    shard: str | None = Field(
        default=None, description="Its group in epochs; null: of no named one.", examples=["gaming"]
    )
    private: bool = Field(
        default=False, description="Its privacy flag, which rules ask for; it hides nothing."
    )
    rules: int = Field(default=0, description="How many rules it switches by.")
    switched: LastSwitch | None = Field(
        default=None, description="Its last switch; null where it never did."
    )
    block_time: float = Field(description="Seconds; 0: as soon as a transaction waits.")
    rpc_url: str = Field(examples=["http://127.0.0.1:9545"])
    ws_url: str = Field(examples=["ws://127.0.0.1:9545"])
    state: ChainStateName = Field(description="State of its node.")
    contracts: dict[str, Address] = Field(default_factory=dict, description="By name.")
    l1_contracts: dict[str, Address] = Field(
        default_factory=dict,
        description="What its framework's own services have on L1, by name.",
    )


class JoinedRollup(Model):
    """A chain that joined, and who paid for that."""

    rollup: RollupStatus
    payer: Address
    unlocked: bool = Field(description="An account of that node; else one whose key was given.")
    deployed: tuple[str, ...] = Field(description="Contracts; those there already are not named.")


class MessageCounts(Model):
    """Messages since the devnet was made."""

    dispatched: int = 0
    delivered: int = 0
    pending: int = 0
    failing: int = Field(
        default=0, description="Of the pending ones, those whose delivery reverts."
    )
    dead: int = Field(
        default=0, description="Dead letters: not tried again until a retry is asked for."
    )
    reorged: int = Field(default=0, description="Gone with their origin's blocks.")


class MetalayerStatus(Model):
    """The Metalayer as it runs."""

    epoch: int | None = Field(
        default=None, description="Last certified epoch; null before the first."
    )
    aggregate_root: Hash | None = None
    guardians: int
    missing_guardians: tuple[int, ...] = Field(
        default=(), description="Indices that do not sign now."
    )
    quorum: str = Field(default="more than 2/3", description="Share of the stake that must sign.")
    epoch_interval: float = 1.0
    finality: str = "instant"
    fees: str = "free"
    messages: MessageCounts = Field(default_factory=MessageCounts)


class Timings(Model):
    """Milliseconds of the last start."""

    ready_ms: float | None = Field(default=None, description="From request to ready.")
    steps: dict[str, float] = Field(default_factory=dict, description="Of each step.")


class ChangeView(Model):
    """One difference between a running devnet's spec and a new one."""

    path: str = Field(examples=["metalayer.epoch_interval"])
    old: Any = None
    new: Any = None
    live: bool = Field(description="Whether it can be applied without a new devnet.")


class DevnetStatus(Model):
    """All that there is to know of a devnet at a glance."""

    name: Name
    state: DevnetStateName
    runtime: str
    created_at: datetime
    expires_at: datetime | None = Field(default=None, description="When its time to live ends.")
    version: str = Field(default="", description="Version of Caldera that made it.")
    problem: str | None = Field(default=None, description="What is wrong, in sentences.")
    error: ProblemDetail | None = Field(
        default=None, description="Why it failed, in full, if known."
    )
    notes: tuple[str, ...] = Field(
        default=(), description="What a user should know, e.g. a moved port."
    )
    timings: Timings = Field(default_factory=Timings)
    l1: L1Status
    rollups: tuple[RollupStatus, ...]
    metalayer: MetalayerStatus
    services: tuple[ServiceView, ...] = ()
    outcome: Literal["created", "resumed", "unchanged", "updated"] | None = Field(
        default=None, description="What a POST or PATCH did; null elsewhere."
    )
    changes: tuple[ChangeView, ...] = Field(default=(), description="What an update changed.")


class DevnetSummary(Model):
    """A devnet in a list."""

    name: Name
    state: DevnetStateName
    runtime: str
    rollups: tuple[str, ...] = Field(description="Names.", examples=[["op", "arb", "zk"]])
    l1_rpc_url: str = Field(examples=["http://127.0.0.1:8545"])
    created_at: datetime
    expires_at: datetime | None = None
    problem: str | None = None
