"""The faucet pays on every chain and keeps its limits; messages are dispatched as users do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.revert import decode_error
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sender import TransactionSender, one_sender
from control_plane.adapters.evm.signer import sign_call
from control_plane.domain.calls import selector
from control_plane.domain.errors import Conflict, DeadlineExceeded, Failed, InvalidInput, NotFound
from control_plane.domain.network import Chain
from control_plane.domain.ports.node import Account
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.gas_tokens import PRESETS, GasToken, token_address
from control_plane.schemas.message import MessageSent, SendMessage
from control_plane.schemas.using import FaucetRequest, FaucetResult
from control_plane.services.faucet import Faucet
from control_plane.services.faucet_tokens import given
from control_plane.services.send_message import SendMessages
from tests.integration.metalayer.conftest import running_lab
from tests.integration.metalayer.lab import DEVNET, Lab, make_plan

pytestmark = pytest.mark.integration
TO = "0x00000000000000000000000000000000005eFADE"


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running_lab(make_plan(), tmp_path) as found:
        yield found


class Control:
    """What the services ask of the control plane, for one lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def live(self, name: str) -> Any:
        assert name == DEVNET
        return SimpleNamespace(hub=self._lab.hub, keys=self._lab.keys), self._lab.network

    def must_answer(self, name: str, chain: str) -> None:
        if self._lab.nodes[chain].process is None:
            raise Conflict(f"{chain}/node of {name} does not run")

    async def while_there(self, name: str, work: Coroutine[Any, Any, Any]) -> Any:
        return await work


def _pay_from(chain: Chain, account: Account) -> AbstractAsyncContextManager[TransactionSender]:
    return one_sender(connect, chain.ws_url, account, chain.plan.chain_id)


async def give(lab: Lab, faucet: Faucet | None = None, **request: Any) -> FaucetResult:
    control: Any = Control(lab)
    faucet = faucet or Faucet(control, connect, _pay_from)
    return await faucet(DEVNET, FaucetRequest(address=TO, **request))


def sending(lab: Lab) -> SendMessages:
    control: Any = Control(lab)
    return SendMessages(control, lab.database, connect, derive_accounts, sign_call, decode_error)


async def send(lab: Lab, service: SendMessages | None = None, **request: Any) -> MessageSent:
    service = service or sending(lab)
    return await service(DEVNET, SendMessage(**{"origin": "op", "destination": "arb", **request}))


# ---------------------------------------------------------------- faucet


async def test_coins_on_every_chain(lab: Lab) -> None:
    result = await give(lab, amount="1.5")
    assert [transfer.chain for transfer in result.transfers] == ["l1", "op", "arb"]
    for transfer in result.transfers:
        assert Decimal(transfer.balance) == Decimal("1.5")
        balance = await lab.nodes[transfer.chain].call("eth_getBalance", TO, "latest")
        assert int(balance, 16) == 15 * 10**17
        receipt = await lab.receipt(transfer.chain, transfer.tx)
        assert receipt["from"] == lab.keys.faucet.address


async def test_one_chain_and_the_token(lab: Lab) -> None:
    (transfer,) = (await give(lab, on="op")).transfers
    assert (transfer.chain, Decimal(transfer.balance)) == ("op", Decimal(10))
    (transfer,) = (await give(lab, token="era", amount="250")).transfers
    assert (transfer.chain, Decimal(transfer.balance)) == ("l1", Decimal(250))


def test_test_tokens_are_minted_in_their_own_units() -> None:
    contracts = {"create3Factory": "0x" + "fa" * 20, "era": "0x" + "e7" * 20}
    made = [replace(op, gas_token=PRESETS["USDC"]) for op in make_plan().rollups]
    theirs = replace(made[0], gas_token=GasToken("DAI", "Dai", 18, "0x" + "da" * 20))
    network: Any = SimpleNamespace(
        contracts=contracts, plan=SimpleNamespace(rollups=[*made, theirs])
    )
    usdc = given("usdc", network)
    assert usdc.address == "0x" + token_address(PRESETS["USDC"], contracts).hex()
    assert usdc.units("1.5") == 1_500_000
    assert usdc.call(b"", 0)[:4] == selector("mint(address,uint256)")
    with pytest.raises(InvalidInput, match="more than 6 decimals"):
        usdc.units("0.0000001")
    with pytest.raises(InvalidInput, match="has no DAI") as caught:
        given("DAI", network)
    assert caught.value.hint == "Ask for one of ETH, ERA, USDC."


