"""What goes wrong in a running devnet, and that messages arrive once each all the same."""

import asyncio
import os
import signal

import pytest

from control_plane.domain.records import ServiceRecord
from control_plane.domain.states import MessageState, ServiceState
from control_plane.services.trace import trace
from tests.integration.metalayer.bursts import presigned
from tests.integration.metalayer.lab import Lab, until

pytestmark = pytest.mark.integration


async def _send_raw(lab: Lab, origin: str, raws: list[str]) -> None:
    rpc = lab.nodes[origin].rpc
    assert rpc is not None
    answers = await rpc.batch([("eth_sendRawTransaction", (raw,)) for raw in raws])
    assert all(isinstance(answer, str) for answer in answers), answers[:2]


async def _all_delivered(lab: Lab, count: int, timeout: float = 30) -> None:
    async def done() -> bool:
        return (await lab.counts())[MessageState.DELIVERED] >= count

    try:
        await until(done, f"{count} deliveries", timeout=timeout)
    except AssertionError as error:
        raise AssertionError(f"{error}: {await lab.counts()}, {lab.supervisor.views()}") from None
    assert (await lab.counts())[MessageState.DELIVERED] == count


async def _received(lab: Lab, chain: str) -> int:
    return int(await lab.view(chain, "testRecipient", "count()"), 16)


@pytest.mark.parametrize("victim", ["relayer", "indexer", "aggregator"])
async def test_agent_restarted_in_a_burst(lab: Lab, victim: str) -> None:
    raws = await presigned(lab, "op", "arb", 200)
    await _send_raw(lab, "op", raws[:100])
    for part in range(4):
        await asyncio.sleep(0.03)
        await lab.supervisor.hold(victim)
        await _send_raw(lab, "op", raws[100 + 25 * part : 125 + 25 * part])
        lab.supervisor.release(victim)
    await _all_delivered(lab, 200)
    assert await _received(lab, "arb") == 200


async def test_all_agents_restarted_in_a_burst(lab: Lab) -> None:
    raws = await presigned(lab, "op", "arb", 200)
    await _send_raw(lab, "op", raws[:100])
    names = [n for n in lab.supervisor.names() if not n.endswith("sequencer")]
    for part in range(2):
        await asyncio.sleep(0.08)
        await asyncio.gather(*(lab.supervisor.hold(name) for name in names))
        await _send_raw(lab, "op", raws[100 + 50 * part : 150 + 50 * part])
        for name in names:
            lab.supervisor.release(name)
    await _all_delivered(lab, 200)
    assert await _received(lab, "arb") == 200


async def test_one_guardian_of_four_down(lab: Lab) -> None:
    await lab.supervisor.hold("guardian-2")
    message = await lab.message_id("op", await lab.dispatch("op", "arb", b"three are enough"))
    await lab.wait_delivered(message)
    async with lab.database.begin() as unit:
        epoch = await unit.epochs.latest("lab", certified=True)
    assert epoch is not None
    assert epoch.absent == (2,)


async def test_two_guardians_of_four_down_and_back(lab: Lab) -> None:
    await lab.supervisor.hold("guardian-1")
    await lab.supervisor.hold("guardian-3")
    message = await lab.message_id("op", await lab.dispatch("op", "arb", b"half is not enough"))

    async def missed() -> bool:
        return "no quorum" in (lab.agents()["aggregator"].problem or "")

    await until(missed, "the aggregator's problem")
    problem = lab.agents()["aggregator"].problem or ""
    assert "guardian-1" in problem
    assert "guardian-3" in problem
    assert "guardian-0" not in problem
    record = await lab.wait_state(message, MessageState.DISPATCHED)
    reason = trace(record, None, lab.network.plan, lab.agents()).reason or ""
    assert "no quorum" in reason
    assert "guardian-3" in reason
    await asyncio.sleep(0.3)
    assert not await lab.is_delivered("arb", message)
    lab.supervisor.release("guardian-3")
    await lab.wait_delivered(message)
    await until(_no_problem(lab), "the problem to go")


def _no_problem(lab: Lab):  # type: ignore[no-untyped-def]
    async def look() -> bool:
        return lab.agents()["aggregator"].problem is None

    return look


async def test_dropped_sockets(lab: Lab) -> None:
    raws = await presigned(lab, "op", "arb", 120)
    for start in range(0, 120, 40):
        await _send_raw(lab, "op", raws[start : start + 40])
        await asyncio.sleep(0.04)
        await lab.sever()
    await _all_delivered(lab, 120)
    assert await _received(lab, "arb") == 120


async def test_destination_paused(lab: Lab) -> None:
    process = lab.nodes["arb"].process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        waiting = await lab.message_id("op", await lab.dispatch("op", "arb", b"frozen"))
        other = await lab.message_id("op", await lab.dispatch("op", "l1", b"not frozen"))
        await lab.wait_delivered(other, timeout=20)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    await lab.wait_delivered(waiting, timeout=30)


