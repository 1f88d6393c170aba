"""Nonces, fees and receipts of one account, whatever happens to the node."""

import asyncio
from collections.abc import Sequence

import pytest

from control_plane.adapters.evm.sender import TransactionSender, one_sender
from control_plane.adapters.evm.sent import Sent, succeeded
from control_plane.domain.calls import encode_call
from control_plane.domain.errors import Conflict, TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.rpc import RpcError
from tests.integration.evm.chains import COIN_GAS, GWEI, SOMEBODY, TestChain

pytestmark = pytest.mark.integration
TO = Hex(SOMEBODY)


async def _pay(sender: TransactionSender, count: int = 1) -> list[Sent]:
    return [await sender.send(TO, b"", gas=COIN_GAS, value=1) for _ in range(count)]


async def _settled(sent: Sequence[Sent]) -> None:
    async with asyncio.timeout(20):
        for receipt in await asyncio.gather(*(one.receipt() for one in sent)):
            assert succeeded(receipt)


async def _paid(chain: TestChain) -> int:
    return await chain.balance(SOMEBODY)


async def test_many_in_flight(chain: TestChain) -> None:
    sender = chain.sender()
    sent = await asyncio.gather(*(_pay(sender) for _ in range(20)))
    assert sorted(one.nonce for (one,) in sent) == list(range(20))
    async with chain.sequenced():
        await _settled([one for (one,) in sent])
        more = await _pay(sender, 5)
        await _settled(more)
        assert [one.nonce for one in more] == list(range(20, 25))
    assert await _paid(chain) == 25
    await sender.close()


async def test_receipts_are_told_at_once(chain: TestChain) -> None:
    async with chain.sequenced():
        took = []
        for _ in range(10):
            began = asyncio.get_running_loop().time()
            async with one_sender(
                chain.connect, chain.chain.ws_url, chain.keys.faucet, 900
            ) as sender:
                await _settled(await _pay(sender))
            took.append(asyncio.get_running_loop().time() - began)
        assert sorted(took)[5] < 0.25, took  # not by looking each half second


async def test_a_reverted_transaction_has_a_receipt(chain: TestChain) -> None:
    from tests.integration.metalayer.lab import selector

    sender = chain.sender()
    async with chain.sequenced():
        recipient = Hex(await _contract(chain, "mailbox"))
        data = bytes.fromhex(selector("process(bytes,bytes)")[2:])
        receipt = await (await sender.send(recipient, data, gas=100_000)).receipt()
        assert not succeeded(receipt)
    await sender.close()


async def _contract(chain: TestChain, key: str) -> str:
    import orjson

    from control_plane.resources import genesis_dir

    manifest = orjson.loads((genesis_dir() / "manifest.json").read_bytes())
    return str(manifest["addresses"][key]).lower()


async def test_one_sender_for_an_account(chain: TestChain) -> None:
    first, second = chain.sender(), chain.sender()
    other = chain.sender(chain.keys.faucet)
    await _pay(first)
    with pytest.raises(Conflict, match="has another sender"):
        await _pay(second)
    await _pay(other)  # another account is another matter
    await first.close()
    await _pay(second)
    with pytest.raises(Conflict):
        await _pay(first)
    for sender in (second, other):
        await sender.close()
    assert await chain.nonce(chain.keys.relayer.address, "pending") == 2


async def test_closing_gives_up_what_is_open(chain: TestChain) -> None:
    sender = chain.sender()
    (sent,) = await _pay(sender)
    await sender.close()
    await sender.close()
    with pytest.raises(TemporaryFailure, match="the sender was closed"):
        await sent.receipt()
    (again,) = await _pay(sender)  # and it can be used again, after what is in the pool
    assert again.nonce == 1
    await chain.call("evm_mine")
    await _settled([again])
    await sender.close()


