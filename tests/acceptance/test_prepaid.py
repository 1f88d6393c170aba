"""`fees: prepaid`: gas has a price, and the relayer takes only what is paid for."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.gateway import Bridge, balance, delivered, dispatched
from tests.acceptance.world import ALICE, World, chain, new_world, spec, until
from tests.foundry import cast

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def paid() -> Iterator[World]:
    with new_world() as made:
        (made.home / "paid.yaml").write_text(
            spec("paid", ("op", "arb"), metalayer={"fees": "prepaid", "guardians": 3})
        )
        made.run("up", "paid.yaml")
        yield made


def test_unpaid_gas_is_said_and_payable(paid: World) -> None:
    status: dict[str, Any] = paid.json("status")
    here, there = chain(status, "op"), chain(status, "arb")
    igp = here["contracts"]["interchainGasPaymaster"]
    quote = "quoteGasPayment(uint32,uint256)(uint256)"
    price = cast("call", "--rpc-url", here["rpc_url"], igp, quote, str(there["domain"]), "300000")
    assert int(price.split()[0]) == 300_000 * 10**9
    sent = paid.json("message", "send", "op", "arb", "--body", "0x" + "11" * 100)

    def trace() -> dict[str, Any]:
        return dict(paid.json("message", "trace", sent["id"]))

    until(lambda: "gas unpaid" in (trace()["reason"] or ""), 10, "the reason names the gas")
    assert "50000 of about" in trace()["reason"]
    assert trace()["state"] == "attested"
    cast(
        "send",
        "--rpc-url",
        here["rpc_url"],
        "--unlocked",
        "--from",
        ALICE,
        "--value",
        str(300_000 * 10**9),
        igp,
        "payForGas(bytes32,uint32,uint256,address)",
        sent["id"],
        str(there["domain"]),
        "300000",
        ALICE,
    )
    until(lambda: trace()["state"] == "delivered", 5, "the paid message is delivered")


def test_message_pay_brings_what_is_missing(paid: World) -> None:
    sent = paid.json("message", "send", "arb", "op", "--body", "0x" + "22" * 200)

    def trace() -> dict[str, Any]:
        return dict(paid.json("message", "trace", sent["id"]))

    until(lambda: "gas unpaid" in (trace()["reason"] or ""), 10, "the reason names the gas")
    reason = trace()["reason"]
    done = paid.json("message", "pay", sent["id"][:12])
    assert f"{done['gas']} missing" in reason
    assert int(done["price"]) == done["gas"] * 10**9
    until(lambda: trace()["state"] == "delivered", 5, "the paid message is delivered")


def test_a_bridge_that_pays_nothing_waits_for_a_payment(paid: World) -> None:
    """OpenZeppelin's send no coins along: anybody may pay for the message afterwards."""
    status: dict[str, Any] = paid.json("status")
    here, there = chain(status, "op"), chain(status, "arb")
    bridge = Bridge.build(here, there, "test: a token of a prepaid devnet")
    receipt = bridge.send(ALICE, 10**18)
    id_ = dispatched(receipt)
    until(
        lambda: "gas unpaid" in (paid.json("message", "trace", id_)["reason"] or ""),
        10,
        "the reason names the gas",
    )
    paid.run("message", "pay", id_)
    delivered(here, there, receipt)
    assert balance(there, bridge.address, ALICE) == 10**18
