"""The two chains of a bridge: where its contracts are, and how they are asked and told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from control_plane.domain.calls import Call
from control_plane.domain.errors import Failed, InvalidInput, NotFound, Problem, TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.node import Account, Connect, Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import settles
from control_plane.domain.settlement.deposits import has_portal
from control_plane.domain.settlement.places import address_of
from control_plane.services.faucet import PayFrom
from control_plane.services.unknown import not_found

SOON: Final = "pending"
"""The L1 as its next block would see it: at block time 0 the last one may be long ago."""
_CONNECT: Final = 20.0
"""Seconds: an L1 on Anvil is busy for some of them with its first blob."""
_LOOK: Final = 0.5
"""Seconds after which the chains are looked at though neither told of a block."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Connections to the L1 and to one rollup."""

    network: Network
    rollup: Chain
    l1: Rpc
    l2: Rpc
    news: asyncio.Event
    """Set when either chain has a new head."""

    @property
    def chain_id(self) -> int:
        return self.rollup.plan.chain_id

    @property
    def base(self) -> Chain:
        return self.network.chains[0]

    def at(self, name: str) -> bytes:
        """The rollup's contract `name` on the L1."""
        return address_of(self.network.contracts, name, self.chain_id)

    async def changed(self, seconds: float) -> None:
        """Return when a chain has a new head, or after a moment."""
        self.news.clear()
        try:
            async with asyncio.timeout(max(0.01, min(seconds, _LOOK))):
                await self.news.wait()
        except TimeoutError:
            return


@dataclass(frozen=True, slots=True)
class Purse:
    """Sends users' transactions, one after the other for each account and chain."""

    pay_from: PayFrom
    decode: Callable[[str], str]
    """Revert data as a sentence."""
    turns: dict[tuple[str, str], asyncio.Lock] = field(default_factory=dict)

    async def send(
        self, chain: Chain, account: Account, call: Call, gas: int, what: str
    ) -> Mapping[str, Any]:
        """The receipt. Failed with the reason when the call was reverted, or the account can't
        pay."""
        turn = self.turns.setdefault((chain.ws_url, account.address), asyncio.Lock())
        try:
            async with turn, self.pay_from(chain, account) as payer:
                to = Hex("0x" + call.target.hex())
                sent = await payer.send(to, call.data, gas=gas, value=call.value)
                receipt = await sent.receipt()
        except RpcError as error:
            why = self.decode(error.data) if error.data else error.message
            raise Failed(f"{chain.name} refused the {what}", why) from error
        if int(receipt["status"], 16) != 1:
            raise Failed(f"The {what} on {chain.name} was reverted", f"transaction {sent.hash}")
        return receipt


@asynccontextmanager
async def open_ends(connect: Connect, network: Network, rollup: Chain) -> AsyncIterator[Ends]:
    """Connections that are closed afterwards."""
    l1 = await connect(network.chains[0].ws_url, deadline=_CONNECT)
    try:
        l2 = await connect(rollup.ws_url, deadline=_CONNECT)
        news = asyncio.Event()
        listening = [asyncio.create_task(_listen(rpc, news)) for rpc in (l1, l2)]
        try:
            yield Ends(network, rollup, l1, l2, news)
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
            await l2.close()
    finally:
        await l1.close()


async def _listen(rpc: Rpc, news: asyncio.Event) -> None:
    try:
        async for _ in rpc.subscribe("newHeads"):
            news.set()
    except TemporaryFailure:
        news.set()  # whoever waits finds out by the next call


def bridged(network: Network, name: str | None = None, *, both_ways: bool = True) -> list[Chain]:
    """Rollups with a bridge, or the one that is named; with `both_ways` those that settle only.

    NotFound, InvalidInput.
    """
    wanted = settles if both_ways else has_portal
    found = [chain for chain in network.chains if wanted(chain.plan)]
    if name is None:
        return found
    if name not in [chain.name for chain in network.chains]:
        raise not_found("rollup", name, [chain.name for chain in network.chains[1:]])
    for chain in found:
        if chain.name == name:
            return [chain]
    wants = "`da` and `proof`" if both_ways else "`da` and `proof`, or runs on op-geth"
    raise InvalidInput(
        f"{name} has no bridge",
        f"a rollup has one when its spec names {wants}",
        f"There is: {', '.join(chain.name for chain in found)}." if found else "",
        (Problem("rollup", "has no bridge"),),
    )


def find_account(listed: Sequence[Account], address: str | None) -> Account:
    """The listed account with that address; the first one by default. NotFound."""
    if address is None:
        return listed[0]
    for account in listed:
        if account.address.lower() == address.lower():
            return account
    raise NotFound(
        f"No listed account {address}",
        "its key is not known here",
        "`caldera accounts` lists them.",
    )


async def ask(rpc: Rpc, to: bytes, data: bytes, tag: str = "latest") -> bytes:
    """Answer of a call. RpcError."""
    request = {"to": "0x" + to.hex(), "data": "0x" + data.hex()}
    return bytes.fromhex(str(await rpc.call("eth_call", request, tag))[2:])


async def ask_all(
    rpc: Rpc, calls: Sequence[tuple[bytes, bytes]], tag: str = "latest"
) -> list[bytes]:
    """Answers of calls, in one round. RpcError."""
    requests = [
        ("eth_call", ({"to": "0x" + to.hex(), "data": "0x" + data.hex()}, tag))
        for to, data in calls
    ]
    answers = await rpc.batch(requests)
    for answer in answers:
        if isinstance(answer, RpcError):
            raise answer
    return [bytes.fromhex(answer[2:]) for answer in answers]
