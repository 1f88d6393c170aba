"""The one component that sends a service's own transactions on a chain.

It owns nonces, fees and receipts of one account on one chain: several transactions are in
flight with consecutive nonces, and their receipts are looked up when a new head is
announced. After a broken connection it asks the chain where the account stands: what was
mined meanwhile is settled, the rest is given up as dropped; callers try again, and nothing that
they do is harmful twice.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.ids import Hex
from control_plane.domain.ports.node import Account, Connect, Rpc
from control_plane.domain.rpc import RpcError

GWEI: Final = 10**9
_LEAST_FEE: Final = 1_000 * GWEI
_TIP: Final = GWEI
_DEADLINE: Final = 30.0
"""Seconds after which an unmined transaction is looked at again, on top of the block time."""
_LOOK: Final = 0.5
"""Seconds between two looks for receipts of which no head told: sealed before the subscription
to heads began."""

log = logging.getLogger(__name__)

Receipt = Mapping[str, Any]


@dataclass(slots=True)
class Sent:
    """A transaction under way; implements ``ports.metalayer.Pending``."""

    hash: Hex
    nonce: int
    raw: Hex
    deadline: float
    _settled: "asyncio.Future[Receipt]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    async def receipt(self) -> Receipt:
        """The receipt's JSON once mined, whatever its status. TemporaryFailure when the
        transaction was dropped, or not mined by its deadline."""
        try:
            async with asyncio.timeout_at(self.deadline):
                return await asyncio.shield(self._settled)
        except TimeoutError:
            raise TemporaryFailure(
                f"Transaction {self.hash} is not mined",
                "its deadline passed",
                "Does its chain seal?",
            ) from None

    @property
    def is_open(self) -> bool:
        return not self._settled.done()

    def settle(self, receipt: Receipt) -> None:
        if self.is_open:
            self._settled.set_result(receipt)

    def drop(self, why: str) -> None:
        if self.is_open:
            self._settled.set_exception(
                TemporaryFailure(f"Transaction {self.hash} was dropped", why)
            )
            self._settled.exception()  # seen, should nobody wait for it


class TransactionSender:
    """Implements ``ports.metalayer.Sender``. Make one per account and chain, and close it."""

    def __init__(
        self,
        connect: Connect,
        url: str,
        account: Account,
        chain_id: int,
        *,
        block_time: float = 0.0,
    ) -> None:
        self.account = account
        self._connect = connect
        self._url = url
        self._chain_id = chain_id
        self._deadline = _DEADLINE + 3 * block_time
        self._turn = asyncio.Lock()
        self._rpc: Rpc | None = None
        self._nonce = 0
        self._base_fee = GWEI
        self._open: dict[str, Sent] = {}
        self._follower: asyncio.Task[None] | None = None

    async def send(
        self, to: Hex, data: bytes, *, gas: int, value: int = 0, tip: int = _TIP
    ) -> Sent:
        """Sign and broadcast; transactions are sent in the order of the calls.

        `value` and `tip` (per gas) in wei. Raises TemporaryFailure, RpcError.
        """
        async with self._turn:
            rpc = await self._connected()
            try:
                return await self._broadcast(rpc, to, data, gas, value, tip)
            except RpcError as error:
                if "nonce" not in error.message.lower():
                    raise
                log.info("%s: %s; asking the chain for the nonce", self.account.address, error)
                await self._read_nonce(rpc)
                return await self._broadcast(rpc, to, data, gas, value, tip)

    async def close(self) -> None:
        """Close the connection; what is under way is given up as dropped."""
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        await self._forget("the sender was closed")

    # ------------------------------------------------------------------ inside

    async def _broadcast(
        self, rpc: Rpc, to: Hex, data: bytes, gas: int, value: int, tip: int
    ) -> Sent:
        fee = max(_LEAST_FEE, 8 * self._base_fee) + tip
        target = bytes.fromhex(to.removeprefix("0x"))
        transaction = Transaction(
            self._chain_id, self._nonce, target, value, data, gas, max_fee=fee, tip=tip
        )
        raw, hash_ = sign(transaction, self.account.key)
        deadline = asyncio.get_running_loop().time() + self._deadline
        sent = Sent(hash_, self._nonce, Hex("0x" + raw.hex()), deadline)
        self._open[hash_] = sent
        try:
            next_nonce = await self._hand_over(rpc, sent)
        except CalderaError:
            self._open.pop(hash_, None)
            raise
        if next_nonce < sent.nonce:
            self._give_up_from(next_nonce)
            self._nonce = next_nonce
            again = await self._broadcast(rpc, to, data, gas, value, tip)
            await self._read_nonce(rpc)  # what was left in the pool may follow it
            return again
        self._nonce += 1
        return sent

    async def _hand_over(self, rpc: Rpc, sent: Sent) -> int:
        """Give a transaction to the node; the account's next nonce as the node sees it. It is
        below the transaction's when a reorg or a restart took earlier ones away."""
        count, answer = await rpc.batch(
            [
                ("eth_getTransactionCount", (self.account.address, "pending")),
                ("eth_sendRawTransaction", (sent.raw,)),
            ]
        )
        for found in (count, answer):
            if isinstance(found, RpcError):
                raise found
        return int(count, 16)

    def _give_up_from(self, nonce: int) -> None:
        log.info("%s: transactions from nonce %d on are gone", self.account.address, nonce)
        for sent in [sent for sent in self._open.values() if sent.nonce >= nonce]:
            del self._open[sent.hash]
            sent.drop("the chain lost it, by a reorg or a restart of its node")

    async def _connected(self) -> Rpc:
        if self._rpc is not None:
            return self._rpc
        rpc = await self._connect(self._url)
        try:
            await self._read_nonce(rpc)
        except BaseException:
            await rpc.close()
            raise
        self._rpc = rpc
        self._follower = asyncio.create_task(self._follow(rpc), name=f"receipts {self._url}")
        return rpc

    async def _read_nonce(self, rpc: Rpc) -> None:
        count = await rpc.call("eth_getTransactionCount", self.account.address, "pending")
        self._nonce = int(count, 16)

    async def _follow(self, rpc: Rpc) -> None:
        """Settle what each new head brings, until the connection breaks."""
        looks = asyncio.create_task(self._look(rpc), name=f"late receipts {self._url}")
        try:
            async for head in rpc.subscribe("newHeads"):
                self._base_fee = int(head.get("baseFeePerGas") or "0x0", 16)
                await self._collect(rpc)
        except CalderaError as error:
            log.info("connection to %s: %s", self._url, error)
            self._rpc = None
            await rpc.close()
            await self._recover(str(error))
        finally:
            looks.cancel()
            await asyncio.gather(looks, return_exceptions=True)

    async def _look(self, rpc: Rpc) -> None:
        """Receipts that no head told of; ends with the connection."""
        while True:
            await asyncio.sleep(_LOOK)
            await self._collect(rpc)

    async def _collect(self, rpc: Rpc) -> None:
        waiting = list(self._open.values())
        if not waiting:
            return
        calls = [("eth_getTransactionReceipt", (sent.hash,)) for sent in waiting]
        now = asyncio.get_running_loop().time()
        for sent, found in zip(waiting, await rpc.batch(calls), strict=True):
            if isinstance(found, Mapping):
                self._open.pop(sent.hash, None)
                sent.settle(found)
            elif now > sent.deadline:
                self._open.pop(sent.hash, None)
                sent.drop("it was not mined by its deadline")
                await self._read_nonce(rpc)

    async def _recover(self, why: str) -> None:
        """After a break: settle what was mined, give up the rest."""
        if not self._open:
            return
        try:
            rpc = await self._connect(self._url)
            try:
                await self._collect(rpc)
            finally:
                await rpc.close()
        except CalderaError as error:
            why = f"{why}; {error}"
        await self._forget(why)

    async def _forget(self, why: str) -> None:
        for sent in self._open.values():
            sent.drop(why)
        self._open.clear()
        rpc, self._rpc = self._rpc, None
        if rpc is not None:
            await rpc.close()


@asynccontextmanager
async def one_sender(
    connect: Connect, url: str, account: Account, chain_id: int
) -> AsyncIterator[TransactionSender]:
    """A sender for a short while."""
    sender = TransactionSender(connect, url, account, chain_id)
    try:
        yield sender
    finally:
        await sender.close()


def succeeded(receipt: Receipt) -> bool:
    """Whether the transaction was not reverted (EIP-658)."""
    return int(receipt["status"], 16) == 1
