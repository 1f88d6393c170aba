"""Which contracts stand on a chain, at which names, and how each is created.

The Python form of ``docs/formats.md``, "Contracts and deployment"; `bake` carries it out.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from control_plane.domain.settlement.places import L1_EXIT_ROOTS, NITRO_BRIDGE
from control_plane.domain.settlement.predeploys import (
    CDK_BRIDGE,
    CDK_EXIT_ROOTS,
    FEE_VAULTS,
    GAS_PRICE_ORACLE,
    ZK_L1_MESSENGER,
)

FORMAT_VERSION = 2
"""Changes when baked genesis files are laid out differently."""
SALT_PREFIX = "caldera.v1."
BAKED_AT = 1_704_067_200
"""Unix seconds of the throw-away chain's first block; before any devnet's start."""
GOVERNOR_PLACEHOLDER = "0x00000000000000000000000000000000000c0de1"
"""Owner of the GovernanceExecutor in the baked state; every genesis replaces it."""
MIN_STAKE = 1_000 * 10**18
"""Smallest guardian stake, ERA wei."""

ChainKind = Literal["l1", "rollup"]
Value = str | int
"""``@key``: the address of that contract; ``$domain``, ``$governor``; anything else as it is."""


@dataclass(frozen=True, slots=True)
class Step:
    """One contract: its implementation or only part, and the initializer behind a proxy."""

    name: str
    key: str
    constructor: tuple[Value, ...] = ()
    initializer: tuple[Value, ...] | None = None
    """Arguments of ``initialize``; None: no proxy."""
    l1_only: bool = False


STEPS: tuple[Step, ...] = (
    Step("GovernanceExecutor", "governanceExecutor", ("$governor",)),
    Step("RootVerifier", "rootVerifier", (), ("@governanceExecutor",)),
    Step("AggregateRootIsm", "aggregateRootIsm", ("@rootVerifier",), ("@governanceExecutor",)),
    Step(
        "InterchainGasPaymaster",
        "interchainGasPaymaster",
        (),
        ("@governanceExecutor", "@governanceExecutor"),
    ),
    Step("MerkleTreeHook", "merkleTreeHook", ("@mailbox",), ("@governanceExecutor",)),
    Step(
        "Mailbox",
        "mailbox",
        (),
        (
            "@governanceExecutor",
            "$domain",
            "@aggregateRootIsm",
            "@interchainGasPaymaster",
            "@merkleTreeHook",
        ),
    ),
    Step(
        "MetalayerRouter",
        "metalayerRouter",
        ("@mailbox", "@interchainGasPaymaster", "@aggregateRootIsm"),
        ("@governanceExecutor",),
    ),
    Step("FinalizedIsm", "finalizedIsm", ("@aggregateRootIsm",)),
    Step("BatchProcessor", "batchProcessor", ("@mailbox", "@rootVerifier")),
    Step("StateVerifier", "stateVerifier", ("@rootVerifier",)),
    Step("ERC7786Gateway", "erc7786Gateway", ("@mailbox",), ("@governanceExecutor",)),
    Step("TestRecipient", "testRecipient"),
    Step("ERA", "era", (), ("@governanceExecutor", "@governanceExecutor"), l1_only=True),
    Step(
        "GuardianRegistry",
        "guardianRegistry",
        ("@era", "@slasher", "@guardianRewards"),
        ("@governanceExecutor", MIN_STAKE),
        l1_only=True,
    ),
    Step(
        "Slasher",
        "slasher",
        ("@guardianRegistry", "@rootVerifier", "@merkleTreeHook"),
        ("@governanceExecutor", "@governanceExecutor"),
        l1_only=True,
    ),
    Step(
        "GuardianRewards",
        "guardianRewards",
        ("@guardianRegistry", "@rootVerifier"),
        ("@governanceExecutor",),
        l1_only=True,
    ),
)
"""In the order of deployment. Addresses are known before, so references may point ahead."""

FACTORY = "Create3Factory"
FACTORY_KEY = "create3Factory"
PROXY = "ERC1967Proxy"


@dataclass(frozen=True, slots=True)
class Predeploy:
    """A contract that a framework's engine expects in the genesis, at an address of its own."""

    name: str
    address: str
    storage: tuple[tuple[int, int], ...] = ()
    """Words by slot."""
    peer: tuple[int, str] | None = None
    """Slot of the address of the L1's contract that this one trusts, and that contract's name."""
    bridge: bool = False
    """Whether only rollups with a bridge have it."""
    balance: int = 0
    """Wei."""


_PROXY_ADMIN_SLOT = 0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103
"""EIP-1967's."""

L1_BLOCK = "0x4200000000000000000000000000000000000015"