async def test_many_at_once(lab: Lab) -> None:
    control: Any = Control(lab)
    faucet = Faucet(control, connect, _pay_from)
    await asyncio.gather(*(give(lab, faucet, amount="1") for _ in range(20)))
    for chain in lab.nodes:
        assert int(await lab.nodes[chain].call("eth_getBalance", TO, "latest"), 16) == 20 * 10**18


@pytest.mark.parametrize(
    ("request_", "error", "text"),
    [
        ({"token": "DOGE"}, InvalidInput, "has no DOGE"),
        ({"amount": "0"}, InvalidInput, "not between 0 and"),
        ({"amount": "100000.1"}, InvalidInput, "not between 0 and"),
        ({"on": "opp"}, NotFound, "opp"),
        ({"on": "op", "token": "ERA"}, InvalidInput, "no ERA on op"),
    ],
)
async def test_faucet_refuses(
    lab: Lab, request_: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        await give(lab, **request_)


async def test_faucet_limits_an_address(lab: Lab) -> None:
    control: Any = Control(lab)
    faucet = Faucet(control, connect, _pay_from, per_minute=2)
    for _ in range(2):
        await give(lab, faucet, on="op", amount="1")
    with pytest.raises(Conflict, match="given enough"):
        await give(lab, faucet, on="op", amount="1")


async def test_faucet_says_where_it_paid_when_a_chain_fails(lab: Lab) -> None:
    await lab.nodes["arb"].call("anvil_setCode", TO, "0x60006000fd")  # takes no coins
    with pytest.raises(Failed, match="arb was reverted") as caught:
        await give(lab)
    assert "l1, op" in caught.value.detail
    for chain in ("l1", "op"):
        assert int(await lab.nodes[chain].call("eth_getBalance", TO, "latest"), 16) == 10**19


# ---------------------------------------------------------------- messages


async def test_send_and_wait(lab: Lab) -> None:
    sent = await send(lab, body="0x68656c6c6f", wait=True)
    assert (sent.origin, sent.destination) == (901, 902)
    assert sent.delivered_tx is not None
    assert sent.latency_ms is not None
    assert await lab.is_delivered("arb", sent.id)
    assert await lab.message_id("op", sent.tx) == sent.id


async def test_many_messages_at_once(lab: Lab) -> None:
    """None is lost, though all come from one unlocked account."""
    service = sending(lab)
    sent = await asyncio.gather(
        *(send(lab, service, body=f"0x{i:02x}", wait=True) for i in range(40))
    )
    assert len({one.id for one in sent}) == 40
    assert len({one.tx for one in sent}) == 40


async def test_another_program_uses_the_account(lab: Lab) -> None:
    """At the same moments, without our turns."""
    service = sending(lab)
    done = False

    async def use() -> None:
        while not done:
            with contextlib.suppress(RpcError):  # it races with us; that is its own affair
                await lab.send("op", TO, "0x", value=1)
            await asyncio.sleep(0.003)

    other = asyncio.create_task(use())
    try:
        sent = [await send(lab, service, body=f"0x{i:02x}", wait=True) for i in range(15)]
    finally:
        done = True
        await other
    assert len({one.id for one in sent}) == 15


@pytest.mark.parametrize(
    ("request_", "error", "text"),
    [
        ({"origin": "opp"}, NotFound, "opp"),
        ({"destination": "arbb"}, NotFound, "arbb"),
        ({"destination": "op"}, InvalidInput, "goes to another chain"),
    ],
)
async def test_send_refuses(
    lab: Lab, request_: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text) as caught:
        await send(lab, **request_)
    if isinstance(caught.value, NotFound):
        assert "op" in caught.value.hint or "arb" in caught.value.hint  # a neighbour's name


async def test_waiting_for_what_does_not_arrive(lab: Lab) -> None:
    with pytest.raises(DeadlineExceeded, match="is not delivered") as caught:
        await send(lab, to=lab.network.contracts["mailbox"], wait=True, timeout=1.5)
    assert "trace" in caught.value.hint
    assert "after 1.5 s" in caught.value.detail


async def test_a_dispatch_that_is_refused(lab: Lab) -> None:
    await lab.nodes["op"].call("anvil_setCode", lab.network.contracts["mailbox"], "0x60006000fd")
    with pytest.raises(Failed, match="op refused the dispatch: reverted without a reason"):
        await send(lab)
