"""The OP Stack's contracts of one rollup: their code, and the addresses that they get.

L1 contracts stand at addresses that follow from the rollup's chain id alone (CREATE3 through our
factory), so the rollup's genesis can name them before they are deployed.
"""

import gzip
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from control_plane.domain.errors import PermanentFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Hex
from control_plane.resources import third_party_dir

_CREATE3_PROXY: Final = keccak256(
    bytes.fromhex("73365f5f37365f34f06012573d5f5f3e3d5ffd5b005f526014600cf3")
)
"""Hash of the creation code of CREATE3's intermediate account (OpenZeppelin, Create3.sol)."""
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

MESSAGE_PASSER: Final = Hex("0x4200000000000000000000000000000000000016")
_PROXY_ADMIN: Final = "0x4200000000000000000000000000000000000018"
_OTHER_SIDE: Final[Mapping[str, tuple[str, int]]] = {
    # predeploy: (key of its L1 counterpart, slot that holds its address)
    "0x4200000000000000000000000000000000000007": ("l1CrossDomainMessenger", 0xCF),
    "0x4200000000000000000000000000000000000010": ("l1StandardBridge", 0x04),
    "0x4200000000000000000000000000000000000014": ("l1Erc721Bridge", 0x02),
}


def creation_code(contract: str) -> bytes:
    """Creation code of an L1 contract, without constructor arguments.

    Raises PermanentFailure when the file is not the one that its origin tells of.
    """
    home = third_party_dir() / "op-stack"
    code = bytes.fromhex((home / "l1" / f"{contract}.hex").read_text().strip().removeprefix("0x"))
    _check(f"l1/{contract}.hex", code, _origin()["l1"][contract]["creationKeccak256"])
    return code


def addresses(factory: Hex, chain_id: int) -> dict[str, Hex]:
    """L1 addresses of the contracts of rollup `chain_id`, by key; `factory` is our
    ``create3Factory``."""
    keys = [*PROXIED, *(implementation_of(key) for key in PROXIED), *PLAIN]
    return {key: _create3(factory, salt(chain_id, key)) for key in keys}


def implementation_of(key: str) -> str:
    """Key of the contract that the proxy `key` shows."""
    return f"{key}.implementation"


def salt(chain_id: int, key: str) -> bytes:
    """Salt of one contract of one rollup."""
    return keccak256(f"{_SALT}.{chain_id}.{key}".encode())


def batch_inbox(chain_id: int) -> Hex:
    """Where the batcher sends to: an address without code or key, by the OP Stack's custom."""
    return Hex(f"0xff{chain_id:038d}")


def native_alloc(factory: Hex, chain_id: int, owner: Hex) -> dict[str, dict[str, Any]]:
    """Accounts of a rollup's genesis by lower-case address: the OP Stack's predeploys and
    preinstalls, bound to the L1 contracts of rollup `chain_id` and owned by `owner`.

    Values as in a genesis file: ``code``, ``balance``, ``nonce``, ``storage``. An account that a
    devnet has of its own (Multicall3, Permit2) goes before that of the same address here.
    """
    alloc = _predeploys()
    others = addresses(factory, chain_id)
    for predeploy, (key, slot) in _OTHER_SIDE.items():
        alloc[predeploy]["storage"][_word(slot)] = _word(int(others[key], 16))
    alloc[_PROXY_ADMIN]["storage"][_word(0)] = _word(int(owner, 16))
    return alloc


def _predeploys() -> dict[str, dict[str, Any]]:
    plain = gzip.decompress((third_party_dir() / "op-stack" / "predeploys.json.gz").read_bytes())
    _check("predeploys.json.gz", plain, _origin()["predeploys"]["keccak256"])
    found: dict[str, dict[str, Any]] = json.loads(plain)
    return found


@cache
def _origin() -> dict[str, Any]:
    path = third_party_dir() / "op-stack" / "origin.json"
    origin: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return origin


def _check(name: str, content: bytes, wanted: str) -> None:
    if "0x" + keccak256(content).hex() != wanted:
        raise PermanentFailure(
            "A contract of the OP Stack is not what it should be",
            f"{name} has another hash than its origin.json tells",
            "Install Caldera anew; in a checkout `scripts/op_contracts.py write` makes it.",
        )


def _create3(factory: Hex, salt_: bytes) -> Hex:
    """EIP-1014's address of the intermediate account, then the first one that it creates."""
    head = b"\xff" + bytes.fromhex(factory.removeprefix("0x")) + salt_
    proxy = keccak256(head + _CREATE3_PROXY)[12:]
    return Hex("0x" + keccak256(b"\xd6\x94" + proxy + b"\x01")[12:].hex())


def _word(value: int) -> str:
    return "0x" + value.to_bytes(32).hex()
