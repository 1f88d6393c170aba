"""The one component that sends a service's own transactions on a chain.

It owns nonces, fees and receipts of one account on one chain: several transactions are in
flight with consecutive nonces, and their receipts are looked up when a new head is announced.

A call is signed for one nonce and stays there, so it can't be carried out twice. Before each
transaction the chain is asked for the account's next nonce: where it names that of a
transaction under way, its pool lost it (a reorg, a restart, a broken connection), and the same
call is handed over again. What can't be carried out any more, because the chain went back
behind it, is dropped: callers try anew.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from control_plane.adapters.evm.sent import PROCESS_OWNERS, Owners, Sent
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Hex
from control_plane.domain.ports.node import Account, Connect, Rpc
from control_plane.domain.rpc import RpcError

if TYPE_CHECKING:
    from control_plane.domain.blobs import Sidecar

GWEI: Final = 10**9
_LEAST_FEE: Final = 1_000 * GWEI
_FEE_ROOM: Final = 8
"""A transaction stays valid while the base fee grows so many times: 18 full blocks (EIP-1559)."""
_TIP: Final = GWEI
_DEADLINE: Final = 30.0
"""Seconds after which an unmined transaction is given up, on top of some blocks' time."""
_LOOK: Final = 0.5
"""Seconds between two looks for receipts of which no head told."""
_DOUBT: Final = 1.0
"""Seconds, on top of some blocks' time, after which the pool is asked whether it has lost it."""
_SURE: Final = 0.4
"""Seconds for which the node must not know a transaction until it is given up: one that was just
started may not have loaded its chain yet."""
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_TRIES: Final = 8
_QUICK: Final = 0.5
_KNOWN: Final = ("already known", "already imported", "known transaction")
"""What nodes say of a transaction that they have."""

log = logging.getLogger(__name__)


