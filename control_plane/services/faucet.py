"""The faucet: coins on every chain, ERA and test tokens on the L1, from an account of the devnet's
own."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from control_plane.domain.calls import encode_call
from control_plane.domain.errors import CalderaError, Conflict, Failed, InvalidInput, Problem
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.metalayer import Pending
from control_plane.domain.ports.node import Account, Connect
from control_plane.domain.settlement.gas_tokens import coin_symbol
from control_plane.schemas.using import FaucetRequest, FaucetResult, FaucetTransfer
from control_plane.services.control import ControlPlane
from control_plane.services.faucet_tokens import Given, given
from control_plane.services.live import Live
from control_plane.services.units import whole
from control_plane.services.unknown import not_found

_PER_MINUTE: Final = 60
"""Requests for one address."""
_REMEMBERED: Final = 1_000
"""Addresses whose requests are counted before old ones are forgotten."""
_COIN_GAS: Final = 100_000
_TOKEN_GAS: Final = 200_000


class Paying(Protocol):
    async def send(self, to: Hex, data: bytes, *, gas: int, value: int = 0) -> Pending: ...


PayFrom = Callable[[Chain, Account], AbstractAsyncContextManager[Paying]]
"""A sender of one account on one chain, for a short while."""


class Faucet:
    """Implements the API's ``Faucet``."""

    def __init__(
        self,
        control: ControlPlane,
        connect: Connect,
        pay_from: PayFrom,
        *,
        per_minute: int = _PER_MINUTE,
    ) -> None:
        """`per_minute`: requests for one address."""
        self._per_minute = per_minute
        self._control = control
        self._connect = connect
        self._pay_from = pay_from
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}
        self._recent: dict[tuple[str, str], deque[float]] = {}

    async def __call__(self, name: str, request: FaucetRequest) -> FaucetResult:
        """Give what is asked for. Raises InvalidInput, NotFound, Conflict (limits, or the devnet
        does not run)."""
        live, network = await self._control.live(name)
        what = given(request.token, network)
        amount = what.units(request.amount)
        chains = _chains(network, request, what)
        for chain in chains:
            self._control.must_answer(name, chain.name)
        self._admit(name, request.address.lower())
        transfers = await self._control.while_there(
            name, self._give_all(name, live, chains, request, what, amount)
        )
        return FaucetResult(
            address=request.address,
            token=request.token.upper(),
            amount=request.amount,
            transfers=tuple(transfers),
        )

    async def _give_all(
        self,
        name: str,
        live: Live,
        chains: Sequence[Chain],
        request: FaucetRequest,
        what: Given,
        amount: int,
    ) -> list[FaucetTransfer]:
        """On every chain, whatever happens on the others; the first error says where it worked."""
        found = await asyncio.gather(
            *(self._give(name, live, chain, request, what, amount) for chain in chains),
            return_exceptions=True,
        )
        paid = [transfer for transfer in found if isinstance(transfer, FaucetTransfer)]
        for error in found:
            if isinstance(error, CalderaError) and paid:
                there = ", ".join(transfer.chain for transfer in paid)
                raise Failed(error.title, f"{error.detail}; paid on {there}", error.hint)
            if isinstance(error, BaseException):
                raise error
        return paid

    def _admit(self, name: str, address: str) -> None:
        now = time.monotonic()
        if len(self._recent) > _REMEMBERED:
            self._recent = {who: at for who, at in self._recent.items() if at[-1] > now - 60}
        recent = self._recent.setdefault((name, address), deque())
        while recent and recent[0] < now - 60:
            recent.popleft()
        if len(recent) >= self._per_minute:
            raise Conflict(
                "The faucet has given enough to this address",
                f"{self._per_minute} times within a minute",
                "Wait a minute, or ask for more at once.",
            )
        recent.append(now)

    async def _give(
        self,
        name: str,
        live: Live,
        chain: Chain,
        request: FaucetRequest,
        what: Given,
        amount: int,
    ) -> FaucetTransfer:
        turn = self._turns.setdefault((name, chain.name), asyncio.Lock())
        to = Hex(request.address.lower())
        async with turn, self._pay_from(chain, live.keys.faucet) as payer:
            if what.address is not None:
                data = what.call(from_hex(to), amount)
                sent = await payer.send(what.address, data, gas=_TOKEN_GAS)
            else:
                sent = await payer.send(to, b"", gas=_COIN_GAS, value=amount)
            receipt = await sent.receipt()
        if int(receipt["status"], 16) != 1:
            raise Failed(
                f"The faucet's transfer on {chain.name} was reverted",
                f"transaction {sent.hash}",
                "Does the address belong to a contract that takes no coins?",
            )
        balance = await self._balance(chain, to, what)
        symbol = what.symbol if what.address else coin_symbol(chain.plan.gas_token)
        held = whole(balance, what.decimals)
        return FaucetTransfer(chain=chain.name, tx=sent.hash, balance=held, symbol=symbol)

    async def _balance(self, chain: Chain, address: Hex, what: Given) -> int:
        rpc = await self._connect(chain.ws_url)
        try:
            if what.address is not None:
                data = "0x" + encode_call("balanceOf(address)", from_hex(address)).hex()
                request: dict[str, Any] = {"to": what.address, "data": data}
                return int(await rpc.call("eth_call", request, "latest"), 16)
            return int(await rpc.call("eth_getBalance", address, "latest"), 16)
        finally:
            await rpc.close()


def _chains(network: Network, request: FaucetRequest, what: Given) -> list[Chain]:
    names = [chain.name for chain in network.chains]
    if request.on is not None and request.on not in names:
        raise not_found("chain", request.on, names)
    served = [chain for chain in network.chains if not chain.plan.is_external]
    if request.on is not None and request.on not in {chain.name for chain in served}:
        raise Conflict(
            f"The faucet has no coins on {request.on}",
            "somebody else runs that chain",
            "Ask whoever does.",
        )
    if what.address is not None:
        if request.on not in {None, network.chains[0].name}:
            raise InvalidInput(
                f"There is no {what.symbol} on {request.on} yet",
                "the token lives on the L1",
                "Leave --on out, or name l1; `caldera bridge deposit` brings it to a rollup.",
                (Problem("on", f"{what.symbol} is on l1 only", "l1"),),
            )
        return [network.chains[0]]
    return [chain for chain in served if request.on in {None, chain.name}]