async def test_users_disturb_no_service(chain: TestChain) -> None:
    """Users send from every listed account while a service sends."""
    sender = chain.sender()
    users = await chain.call("eth_accounts")
    async with chain.sequenced():

        async def use(address: str) -> None:
            for _ in range(5):
                request = {"from": address, "to": SOMEBODY, "value": "0x1"}
                await chain.call("eth_sendTransaction", request)

        together = asyncio.gather(*(use(address) for address in users))
        sent = await _pay(sender, 40)
        await together
        await _settled(sent)
        assert [one.nonce for one in sent] == list(range(40))
    assert chain.keys.relayer.address not in {address.lower() for address in users}
    await sender.close()


async def test_what_an_earlier_process_left_in_the_pool(chain: TestChain) -> None:
    account = chain.keys.relayer
    for nonce in (0, 1, 3):  # and a gap
        await chain.call("eth_sendRawTransaction", chain.raw(account, nonce))
    sender = chain.sender()
    sent = await _pay(sender, 2)
    assert [one.nonce for one in sent] == [2, 4]
    async with chain.sequenced():
        await _settled(sent)
    assert await _paid(chain) == 5
    await sender.close()


async def test_dropped_from_the_pool(chain: TestChain) -> None:
    """They are handed over again, without another send, and carried out once."""
    sender = chain.sender()
    sent = await _pay(sender, 3)
    await chain.call("anvil_dropAllTransactions")
    assert await chain.nonce(chain.keys.relayer.address, "pending") == 0
    async with chain.sequenced():
        await _settled(sent)
    assert await _paid(chain) == 3
    await sender.close()


async def test_dropped_before_the_next_send(chain: TestChain) -> None:
    sender = chain.sender()
    sent = await _pay(sender, 3)
    await chain.call("anvil_dropAllTransactions")
    sent += await _pay(sender, 2)
    assert [one.nonce for one in sent] == list(range(5))
    async with chain.sequenced():
        await _settled(sent)
    assert await _paid(chain) == 5
    await sender.close()


@pytest.mark.parametrize("mined", ["before", "meanwhile", "after"])
async def test_broken_connection(chain: TestChain, mined: str) -> None:
    sender = chain.sender()
    sent = await _pay(sender, 2)
    if mined == "before":
        await chain.call("evm_mine")
    chain.sever()
    if mined == "meanwhile":
        await chain.call("evm_mine")
    sent += await _pay(sender, 2)
    async with chain.sequenced():
        await _settled(sent)
    assert await _paid(chain) == 4
    assert [one.nonce for one in sent] == list(range(4))
    await sender.close()


async def test_connections_that_break_again_and_again(chain: TestChain) -> None:
    sender = chain.sender()
    sent: list[Sent] = []
    async with chain.sequenced():
        for _ in range(30):
            sent += await _pay(sender)
            chain.sever()
        await _settled(sent)
    assert await _paid(chain) == 30
    await sender.close()


async def test_node_restarted_from_an_older_state(chain: TestChain) -> None:
    sender = chain.sender()
    await _pay(sender, 2)
    await chain.call("evm_mine")
    await chain.save()
    gone = await _pay(sender, 3)
    await chain.call("evm_mine")
    await _settled(gone)  # mined, and lost with the node all the same
    waiting = await _pay(sender, 1)
    await chain.restart()
    assert await chain.nonce(chain.keys.relayer.address) == 2
    with pytest.raises(TemporaryFailure, match="went back behind it"):
        await asyncio.wait_for(waiting[0].receipt(), 10)
    after = await _pay(sender, 2)
    assert [one.nonce for one in after] == [2, 3]
    async with chain.sequenced():
        await _settled(after)
    assert await _paid(chain) == 4
    await sender.close()


async def test_node_restarted_with_open_transactions(chain: TestChain) -> None:
    """What a killed node had in its pool is handed over again."""
    sender = chain.sender()
    await _pay(sender, 2)
    await chain.call("evm_mine")
    await chain.save()
    waiting = await _pay(sender, 3)
    await chain.restart()
    async with chain.sequenced():
        await _settled(waiting)
    assert await _paid(chain) == 5
    await sender.close()


