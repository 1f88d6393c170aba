"""Deposits in Anvil's pool, where they go like other transactions. As it was measured (1.7.1):

- Deposits go through its pool like other transactions. There each counts as its sender's number 0,
  so that it holds one of each sender, none beside a first transaction of the same account, and
  that one can replace it. Two of one sender go into two blocks.
- The pool's order is that of arrival (``--order fifo``); deposits pay nothing, and by fee they
  would come last. A block that is full leaves out what does not fit and takes what comes after,
  so one with deposits has no limit of gas that matters.
- It refuses a deposit whose value its sender does not have, though the OP Stack would include it as
  a failed one (``settlement/deposits.py`` says what stands in its place), and executes a deposit
  that it had before once more: that each comes once is up to the sequencer.
"""

from collections.abc import Sequence
from typing import Final

from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import DEPOSIT_TYPE, Deposit, L1Block, l1_attributes
from control_plane.domain.pool_copies import Copier
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.deposits import FREE, bare, is_refused

DEPOSIT_KIND: Final = hex(DEPOSIT_TYPE)
"""As the JSON of a node has it."""
_RUN_GAS: Final = 40_000_000
"""Of the deposits of one block."""


class DepositPool:
    """The pool of `node`; `copier` gets a copy of what is put into it. Every method raises
    TemporaryFailure, RpcError."""

    def __init__(self, node: Rpc, copier: Copier | None = None) -> None:
        self._node = node
        self._copier = copier

    async def send(
        self, run: Sequence[Deposit], attributes: L1Block | None
    ) -> tuple[Sequence[tuple[Deposit, Hex]], L1Block | None]:
        """Put deposits into the pool, one after the other: each with the hash under which it will
        be in a block, and what the attributes tell. It ends before a deposit that the pool takes
        only in a block of its own; then there are no attributes."""
        first: Deposit | None = None
        if attributes is not None:
            first = l1_attributes(attributes, 0, FREE, jovian=False)
            await self._put(first)
        sent: list[tuple[Deposit, Hex]] = []
        for deposit in run:
            form = await self._put_user(deposit, alone=not sent)
            if form is None:
                break
            sent.append((deposit, form.hash))
        if first is not None and len(sent) < len(run):
            await self._node.call("anvil_dropTransaction", first.hash)
            attributes = None
        return sent, attributes

    async def _put_user(self, deposit: Deposit, *, alone: bool) -> Deposit | None:
        """The form in which the pool took it; None when it takes none beside others."""
        try:
            await self._put(deposit)
        except RpcError as error:
            if "underpriced" in error.message:
                await self._make_room(deposit.sender)
                await self._put(deposit)
                return deposit
            sender = "0x" + deposit.sender.hex()
            balance = int(await self._node.call("eth_getBalance", sender, "latest"), 16)
            if not is_refused(deposit, balance):
                raise
            if not alone:
                return None
            left = bare(deposit)
            await self._put(left)
            return left
        return deposit

    async def _put(self, deposit: Deposit) -> None:
        raw = deposit.encode()
        if self._copier is not None:
            self._copier.keep(deposit.hash, raw)
        try:
            await self._node.call("eth_sendRawTransaction", "0x" + raw.hex())
        except RpcError as error:
            if "already" not in error.message:
                raise

    async def _make_room(self, sender: bytes) -> None:
        """Drop the sender's first transaction, which the deposit makes invalid anyway."""
        content = await self._node.call("txpool_content")
        for each in content["pending"].get("0x" + sender.hex(), {}).values():
            if int(each["nonce"], 16) == 0:
                await self._node.call("anvil_dropTransaction", each["hash"])

    async def forget(self) -> None:
        """Drop deposits that an earlier sequencer left in the pool: the L1 may have lost them."""
        if not int((await self._node.call("txpool_status"))["pending"], 16):
            return
        content = await self._node.call("txpool_content")
        for queue in content["pending"].values():
            for each in queue.values():
                if each["type"] == DEPOSIT_KIND:
                    await self._node.call("anvil_dropTransaction", each["hash"])


def one_block_of(deposits: Sequence[Deposit]) -> Sequence[Deposit]:
    """As many of them as one block takes: one of each sender, and alone one that may not be
    executed because its sender spends the coins in the same block."""
    run: list[Deposit] = []
    senders: set[bytes] = set()
    gas = 0
    for deposit in deposits:
        gas += deposit.gas
        if deposit.sender in senders or (run and (gas > _RUN_GAS or is_risky(deposit))):
            break
        run.append(deposit)
        senders.add(deposit.sender)
        if is_risky(deposit):
            break
    return run


def is_risky(deposit: Deposit) -> bool:
    """Whether it needs coins that its sender has on the rollup."""
    return deposit.value > deposit.mint
