"""What `up` will do, complete and validated, before anything is touched.

A :class:`Plan` is pure data made from a spec by ``planner.make_plan``; it is what the
reconciler drives reality towards, what `caldera plan` prints and what the database keeps.
"""

from dataclasses import dataclass

from control_plane.domain.ids import ChainId, Domain, Name


@dataclass(frozen=True, slots=True)
class Limits:
    """What a chain's node may take of its machine; None: as much as there is."""

    cpus: float | None = None
    """Processor cores."""
    memory: int | None = None
    """Bytes."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which program a node engine is, where the spec says so."""

    name: str
    """``op-geth`` …"""
    path: str | None = None
    """An absolute path, for plain processes."""
    image: str | None = None
    """For containers."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a rollup was before it switched; fields as in :class:`ChainPlan`."""

    da: str | None
    da_url: str | None
    da_token_file: str | None
    da_committee_file: str | None
    proof: str | None


@dataclass(frozen=True, slots=True)
class GasToken:
    """An ERC-20 of the L1 that is a rollup's coin (``settlement/gas_tokens.py``)."""

    symbol: str
    name: str
    decimals: int
    """Of the token on the L1, 0 to 18; the rollup's coin has 18 always."""
    address: str | None = None
    """Where it is, in lower case, if somebody else made it; None: ``token_address`` knows."""

    @property
    def scale(self) -> int:
        """Wei on the rollup for one unit of the token."""
        return int(10 ** (18 - self.decimals))


@dataclass(frozen=True, slots=True)
class SwitchRule:
    """When a rollup becomes another one by itself, and which (``switch_rules.py``). Of the four
    conditions one is not None."""

    above: float | None = None
    """Transactions a second, on average over `seconds`, that the load must exceed."""
    below: float | None = None
    """The same, of which it must fall short."""
    seconds: float = 0
    schedule: str | None = None
    """A cron expression, in UTC."""
    private: bool | None = None
    """What the rollup's privacy flag must be."""
    framework: str | None = None
    """This and what follows: what it becomes, as in a spec; None: that stays."""
    proof: str | None = None
    finalization_window: int | None = None
    da: str | None = None
    da_url: str | None = None
    da_token_file: str | None = None
    da_committee_file: str | None = None


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """One chain, the L1 included."""

    name: Name
    chain_id: ChainId
    domain: Domain
    port: int
    """Loopback TCP port of HTTP and WebSocket JSON-RPC."""
    port_named: bool
    """The spec names the port, so a taken one is a conflict; otherwise it may move."""
    engine: str
    """``anvil``, ``op-geth``, or ``external``: a node that somebody else runs."""
    block_time: float
    """Seconds between blocks; 0: a block as soon as a transaction waits."""
    phase: float
    """Where in its block time this chain ticks, 0 ≤ phase < 1, so that ticks are staggered."""
    framework: str | None
    """``op-stack`` …; None for the L1."""
    is_l1: bool
    services: str = "caldera"
    """Whose sequencer and settlement services: ``caldera`` or ``native``, the framework's own."""
    da: str | None = None
    """Where the rollup's data goes: ``ethereum-calldata`` …; None where nothing posts it."""
    da_url: str | None = None
    """The real service that keeps the data; None: a stand-in of ours, where one is needed."""
    da_token_file: str | None = None
    """Path of a file with the token that the service wants."""
    da_committee_file: str | None = None
    """Path of the description of somebody else's AnyTrust committee; None: ours."""
    limits: Limits = Limits()
    shard: str | None = None
    """Group of rollups whose leaves have a root of their own (``shards.py``); None: no group."""
    rpc: str | None = None
    """HTTP JSON-RPC of a chain that somebody else runs and that was joined; None: ours."""
    ws: str | None = None
    """WebSocket JSON-RPC of such a chain, where it is not at the same host, port and path."""
    proof: str | None = None
    """What makes its outputs on the L1 true, ``fraud`` or ``validity``; None: it has none."""
    finalization_window: int = 0
    """Seconds that an output can be disputed in; 0 where each is proven beforehand."""
    sequencing_window: float = 0
    """Seconds after which a deposit must be in a block; 0 where there are no outputs."""
    earlier: tuple[Earlier, ...] = ()
    """What it was while it ran before, each once, the latest last."""
    gas_token: GasToken | None = None
    """The token of the L1 that is its coin; None: its coin is the L1's, or nobody says."""
    born: str | None = None
    """Framework whose contracts its genesis has, where it has switched since; None: `framework`."""
    rules: tuple[SwitchRule, ...] = ()
    """By which it switches by itself, the first the strongest."""
    switch_interval: float = 0
    """Seconds between two switches by rule, at least."""

    @property
    def built_as(self) -> str | None:
        """The framework whose contracts it has."""
        return self.born or self.framework

    @property
    def is_external(self) -> bool:
        """Whether somebody else runs it, and seals its blocks."""
        return self.rpc is not None

    @property
    def http_url(self) -> str:
        """Where users reach its JSON-RPC."""
        return self.rpc or f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """The same over WebSocket."""
        return self.ws or self.http_url.replace("http", "ws", 1)


@dataclass(frozen=True, slots=True)
class GuardianPlan:
    count: int
    stake: int
    """ERA of each, in wei."""


@dataclass(frozen=True, slots=True)
class AccountsPlan:
    count: int
    balance: int
    """Native balance of each on every chain, in wei."""
    mnemonic: str


@dataclass(frozen=True, slots=True)
class MetalayerPlan:
    guardians: GuardianPlan
    epoch_interval: float
    """Seconds after which an epoch is made though nothing waits; an epoch with something to
    attest is made at once."""
    fees: str
    """``free`` (price 0) or ``prepaid`` (the relayer refuses what is not paid for)."""
    validators: int = 0
    """How many sign checkpoints for Hyperlane's multisig module."""
    finality: str = "instant"
    """What mailboxes demand by default of a message's block: ``instant`` or ``finalized``."""


@dataclass(frozen=True, slots=True)
class Plan:
    name: Name
    runtime: str
    chains: tuple[ChainPlan, ...]
    """The L1 first, rollups in the spec's order."""
    metalayer: MetalayerPlan
    accounts: AccountsPlan
    save_interval: float
    """Seconds between saves of every chain's state; what a killed node may lose."""
    origins: tuple[str, ...]
    """Browser origins that the nodes allow; empty: none."""
    notes: tuple[str, ...] = ()
    """What a user should know, e.g. a default port that moved."""
    retired: tuple[int, ...] = ()
    """Chain ids and domains of rollups that were removed; never given out again, for messages
    of the new chain could have the ids of old ones."""
    agents: str = "daemon"
    """Where agents run: ``daemon`` or ``containers``."""
    engines: tuple[EngineChoice, ...] = ()

    @property
    def l1(self) -> ChainPlan:
        return self.chains[0]

    @property
    def rollups(self) -> tuple[ChainPlan, ...]:
        return self.chains[1:]

    def engine(self, name: str) -> EngineChoice:
        """What the spec says of the engine called `name`."""
        return next((e for e in self.engines if e.name == name), EngineChoice(name))

    def chain(self, name: str) -> ChainPlan:
        """The chain called `name`; KeyError if there is none."""
        for chain in self.chains:
            if chain.name == name:
                return chain
        raise KeyError(name)
