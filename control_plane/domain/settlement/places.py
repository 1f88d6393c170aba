"""Where a rollup's contracts on the L1 are: known before they are made."""

from collections.abc import Mapping
from typing import Final

from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.op_stack import create3_address

ORACLE: Final = "L2OutputOracle"
PORTAL: Final = "OptimismPortal"
L1_MESSENGER: Final = "L1CrossDomainMessenger"
L1_BRIDGE: Final = "L1StandardBridge"
L1_CDK_BRIDGE: Final = "L1PolygonZkEVMBridge"
L1_EXIT_ROOTS: Final = "GlobalExitRootManager"
NITRO_BRIDGE: Final = "NitroBridge"
NITRO_INBOX: Final = "NitroInbox"
ZK_BRIDGEHUB: Final = "ZkBridgehub"
SHARED: Final = {
    "disputeGame": "DisputeGame",
    "finalOutputs": "FinalOutputs",
    "attestationVerifier": "AttestationVerifier",
}
"""Contracts that all rollups of an L1 share, by their key in status."""
EACH: Final = {
    "l2OutputOracle": ORACLE,
    "l1StandardBridge": L1_BRIDGE,
    "l1CrossDomainMessenger": L1_MESSENGER,
}
"""Contracts that each rollup has, by their key in status."""
OF_FRAMEWORK: Final[Mapping[str, dict[str, str]]] = {
    "arbitrum-nitro": {"inbox": NITRO_INBOX, "bridge": NITRO_BRIDGE, "outbox": NITRO_BRIDGE},
    "polygon-cdk": {
        "polygonZkEVMBridge": L1_CDK_BRIDGE,
        "polygonZkEVMGlobalExitRoot": L1_EXIT_ROOTS,
    },
    "zk-stack": {"bridgehub": ZK_BRIDGEHUB},
}
"""Contracts that each rollup has which was born as the framework, by their key in status."""
RELAYS: Final[Mapping[str, str]] = {"arbitrum-nitro": NITRO_INBOX, "zk-stack": ZK_BRIDGEHUB}
"""Which of them tells the portal in whose name a deposit is made, by framework."""


def salt_of(name: str, chain_id: int | None = None, *, implementation: bool = False) -> bytes:
    """With which the L1's Create3Factory makes the contract `name`, that of rollup `chain_id` if
    each has one, or the code behind its proxy."""
    parts = ["caldera", "v1", name]
    parts += [str(chain_id)] if chain_id is not None else []
    parts += ["implementation"] if implementation else []
    return keccak256(".".join(parts).encode())


def address_of(contracts: Mapping[str, str], name: str, chain_id: int | None = None) -> bytes:
    """Where it is; `contracts` by JSON key."""
    factory = from_hex(contracts["create3Factory"])
    return create3_address(factory, salt_of(name, chain_id))


def settlement_addresses(
    contracts: Mapping[str, str], chain_id: int, *, proof: str, born: str | None = None
) -> Mapping[str, bytes]:
    """What the rollup `chain_id` has on the L1 besides the inbox, by key in status; `born`: the
    framework whose contracts it has."""
    unused = "attestationVerifier" if proof == "fraud" else "disputeGame"
    shared = {key: name for key, name in SHARED.items() if key != unused}
    each = EACH | OF_FRAMEWORK.get(born or "", {})
    found = {key: address_of(contracts, name, chain_id) for key, name in each.items()}
    return found | {key: address_of(contracts, name) for key, name in shared.items()}
