"""Reads: what guardians find on other chains goes with the message, in order, failures as such."""

import signal
from collections.abc import Sequence

from control_plane.domain.reads import REVERTED, TOO_LONG, is_failure
from control_plane.domain.states import MessageState
from control_plane.services.supervisor import Supervisor
from tests.integration.metalayer.conftest import make_agents
from tests.integration.metalayer.lab import Lab, router_dispatch
from tests.integration.metalayer.recorded import epoch_of

# returns slot 0 for call data of 4 bytes, stores its first word there for any other
KEEPER = "0x" + "36600414600e57600035600055005b60005460005260206000f3"
REVERTER = "0x" + "63deadbeef60e01b60005260046000fd"
LONG = "0x" + "6108006000f3"
"""Returns 2,048 zero bytes."""
BURNER = "0x" + "fe"
Read = tuple[int, str, bytes]

ADDRESSES = {name: "0x" + byte * 20 for name, byte in zip(
    (KEEPER, REVERTER, LONG, BURNER), ("a1", "a2", "a3", "a4"), strict=True
)}  # fmt: skip


def recorder_code() -> str:
    """Code that writes word i of its call data (behind the selector) into slot i."""
    # PUSH1 4, JUMPDEST(2): DUP1 CALLDATASIZE GT ISZERO PUSH1 end JUMPI
    # DUP1 CALLDATALOAD DUP2 PUSH1 4 SWAP1 SUB PUSH1 5 SHR SSTORE PUSH1 20 ADD PUSH1 2 JUMP
    # and then a stop
    return "0x" + "60045b8036111560" + "1b" + "5780358160049003" + "60051c55602001600256" + "5b00"


async def put_code(lab: Lab, chain: str) -> None:
    for code, address in ADDRESSES.items():
        await lab.nodes[chain].call("anvil_setCode", address, code)
    await lab.nodes[chain].call("evm_mine")


async def route(lab: Lab, recipient: str, reads: Sequence[Read], finality: int = 0) -> str:
    data = router_dispatch(
        lab.domain("arb"), recipient, b"with reads", 2_500_000, reads=reads, finality=finality
    )
    router = lab.network.contracts["metalayerRouter"]
    accounts = await lab.nodes["op"].call("eth_accounts")
    tx = await lab.nodes["op"].call(
        "eth_sendTransaction",
        {"from": accounts[0], "to": router, "data": data, "gas": hex(2_000_000)},
    )
    return await lab.message_id("op", tx)


async def results_of(lab: Lab, message: str) -> list[bytes]:
    """As certified in the epoch that the message was delivered under."""
    epoch = await epoch_of(lab, message)
    (found,) = [read for read in epoch.reads if read["messageId"] == message]
    return [bytes.fromhex(result[2:]) for result in found["results"]]


async def received(lab: Lab, recipient: str) -> list[bytes]:
    """`readResults` as the recipient on arb got it."""
    from eth_abi import decode  # type: ignore[attr-defined]

    node = lab.nodes["arb"]
    words = [
        await node.call("eth_getStorageAt", recipient, hex(slot), "latest") for slot in range(90)
    ]
    data = b"".join(bytes.fromhex(word[2:]).rjust(32, b"\0") for word in words)
    types = ["uint32", "bytes32", "bytes", "(uint32,address,bytes)[]", "bytes[]"]
    return list(decode(types, data)[4])


async def test_results_arrive_in_order_with_failures_as_such(lab: Lab) -> None:
    for chain in ("l1", "op", "arb"):
        await put_code(lab, chain)
    recipient = "0x" + "cb" * 20
    await lab.nodes["arb"].call("anvil_setCode", recipient, recorder_code())
    kept = (7).to_bytes(32)
    for chain, value in (("l1", 5), ("arb", 6), ("op", 7)):
        sent = await lab.send(chain, ADDRESSES[KEEPER], "0x" + value.to_bytes(32).hex())
        await lab.receipt(chain, sent)
    reads = [
        (lab.domain("op"), ADDRESSES[KEEPER], b"read"),
        (lab.domain("l1"), ADDRESSES[REVERTER], b""),
        (lab.domain("arb"), ADDRESSES[KEEPER], b"read"),
        (lab.domain("l1"), ADDRESSES[KEEPER], b"read"),
        (lab.domain("op"), ADDRESSES[LONG], b""),
        (lab.domain("op"), ADDRESSES[BURNER], b""),
        (lab.domain("op"), "0x" + "99" * 20, b"nobody"),
    ]
    message = await route(lab, recipient, reads)
    await lab.wait_delivered(message)

    expected = [
        kept,
        REVERTED + bytes.fromhex("deadbeef"),
        (6).to_bytes(32),
        (5).to_bytes(32),
        TOO_LONG,
        REVERTED,
        b"",
    ]
    assert await results_of(lab, message) == expected
    assert await received(lab, recipient) == expected
    assert [is_failure(result) for result in expected] == [
        False,
        True,
        False,
        False,
        True,
        True,
        False,
    ]


