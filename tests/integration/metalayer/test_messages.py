"""Messages from a foreign client, delivered against certificates of the guardians."""

import time

import pytest

from tests.integration.metalayer.lab import Lab, router_dispatch

pytestmark = pytest.mark.integration


async def test_message_both_ways_and_to_the_l1(lab: Lab) -> None:
    for origin, destination in (("op", "arb"), ("arb", "op"), ("l1", "op"), ("op", "l1")):
        body = f"from {origin}".encode()
        began = time.monotonic()
        tx = await lab.dispatch(origin, destination, body)
        message = await lab.message_id(origin, tx)
        record = await lab.wait_delivered(message)
        print(f"{origin} -> {destination}: {(time.monotonic() - began) * 1000:.0f} ms")
        assert await lab.is_delivered(destination, message)
        data = await lab.view(destination, "testRecipient", "lastData()")
        assert bytes.fromhex(data[2 + 128 :])[: len(body)] == body
        assert record.delivered_tx is not None


async def test_router_dispatch(lab: Lab) -> None:
    data = router_dispatch(lab.domain("arb"), lab.network.contracts["testRecipient"], b"routed")
    tx = await lab.send("op", lab.network.contracts["metalayerRouter"], data)
    message = await lab.message_id("op", tx)
    await lab.wait_delivered(message)
    assert b"routed".hex() in await lab.view("arb", "testRecipient", "lastData()")
