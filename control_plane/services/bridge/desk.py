"""The bridge's use cases: deposit, withdraw, see how it stands, continue."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol, TypeVar

from control_plane.domain.errors import DeadlineExceeded, Failed, NotFound, TemporaryFailure
from control_plane.domain.network import Chain, Network
from control_plane.domain.op_stack import DEPOSITED_TOPIC
from control_plane.domain.ports.node import Account, Connect, Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.places import PORTAL
from control_plane.domain.settlement.withdrawals import MESSAGE_PASSED, MESSAGE_PASSER
from control_plane.schemas.bridge import (
    ContinueWithdrawal,
    DepositView,
    MakeDeposit,
    MakeWithdrawal,
    WithdrawalView,
)
from control_plane.services.bridge import withdrawals
from control_plane.services.bridge.deposits import Sending, deposit_view, send_deposit
from control_plane.services.bridge.ends import Ends, Purse, bridged, find_account, open_ends
from control_plane.services.bridge.tokens import find_token, units
from control_plane.services.faucet import PayFrom
from control_plane.services.live import Live
from control_plane.services.receipts import find_receipt

View = TypeVar("View", DepositView, WithdrawalView)
_PAUSE: Final = 0.5
_SHOWN: Final = 30.0
"""Seconds in which a chain must answer how something stands that was just sent."""


class Running(Protocol):
    """What is asked of the control plane here."""

    async def live(self, name: str) -> tuple[Live, Network]:
        """Conflict when the devnet's chains are not up."""
        ...

    def must_answer(self, name: str, chain: str) -> None:
        """Conflict when a chain's node is away."""
        ...


