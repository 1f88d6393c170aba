"""The relayer beside others, and what it does with messages that can't be delivered."""

import asyncio
import time
from typing import Any

import pytest

from control_plane.adapters.evm.revert import decode_error
from control_plane.adapters.evm.sender import TransactionSender
from control_plane.agents.relayer import Relayer
from control_plane.domain.hashing import keccak256
from control_plane.domain.hub import Retry
from control_plane.domain.rpc import RpcError
from control_plane.domain.states import MessageState
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.book import MessageBook
from tests.integration.metalayer.bursts import presigned, send_burst
from tests.integration.metalayer.lab import DEVNET, Lab, account, router_dispatch, until

pytestmark = pytest.mark.integration

_PROCESS_ID = "0x" + keccak256(b"ProcessId(bytes32)").hex()
_FAILED = "0x" + keccak256(b"MessageFailed(bytes32,bytes)").hex()


async def _logs(lab: Lab, chain: str, contract: str, topic: str) -> list[str]:
    """The first indexed argument of all such events."""
    wanted = {
        "address": lab.network.contracts[contract],
        "topics": [topic],
        "fromBlock": "0x0",
    }
    return [log["topics"][1] for log in await lab.nodes[chain].call("eth_getLogs", wanted)]


async def second_relayer(lab: Lab) -> None:
    """With a key of its own, as a relayer on another machine would have."""
    key = account(60)
    senders = {}
    for chain in lab.network.chains:
        await lab.nodes[str(chain.name)].call("anvil_setBalance", key.address, hex(10**24))
        senders[str(chain.name)] = TransactionSender(
            lab.connect, chain.ws_url, key, chain.plan.chain_id
        )
    lab.senders += senders.values()
    second = Relayer(
        lab.network, senders, decode_error, lab.connect, lab.database, lab.hub, lab.publish,
        time.time,
    )  # fmt: skip
    second.name = "relayer-2"
    await lab.supervisor.start([second])
    await lab.supervisor.wait_ready(10)


async def test_two_relayers_deliver_each_message_once(lab: Lab) -> None:
    await second_relayer(lab)
    await send_burst(lab, [("op", "arb"), ("arb", "op"), ("l1", "arb")], 100)
    for chain, count in (("arb", 200), ("op", 100)):
        processed = await _logs(lab, chain, "mailbox", _PROCESS_ID)
        assert len(processed) == len(set(processed)) == count
        assert await _logs(lab, chain, "batchProcessor", _FAILED) == []
    counts = await lab.counts()
    assert counts[MessageState.DELIVERED] == sum(counts.values()) == 300
    assert not [event for event in lab.events if event.type == "message.failing"]
    # what the loser of a race learnt about gas does not spoil its next batch
    await lab.supervisor.hold("relayer")
    await lab.wait_delivered(await lab.message_id("op", await lab.dispatch("op", "arb", b"last")))
    assert not [event for event in lab.events if event.type == "message.failing"]


async def test_a_limit_that_no_block_holds_is_a_dead_letter(lab: Lab) -> None:
    router, recipient = lab.network.contracts["metalayerRouter"], "testRecipient"
    data = router_dispatch(lab.domain("arb"), lab.network.contracts[recipient], b"too much", 10**9)
    message = await lab.message_id("op", await lab.send("op", router, data))
    record = await lab.wait_state(message, MessageState.DEAD)
    reason = record.reason or ""
    assert "its sender's gas limit is 1000000000, but a block of arb holds" in reason
    assert record.attempts == 0

    async def told() -> bool:
        news = [e.data["messages"] for e in lab.events if e.type == "message.dead"]
        return [m["id"] for messages in news for m in messages] == [message]

    await until(told, "the event message.dead")
    await lab.wait_delivered(await lab.message_id("op", await lab.dispatch("op", "arb", b"other")))

    await lab.nodes["arb"].call("evm_setBlockGasLimit", hex(2 * 10**9))
    await lab.nodes["arb"].call("evm_mine")
    book = MessageBook(lab.database, DEVNET)
    await book.change([message], lambda m: moves.hastened(m, time.time()))
    lab.hub.tell(Retry((message,)))
    await lab.wait_delivered(message)


async def test_a_limit_near_the_blocks_is_delivered(lab: Lab) -> None:
    head = await lab.nodes["arb"].call("eth_getBlockByNumber", "latest", False)
    limit = (int(head["gasLimit"], 16) - 1_500_000) * 9 // 10
    router, recipient = lab.network.contracts["metalayerRouter"], "testRecipient"
    data = router_dispatch(lab.domain("arb"), lab.network.contracts[recipient], b"much", limit)
    message = await lab.message_id("op", await lab.send("op", router, data))
    await lab.wait_delivered(message)


async def test_a_batch_shares_its_proof(lab: Lab) -> None:
    """A hundred messages that waited together: one transaction, far less gas each."""
    await lab.wait_delivered(await lab.message_id("op", await lab.dispatch("op", "arb", b"first")))
    await lab.supervisor.hold("relayer")
    rpc = lab.nodes["op"].rpc
    assert rpc is not None
    raws = await presigned(lab, "op", "arb", 60)
    await rpc.batch([("eth_sendRawTransaction", (raw,)) for raw in raws])

    async def attested() -> bool:
        return (await lab.counts())[MessageState.ATTESTED] == 60

    await until(attested, "60 attested messages")
    lab.supervisor.release("relayer")

    async def delivered() -> bool:
        return (await lab.counts())[MessageState.DELIVERED] == 61

    await until(delivered, "61 deliveries")
    async with lab.database.begin() as unit:
        messages = await unit.messages.list(DEVNET, limit=100)
    by_tx: dict[str, int] = {}
    for message in messages:
        by_tx[str(message.delivered_tx)] = by_tx.get(str(message.delivered_tx), 0) + 1
    tx, count = max(by_tx.items(), key=lambda entry: entry[1])
    receipt = await lab.receipt("arb", tx)
    assert count >= 50
    assert int(receipt["gasUsed"], 16) / count < 120_000  # the test recipient keeps bodies


async def test_a_gas_spike_is_outbid(lab: Lab) -> None:
    """The base fee grows a thousandfold while transactions wait."""
    await lab.wait_delivered(await lab.message_id("op", await lab.dispatch("op", "arb", b"first")))
    await lab.supervisor.hold("arb/sequencer")
    sent = await lab.message_id("op", await lab.dispatch("op", "arb", b"dear"))
    await lab.wait_state(sent, MessageState.RELAYED)
    await lab.nodes["arb"].call("anvil_setNextBlockBaseFeePerGas", hex(10**13))
    await lab.nodes["arb"].call("evm_mine")
    await asyncio.sleep(0.1)
    lab.supervisor.release("arb/sequencer")
    await lab.wait_delivered(sent)


async def test_a_full_pool_is_waited_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node takes no transaction for a while, and says so."""
    send = TransactionSender.send
    refused: list[Any] = []

    async def full(self: TransactionSender, *given: Any, **named: Any) -> Any:
        if len(refused) < 4:
            refused.append(given)
            raise RpcError("It was refused", "txpool is full", message="txpool is full")
        return await send(self, *given, **named)

    monkeypatch.setattr(TransactionSender, "send", full)
    message = await lab.message_id("op", await lab.dispatch("op", "arb", b"patience"))
    record = await lab.wait_for(message, lambda m: m.reason is not None)
    assert "txpool is full" in (record.reason or "")
    delivered = await lab.wait_delivered(message)
    assert (delivered.attempts, delivered.reason) == (0, None)
