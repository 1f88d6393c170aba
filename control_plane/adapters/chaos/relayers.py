"""Relayers that do not do what they should."""

import logging
from collections.abc import Callable

from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sender import GWEI, TransactionSender, one_sender
from control_plane.adapters.evm.signer import account
from control_plane.domain.errors import CalderaError
from control_plane.domain.faults import RelayerCensoring
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain
from control_plane.domain.ports.chaos import Ground
from control_plane.domain.ports.metalayer import Pending, Sender
from control_plane.domain.records import MessageRecord

_COINS = 10**22
"""Wei: a transaction must be able to pay for all of its gas limit, at a fee with much room."""
_TIP = 10 * GWEI
_TRANSFER_GAS = 21_000

log = logging.getLogger(__name__)


class Rival:
    """A second relayer on one chain: an account of its own that sends every batch before ours, and
    pays ten times the tip."""

    def __init__(self, ground: Ground, chain: Chain) -> None:
        self._ground = ground
        self._chain = chain
        key = keccak256(b"rival" + ground.keys.relayer.key)
        self._sender = TransactionSender(
            connect, chain.ws_url, account(key), chain.plan.chain_id,
            block_time=chain.plan.block_time,
        )  # fmt: skip
        self.sent = 0

    async def open(self) -> None:
        """Give it coins. TemporaryFailure, RpcError, Conflict."""
        chain = self._chain
        faucet = self._ground.keys.faucet
        async with one_sender(connect, chain.ws_url, faucet, chain.plan.chain_id) as purse:
            to = self._sender.account.address
            await (await purse.send(to, b"", gas=_TRANSFER_GAS, value=_COINS)).receipt()

    async def close(self) -> None:
        """Send nothing more."""
        await self._sender.close()

    def around(self, honest: Sender) -> Sender:
        """`honest`, with the rival before it."""
        return _Raced(honest, self)

    async def send(self, to: Hex, data: bytes, gas: int) -> None:
        """Bring the same. What fails here is the rival's own business."""
        try:
            await self._sender.send(to, data, gas=gas, tip=_TIP)
        except CalderaError as error:
            log.info("the second relayer on %s: %s", self._chain.name, error)
            return
        self.sent += 1


class _Raced:
    """Implements ``ports.metalayer.Sender``."""

    def __init__(self, honest: Sender, rival: Rival) -> None:
        self._honest = honest
        self._rival = rival

    async def send(self, to: Hex, data: bytes, *, gas: int) -> Pending:
        await self._rival.send(to, data, gas)
        return await self._honest.send(to, data, gas=gas)


def censor(ground: Ground, fault: RelayerCensoring) -> Callable[[MessageRecord], str | None]:
    """What the relayer drops, and the reason that the message shows."""
    sender = fault.sender.removeprefix("0x").rjust(64, "0")
    to = ground.network.chain(fault.destination).domain if fault.destination else None

    def why(message: MessageRecord) -> str | None:
        if fault.sender and message.sender.lower().removeprefix("0x") != sender:
            return None
        if to is not None and message.destination != to:
            return None
        return f"the relayer drops it on purpose (`caldera chaos heal {ground.id}`)"

    return why
