"""FINALIZED messages: what enforces that they wait, what ends the wait, and reorgs on the way."""

import asyncio
from collections.abc import Callable
from typing import Any

from control_plane.domain.states import MessageState
from tests.integration.metalayer.lab import Lab, router_dispatch, until
from tests.integration.metalayer.recorded import epoch_of

INSTANT, FINALIZED = 0, 1


def careful_code(module: str) -> str:
    """Code of a recipient that `module` guards: it answers `interchainSecurityModule()` with it,
    and takes everything else."""
    # PUSH4 selector, PUSH1 0, CALLDATALOAD, PUSH1 e0, SHR, EQ, PUSH1 10, JUMPI, STOP, JUMPDEST
    head = "63de523cf360003560e01c14601057005b"
    return "0x" + head + "73" + module[2:] + "60005260206000f3"


async def final_block(lab: Lab, chain: str) -> int:
    block = await lab.nodes[chain].call("eth_getBlockByNumber", "finalized", False)
    return int(block["number"], 16)


async def route(lab: Lab, finality: int, body: bytes = b"x", **more: Any) -> str:
    router, recipient = (lab.network.contracts[k] for k in ("metalayerRouter", "testRecipient"))
    data = router_dispatch(lab.domain("arb"), recipient, body, finality=finality, **more)
    return await lab.message_id("op", await lab.send("op", router, data))


async def leaf_of(lab: Lab, message: str) -> dict[str, Any]:
    """What the epoch that the message was delivered under says of its origin."""
    record, epoch = await lab.record(message), await epoch_of(lab, message)
    assert record is not None
    return next(
        dict(leaf)
        for leaf in epoch.leaves
        if leaf["domain"] == record.origin and leaf["finality"] == record.finality
    )


async def test_finalized_message_waits_for_its_block_and_the_sequencer_ends_the_wait(
    lab: Lab,
) -> None:
    instant = await route(lab, INSTANT)
    await lab.wait_delivered(instant)
    before = int(await lab.nodes["op"].call("eth_blockNumber"), 16)

    finalized = await route(lab, FINALIZED)
    record = await lab.wait_delivered(finalized)

    assert record.finality == FINALIZED
    leaf = await leaf_of(lab, finalized)
    assert leaf["finality"] == FINALIZED
    assert record.origin_block <= leaf["blockNumber"] <= await final_block(lab, "op")
    # its own block and the two upon it; nothing seals more
    await asyncio.sleep(0.5)
    assert int(await lab.nodes["op"].call("eth_blockNumber"), 16) == before + 3


async def test_finalized_leaves_are_made_only_when_somebody_needs_them(lab: Lab) -> None:
    await lab.wait_delivered(await route(lab, INSTANT))
    await lab.wait_delivered(await route(lab, FINALIZED))
    await lab.wait_delivered(await route(lab, INSTANT))
    async with lab.database.begin() as unit:
        epochs = await unit.epochs.list(lab.network.devnet, limit=100)
    final = [leaf for epoch in epochs for leaf in epoch.leaves if leaf["finality"]]
    assert len(final) == 1


async def test_with_a_block_time_nothing_is_sealed_for_it(make_lab: Callable[..., Any]) -> None:
    lab = await make_lab(block_time=0.3)
    finalized, instant = await route(lab, FINALIZED), await route(lab, INSTANT)
    early = await lab.wait_delivered(instant)
    late = await lab.wait_delivered(finalized)
    assert early.delivered_at is not None
    assert late.delivered_at is not None
    assert late.delivered_at > early.delivered_at
    assert (await leaf_of(lab, finalized))["blockNumber"] >= late.origin_block


async def test_recipient_that_chooses_the_finalized_module_gets_final_messages_only(
    lab: Lab,
) -> None:
    recipient = "0x" + "ca" * 20
    code = careful_code(lab.network.contracts["finalizedIsm"])
    await lab.nodes["arb"].call("anvil_setCode", recipient, code)
    assert int(
        await lab.nodes["arb"].call("eth_call", {"to": recipient, "data": "0xde523cf3"}, "latest"),
        16,
    ) == int(lab.network.contracts["finalizedIsm"], 16)

    sent = await lab.dispatch("op", "arb", b"careful", to=recipient)
    message = await lab.message_id("op", sent)
    record = await lab.wait_delivered(message)
    assert record.finality == FINALIZED
    assert record.attempts == 0
    assert (await leaf_of(lab, message))["blockNumber"] >= record.origin_block


async def test_devnet_whose_mailboxes_demand_final_blocks(make_lab: Callable[..., Any]) -> None:
    lab = await make_lab(finality="finalized")
    sent = [await lab.dispatch("op", "arb", b"%d" % number) for number in range(5)]
    for tx in sent:
        message = await lab.message_id("op", tx)
        record = await lab.wait_delivered(message)
        assert record.finality == FINALIZED
        assert (await leaf_of(lab, message))["blockNumber"] >= record.origin_block
    # who asks the router for no more gets no more
    assert (await lab.wait_delivered(await route(lab, INSTANT))).finality == INSTANT


async def test_finalized_message_whose_block_is_reorganised_away_is_never_delivered(
    make_lab: Callable[..., Any],
) -> None:
    lab = await make_lab(block_time=1)
    message = await route(lab, FINALIZED)
    record = await lab.wait_state(message, MessageState.DISPATCHED)
    assert not await lab.is_delivered("arb", message)

    await lab.nodes["op"].call("anvil_reorg", 1, [])
    gone = await lab.wait_state(message, MessageState.REORGED)
    assert gone.delivered_tx is None
    head = int(await lab.nodes["op"].call("eth_blockNumber"), 16)

    async def final_beyond() -> bool:
        return await final_block(lab, "op") > int(max(head, record.origin_block))

    await until(final_beyond, "blocks upon it", timeout=20)
    assert not await lab.is_delivered("arb", message)


async def test_reorg_after_an_instant_delivery_is_told(lab: Lab) -> None:
    message = await route(lab, INSTANT)
    await lab.wait_delivered(message)
    await lab.nodes["op"].call("anvil_reorg", 1, [])

    record = await lab.wait_state(message, MessageState.REORGED)
    assert record.delivered_tx is not None
    assert record.reorged_after_delivery

    async def told() -> list[object]:
        kind = "message.reorged_after_delivery"
        return [event.data["ids"] for event in lab.events if event.type == kind]

    assert await until(told, "the event") == [[message]]


async def test_forged_finality_is_refused_by_guardians(lab: Lab) -> None:
    """A leaf that calls the head final does not get a signature."""
    from dataclasses import replace

    from control_plane.domain.aggregate import Aggregate
    from control_plane.domain.formats import EpochHeader, Finality
    from control_plane.domain.ports.metalayer import Refusal
    from control_plane.services.metalayer.leaves import read_leaf

    rpc = lab.nodes["op"].rpc
    assert rpc is not None
    domain = lab.network.chain("op").domain
    leaf = await read_leaf(rpc, domain, lab.network.contracts["merkleTreeHook"], None)
    assert leaf is not None
    final = replace(leaf, finality=Finality.FINALIZED)
    async with lab.database.begin() as unit:
        last = await unit.epochs.latest(lab.network.devnet, certified=True)
    assert last is not None
    parent = EpochHeader.from_json(last.header)
    header = replace(
        parent,
        epoch=parent.epoch + 50,
        parent_hash=parent.hash(lab.network.network_id),
        aggregate_root=Aggregate.of([final]).root,
    )
    answer = await lab.guardians[0].check_and_sign(header, [final], parent)
    assert isinstance(answer, Refusal)
    assert f"block {leaf.block_number} is not final" in answer.reason
