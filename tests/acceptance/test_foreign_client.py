"""Messages sent by foreign clients only: cast, and plain JSON-RPC."""

import json
from typing import Any

import pytest

from tests.acceptance.world import ALICE, World, chain, rpc, rpc_answer, until
from tests.foundry import cast

pytestmark = pytest.mark.e2e

DISPATCH_ID = cast("keccak", "DispatchId(bytes32)")


def word(address: str) -> str:
    return "0x" + "0" * 24 + address.removeprefix("0x")


def send(url: str, to: str, *call: str) -> dict[str, Any]:
    return dict(
        json.loads(
            cast("send", "--json", "--rpc-url", url, "--unlocked", "--from", ALICE, to, *call)
        )
    )


def message_id(receipt: dict[str, Any]) -> str:
    return next(str(e["topics"][1]) for e in receipt["logs"] if e["topics"][0] == DISPATCH_ID)


def is_delivered(destination: dict[str, Any], id_: str) -> bool:
    mailbox = destination["contracts"]["mailbox"]
    return (
        cast("call", "--rpc-url", destination["rpc_url"], mailbox, "delivered(bytes32)(bool)", id_)
        == "true"
    )


def test_every_address_has_code_and_every_chain_its_id(status: dict[str, Any]) -> None:
    assert status["state"] == "ready"
    for one in [status["l1"], *status["rollups"]]:
        assert int(rpc(one["rpc_url"], "eth_chainId"), 16) == one["chain_id"]
        for name, address in one["contracts"].items():
            assert rpc(one["rpc_url"], "eth_getCode", address, "latest") != "0x", name


@pytest.mark.parametrize(("origin", "destination"), [("op", "arb"), ("zk", "l1"), ("l1", "op")])
def test_cast_dispatches_through_the_mailbox(
    world: World, status: dict[str, Any], origin: str, destination: str
) -> None:
    here, there = chain(status, origin), chain(status, destination)
    recipient = there["contracts"]["testRecipient"]
    body = "0x" + f"{origin}->{destination}".encode().hex()
    receipt = send(
        here["rpc_url"],
        here["contracts"]["mailbox"],
        "dispatch(uint32,bytes32,bytes)",
        str(there["domain"]),
        word(recipient),
        body,
    )
    id_ = message_id(receipt)
    until(lambda: is_delivered(there, id_), 10, "the message is delivered")
    held = cast("call", "--rpc-url", there["rpc_url"], recipient, "lastData()(bytes)")
    assert held == body
    traced = world.json("message", "trace", id_, "--devnet", "net")
    assert traced["state"] == "delivered"
    steps = {step["name"]: step for step in traced["steps"]}
    assert list(steps) == ["dispatched", "attested", "certified", "relayed", "delivered"]
    assert steps["dispatched"]["tx"] == receipt["transactionHash"]
    for name in ("certified", "relayed", "delivered"):
        assert (
            rpc(there["rpc_url"], "eth_getTransactionReceipt", steps[name]["tx"])["status"] == "0x1"
        )


def test_cast_dispatches_through_the_router(world: World, status: dict[str, Any]) -> None:
    here, there = chain(status, "arb"), chain(status, "zk")
    recipient = there["contracts"]["testRecipient"]
    receipt = send(
        here["rpc_url"],
        here["contracts"]["metalayerRouter"],
        "dispatch(uint32,address,(uint32,address,bytes)[],bytes,uint8,uint256)",
        str(there["domain"]),
        recipient,
        "[]",
        "0x726f75746564",
        "0",
        "200000",
    )
    id_ = message_id(receipt)
    until(lambda: is_delivered(there, id_), 10, "the routed message is delivered")
    held = cast("call", "--rpc-url", there["rpc_url"], recipient, "lastData()(bytes)")
    assert held == "0x726f75746564"


def test_reads_and_finality_are_taken_and_too_many_reads_refused_by_name(
    status: dict[str, Any],
) -> None:
    here, there = chain(status, "op"), chain(status, "arb")
    signature = "dispatch(uint32,address,(uint32,address,bytes)[],bytes,uint8,uint256)"
    read = f"({there['domain']},{ALICE},0x)"

    def answer(reads: str, finality: str) -> dict[str, Any]:
        arguments = [str(there["domain"]), ALICE, reads, "0x", finality, "100000"]
        data = cast("calldata", signature, *arguments)
        request = {"from": ALICE, "to": here["contracts"]["metalayerRouter"], "data": data}
        return dict(rpc_answer(here["rpc_url"], "eth_call", request, "latest"))

    assert answer(f"[{read}]", "0")["result"] == "0x"
    assert answer("[]", "1")["result"] == "0x"
    selector = cast("sig", "TooManyReads(uint256,uint256)")
    refused = answer(f"[{','.join([read] * 9)}]", "0")
    assert refused["error"]["data"].startswith(selector)
