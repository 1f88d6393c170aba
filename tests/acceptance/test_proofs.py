"""Storage of one chain, read by a contract on another: the example of collateral and loan."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from eth_abi import decode, encode  # type: ignore[attr-defined]

from control_plane.adapters.evm.revert import decode_error
from control_plane.domain.calls import selector
from control_plane.domain.hashing import keccak256
from control_plane.domain.state_proof import STATE_PROOF_TYPE
from control_plane.resources import artifacts_dir
from tests.acceptance.world import ALICE, World, chain, rpc, rpc_answer
from tests.foundry import cast

pytestmark = pytest.mark.e2e

ETHER = 10**18
BORROW = f"borrow(uint256,{STATE_PROOF_TYPE})"
SUBMIT = selector(
    "submit(((uint64,uint64,uint64,bytes32,bytes32),"
    "((uint32,address,uint96,bytes)[],bytes32[],bool[],bytes)))"
)
SLOT = "0x" + keccak256(bytes.fromhex(ALICE[2:]).rjust(32, b"\0") + bytes(32)).hex()
"""Of ALICE's coins in `Collateral`: the mapping at slot 0."""


def transact(there: dict[str, Any], *arguments: str) -> dict[str, Any]:
    command = ("send", "--json", "--rpc-url", there["rpc_url"], "--unlocked", "--from", ALICE)
    return dict(json.loads(cast(*command, *arguments)))


def create(there: dict[str, Any], name: str, arguments: bytes = b"", value: int = 0) -> str:
    code = json.loads((artifacts_dir() / f"{name}.json").read_bytes())["bytecode"]
    receipt = transact(there, "--value", str(value), "--create", code + arguments.hex())
    return str(receipt["contractAddress"])


def call(there: dict[str, Any], to: str, data: bytes) -> str:
    """What a call from ALICE reverts with, decoded; empty when it does not."""
    request = {"from": ALICE, "to": to, "data": "0x" + data.hex()}
    answer = rpc_answer(there["rpc_url"], "eth_call", request, "latest")
    return decode_error(answer["error"]["data"]) if "error" in answer else ""


def struct(proof: dict[str, Any]) -> Any:
    (found,) = decode([STATE_PROOF_TYPE], bytes.fromhex(proof["proof"][2:]))
    return found


def borrow(amount: int, proof: Any) -> bytes:
    data: bytes = selector(BORROW) + encode(["uint256", STATE_PROOF_TYPE], [amount, proof])
    return data


@dataclass
class Example:
    world: World
    here: dict[str, Any]
    there: dict[str, Any]
    collateral: str
    loan: str

    def prove(self, address: str, *slots: str) -> dict[str, Any]:
        """A proof of storage of the collateral's chain that the loan's chain knows."""
        command = ("proof", "storage", "op", address, *slots, "--devnet", "net")
        found = dict(self.world.json(*command))
        certificate = found["attested"]["certificate"][2:]
        transact(
            self.there, self.there["contracts"]["rootVerifier"], "0x" + SUBMIT.hex() + certificate
        )
        return found


@pytest.fixture
def example(world: World, status: dict[str, Any]) -> Example:
    here, there = chain(status, "op"), chain(status, "arb")
    collateral = create(here, "Collateral")
    transact(here, "--value", str(ETHER), collateral, "lock()")
    arguments = encode(
        ["address", "uint32", "address"],
        [there["contracts"]["stateVerifier"], here["domain"], collateral],
    )
    loan = create(there, "Loan", arguments, 10 * ETHER)
    return Example(world, here, there, collateral, loan)


def test_storage_is_read_across(example: Example) -> None:
    proof = example.prove(example.collateral, SLOT, "1")
    assert [int(slot["value"], 16) for slot in proof["slots"]] == [ETHER, 0]
    answer = rpc(
        example.there["rpc_url"],
        "eth_call",
        {"to": example.there["contracts"]["stateVerifier"], "data": proof["calldata"]},
        "latest",
    )
    assert f"{ETHER:064x}" in answer
    data = borrow(ETHER // 2, struct(proof))
    assert call(example.there, example.loan, data) == ""
    assert "CollateralTooSmall" in call(example.there, example.loan, borrow(ETHER, struct(proof)))


def test_what_does_not_prove_it_is_refused_by_name(example: Example) -> None:
    good = struct(example.prove(example.collateral, SLOT))
    leaf, nodes, accounts, slots = good
    broken = list(nodes)
    broken[0] = broken[0][:-1] + bytes([broken[0][-1] ^ 1])
    assert "InvalidTrieProof" in call(
        example.there, example.loan, borrow(1, (leaf, broken, accounts, slots))
    )
    forged = leaf[:60] + bytes([leaf[60] ^ 1]) + leaf[61:]
    assert "InvalidAggregateProof" in call(
        example.there, example.loan, borrow(1, (forged, nodes, accounts, slots))
    )
    other = struct(example.prove(example.collateral, "7"))
    assert "SlotNotProven" in call(example.there, example.loan, borrow(1, other))


def test_stale_state_is_refused(example: Example) -> None:
    old = struct(example.prove(example.collateral, SLOT))
    transact(example.here, "--value", "1", example.collateral, "lock()")
    new = struct(example.prove(example.collateral, SLOT))
    transact(example.there, example.loan, "0x" + borrow(1, new).hex())
    assert "StaleRoot" in call(example.there, example.loan, borrow(1, old))


def test_an_epoch_that_the_chain_does_not_know_is_named(example: Example) -> None:
    transact(example.here, "--value", "1", example.collateral, "lock()")
    unknown = example.world.json(
        "proof", "storage", "op", example.collateral, SLOT, "--devnet", "net"
    )
    assert "UnknownEpoch" in call(example.there, example.loan, borrow(1, struct(unknown)))


def test_a_message_is_proven(world: World, status: dict[str, Any]) -> None:
    there = chain(status, "zk")
    sent = world.json("message", "send", "op", "zk", "--body", "0xfe", "--wait", "--devnet", "net")
    proof = world.json("proof", "message", sent["id"][:30], "--devnet", "net")
    assert proof["id"] == sent["id"]
    data = encode(
        ["bytes", "bytes32"], [bytes.fromhex(proof["proof"][2:]), bytes.fromhex(sent["id"][2:])]
    )
    verifier, check = there["contracts"]["stateVerifier"], selector("verifyMessage(bytes,bytes32)")
    assert call(there, verifier, check + data) == ""
    wrong = encode(["bytes", "bytes32"], [bytes.fromhex(proof["proof"][2:]), bytes(32)])
    assert "InvalidMessageProof" in call(there, verifier, check + wrong)


def test_bad_requests_are_explained(world: World) -> None:
    command = ("proof", "storage", "op", "0x" + "00" * 19 + "ee")
    for slot, code, word in (("0xzz", 2, "storage slot"), ("0", 3, "no account")):
        done = world.run(*command, slot, "--devnet", "net", check=False)
        assert done.returncode == code, done.stderr
        assert word in done.stderr
    done = world.run("proof", "storage", "opp", ALICE, "0", "--devnet", "net", check=False)
    assert done.returncode == 3
    assert "op" in done.stderr