class TransactionSender:
    """Implements ``ports.metalayer.Sender``. Close it after use; it can then be used again."""

    def __init__(
        self,
        connect: Connect,
        url: str,
        account: Account,
        chain_id: int,
        *,
        block_time: float = 0.0,
        owners: Owners = PROCESS_OWNERS,
    ) -> None:
        self.account = account
        self._connect = connect
        self._url = url
        self._chain_id = chain_id
        self._patience = 3 * block_time
        self._owners = owners
        self._turn = asyncio.Lock()
        self._rpc: Rpc | None = None
        self._base_fee = GWEI
        self._open: dict[int, Sent] = {}
        """By nonce."""
        self._mined = 0
        """Nonces below it were seen mined."""
        self._holes_end = 0
        """Nonces below it, if not mined, were so once and are free again."""
        self._follower: asyncio.Task[None] | None = None

    async def send(
        self,
        to: Hex,
        data: bytes,
        *,
        gas: int,
        value: int = 0,
        tip: int = _TIP,
        sidecar: "Sidecar | None" = None,
    ) -> Sent:
        """Sign and broadcast; transactions are sent in the order of the calls.

        `value` and `tip` (per gas) in wei; the blobs of `sidecar` go with it. A connection that
        breaks on the way is no error: the transaction is handed over again. Raises
        TemporaryFailure (node out of reach), RpcError, Conflict (the account has another sender).
        """
        target = from_hex(to)
        call = Transaction(self._chain_id, 0, target, value, data, gas, 0, tip, sidecar)
        async with self._turn:
            self._owners.claim(self._url, self.account.address, self)
            for _ in range(_TRIES):
                rpc, nonce = await self._place()
                sent = self._sign(replace(call, nonce=nonce))
                self._open[nonce] = sent
                if await self._offer(rpc, sent):
                    return sent
        raise TemporaryFailure(
            "A transaction found no nonce", f"{self.account.address} on {self._url}"
        )

    async def close(self) -> None:
        """Close the connection; what is under way is given up as dropped. Idempotent."""
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)
        for sent in list(self._open.values()):
            self._drop(sent, "the sender was closed")
        await self._disconnect()
        self._owners.release(self._url, self.account.address, self)

    # ------------------------------------------------------------------ handing over

    def _sign(self, transaction: Transaction) -> Sent:
        fee = max(_LEAST_FEE, _FEE_ROOM * self._base_fee) + transaction.tip
        blob_fee = _LEAST_FEE if transaction.sidecar else 0
        transaction = replace(transaction, max_fee=fee, max_blob_fee=blob_fee)
        raw, hash_ = sign(transaction, self.account.key)
        now = asyncio.get_running_loop().time()
        deadline = now + _DEADLINE + self._patience
        return Sent(transaction, Hex("0x" + raw.hex()), hash_, now, deadline, [hash_])

    async def _place(self) -> tuple[Rpc, int]:
        """A connection that works, and the account's next nonce."""
        began = asyncio.get_running_loop().time()
        rpc = await self._connected()
        try:
            return rpc, await self._next_nonce(rpc)
        except TemporaryFailure:
            if asyncio.get_running_loop().time() - began > _QUICK:
                raise  # it does not answer: another wait would not help
        await self._disconnect()
        rpc = await self._connected()
        return rpc, await self._next_nonce(rpc)

    async def _next_nonce(self, rpc: Rpc) -> int:
        """The account's next nonce; what the pool lost is handed over again on the way."""
        tried: set[int] = set()
        while True:
            nonce = await self._free_nonce(rpc)
            lost = self._open.get(nonce)
            if lost is None:
                return nonce
            if nonce in tried:
                self._drop(lost, "the node does not take it")
                return nonce
            tried.add(nonce)
            log.info("%s: %s is lost, sent again", self._url, lost.hash)
            with contextlib.suppress(RpcError):  # then it is dropped, and its nonce free
                await self._offer(rpc, lost)

    async def _free_nonce(self, rpc: Rpc) -> int:
        """What the chain calls the next nonce, or the first that a reorg or a restart set free:
        Anvil's pool counts on from transactions that such a hole keeps from being mined."""
        address = self.account.address
        counts = await rpc.batch(
            [("eth_getTransactionCount", (address, tag)) for tag in ("latest", "pending")]
        )
        for count in counts:
            if isinstance(count, RpcError):
                raise count
        mined, pending = (int(count, 16) for count in counts)
        if mined < self._mined:
            log.info("%s went back: nonce %d is next, not %d", self._url, mined, self._mined)
            self._holes_end = max(self._holes_end, self._mined)
        self._mined = mined
        holes = (nonce for nonce in range(mined, self._holes_end) if nonce not in self._open)
        return next(holes, pending)

    async def _offer(self, rpc: Rpc, sent: Sent) -> bool:
        """Hand `sent` over; whether it is under way now, or may be. If not, its nonce is free.

        Raises RpcError for what no nonce or fee would help.
        """
        try:
            await rpc.call("eth_sendRawTransaction", sent.raw)
        except RpcError as error:
            why = error.message.lower()
            if any(text in why for text in _KNOWN):
                return True
            if "nonce too low" in why:
                return await self._was_mined(rpc, sent, "another transaction took its nonce")
            if "fee" in why or "underpriced" in why:
                return await self._raise_fee(rpc, sent)
            self._drop(sent, error.message)
            raise
        except TemporaryFailure as error:
            log.info("%s: %s may be lost: %s", self._url, sent.hash, error)
        return True

    async def _was_mined(self, rpc: Rpc, sent: Sent, otherwise: str) -> bool:
        await self._collect(rpc)
        if not sent.is_open:
            return True
        self._drop(sent, otherwise)
        return False

    async def _raise_fee(self, rpc: Rpc, sent: Sent) -> bool:
        """The base fee outgrew the transaction, or its nonce has a dearer one: pay twice as
        much, which every pool takes as a replacement."""
        head = await rpc.call("eth_getBlockByNumber", "latest", False)
        self._base_fee = _base_fee(head)
        old = sent.transaction
        fee = max(2 * old.max_fee, _FEE_ROOM * self._base_fee + 2 * old.tip)
        sent.transaction = replace(
            old, max_fee=fee, tip=2 * old.tip, max_blob_fee=2 * old.max_blob_fee
        )
        raw, sent.hash = sign(sent.transaction, self.account.key)
        sent.raw = Hex("0x" + raw.hex())
        sent.hashes.append(sent.hash)
        log.info("%s: nonce %d now pays up to %d wei a gas", self._url, sent.nonce, fee)
        try:
            await rpc.call("eth_sendRawTransaction", sent.raw)
        except RpcError as error:
            self._drop(sent, error.message)
            raise
        except TemporaryFailure as error:
            log.info("%s: %s may be lost: %s", self._url, sent.hash, error)
        return True

    def _drop(self, sent: Sent, why: str) -> None:
        if self._open.get(sent.nonce) is sent:
            del self._open[sent.nonce]
        sent.drop(TemporaryFailure(f"Transaction {sent.hash} was dropped", why))

    # ------------------------------------------------------------------ the connection

    async def _connected(self) -> Rpc:
        if self._rpc is not None:
            return self._rpc
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        rpc = self._rpc = await self._connect(self._url)
        self._follower = asyncio.create_task(self._keep(rpc), name=f"receipts {self._url}")
        await asyncio.sleep(0)  # it subscribes before the first transaction is sent
        return rpc

    async def _disconnect(self) -> None:
        rpc, self._rpc = self._rpc, None
        if rpc is not None:
            await rpc.close()

    async def _keep(self, rpc: Rpc) -> None:
        """Follow the chain; after a break, connect anew for as long as something is open."""
        while True:
            try:
                await self._follow(rpc)
            except CalderaError as error:
                log.info("connection to %s: %s", self._url, error)
            async with self._turn:
                await self._disconnect()
            found = await self._reconnected()
            if found is None:
                return
            rpc = found

    async def _reconnected(self) -> Rpc | None:
        pause = _FIRST_PAUSE
        while True:
            self._expire()
            if not self._open:
                return None
            try:
                async with self._turn:
                    rpc = self._rpc = await self._connect(self._url)
                    await self._mend(rpc)
                return rpc
            except CalderaError as error:
                log.info("%s is still away: %s", self._url, error)
                async with self._turn:
                    await self._disconnect()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _follow(self, rpc: Rpc) -> None:
        """Settle what each new head brings, until the connection breaks."""
        looks = asyncio.create_task(self._look(rpc), name=f"late receipts {self._url}")
        try:
            async for head in rpc.subscribe("newHeads"):
                self._base_fee = _base_fee(head)
                await self._collect(rpc)
        finally:
            looks.cancel()
            await asyncio.gather(looks, return_exceptions=True)

    async def _look(self, rpc: Rpc) -> None:
        """Receipts that no head told of, and transactions that the pool lost."""
        while True:
            await asyncio.sleep(_LOOK)
            with contextlib.suppress(CalderaError):
                await self._collect(rpc)
                old = asyncio.get_running_loop().time() - _DOUBT - self._patience
                if any(sent.missed_at or sent.since < old for sent in self._open.values()):
                    async with self._turn:
                        await self._mend(rpc)

    async def _collect(self, rpc: Rpc) -> None:
        """Settle what is mined, give up what is too old."""
        asked = [(sent, hash_) for sent in self._open.values() for hash_ in sent.hashes]
        if not asked:
            return
        calls = [("eth_getTransactionReceipt", (hash_,)) for _, hash_ in asked]
        for (sent, hash_), found in zip(asked, await rpc.batch(calls), strict=True):
            if isinstance(found, Mapping):
                sent.hash = hash_
                sent.settle(found)
                self._mined = max(self._mined, sent.nonce + 1)
                if self._open.get(sent.nonce) is sent:
                    del self._open[sent.nonce]
        self._expire()

    def _expire(self) -> None:
        now = asyncio.get_running_loop().time()
        for sent in [sent for sent in self._open.values() if now > sent.deadline]:
            self._drop(sent, "it was not mined by its deadline")

    async def _mend(self, rpc: Rpc) -> None:
        """Bring what is open and the chain together: settle, hand over again, or give up."""
        await self._collect(rpc)
        if not self._open:
            return
        nonce = await self._next_nonce(rpc)
        waiting = list(self._open.values())
        calls = [("eth_getTransactionByHash", (sent.hash,)) for sent in waiting]
        for sent, found in zip(waiting, await rpc.batch(calls), strict=True):
            if found is None:
                await self._missed(rpc, sent, nonce)
            elif sent.is_open:
                sent.missed_at = None
                if sent.transaction.max_fee < self._base_fee:
                    await self._raise_fee(rpc, sent)

    async def _missed(self, rpc: Rpc, sent: Sent, next_nonce: int) -> None:
        now = asyncio.get_running_loop().time()
        if sent.missed_at is None:
            sent.missed_at = now
        elif now - sent.missed_at > _SURE:
            behind = "the chain went back behind it, by a reorg or a restart of its node"
            taken = "another transaction took its nonce"
            await self._was_mined(rpc, sent, behind if sent.nonce > next_nonce else taken)


def _base_fee(head: Mapping[str, Any]) -> int:
    return int(head.get("baseFeePerGas") or "0x0", 16)


@asynccontextmanager
async def one_sender(
    connect: Connect,
    url: str,
    account: Account,
    chain_id: int,
    *,
    block_time: float = 0.0,
    owners: Owners = PROCESS_OWNERS,
) -> AsyncIterator[TransactionSender]:
    """A sender for a short while."""
    sender = TransactionSender(
        connect, url, account, chain_id, block_time=block_time, owners=owners
    )
    try:
        yield sender
    finally:
        await sender.close()
