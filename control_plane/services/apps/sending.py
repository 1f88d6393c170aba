"""An app's transactions on one rollup, each carried out once whatever is killed on the way.

A transaction is noted, signed, before it is handed over. Whoever finds such a note later hands the
same transaction over again, which a chain takes once; only when another one has taken its nonce is
the act free to be done anew.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from control_plane.domain.apps.record import Act
from control_plane.domain.calls import Call
from control_plane.domain.errors import DeadlineExceeded, Failed
from control_plane.domain.hashing import keccak256
from control_plane.domain.network import Chain
from control_plane.domain.ports.node import Account, Rpc
from control_plane.domain.rpc import RpcError
from control_plane.services.receipts import find_receipt
from control_plane.services.send_message import Sign

_GWEI: Final = 10**9
_LEAST_FEE: Final = 1_000 * _GWEI
_FEE_ROOM: Final = 8
"""The base fee may grow so many times until the transaction is sealed."""
_SPARE_GAS: Final = 50_000
_DEADLINE: Final = 30.0
"""Seconds for a transaction to be in a block, on top of some blocks' time."""
_LOOK: Final = 0.25
"""Seconds after which the receipt is asked for without a new head."""
_TRIES: Final = 5
_HAS_IT: Final = ("already known", "already imported", "known transaction")
_TAKEN: Final = ("nonce too low", "underpriced")
"""What nodes say when another transaction has its nonce."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends one account's transactions on one rollup, one after the other."""

    chain: Chain
    rpc: Rpc
    account: Account
    sign: Sign
    note: Callable[[Act], Awaitable[None]]
    """Writes an act down, in place of one with its id; durable when it returns."""
    forget: Callable[[Act], Awaitable[None]]
    """As if it had never been."""

    async def do(self, act: Act, call: Call) -> Act:
        """Carry `call` out and note it as `act`; the act as it is noted then.

        Raises RpcError when the node refuses it (`data` as reverted), Failed when it was reverted
        in its block, DeadlineExceeded.
        """
        gas = await self._gas(call)
        for _ in range(_TRIES):
            signed = await self._signed(act, call, gas)
            await self.note(signed)
            done = await self.settle(signed)
            if done is not None:
                return done
        raise Failed(
            f"A transaction on {self.chain.name} found no nonce",
            f"other programs use {self.account.address} at the same time",
            "Run the command again, or deploy from another account (--from).",
        )

    async def resume(self, act: Act) -> None:
        """Bring an act that an earlier daemon left under way to its end. One whose nonce the chain
        has not come to, for it lost blocks, is forgotten, unless the node still has it. Raises as
        :meth:`do` does."""
        count = await self.rpc.call("eth_getTransactionCount", self.account.address, "pending")
        known = await self.rpc.call("eth_getTransactionByHash", act.tx)
        if known is None and act.nonce > int(count, 16):
            await self.forget(act)
        else:
            await self.settle(act)

    async def settle(self, act: Act) -> Act | None:
        """Bring an act that is under way to its end; None when another transaction took its nonce:
        it is forgotten. Raises as :meth:`do` does."""
        taken = await self._is_taken(act)
        receipt = await (find_receipt(self.rpc, act.tx) if taken else self._mined(act))
        if receipt is None:
            await self.forget(act)
            return None
        if int(receipt["status"], 16) != 1:
            await self.forget(act)
            raise Failed(f"{_what(act)} was reverted", f"transaction {act.tx}")
        done = act.done(int(receipt["blockNumber"], 16), receipt["blockHash"])
        await self.note(done)
        return done

    async def _gas(self, call: Call) -> int:
        transaction = {
            "from": self.account.address,
            "to": "0x" + call.target.hex(),
            "data": "0x" + call.data.hex(),
        }
        estimate = int(await self.rpc.call("eth_estimateGas", transaction, "latest"), 16)
        return estimate * 5 // 4 + _SPARE_GAS

    async def _signed(self, act: Act, call: Call, gas: int) -> Act:
        """`act` with its transaction, for the account's next nonce."""
        answers = await self.rpc.batch(
            [
                ("eth_getTransactionCount", (self.account.address, "pending")),
                ("eth_getBlockByNumber", ("latest", False)),
            ]
        )
        for answer in answers:
            if isinstance(answer, RpcError):
                raise answer
        nonce, head = answers
        raw = self.sign(
            self.account,
            chain_id=self.chain.plan.chain_id,
            nonce=int(nonce, 16),
            call=call,
            gas=gas,
            max_fee=max(_LEAST_FEE, _FEE_ROOM * int(head["baseFeePerGas"], 16)) + _GWEI,
            tip=_GWEI,
        )
        tx = "0x" + keccak256(bytes.fromhex(raw[2:])).hex()
        return replace(act, raw=raw, tx=tx, nonce=int(nonce, 16), block=None, block_hash="")

    async def _is_taken(self, act: Act) -> bool:
        """Hand an act's transaction over; whether its nonce is another's, or mined already.

        What the node refuses for good is forgotten, and raised."""
        try:
            await self.rpc.call("eth_sendRawTransaction", act.raw)
        except RpcError as error:
            why = error.message.lower()
            if any(text in why for text in _TAKEN):
                return True
            if any(text in why for text in _HAS_IT):
                return False
            await self.forget(act)
            raise
        return False

    async def _mined(self, act: Act) -> Mapping[str, Any]:
        """The receipt, once there is one."""
        heads = self.rpc.subscribe("newHeads")
        head = asyncio.ensure_future(anext(aiter(heads)))
        try:
            async with asyncio.timeout(_DEADLINE + 2 * self.chain.plan.block_time):
                while True:
                    found = await find_receipt(self.rpc, act.tx)
                    if found is not None:
                        return found
                    await asyncio.wait([head], timeout=_LOOK)
                    if head.done():
                        head.result()
                        head = asyncio.ensure_future(anext(aiter(heads)))
        except TimeoutError:
            raise DeadlineExceeded(
                f"{_what(act)} is in no block of {self.chain.name}",
                f"transaction {act.tx}, after {_DEADLINE:g} s",
                f"Does {self.chain.name} seal blocks (`caldera status`)? Then run the command"
                " again: it waits for the same transaction.",
            ) from None
        finally:
            head.cancel()
            await asyncio.gather(head, return_exceptions=True)


def _what(act: Act) -> str:
    return f"{act.contract}.{act.function}" if act.kind == "call" else act.contract