OP_STACK: tuple[Predeploy, ...] = (
    Predeploy("L1Block", L1_BLOCK),
    Predeploy("WETH", "0x4200000000000000000000000000000000000006"),
    Predeploy("GasPriceOracle", GAS_PRICE_ORACLE),
    *(Predeploy("FeeVault", vault) for vault in FEE_VAULTS),
    Predeploy(
        "L2ToL1MessagePasser",
        "0x4200000000000000000000000000000000000016",
        # op-geth leaves the withdrawals root of an account without storage out of its payloads and
        # then refuses them; the OP Stack's own has its proxy's admin here
        ((_PROXY_ADMIN_SLOT, 0x4200000000000000000000000000000000000018),),
    ),
    Predeploy(
        "L2CrossDomainMessenger",
        "0x4200000000000000000000000000000000000007",
        peer=(3, "L1CrossDomainMessenger"),
        bridge=True,
    ),
    Predeploy(
        "L2StandardBridge",
        "0x4200000000000000000000000000000000000010",
        peer=(1, "L1StandardBridge"),
        bridge=True,
    ),
    Predeploy(
        "OptimismMintableERC20Factory", "0x4200000000000000000000000000000000000012", bridge=True
    ),
)
"""On rollups that take deposits, whatever their engine."""

_NITRO_ABSENT: tuple[int, ...] = (0x66, 0x67, 0x68, 0x69, 0x6B, 0x6D, 0x6E, 0x6F, 0x70, 0x71, 0x72)
"""ArbAddressTable, ArbBLS, ArbFunctionTable, ArbosTest, ArbOwnerPublic, ArbAggregator,
ArbRetryableTx, ArbStatistics, ArbOwner, ArbWasm, ArbWasmCache (Arbitrum documentation,
"Precompiles reference")."""

_ZK_ABSENT: tuple[int, ...] = (*range(0x8002, 0x8007), 0x8009, *range(0x800C, 0x800F))
"""AccountCodeStorage, NonceHolder, KnownCodesStorage, ImmutableSimulator, ContractDeployer,
MsgValueSimulator, BootloaderUtilities, EventWriter, Compressor (ZKsync documentation, "System
contracts")."""

SURFACES: Mapping[str, tuple[Predeploy, ...]] = {
    "arbitrum-nitro": (
        Predeploy("ArbSys", f"0x{0x64:040x}", peer=(0, NITRO_BRIDGE)),
        Predeploy("ArbInfo", f"0x{0x65:040x}"),
        Predeploy("ArbGasInfo", f"0x{0x6C:040x}"),
        Predeploy("NodeInterface", f"0x{0xC8:040x}"),
        *(Predeploy("NotHere", f"0x{address:040x}") for address in _NITRO_ABSENT),
    ),
    "zk-stack": (
        Predeploy("L1Messenger", ZK_L1_MESSENGER),
        Predeploy("L2BaseToken", f"0x{0x800A:040x}"),
        Predeploy("SystemContext", f"0x{0x800B:040x}"),
        *(Predeploy("NotHere", f"0x{address:040x}") for address in _ZK_ABSENT),
    ),
    "polygon-cdk": (
        # handed out for what the L1's end locks; as much as Polygon's genesis gives it
        Predeploy("L2PolygonZkEVMBridge", CDK_BRIDGE, balance=2**128 - 1),
        Predeploy("GlobalExitRootManagerL2", CDK_EXIT_ROOTS, peer=(2, L1_EXIT_ROOTS)),
    ),
}
"""What rollups that settle have besides, by the framework as which they are born."""

ARTIFACTS: tuple[str, ...] = (
    *(FACTORY, PROXY),
    *(step.name for step in STEPS),
    *sorted({predeploy.name for predeploy in OP_STACK}),
    *sorted({each.name for predeploys in SURFACES.values() for each in predeploys}),
)
"""The compiled contracts that the baked state consists of."""

THIRD_PARTY: tuple[str, ...] = ("DeterministicDeploymentProxy", "Multicall3", "Permit2")

PATCHED_SLOTS: Mapping[str, tuple[str, str, str]] = {
    # contract's key: (contract, variable, what a genesis writes into its whole slot)
    "governanceExecutor": ("GovernanceExecutor", "_owner", "governor"),
    "mailbox": ("Mailbox", "localDomain", "domain"),
}

_BAKED_DOMAIN: Mapping[ChainKind, int] = {"l1": 900, "rollup": 901}


def steps_of(kind: ChainKind) -> tuple[Step, ...]:
    """What is deployed on a chain of `kind`, in order."""
    return tuple(step for step in STEPS if kind == "l1" or not step.l1_only)


def baked_chain_id(kind: ChainKind) -> int:
    """Chain id, and domain, of the throw-away chain."""
    return _BAKED_DOMAIN[kind]


def parameters() -> dict[str, Any]:
    """Everything here that the baked state depends on, as JSON values."""
    return {
        "format": FORMAT_VERSION,
        "salt": SALT_PREFIX,
        "bakedAt": BAKED_AT,
        "governor": GOVERNOR_PLACEHOLDER,
        "steps": [asdict(step) for step in STEPS],
        "patchedSlots": {key: list(value) for key, value in PATCHED_SLOTS.items()},
        "opStack": [asdict(predeploy) for predeploy in OP_STACK],
        "surfaces": {
            framework: [asdict(predeploy) for predeploy in predeploys]
            for framework, predeploys in SURFACES.items()
        },
    }
