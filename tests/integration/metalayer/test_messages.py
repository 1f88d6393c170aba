"""Messages from a foreign client, delivered against certificates of the guardians."""

import asyncio
import time

import pytest

from control_plane.domain.states import MessageState
from control_plane.services.trace import trace
from tests.integration.metalayer.bursts import send_burst
from tests.integration.metalayer.lab import Lab, router_dispatch, selector

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


async def test_every_step_is_recorded(lab: Lab) -> None:
    tx = await lab.dispatch("op", "arb", b"traced")
    message = await lab.message_id("op", tx)
    await lab.wait_delivered(message)
    record = await lab.wait_for(message, lambda m: m.relay_tx is not None)
    async with lab.database.begin() as unit:
        epoch = await unit.epochs.get("lab", record.epoch or 0)
    view = trace(record, epoch, lab.network.plan, lab.agents())
    assert [step.name for step in view.steps] == [
        "dispatched", "attested", "certified", "relayed", "delivered",
    ]  # fmt: skip
    times = [step.at for step in view.steps]
    assert None not in times
    assert view.reason is None
    assert view.steps[0].tx == tx
    assert view.steps[4].tx == record.delivered_tx == record.relay_tx == record.certificate_tx
    assert "signed by 4 of 4 guardians" in view.steps[1].detail


async def test_router_dispatch(lab: Lab) -> None:
    data = router_dispatch(lab.domain("arb"), lab.network.contracts["testRecipient"], b"routed")
    tx = await lab.send("op", lab.network.contracts["metalayerRouter"], data)
    message = await lab.message_id("op", tx)
    await lab.wait_delivered(message)
    assert b"routed".hex() in await lab.view("arb", "testRecipient", "lastData()")


async def test_certificates_go_only_where_they_are_needed_and_once(lab: Lab) -> None:
    tx = await lab.dispatch("op", "arb", b"one")
    await lab.wait_delivered(await lab.message_id("op", tx))
    latest = {
        chain: int(await lab.view(chain, "rootVerifier", "latestEpoch()"), 16)
        for chain in ("l1", "op", "arb")
    }
    assert latest["l1"] == latest["op"] == 0
    assert latest["arb"] > 0


async def test_burst_is_delivered_once_each(lab: Lab) -> None:
    burst = await send_burst(lab, [("op", "arb"), ("arb", "op")], 150)
    print(f"{burst.rate:.0f} messages a second, p50 {burst.latencies[150] * 1000:.0f} ms")
    for chain in ("op", "arb"):
        assert int(await lab.view(chain, "testRecipient", "count()"), 16) == 150
    counts = await lab.counts()
    assert counts[MessageState.DELIVERED] == 300
    assert sum(counts.values()) == 300


async def test_reverting_recipient_is_told_and_heals(lab: Lab) -> None:
    await set_broken(lab, "arb", broken=True)
    tx = await lab.dispatch("op", "arb", b"refused")
    message = await lab.message_id("op", tx)
    record = await lab.wait_state(message, MessageState.FAILING)
    assert "RecipientBroken(" in (record.reason or "")
    assert record.next_attempt_at is not None
    other = await lab.message_id("arb", await lab.dispatch("arb", "op", b"another way"))
    await lab.wait_delivered(other)
    await set_broken(lab, "arb", broken=False)
    healed = await lab.wait_delivered(message)
    assert healed.reason is None
    assert healed.attempts >= 1


async def test_failing_messages_block_no_others(lab: Lab) -> None:
    await set_broken(lab, "arb", broken=True)
    failing = [
        await lab.message_id("op", await lab.dispatch("op", "arb", b"no %d" % number))
        for number in range(5)
    ]
    # an address that is another contract with a fallback of its own: ERA exists on L1 only
    to_l1 = await lab.message_id("op", await lab.dispatch("op", "l1", b"elsewhere"))
    await lab.wait_delivered(to_l1)
    for message in failing:
        await lab.wait_state(message, MessageState.FAILING)
    no_code = await lab.message_id(
        "op", await lab.dispatch("op", "arb", b"nobody", to="0x" + "ab" * 20)
    )
    record = await lab.wait_state(no_code, MessageState.FAILING)
    assert "RecipientNotContract(" in (record.reason or "")
    assert "ab" * 20 in (record.reason or "")


async def test_router_gas_limit_too_low_is_told_with_both_numbers(lab: Lab) -> None:
    recipient = lab.network.contracts["testRecipient"]
    data = router_dispatch(lab.domain("arb"), recipient, b"x" * 500, gas_limit=30_000)
    tx = await lab.send("op", lab.network.contracts["metalayerRouter"], data)
    message = await lab.message_id("op", tx)
    record = await lab.wait_state(message, MessageState.FAILING)
    assert "ran out of gas: it needs about" in (record.reason or "")
    assert "30000" in (record.reason or "")


async def test_destination_that_is_no_chain_waits_and_says_so(lab: Lab) -> None:
    from tests.integration.metalayer.lab import mailbox_dispatch

    data = mailbox_dispatch(4242, lab.network.contracts["testRecipient"], b"void")
    tx = await lab.send("op", lab.network.contracts["mailbox"], data)
    message = await lab.message_id("op", tx)
    record = await lab.wait_for(message, lambda m: m.reason is not None)
    assert record.reason == "no chain of this devnet has domain 4242"
    await asyncio.sleep(0.1)
    assert await lab.record(message) is not None


async def set_broken(lab: Lab, chain: str, *, broken: bool) -> None:
    data = selector("setBroken(bool)") + f"{int(broken):064x}"
    tx = await lab.send(chain, lab.network.contracts["testRecipient"], data)
    assert (await lab.receipt(chain, tx))["status"] == "0x1"
