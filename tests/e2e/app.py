"""An application of two contracts, as its deployer would describe it once for all rollups: creation
code, constructor arguments and links do not differ by framework or engine, nor do addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi import encode  # type: ignore[attr-defined]

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.calls import selector
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.node import Account
from control_plane.schemas.spec import TEST_MNEMONIC
from tests.acceptance.gateway import address_of, creation, delivered, interoperable
from tests.acceptance.world import rpc, until

Chain = dict[str, Any]
OWNER = derive_accounts(TEST_MNEMONIC, 5)[4]
SUPPLY = 1_000
"""Of points, on every rollup."""
_GWEI = 10**9


@dataclass(frozen=True)
class Contract:
    """By artifact, the types of its constructor's parameters, and their values."""

    artifact: str
    types: Sequence[str]
    values: Sequence[Any]

    @property
    def code(self) -> bytes:
        return creation(self.artifact, list(self.types), list(self.values))


def manifest(rollups: Sequence[Chain]) -> Mapping[str, Contract]:
    """The app by its contracts' names: points, which travel between all of `rollups`, and a
    bank of points."""
    points = at(rollups[0], "points")
    gateway = rollups[0]["contracts"]["erc7786Gateway"]
    links = [(gateway, interoperable(each["chain_id"], points)) for each in rollups]
    kinds = ("string", "string", "address", "uint256", "(address,bytes)[]")
    made = {
        "points": Contract("BridgedToken", kinds, ("Points", "PTS", OWNER.address, SUPPLY, links)),
        "bank": Contract("TokenBridge", ("address", "(address,bytes)[]"), (points, links)),
    }
    assert {each["contracts"]["erc7786Gateway"] for each in rollups} == {gateway}
    return made


def at(rollup: Chain, name: str) -> str:
    """Where the contract called `name` is, on every rollup."""
    return address_of(rollup, _salt(name))


def deploy(rollup: Chain, contracts: Mapping[str, Contract]) -> None:
    """By the devnet's CREATE3 factory, signed here: no node needs to know the owner's key."""
    for name, contract in contracts.items():
        arguments = encode(["bytes32", "bytes"], [_salt(name), contract.code])
        data = selector("deploy(bytes32,bytes)") + arguments
        send(rollup, rollup["contracts"]["create3Factory"], data)


def move(here: Chain, there: Chain, to: str, amount: int) -> str:
    """Points of the owner to an account of another rollup; the message that took them."""
    arguments = encode(["bytes", "uint256"], [interoperable(there["chain_id"], to), amount])
    data = selector("crosschainTransfer(bytes,uint256)") + arguments
    done = send(here, at(here, "points"), data)
    return delivered(here, there, done)


def send(
    rollup: Chain, to: str, data: bytes, *, value: int = 0, by: Account = OWNER
) -> dict[str, Any]:
    """A transaction of `by`; its receipt."""
    url = rollup["rpc_url"]
    nonce = int(rpc(url, "eth_getTransactionCount", by.address, "pending"), 16)
    raw, hash_ = sign(
        Transaction(
            chain_id=rollup["chain_id"],
            nonce=nonce,
            to=bytes.fromhex(to[2:]),
            value=value,
            data=data,
            gas=6_000_000,
            max_fee=20 * _GWEI,
            tip=_GWEI,
        ),
        by.key,
    )
    rpc(url, "eth_sendRawTransaction", "0x" + raw.hex())
    until(lambda: rpc(url, "eth_getTransactionReceipt", hash_), 20, f"mined on {rollup['name']}")
    receipt = dict(rpc(url, "eth_getTransactionReceipt", hash_))
    assert receipt["status"] == "0x1", receipt
    return receipt


def _salt(name: str) -> bytes:
    return keccak256(f"app.{name}".encode())