async def test_finalized_reads_are_made_at_final_blocks(lab: Lab) -> None:
    await put_code(lab, "l1")
    recipient = lab.network.contracts["testRecipient"]
    keeper = ADDRESSES[KEEPER]
    await lab.receipt("l1", await lab.send("l1", keeper, "0x" + (1).to_bytes(32).hex()))
    for _ in range(2):
        await lab.nodes["l1"].call("evm_mine")
    await lab.receipt("l1", await lab.send("l1", keeper, "0x" + (2).to_bytes(32).hex()))

    reads = [(lab.domain("l1"), keeper, b"read")]
    instant, final = await route(lab, recipient, reads), await route(lab, recipient, reads, 1)
    await lab.wait_delivered(instant)
    await lab.wait_delivered(final)
    assert await results_of(lab, instant) == [(2).to_bytes(32)]
    assert await results_of(lab, final) == [(1).to_bytes(32)]


async def test_message_that_reads_no_chain_of_the_devnet_waits_and_says_so(lab: Lab) -> None:
    message = await route(
        lab, lab.network.contracts["testRecipient"], [(4242, "0x" + "99" * 20, b"")]
    )
    record = await lab.wait_for(message, lambda m: m.reason is not None)
    assert record.reason == "read 1 of 1 waits for a block of domain 4242"
    assert record.state is MessageState.DISPATCHED
    # others go on
    other = await lab.dispatch("op", "arb", b"meanwhile")
    await lab.wait_delivered(await lab.message_id("op", other))


async def test_read_waits_for_a_chain_that_is_away(lab: Lab) -> None:
    await put_code(lab, "l1")
    await lab.save("l1")
    await lab.nodes["l1"].kill()
    reads = [(lab.domain("l1"), ADDRESSES[KEEPER], b"read")]
    message = await route(lab, lab.network.contracts["testRecipient"], reads)
    waiting = await lab.wait_for(message, lambda m: m.reason is not None)
    assert waiting.reason is not None
    assert "read 1 of 1" in waiting.reason or "its reads" in waiting.reason
    await lab.restore("l1")
    await lab.wait_delivered(message, timeout=30)


async def test_reads_of_a_chain_that_hangs_hold_up_no_other_message(lab: Lab) -> None:
    await put_code(lab, "l1")
    for _ in range(2):  # Anvil proves nothing of a block below an admin call
        await lab.nodes["l1"].call("evm_mine")
    hanging = lab.nodes["l1"].process
    assert hanging is not None
    recipient = lab.network.contracts["testRecipient"]
    hanging.send_signal(signal.SIGSTOP)
    try:
        reads = [(lab.domain("l1"), ADDRESSES[KEEPER], b"read")]
        stuck = [await route(lab, recipient, reads, finality) for finality in (0, 1)]
        for number in range(3):
            tx = await lab.dispatch("op", "arb", b"%d" % number)
            await lab.wait_delivered(await lab.message_id("op", tx), timeout=8)
        for message in stuck:
            assert not await lab.is_delivered("arb", message)
    finally:
        hanging.send_signal(signal.SIGCONT)
    for message in stuck:
        await lab.wait_delivered(message, timeout=30)


async def test_results_outlast_agents(lab: Lab) -> None:
    """A relayer that starts later finds the epoch that answers a message's reads."""
    await put_code(lab, "l1")
    await lab.save("arb")
    await lab.nodes["arb"].kill()
    reads = [(lab.domain("l1"), ADDRESSES[KEEPER], b"read")]
    message = await route(lab, lab.network.contracts["testRecipient"], reads)
    answered = await lab.wait_for(message, lambda m: m.epoch is not None)
    await lab.stop_agents()

    await lab.restore("arb")
    lab.supervisor = Supervisor()
    await lab.supervisor.start(make_agents(lab))
    record = await lab.wait_delivered(message)
    assert record.epoch == answered.epoch
