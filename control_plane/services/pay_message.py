"""Paying for a message's gas after it was sent."""

from dataclasses import dataclass
from typing import Final, Protocol

from control_plane.domain.calls import encode_call
from control_plane.domain.errors import Conflict, Failed
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.node import Connect
from control_plane.domain.ports.store import Database
from control_plane.domain.records import MessageRecord
from control_plane.schemas.message import MessagePaid, PayMessage
from control_plane.services.faucet import PayFrom
from control_plane.services.live import Live
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.gas import missing_gas
from control_plane.services.trace import Devnets, Tracer

_PAY_GAS: Final = 150_000


class Running(Devnets, Protocol):
    """What is asked of the control plane here."""

    async def live(self, name: str) -> tuple[Live, Network]:
        """Conflict when the devnet's chains are not up."""
        ...

    def must_answer(self, name: str, chain: str) -> None:
        """Conflict when a chain's node is away."""
        ...


@dataclass(frozen=True, slots=True)
class PayForMessage:
    """Pays at the origin's `InterchainGasPaymaster`, from the faucet's account."""

    devnets: Running
    database: Database
    connect: Connect
    pay_from: PayFrom

    async def __call__(self, name: str, message_id: str, request: PayMessage) -> MessagePaid:
        """By the whole id or an unambiguous beginning of it.

        Raises NotFound, Conflict (delivered, its block went, nothing is missing, the devnet does
        not run), Failed.
        """
        record = await Tracer(self.devnets, self.database).find(name, message_id)
        if record.state not in moves.OPEN:
            raise Conflict(
                "Gas is paid for messages on their way",
                f"this one is {record.state.value}",
                f"`caldera message trace {record.id[:12]}` tells more.",
            )
        gas = request.gas or missing_gas(record)
        if not gas:
            raise Conflict(
                "No gas is missing, as far as is known",
                record.reason or "the relayer has asked for none yet",
                "Name an amount: --gas N",
            )
        live, network = await self.devnets.live(name)
        origin = next(chain for chain in network.chains if chain.domain == record.origin)
        self.devnets.must_answer(name, origin.name)
        price, tx = await self._pay(live, network, origin, record, gas)
        return MessagePaid(id=record.id, gas=gas, price=str(price), chain=origin.name, tx=tx)

    async def _pay(
        self, live: Live, network: Network, origin: Chain, record: MessageRecord, gas: int
    ) -> tuple[int, str]:
        """Price in wei, and the transaction."""
        paymaster, payer = network.contracts["interchainGasPaymaster"], live.keys.faucet
        quote = encode_call("quoteGasPayment(uint32,uint256)", record.destination, gas)
        rpc = await self.connect(origin.ws_url)
        try:
            asked = {"to": paymaster, "data": "0x" + quote.hex()}
            price = int(await rpc.call("eth_call", asked, "latest"), 16)
        finally:
            await rpc.close()
        data = encode_call(
            "payForGas(bytes32,uint32,uint256,address)",
            bytes.fromhex(record.id[2:]),
            record.destination,
            gas,
            bytes.fromhex(payer.address[2:]),
        )
        async with self.pay_from(origin, payer) as purse:
            sent = await purse.send(paymaster, data, gas=_PAY_GAS, value=price)
            receipt = await sent.receipt()
        if int(receipt["status"], 16) != 1:
            raise Failed(f"The payment on {origin.name} was reverted", f"transaction {sent.hash}")
        return price, str(receipt["transactionHash"])
