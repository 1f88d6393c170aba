"""Metalayers with other settings: block times, prepaid gas."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from eth_abi import encode  # type: ignore[attr-defined]

from control_plane.domain.states import MessageState
from tests.integration.metalayer.lab import Lab, selector, until

pytestmark = pytest.mark.integration
MakeLab = Callable[..., Awaitable[Lab]]


async def test_one_second_blocks(make_lab: MakeLab) -> None:
    lab = await make_lab(block_time=1.0)
    chance = random.Random(1)
    latencies = []

    async def one(number: int) -> None:
        await asyncio.sleep(chance.random() * 4)
        pair = ("op", "arb") if number % 2 else ("arb", "op")
        loop = asyncio.get_running_loop()
        began = loop.time()
        tx = await lab.dispatch(*pair, b"tick %d" % number, sender=number % 10)
        await lab.wait_delivered(await lab.message_id(pair[0], tx))
        latencies.append(loop.time() - began)

    await asyncio.gather(*(one(number) for number in range(20)))
    latencies.sort()
    print(f"1 s blocks: p50 {latencies[10]:.2f} s, highest {latencies[-1]:.2f} s")
    assert latencies[10] < 2.0
    assert latencies[-1] < 4.0


async def test_prepaid_gas_is_refused_until_it_is_paid(make_lab: MakeLab) -> None:
    lab = await make_lab(fees="prepaid")
    small = await lab.message_id("op", await lab.dispatch("op", "arb", b"small", value=10**17))
    await lab.wait_delivered(small)
    message = await lab.message_id("op", await lab.dispatch("op", "arb", b"y" * 400, value=10**17))
    record = await lab.wait_for(message, lambda m: m.reason is not None)
    assert "gas unpaid: 50000 of about" in (record.reason or "")
    assert (record.state, record.attempts) == (MessageState.ATTESTED, 0)
    assert not await lab.is_delivered("arb", message)
    signature = "payForGas(bytes32,uint32,uint256,address)"
    arguments = encode(
        ["bytes32", "uint32", "uint256", "address"],
        [bytes.fromhex(message[2:]), lab.domain("arb"), 2_000_000, "0x" + "11" * 20],
    )
    igp = lab.network.contracts["interchainGasPaymaster"]
    await lab.send("op", igp, selector(signature) + arguments.hex(), value=10**18)
    paid = await lab.wait_delivered(message, timeout=3)  # told at once, not after a pause
    assert paid.gas_paid == 2_050_000
    assert paid.attempts == 0


async def test_everything_goes_on_from_the_database_alone(make_lab: MakeLab) -> None:
    """What a killed and restarted control plane does: all agents anew, nothing in memory."""
    from tests.integration.metalayer.conftest import make_agents

    lab = await make_lab()
    await lab.supervisor.hold("relayer")
    waiting = [
        await lab.message_id("op", await lab.dispatch("op", "arb", b"%d" % number))
        for number in range(3)
    ]
    for message in waiting:
        await lab.wait_state(message, MessageState.ATTESTED)
    await lab.stop_agents()
    unseen = await lab.dispatch("op", "arb", b"while nobody looked")
    await lab.nodes["op"].call("evm_mine")
    await lab.supervisor.start(make_agents(lab))
    await lab.supervisor.wait_ready(10)
    for message in [*waiting, await lab.message_id("op", unseen)]:
        await lab.wait_delivered(message)
    epochs = await _epochs(lab)
    assert len(epochs) == len(set(epochs))


async def _epochs(lab: Lab) -> list[int]:
    async with lab.database.begin() as unit:
        return [record.epoch for record in await unit.epochs.list("lab")]


async def test_timer_epochs_and_their_rest(make_lab: MakeLab) -> None:
    lab = await make_lab(epoch_interval=0.2)
    before = max(await _epochs(lab))
    await lab.nodes["op"].call("evm_mine")

    async def newer() -> bool:
        return max(await _epochs(lab)) > before

    await until(newer, "an epoch over the moved head", timeout=3)
    async with lab.database.begin() as unit:
        latest = await unit.epochs.latest("lab", certified=True)
    assert latest is not None
    assert {leaf["domain"] for leaf in latest.leaves} == {900, 901, 902}
    first = len(await _epochs(lab))
    await asyncio.sleep(1.0)
    assert len(await _epochs(lab)) - first <= 2, "unchanged chains need no epoch every interval"
