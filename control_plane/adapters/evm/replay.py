"""The accounts of a genesis as transactions: the same code and storage at the same addresses.

A rollup of ours has the Metalayer's contracts in its genesis. On a chain that somebody else
started, `Create3Factory` creates each of those accounts: creation code that is made here writes the
account's storage and returns its code. So nothing is initialized that could be initialized by
another, and what differs by chain is patched as in a genesis.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from control_plane.adapters.evm import deployment
from control_plane.adapters.evm.bake import Genesis
from control_plane.domain.calls import encode_call
from control_plane.domain.errors import Conflict
from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.op_stack import create3_address
from control_plane.resources import artifacts_dir

PROXY: Final = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
"""The deterministic-deployment proxy."""
PROXY_OWNER: Final = "0x3fab184622dc19b6109349b94811493bf2a45362"
"""Sender of the one transaction that creates it on any chain: signed without a known key."""
PROXY_COST: Final = 10**16
"""Wei that the sender needs: 100,000 gas at 100 gwei."""
PROXY_TRANSACTION: Final = (
    "0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b80825250"
    "50506014600cf31ba02222222222222222222222222222222222222222222222222222222222222222a0222222222222"
    "2222222222222222222222222222222222222222222222222222"
)
_BASE_GAS: Final = 400_000
_BYTE_GAS: Final = 250
"""Of code: 200 to keep it, 40 to carry it."""
_SLOT_GAS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Creation:
    """One contract to be created."""

    name: str
    address: str
    code: str
    """Hex, as it stands there afterwards."""
    storage: Mapping[str, str]
    to: str
    data: bytes
    gas: int


def creations(genesis: Genesis, chain_id: int, domain: int, governor: str) -> Sequence[Creation]:
    """The rollup's contracts in the order in which they can be created, the factory first.

    Raises Conflict when the devnet has contracts that this version can't create.
    """
    accounts = genesis.alloc(is_l1=False, chain_id=chain_id, domain=domain, governor=governor)
    factory = genesis.addresses[deployment.FACTORY_KEY].lower()
    made = [_factory(factory, accounts[factory]["code"])]
    for name in _names():
        salt = keccak256((deployment.SALT_PREFIX + name).encode())
        address = "0x" + create3_address(bytes.fromhex(factory[2:]), salt).hex()
        account = accounts.get(address)
        if account is not None:
            made.append(_creation(name, address, account, factory, salt))
    return made


def _names() -> Sequence[str]:
    """Names of all that CREATE3 may have put there, implementations before their proxies."""
    steps = deployment.steps_of("rollup")
    return [name for step in steps for name in (f"{step.name}.implementation", step.name)]


def _factory(address: str, code: str) -> Creation:
    artifact = json.loads((artifacts_dir() / f"{deployment.FACTORY}.json").read_bytes())
    creation = bytes.fromhex(artifact["bytecode"][2:])
    hashed = keccak256(b"\xff" + bytes.fromhex(PROXY[2:]) + bytes(32) + keccak256(creation))
    if "0x" + hashed[12:].hex() != address:
        raise Conflict(
            "The devnet's contracts are of another version",
            f"their factory is at {address}, this version's at 0x{hashed[12:].hex()}",
            "A devnet of this version takes chains in.",
        )
    data = bytes(32) + creation
    return Creation(deployment.FACTORY, address, code, {}, PROXY, data, _gas(creation, 0))


def _creation(
    name: str, address: str, account: Mapping[str, Any], factory: str, salt: bytes
) -> Creation:
    storage: Mapping[str, str] = account.get("storage", {})
    code = creation_code(account["code"], storage)
    data = encode_call("deploy(bytes32,bytes)", salt, code)
    gas = _gas(code, len(storage))
    return Creation(name, address, account["code"], storage, factory, data, gas)


def creation_code(code: str, storage: Mapping[str, str]) -> bytes:
    """Creation code of an account with `code` (hex) and `storage` (words of hex)."""
    writes = b"".join(
        b"\x7f" + _word(value) + b"\x7f" + _word(slot) + b"\x55" for slot, value in storage.items()
    )
    runtime = from_hex(code)
    size = len(runtime).to_bytes(3)
    # PUSH3 size, DUP1, PUSH3 offset, PUSH0, CODECOPY, PUSH0, RETURN
    offset = (len(writes) + 14).to_bytes(3)
    return writes + b"\x62" + size + b"\x80\x62" + offset + b"\x5f\x39\x5f\xf3" + b"\x00" + runtime


def _gas(code: bytes, slots: int) -> int:
    return _BASE_GAS + _BYTE_GAS * len(code) + _SLOT_GAS * slots


def _word(text: str) -> bytes:
    return from_hex(text).rjust(32, b"\0")