class BridgeDesk:
    """Implements the API's ``Bridge``. Everything is derived from the chains, so that whatever
    was begun by other programs is seen as well, and continued."""

    def __init__(
        self,
        devnets: Running,
        connect: Connect,
        accounts: Callable[[str, int], Sequence[Account]],
        pay_from: PayFrom,
        decode: Callable[[str], str],
    ) -> None:
        self._devnets = devnets
        self._connect = connect
        self._accounts = accounts
        self._purse = Purse(pay_from, decode)

    # ------------------------------------------------------------------ deposits

    async def deposit(self, name: str, request: MakeDeposit) -> DepositView:
        """Deposit; with `wait`, answer when it is credited. NotFound, InvalidInput, Conflict,
        Failed, DeadlineExceeded."""
        async with self._ends(name, request.rollup, both_ways=False) as ends:
            sending = await self._sending(ends, request)
            tx = await send_deposit(ends, self._purse, sending)
        if not request.wait:
            return await _patiently(_SHOWN, lambda _: self._sent(name, request.rollup, tx))
        return await _patiently(
            request.timeout, lambda left: self._credited(name, request.rollup, tx, left)
        )

    async def _sent(self, name: str, rollup: str, tx: str) -> DepositView:
        async with self._ends(name, rollup, both_ways=False) as ends:
            receipt = await find_receipt(ends.l1, tx)
            view = receipt and await deposit_view(ends, receipt)
            if not view:
                raise Failed("The deposit was lost", f"{ends.base.name} has no transaction {tx}")
            return view

    async def _credited(self, name: str, rollup: str, tx: str, timeout: float) -> DepositView:
        async with self._ends(name, rollup, both_ways=False) as ends:
            reason: str | None = None

            async def credited() -> DepositView | None:
                nonlocal reason
                found = await find_receipt(ends.l1, tx)
                now = found and await deposit_view(ends, found)
                reason = now.reason if now else None
                return now if now and now.state != "sent" else None

            return await _until(ends, timeout, credited, f"Deposit {tx}", lambda: reason)

    async def deposit_of(self, name: str, id_: str) -> DepositView:
        """By its transaction on the L1. NotFound."""
        network = (await self._devnets.live(name))[1]
        for chain in bridged(network, both_ways=False):
            async with self._ends(name, chain.name, both_ways=False) as ends:
                receipt = await find_receipt(ends.l1, id_)
                view = receipt and await deposit_view(ends, receipt)
                if view:
                    return view
        raise NotFound(
            f"No deposit {id_}", "no transaction of the L1 with that hash deposits anything"
        )

    async def list_deposits(self, name: str, rollup: str | None, limit: int) -> list[DepositView]:
        """Newest first."""
        found: list[DepositView] = []
        network = (await self._devnets.live(name))[1]
        for chain in bridged(network, rollup, both_ways=False):
            async with self._ends(name, chain.name, both_ways=False) as ends:
                portal = ends.at(PORTAL)
                for tx in await _transactions(ends.l1, portal, DEPOSITED_TOPIC, limit):
                    receipt = await find_receipt(ends.l1, tx)
                    view = receipt and await deposit_view(ends, receipt)
                    if view:
                        found.append(view)
        return _newest(found, limit)

    # ------------------------------------------------------------------ withdrawals

    async def withdraw(self, name: str, request: MakeWithdrawal) -> WithdrawalView:
        """Begin a withdrawal; with `wait`, go on until it is finalized. NotFound, InvalidInput,
        Conflict, Failed, DeadlineExceeded."""
        async with self._ends(name, request.rollup) as ends:
            sending = await self._sending(ends, request)
            tx = await withdrawals.send_withdrawal(ends, self._purse, sending)
        if not request.wait:
            return await _patiently(_SHOWN, lambda _: self._begun(name, request.rollup, tx))
        account, timeout = sending.account.address, request.timeout
        further = ContinueWithdrawal(sender=account, timeout=timeout, wait=True)
        return await self.proceed(name, tx, further)

    async def _begun(self, name: str, rollup: str, tx: str) -> WithdrawalView:
        async with self._ends(name, rollup) as ends:
            return await withdrawals.withdrawal_view(ends, await self._look(ends, tx))

    async def withdrawal(self, name: str, id_: str) -> WithdrawalView:
        """By its transaction on the rollup, with `:1` the second that this began. NotFound."""
        async with self._ends_of(name, id_) as ends:
            return await withdrawals.withdrawal_view(ends, await self._look(ends, id_))

    async def proceed(self, name: str, id_: str, request: ContinueWithdrawal) -> WithdrawalView:
        """Take a withdrawal's next step, or wait for what it waits for. NotFound, Conflict, Failed,
        DeadlineExceeded."""

        async def further(left: float) -> WithdrawalView:
            async with self._ends_of(name, id_) as ends:
                payer = find_account(self._listed(ends.network), request.sender)
                return await self._go_on(ends, id_, payer, left, to_the_end=request.wait)

        return await _patiently(request.timeout, further)

    async def list_withdrawals(
        self, name: str, rollup: str | None, limit: int
    ) -> list[WithdrawalView]:
        """Newest first."""
        found: list[WithdrawalView] = []
        network = (await self._devnets.live(name))[1]
        for chain in bridged(network, rollup):
            async with self._ends(name, chain.name) as ends:
                for tx in await _transactions(ends.l2, MESSAGE_PASSER, MESSAGE_PASSED, limit):
                    for begun in await self._begun_in(ends, tx):
                        standing = await withdrawals.look(ends, begun)
                        found.append(await withdrawals.withdrawal_view(ends, standing))
        return _newest(found, limit)

    async def _go_on(
        self, ends: Ends, id_: str, payer: Account, timeout: float, *, to_the_end: bool
    ) -> WithdrawalView:
        """Until its state is another one, or until the end."""
        began = (await self._look(ends, id_)).state
        standing = await self._look(ends, id_)

        async def further() -> WithdrawalView | None:
            nonlocal standing
            standing = await self._look(ends, id_)
            if standing.state == "proposed":
                await withdrawals.prove(ends, self._purse, payer, standing)
                standing = await self._look(ends, id_)
            if standing.state == "final":
                await withdrawals.finalize(ends, self._purse, payer, standing)
                standing = await self._look(ends, id_)
            is_over = standing.state == "finalized"
            if is_over or (not to_the_end and standing.state != began):
                return await withdrawals.withdrawal_view(ends, standing)
            return None

        def why() -> str | None:
            return withdrawals.waits_for(ends, standing)

        return await _until(ends, timeout, further, f"Withdrawal {id_}", why)

    async def _look(self, ends: Ends, id_: str) -> withdrawals.Standing:
        for begun in await self._begun_in(ends, withdrawals.transaction_of(id_)):
            if begun.id == id_.lower():
                return await withdrawals.look(ends, begun)
        raise NotFound(
            f"No withdrawal {id_}",
            f"{ends.rollup.name} has no transaction with that hash that withdraws anything",
            "A rollup that lost blocks lost what was in them: withdraw again.",
        )

    async def _begun_in(self, ends: Ends, tx: str) -> list[withdrawals.Begun]:
        receipt = await find_receipt(ends.l2, tx)
        return withdrawals.begun_in(receipt) if receipt else []

    # ------------------------------------------------------------------ both

    @asynccontextmanager
    async def _ends(self, name: str, rollup: str, *, both_ways: bool = True) -> AsyncIterator[Ends]:
        network = (await self._devnets.live(name))[1]
        (chain,) = bridged(network, rollup, both_ways=both_ways)
        for each in (network.chains[0].name, chain.name):
            self._devnets.must_answer(name, each)
        try:
            async with open_ends(self._connect, network, chain) as ends:
                yield ends
        except RpcError as error:
            why = self._purse.decode(error.data) if error.data else error.message
            raise Failed(f"The bridge of {rollup} got an error", why) from error

    @asynccontextmanager
    async def _ends_of(self, name: str, id_: str) -> AsyncIterator[Ends]:
        """Of the rollup that has the transaction."""
        network = (await self._devnets.live(name))[1]
        for chain in bridged(network):
            if await self._has(name, chain, withdrawals.transaction_of(id_)):
                async with self._ends(name, chain.name) as ends:
                    yield ends
                return
        raise NotFound(
            f"No withdrawal {id_}",
            "no rollup with a bridge has a transaction with that hash",
            "`caldera bridge status` lists deposits and withdrawals.",
        )

    async def _has(self, name: str, chain: Chain, tx: str) -> bool:
        self._devnets.must_answer(name, chain.name)
        rpc = await self._connect(chain.ws_url)
        try:
            return await find_receipt(rpc, tx) is not None
        finally:
            await rpc.close()

    async def _sending(self, ends: Ends, request: MakeDeposit | MakeWithdrawal) -> Sending:
        account = find_account(self._listed(ends.network), request.sender)
        token = await find_token(ends, request.token)
        to = bytes.fromhex((request.to or account.address)[2:])
        return Sending(token, units(request.amount, token), account, to)

    def _listed(self, network: Network) -> Sequence[Account]:
        plan = network.plan.accounts
        return self._accounts(plan.mnemonic, plan.count)


