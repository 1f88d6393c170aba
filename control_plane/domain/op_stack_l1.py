"""Where the OP Stack's own contracts of a rollup stand on L1.

Their addresses follow from the rollup's chain id alone (CREATE3 through our factory), so a
genesis can name them before they are deployed, and anybody can tell them afterwards.
"""

from collections.abc import Mapping
from typing import Final

from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import create3_address

_SALT: Final = "caldera.op-stack.v1"

PROXIED: Final[Mapping[str, str]] = {
    "superchainConfig": "SuperchainConfig",
    "systemConfig": "SystemConfig",
    "disputeGameFactory": "DisputeGameFactory",
    "anchorStateRegistry": "AnchorStateRegistry",
    "delayedWeth": "DelayedWETH",
    "optimismPortal": "OptimismPortal2",
    "l1CrossDomainMessenger": "L1CrossDomainMessenger",
    "l1StandardBridge": "L1StandardBridge",
    "l1Erc721Bridge": "L1ERC721Bridge",
}
"""Contract behind each proxy, by the key under which addresses are shown."""
PLAIN: Final[Mapping[str, str]] = {
    "preimageOracle": "PreimageOracle",
    "alphabetVm": "AlphabetVM",
    "faultDisputeGame": "FaultDisputeGame",
}
"""Contracts without a proxy."""


def addresses(factory: Hex, chain_id: int) -> dict[str, Hex]:
    """L1 addresses of the contracts of rollup `chain_id`, by key; `factory` is our
    ``create3Factory``."""
    keys = [*PROXIED, *(implementation_of(key) for key in PROXIED), *PLAIN]
    return {key: _create3(factory, salt(chain_id, key)) for key in keys}


def shown(factory: Hex, chain_id: int) -> dict[str, Hex]:
    """Of :func:`addresses` those that users call."""
    return {key: at for key, at in addresses(factory, chain_id).items() if key in PROXIED}


def implementation_of(key: str) -> str:
    """Key of the contract that the proxy `key` shows."""
    return f"{key}.implementation"


def salt(chain_id: int, key: str) -> bytes:
    """Salt of one contract of one rollup."""
    return keccak256(f"{_SALT}.{chain_id}.{key}".encode())


def _create3(factory: Hex, salt_: bytes) -> Hex:
    at = create3_address(from_hex(factory), salt_)
    return Hex("0x" + at.hex())
