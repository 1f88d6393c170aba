"""OpenZeppelin's crosschain contracts on chains of a devnet, over the ERC-7786 gateway."""

import json
from dataclasses import dataclass
from typing import Any

from eth_abi import encode  # type: ignore[attr-defined]

from control_plane.domain.calls import selector
from control_plane.domain.hashing import keccak256
from control_plane.domain.op_stack import create3_address
from control_plane.resources import artifacts_dir
from tests.acceptance.world import ALICE, rpc, until
from tests.foundry import cast

ETHER = 10**18
DISPATCH_ID = "0x" + keccak256(b"DispatchId(bytes32)").hex()
Chain = dict[str, Any]
_LINKS = "(address,bytes)[]"


def interoperable(chain_id: int, address: str) -> bytes:
    """ERC-7930, version 1: type EIP-155, chain reference, address."""
    reference = chain_id.to_bytes((chain_id.bit_length() + 7) // 8)
    account = bytes.fromhex(address.removeprefix("0x"))
    head = b"\x00\x01\x00\x00" + bytes([len(reference)]) + reference
    return head + bytes([len(account)]) + account


def transact(there: Chain, to: str, data: bytes, sender: str = ALICE) -> dict[str, Any]:
    """A transaction of an unlocked account; its receipt."""
    command = ("send", "--json", "--rpc-url", there["rpc_url"], "--unlocked", "--from", sender)
    receipt = dict(json.loads(cast(*command, to, "0x" + data.hex())))
    assert int(receipt["status"], 16) == 1, receipt
    return receipt


def call(there: Chain, to: str, signature: str, *types: str, **values: Any) -> int:
    """What a view function answers, as a number."""
    data = selector(signature) + encode(list(types), list(values.values()))
    answer = rpc(there["rpc_url"], "eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")
    return int(answer, 16)


def balance(there: Chain, token: str, owner: str) -> int:
    return call(there, token, "balanceOf(address)", "address", owner=owner)


def creation(name: str, types: list[str], values: list[Any]) -> bytes:
    artifact = json.loads((artifacts_dir() / f"{name}.json").read_bytes())
    code: bytes = bytes.fromhex(artifact["bytecode"][2:]) + encode(types, values)
    return code


def deploy(there: Chain, salt: bytes, code: bytes) -> str:
    """By CREATE3: the address depends on the salt alone."""
    factory = there["contracts"]["create3Factory"]
    data = selector("deploy(bytes32,bytes)") + encode(["bytes32", "bytes"], [salt, code])
    transact(there, factory, data)
    return address_of(there, salt)


def address_of(there: Chain, salt: bytes) -> str:
    factory = bytes.fromhex(there["contracts"]["create3Factory"][2:])
    return "0x" + create3_address(factory, salt).hex()


def dispatched(receipt: dict[str, Any]) -> str:
    """Id of the message that a transaction dispatched."""
    return next(str(e["topics"][1]) for e in receipt["logs"] if e["topics"][0] == DISPATCH_ID)


def delivered(here: Chain, there: Chain, receipt: dict[str, Any]) -> str:
    """Waits until the message that a transaction dispatched is delivered; its id."""
    id_, mailbox = dispatched(receipt), there["contracts"]["mailbox"]
    values = {"id": bytes.fromhex(id_[2:])}
    until(
        lambda: call(there, mailbox, "delivered(bytes32)", "bytes32", **values) == 1,
        20,
        f"message {id_} from {here['rpc_url']} delivered",
    )
    return id_


@dataclass
class Bridge:
    """`TokenBridge` in front of a token here and `BridgedToken` there, linked to each other."""

    here: Chain
    there: Chain
    token: str
    address: str
    """Of both: CREATE3 gives them the same."""

    @classmethod
    def build(cls, here: Chain, there: Chain, name: str) -> "Bridge":
        """A fresh token whose supply ALICE has, and the bridge for it."""
        salt, coin = keccak256(name.encode()), keccak256(f"{name} coin".encode())
        gateway, at = here["contracts"]["erc7786Gateway"], address_of(here, salt)
        token = deploy(here, coin, _token(100 * ETHER, []))
        links = [(gateway, interoperable(there["chain_id"], at))]
        deploy(here, salt, creation("TokenBridge", ["address", _LINKS], [token, links]))
        deploy(there, salt, _token(0, [(gateway, interoperable(here["chain_id"], at))]))
        return cls(here, there, token, at)

    def deposit(self, to: str, amount: int) -> str:
        return delivered(self.here, self.there, self.send(to, amount))

    def send(self, to: str, amount: int) -> dict[str, Any]:
        """ALICE's deposit, under way; its receipt."""
        approve = encode(["address", "uint256"], [self.address, amount])
        transact(self.here, self.token, selector("approve(address,uint256)") + approve)
        return transact(self.here, self.address, _transfer(self.there, to, amount))

    def withdraw(self, sender: str, to: str, amount: int) -> str:
        receipt = transact(self.there, self.address, _transfer(self.here, to, amount), sender)
        return delivered(self.there, self.here, receipt)


def _transfer(to_chain: Chain, to: str, amount: int) -> bytes:
    arguments = [interoperable(to_chain["chain_id"], to), amount]
    data: bytes = selector("crosschainTransfer(bytes,uint256)")
    return data + encode(["bytes", "uint256"], arguments)


def _token(supply: int, links: list[tuple[str, bytes]]) -> bytes:
    kind = ["string", "string", "address", "uint256", _LINKS]
    return creation("BridgedToken", kind, ["Coin", "COIN", ALICE, supply, links])