async def _patiently(timeout: float, attempt: Callable[[float], Awaitable[View]]) -> View:
    """What `attempt` returns in the seconds that it is given; made again over new connections while
    a chain does not answer: one on Anvil is busy for seconds with its first blob."""
    end = asyncio.get_running_loop().time() + timeout
    while True:
        left = end - asyncio.get_running_loop().time()
        try:
            return await attempt(max(0.0, left))
        except TemporaryFailure:
            if left <= 0:
                raise
        await asyncio.sleep(_PAUSE)


async def _until(
    ends: Ends,
    timeout: float,
    look: Callable[[], Awaitable[View | None]],
    what: str,
    why: str | Callable[[], str | None] | None,
) -> View:
    """What `look` returns at last, asked again whenever a chain has a new head."""
    end = asyncio.get_running_loop().time() + timeout
    while True:
        found = await look()
        if found is not None:
            return found
        left = end - asyncio.get_running_loop().time()
        if left <= 0:
            raise DeadlineExceeded(
                f"{what} has not arrived",
                f"after {timeout:g} s: {(why() if callable(why) else why) or 'it goes on'}",
                "`caldera bridge status ID` tells where it stands; `caldera bridge withdraw"
                " --resume ID` goes on.",
            )
        await ends.changed(left)


async def _transactions(rpc: Rpc, address: bytes, topic: bytes, limit: int) -> list[str]:
    """Transactions with such a log, the last `limit`, newest first."""
    asked: dict[str, Any] = {
        "address": "0x" + address.hex(),
        "fromBlock": "0x0",
        "topics": ["0x" + topic.hex()],
    }
    found = await rpc.call("eth_getLogs", asked)
    return list(dict.fromkeys(log["transactionHash"] for log in reversed(found)))[:limit]


def _newest(views: list[View], limit: int) -> list[View]:
    def began(view: View) -> float:
        return view.steps[0].at.timestamp() if view.steps[0].at else 0.0

    return sorted(views, key=began, reverse=True)[:limit]
