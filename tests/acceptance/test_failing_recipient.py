"""A message that can't be delivered has a reason that people can read, and blocks no other."""

from typing import Any

import pytest

from tests.acceptance.world import ALICE, World, chain, rpc, until
from tests.foundry import cast

pytestmark = pytest.mark.e2e


def trace(world: World, id_: str) -> dict[str, Any]:
    return dict(world.json("message", "trace", id_, "--devnet", "net"))


def call(there: dict[str, Any], to: str, *arguments: str) -> None:
    cast("send", "--rpc-url", there["rpc_url"], "--unlocked", "--from", ALICE, to, *arguments)


def test_reverting_recipient_is_named_retried_and_blocks_nobody(
    world: World, status: dict[str, Any]
) -> None:
    there = chain(status, "zk")
    recipient = there["contracts"]["testRecipient"]
    call(there, recipient, "setBroken(bool)", "true")
    try:
        sent = world.json("message", "send", "op", "zk", "--body", "0xbb", "--devnet", "net")
        until(lambda: trace(world, sent["id"])["state"] == "failing", 10, "the failure is noticed")
        reason = trace(world, sent["id"])["reason"]
        assert "RecipientBroken(" in reason
        other = world.json(
            "message", "send", "op", "arb", "--body", "0xaa", "--wait", "--devnet", "net"
        )
        assert other["delivered_tx"]
    finally:
        call(there, recipient, "setBroken(bool)", "false")
    until(lambda: trace(world, sent["id"])["state"] == "delivered", 30, "the retry delivers it")


def test_retry_ends_the_back_off(world: World, status: dict[str, Any]) -> None:
    there = chain(status, "arb")
    recipient = there["contracts"]["testRecipient"]
    call(there, recipient, "setBroken(bool)", "true")
    sent = world.json("message", "send", "op", "arb", "--body", "0xcc", "--devnet", "net")
    until(lambda: trace(world, sent["id"])["message"]["attempts"] >= 3, 20, "three attempts")
    call(there, recipient, "setBroken(bool)", "false")
    retried = world.json("message", "retry", sent["id"][:20], "--devnet", "net")
    assert retried["id"] == sent["id"]
    # its fourth attempt would come four seconds after the third
    until(lambda: trace(world, sent["id"])["state"] == "delivered", 2.5, "the retry delivers it")
    again = world.run("message", "retry", sent["id"], "--devnet", "net", check=False)
    assert again.returncode == 4
    assert "delivered" in again.stderr


def test_recipient_without_code_is_said(world: World, status: dict[str, Any]) -> None:
    nobody = "0x00000000000000000000000000000000000000ee"
    sent = world.json(
        "message", "send", "op", "arb", "--to", nobody, "--body", "0x01", "--devnet", "net"
    )
    until(lambda: trace(world, sent["id"])["state"] == "failing", 10, "the failure is noticed")
    reason = trace(world, sent["id"])["reason"]
    assert "code" in reason.lower() or "RecipientNotContract" in reason
    assert rpc(chain(status, "arb")["rpc_url"], "eth_getCode", nobody, "latest") == "0x"


def test_gas_limit_that_is_too_small_is_said(world: World, status: dict[str, Any]) -> None:
    here, there = chain(status, "arb"), chain(status, "op")
    recipient = there["contracts"]["testRecipient"]
    call(
        here,
        here["contracts"]["metalayerRouter"],
        "dispatch(uint32,address,(uint32,address,bytes)[],bytes,uint8,uint256)",
        str(there["domain"]),
        recipient,
        "[]",
        "0x" + "77" * 200,
        "0",
        "2000",
    )
    newest = world.json("message", "ls", "--devnet", "net")[0]["id"]
    until(lambda: trace(world, newest)["state"] == "failing", 10, "the failure is noticed")
    assert "gas" in trace(world, newest)["reason"].lower()