async def test_node_away_for_long(chain: TestChain) -> None:
    sender = chain.sender()
    (waiting,) = await _pay(sender)
    await chain.save()
    await chain.node.kill()
    with pytest.raises(TemporaryFailure, match="Can't connect"):
        await _pay(sender)
    await asyncio.sleep(0.3)
    await chain.node.start(restore=True)
    async with chain.sequenced():
        await _settled([waiting, *await _pay(sender)])
    assert await _paid(chain) == 2
    await sender.close()


async def test_reorg(chain: TestChain) -> None:
    """Anvil keeps what follows the lost ones in its pool, and forgets it at the next block."""
    sender = chain.sender()
    for _ in range(3):
        await _settled_by_mining(chain, await _pay(sender))
    (waiting,) = await _pay(sender)
    await chain.call("anvil_reorg", 2, [])
    after = await _pay(sender, 2)
    assert [one.nonce for one in after] == [1, 2]
    async with chain.sequenced():
        await _settled([*after, waiting])
    assert await _paid(chain) == 4
    await sender.close()


async def test_reorg_and_nothing_else_sent(chain: TestChain) -> None:
    sender = chain.sender()
    for _ in range(3):
        await _settled_by_mining(chain, await _pay(sender))
    (waiting,) = await _pay(sender)
    await chain.call("anvil_reorg", 2, [])
    async with chain.sequenced():
        with pytest.raises(TemporaryFailure, match="went back behind it"):
            await asyncio.wait_for(waiting.receipt(), 10)
        (after,) = await _pay(sender)
        assert after.nonce == 1
        await _settled([after])
    await sender.close()


async def _settled_by_mining(chain: TestChain, sent: list[Sent]) -> None:
    await chain.call("evm_mine")
    await _settled(sent)


async def test_base_fee_rises(chain: TestChain) -> None:
    sender = chain.sender()
    (first,) = await _pay(sender)
    hash_ = first.hash
    await chain.call("anvil_setNextBlockBaseFeePerGas", hex(5_000 * GWEI))
    await chain.call("evm_mine")  # Anvil forgets what can't pay
    (second,) = await _pay(sender)
    assert first.hash != hash_  # it pays more now
    async with chain.sequenced():
        await _settled([first, second])
    assert await _paid(chain) == 2
    await sender.close()


async def test_a_nonce_that_somebody_else_took(chain: TestChain) -> None:
    """The key is ours alone; should it be used elsewhere all the same, we go on behind it."""
    sender = chain.sender()
    (ours,) = await _pay(sender)
    await chain.call("anvil_dropAllTransactions")
    theirs = chain.raw(chain.keys.relayer, 0, value=7)
    await chain.call("eth_sendRawTransaction", theirs)
    await chain.call("evm_mine")
    with pytest.raises(TemporaryFailure, match="another transaction took its nonce"):
        await asyncio.wait_for(ours.receipt(), 10)
    (after,) = await _pay(sender)
    assert after.nonce == 1
    await _settled_by_mining(chain, [after])
    await sender.close()


async def test_a_refused_transaction_costs_no_nonce(chain: TestChain) -> None:
    sender = chain.sender()
    with pytest.raises(RpcError, match="gas"):
        await sender.send(TO, b"", gas=100, value=1)
    with pytest.raises(RpcError):
        await sender.send(TO, encode_call("f()"), gas=100_000, value=10**40)
    (good,) = await _pay(sender)
    assert good.nonce == 0
    await _settled_by_mining(chain, [good])
    await sender.close()


async def test_a_frozen_node(chain: TestChain) -> None:
    """What was handed over while it froze is carried out once."""
    sender = chain.sender()
    (first,) = await _pay(sender)
    async with chain.frozen():
        waiting = asyncio.ensure_future(_pay(sender))
        await asyncio.sleep(0.2)
    sent = [first, *await waiting]
    async with chain.sequenced():
        await _settled(sent)
    assert await _paid(chain) == 2
    await sender.close()
