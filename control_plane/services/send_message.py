"""Dispatching a message as a user would: from a listed account, to the mailbox."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from control_plane.domain.calls import Call, encode_call
from control_plane.domain.errors import DeadlineExceeded, Failed, InvalidInput, Problem
from control_plane.domain.formats import Finality
from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex
from control_plane.domain.hub import Delivered
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.node import Account, Connect, Rpc
from control_plane.domain.ports.store import Database
from control_plane.domain.reads import Demands, ReadOperation, RouterMessage
from control_plane.domain.records import MessageRecord
from control_plane.domain.rpc import RpcError
from control_plane.schemas.message import MessageSent, SendMessage
from control_plane.services.control import ControlPlane
from control_plane.services.receipts import find_receipt
from control_plane.services.unknown import not_found

_DISPATCH_ID: Final = "0x" + keccak256(b"DispatchId(bytes32)").hex()
_SIGNATURE: Final = "(uint32,bytes32,bytes)"
_FUNCTIONS: Final = ("quoteDispatch", "dispatch")
_HANDLE_GAS: Final = 150_000
"""For the recipient of a message through the router; more for what a longer body writes."""
_GAS_A_WORD: Final = 25_000
_MINED_DEADLINE: Final = 30.0
_SPARE_GAS: Final = 150_000
"""On top of the node's estimate, which holds for the tree as it is: with other messages in the same
block this one takes another place, where up to 31 more nodes are hashed."""
_LOOK: Final = 0.25
"""Seconds after which the receipt is asked for without a new head: it may have been sealed before
the subscription to heads began."""
_TRIES: Final = 5
_RACES: Final = ("underpriced", "nonce too low", "already imported", "already known")
"""What a node says when another program used the account at the same moment."""
_GWEI: Final = 10**9
_FEE_ROOM: Final = 8
"""The base fee may grow so many times until the transaction is sealed."""


class Sign(Protocol):
    """Signs an EIP-1559 transaction; its raw form. Amounts in wei."""

    def __call__(
        self,
        account: Account,
        *,
        chain_id: int,
        nonce: int,
        call: Call,
        gas: int,
        max_fee: int,
        tip: int,
    ) -> Hex: ...


@dataclass(frozen=True, slots=True)
class _Dispatch:
    """A call of a mailbox that is to be a transaction."""

    sender: Account
    call: Call
    gas: int


class SendMessages:
    """Implements the API's ``Send``."""

    def __init__(
        self,
        control: ControlPlane,
        database: Database,
        connect: Connect,
        accounts: Callable[[str, int], Sequence[Account]],
        sign: Sign,
        decode: Callable[[str], str],
    ) -> None:
        self._control = control
        self._database = database
        self._connect = connect
        self._accounts = accounts
        self._sign = sign
        self._decode = decode
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}

    async def __call__(self, name: str, request: SendMessage) -> MessageSent:
        """Dispatch; with `wait`, answer when it is delivered.

        Raises NotFound (a chain's name), InvalidInput, DeadlineExceeded, Failed.
        """
        live, network = await self._control.live(name)
        origin, destination = _ends(network, request)
        self._control.must_answer(name, origin.name)
        began = time.time()
        async with live.hub.listen() as news:
            tx, message_id = await self._control.while_there(
                name, self._dispatch(network, origin, destination, request)
            )
            sent = MessageSent(
                id=message_id, origin=origin.domain, destination=destination.domain, tx=tx
            )
            if not request.wait:
                return sent
            record = await self._delivered(name, message_id, news, request.timeout)
        latency = round(((record.delivered_at or time.time()) - began) * 1000, 1)
        return sent.model_copy(update={"delivered_tx": record.delivered_tx, "latency_ms": latency})

    async def _dispatch(
        self, network: Network, origin: Chain, destination: Chain, request: SendMessage
    ) -> tuple[str, str]:
        """Transaction hash and message id."""
        contract, quote, data = _calls(network, destination, request)
        accounts = network.plan.accounts
        sender = self._accounts(accounts.mnemonic, accounts.count)[0]
        rpc = await self._connect(origin.ws_url)
        try:
            asked = {"to": contract, "data": "0x" + quote.hex()}
            value = int(await rpc.call("eth_call", asked, "latest"), 16)
            transaction = {
                "from": sender.address,
                "to": contract,
                "data": "0x" + data.hex(),
                "value": hex(value),
            }
            gas = int(await rpc.call("eth_estimateGas", transaction, "latest"), 16)
            call = Call(from_hex(contract), data, value)
            dispatch = _Dispatch(sender, call, gas * 5 // 4 + _SPARE_GAS)
            receipt = await self._mined(rpc, dispatch, network.devnet, origin)
        except RpcError as error:
            why = self._decode(error.data) if error.data else error.message
            raise Failed(f"{origin.name} refused the dispatch", why) from error
        finally:
            await rpc.close()
        return receipt["transactionHash"], _message_id(receipt)

    async def _mined(
        self, rpc: Rpc, dispatch: _Dispatch, devnet: str, origin: Chain
    ) -> Mapping[str, Any]:
        heads = rpc.subscribe("newHeads")
        head = asyncio.ensure_future(anext(aiter(heads)))
        try:
            async with asyncio.timeout(_MINED_DEADLINE + 2 * origin.plan.block_time):
                tx = await self._accepted(rpc, dispatch, devnet, origin)
                while True:
                    found = await find_receipt(rpc, tx)
                    if found is not None:
                        return _successful(found, origin)
                    await asyncio.wait([head], timeout=_LOOK)
                    if head.done():
                        head.result()
                        head = asyncio.ensure_future(anext(aiter(heads)))
        except TimeoutError:
            raise DeadlineExceeded(
                f"The dispatch on {origin.name} was not mined",
                f"within {_MINED_DEADLINE:g} s",
                f"Does {origin.name} seal blocks? `caldera status`",
            ) from None
        finally:
            head.cancel()
            await asyncio.gather(head, return_exceptions=True)

    async def _accepted(self, rpc: Rpc, dispatch: _Dispatch, devnet: str, origin: Chain) -> str:
        """The transaction's hash, once the node has it: one after the other, and again where
        another program used the account at the same moment."""
        async with self._turns.setdefault((devnet, origin.name), asyncio.Lock()):
            for _ in range(_TRIES):
                try:
                    return await self._offer(rpc, dispatch, origin)
                except RpcError as error:
                    if not any(race in error.message.lower() for race in _RACES):
                        raise
            return await self._offer(rpc, dispatch, origin)

    async def _offer(self, rpc: Rpc, dispatch: _Dispatch, origin: Chain) -> str:
        """Signed here: not every engine has unlocked accounts."""
        answers = await rpc.batch(
            [
                ("eth_getTransactionCount", (dispatch.sender.address, "pending")),
                ("eth_getBlockByNumber", ("latest", False)),
            ]
        )
        for answer in answers:
            if isinstance(answer, RpcError):
                raise answer
        nonce, head = answers
        raw = self._sign(
            dispatch.sender,
            chain_id=origin.plan.chain_id,
            nonce=int(nonce, 16),
            call=dispatch.call,
            gas=dispatch.gas,
            max_fee=_FEE_ROOM * int(head["baseFeePerGas"], 16) + _GWEI,
            tip=_GWEI,
        )
        return str(await rpc.call("eth_sendRawTransaction", raw))

    async def _delivered(
        self, name: str, message_id: str, news: Any, timeout: float
    ) -> MessageRecord:
        try:
            async with asyncio.timeout(timeout):
                while True:
                    item = await news.get()
                    if not isinstance(item, Delivered):
                        continue
                    for message in item.messages:
                        if message.id == message_id:
                            return message
        except TimeoutError:
            async with self._database.begin() as unit:
                record = await unit.messages.get(name, message_id)
            why = (record.reason if record else None) or "no reason is known yet"
            raise DeadlineExceeded(
                f"Message {message_id} is not delivered",
                f"after {timeout:g} s: {why}",
                f"`caldera message trace {message_id}` tells what it waits for.",
            ) from None


def _ends(network: Network, request: SendMessage) -> tuple[Chain, Chain]:
    names = [chain.name for chain in network.chains]
    for chosen in (request.origin, request.destination):
        if chosen not in names:
            raise not_found("chain", chosen, names)
    if request.origin == request.destination:
        raise InvalidInput(
            "A message goes to another chain",
            f"origin and destination are both {request.origin}",
            "Name another destination.",
            (Problem("destination", "is the origin"),),
        )
    return network.chain(request.origin), network.chain(request.destination)


def _calls(network: Network, destination: Chain, request: SendMessage) -> tuple[Hex, bytes, bytes]:
    """The contract to call, and the calls for its quote and for the dispatch."""
    to = from_hex(request.to or network.contracts["testRecipient"])
    body = from_hex(request.body)
    if request.finality == "instant" and not request.reads:
        arguments = (destination.domain, to, body)
        quote, data = (encode_call(f + _SIGNATURE, *arguments) for f in _FUNCTIONS)
        return network.contracts["mailbox"], quote, data
    names = [chain.name for chain in network.chains]
    for read in request.reads:
        if read.chain not in names:
            raise not_found("chain", read.chain, names)
    message = RouterMessage(
        destination=destination.domain,
        recipient=to,
        body=body,
        demands=Demands(
            Finality[request.finality.upper()],
            tuple(
                ReadOperation(
                    network.chain(read.chain).domain, from_hex(read.contract), from_hex(read.data)
                )
                for read in request.reads
            ),
        ),
        gas_limit=_HANDLE_GAS + _GAS_A_WORD * (len(body) // 32),
    )
    quote, data = (message.calldata(function) for function in _FUNCTIONS)
    return network.contracts["metalayerRouter"], quote, data


def _successful(receipt: Mapping[str, Any], origin: Chain) -> Mapping[str, Any]:
    if int(receipt["status"], 16) != 1:
        raise Failed(
            f"The dispatch on {origin.name} was reverted",
            f"transaction {receipt['transactionHash']}",
        )
    return receipt


def _message_id(receipt: Mapping[str, Any]) -> str:
    for entry in receipt["logs"]:
        if entry["topics"][0] == _DISPATCH_ID:
            return str(entry["topics"][1])
    raise Failed("The dispatch left no message", f"transaction {receipt['transactionHash']}")
