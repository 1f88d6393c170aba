"""OpenZeppelin's own crosschain contracts between two rollups, brought over by our relayer."""

import json
from typing import Any

import pytest
from eth_abi import encode  # type: ignore[attr-defined]

from control_plane.domain.calls import selector
from control_plane.domain.hashing import keccak256
from tests.acceptance.gateway import (
    ETHER,
    Bridge,
    balance,
    call,
    creation,
    delivered,
    deploy,
    dispatched,
    interoperable,
    transact,
)
from tests.acceptance.world import ALICE, World, chain, until

pytestmark = pytest.mark.e2e

BOB = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
"""The second listed account; unlocked."""


def test_a_token_is_deposited_and_withdrawn(status: dict[str, Any]) -> None:
    here, there = chain(status, "op"), chain(status, "arb")
    bridge = Bridge.build(here, there, "test: a token")
    bridge.deposit(BOB, 40 * ETHER)
    assert balance(there, bridge.address, BOB) == 40 * ETHER
    assert balance(here, bridge.token, bridge.address) == 40 * ETHER
    bridge.withdraw(BOB, ALICE, 15 * ETHER)
    assert balance(there, bridge.address, BOB) == 25 * ETHER
    assert balance(here, bridge.token, ALICE) == 75 * ETHER
    assert balance(here, bridge.token, bridge.address) == 25 * ETHER


def test_the_remote_executor_calls_a_contract_for_its_controller(
    world: World, status: dict[str, Any]
) -> None:
    here, there = chain(status, "op"), chain(status, "zk")
    gateway = here["contracts"]["erc7786Gateway"]
    controller = interoperable(here["chain_id"], ALICE)
    code = creation("CrosschainRemoteExecutor", ["address", "bytes"], [gateway, controller])
    executor = deploy(there, keccak256(b"test: an executor"), code)
    recipient = there["contracts"]["testRecipient"]
    # ERC-7579: mode 0 is one call that must succeed; then target, value and calldata, packed
    handle = selector("handle(uint32,bytes32,bytes)") + encode(
        ["uint32", "bytes32", "bytes"], [7, bytes(32), b"from afar"]
    )
    payload = bytes(32) + bytes.fromhex(recipient[2:]) + bytes(32) + handle
    send = selector("sendMessage(bytes,bytes,bytes[])")
    arguments = [interoperable(there["chain_id"], executor), payload, []]
    types = ["bytes", "bytes", "bytes[]"]
    id_ = delivered(here, there, transact(here, gateway, send + encode(types, arguments)))

    # while a block is sealed, Anvil shows the state of one contract a moment before another's
    until(
        lambda: call(there, recipient, "lastCaller()") == int(executor, 16), 5, "the call is seen"
    )
    assert world.json("message", "trace", id_, "--devnet", "net")["state"] == "delivered"

    # who is not its controller may send, and is refused there by name
    receipt = transact(here, gateway, send + encode(types, arguments), BOB)
    refused = dispatched(receipt)
    until(lambda: reason(world, refused) is not None, 20, "the refusal is noticed")
    assert "ERC7786RecipientUnauthorizedGateway(" in str(reason(world, refused))


def reason(world: World, id_: str) -> Any:
    done = world.run("message", "trace", id_, "--devnet", "net", "--json", check=False)
    return json.loads(done.stdout).get("reason") if done.returncode == 0 else None