async def test_destination_killed_and_back(lab: Lab) -> None:
    first = await lab.message_id("op", await lab.dispatch("op", "arb", b"before"))
    await lab.wait_delivered(first)
    await lab.save("arb")
    await lab.nodes["arb"].kill()
    waiting = await lab.message_id("op", await lab.dispatch("op", "arb", b"while it is away"))
    record = await lab.wait_for(waiting, lambda m: m.reason is not None)
    assert "arb" in (record.reason or "")
    other = await lab.message_id("op", await lab.dispatch("op", "l1", b"others go on"))
    await lab.wait_delivered(other)
    await lab.restore("arb")
    await lab.wait_delivered(waiting, timeout=30)
    assert await _received(lab, "arb") == 2


async def test_origin_restored_to_an_older_block(lab: Lab) -> None:
    kept = await lab.message_id("op", await lab.dispatch("op", "arb", b"kept"))
    await lab.wait_delivered(kept)
    await lab.save("op")
    gone = await lab.message_id("op", await lab.dispatch("op", "arb", b"gone"))
    await lab.wait_delivered(gone)
    await lab.supervisor.hold("relayer")
    lost = await lab.message_id("op", await lab.dispatch("op", "arb", b"lost"))
    await lab.wait_state(lost, MessageState.ATTESTED)
    await lab.nodes["op"].kill()
    await lab.restore("op")
    record = await lab.wait_state(lost, MessageState.REORGED)
    assert "was lost: the node came back at block" in (record.reason or "")
    assert "op" in (record.reason or "")
    was = await lab.wait_state(gone, MessageState.REORGED)
    assert "reorged after delivery" in (was.reason or "")
    lab.supervisor.release("relayer")
    # the tree goes on from the restored state: the next message takes the place of a lost one
    after = await lab.message_id("op", await lab.dispatch("op", "arb", b"after"))
    await lab.wait_delivered(after, timeout=30)
    assert not await lab.is_delivered("arb", lost)
    assert (await lab.wait_delivered(kept)).state is MessageState.DELIVERED


async def test_origin_restored_and_higher_than_it_was_when_it_is_read_again(lab: Lab) -> None:
    """The node's record tells that its blocks were lost: its height does not any more."""
    await lab.save("op")
    saved = int(await lab.nodes["op"].call("eth_blockNumber"), 16)
    await lab.supervisor.hold("relayer")
    lost = await lab.message_id("op", await lab.dispatch("op", "arb", b"lost"))
    await lab.wait_state(lost, MessageState.ATTESTED)
    height = int(await lab.nodes["op"].call("eth_blockNumber"), 16)
    await lab.supervisor.hold("indexer")
    await lab.nodes["op"].kill()
    await lab.restore("op")
    node = ServiceRecord(
        lab.network.devnet, "op/node", ServiceState.READY, lost_blocks=(saved + 1, height)
    )
    async with lab.database.begin() as unit:
        await unit.services.put(node)
    for _ in range(height - saved + 3):
        await lab.nodes["op"].call("evm_mine")
    lab.supervisor.release("indexer")
    record = await lab.wait_state(lost, MessageState.REORGED)
    assert f"was lost: the node came back at block {saved} " in (record.reason or "")


async def test_destination_restored_to_before_a_delivery(lab: Lab) -> None:
    await lab.save("arb")
    message = await lab.message_id("op", await lab.dispatch("op", "arb", b"twice on the way"))
    first = await lab.wait_delivered(message)
    await lab.nodes["arb"].kill()
    await lab.restore("arb")
    assert not await lab.is_delivered("arb", message)

    async def again() -> bool:
        return await lab.is_delivered("arb", message)

    await until(again, "the second delivery", timeout=30)
    # the same transaction in a block of the same second can have the same hash: look at the time
    old = first.delivered_at
    record = await lab.wait_for(message, lambda m: m.delivered_at not in {None, old})
    assert record.state is MessageState.DELIVERED
    assert await _received(lab, "arb") == 1


async def test_reorg_on_origin_and_destination(lab: Lab) -> None:
    for chain in ("op", "arb"):
        for _ in range(3):
            await lab.nodes[chain].call("evm_mine")
    message = await lab.message_id("op", await lab.dispatch("op", "arb", b"reorganized"))
    await lab.wait_delivered(message)
    await lab.nodes["arb"].call("anvil_reorg", 2, [])

    async def again() -> bool:
        return await lab.is_delivered("arb", message)

    await until(again, "the delivery after the destination's reorg", timeout=30)
    await lab.nodes["op"].call("anvil_reorg", 2, [])
    await lab.wait_state(message, MessageState.REORGED)
    after = await lab.message_id("op", await lab.dispatch("op", "arb", b"after the reorg"))
    await lab.wait_delivered(after, timeout=30)


async def test_dropped_transaction_is_sent_again(lab: Lab) -> None:
    await lab.supervisor.hold("arb/sequencer")
    message = await lab.message_id("op", await lab.dispatch("op", "arb", b"dropped"))
    record = await lab.wait_state(message, MessageState.RELAYED)
    assert record.relay_tx is not None
    assert lab.agents()["arb/sequencer"].state is ServiceState.STOPPED
    await lab.nodes["arb"].call("anvil_dropAllTransactions")
    await lab.sever()  # what a node that lost its pool looks like: it was restarted
    lab.supervisor.release("arb/sequencer")
    await lab.wait_delivered(message, timeout=30)
