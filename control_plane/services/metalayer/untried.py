"""Messages for a chain whose node simulates nothing (`eth_simulateV1`): sent with plenty of gas.

Whether one fails, and why, is then learnt from the log of the batch that tries it.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from control_plane.domain.abi_formats import BatchItem
from control_plane.domain.calls import selector
from control_plane.domain.hashing import keccak256
from control_plane.services.metalayer.attempts import Trial
from control_plane.services.metalayer.blocks import Caller

PLENTY: Final = 400_000
"""Gas that a message is taken to use."""
_RECIPIENT: Final = slice(45, 77)
"""Of a message."""


async def untried(rpc: Caller, mailbox: str, items: Sequence[BatchItem]) -> list[Trial]:
    """What can be known of `items` by reading alone. Raises TemporaryFailure, RpcError."""

    async def look(item: BatchItem) -> Trial:
        message = item.message
        delivered, module = await asyncio.gather(
            _read(rpc, mailbox, selector("delivered(bytes32)") + keccak256(message)),
            _read(rpc, mailbox, selector("recipientIsm(address)") + message[_RECIPIENT]),
        )
        done = bool(int(delivered, 16))
        return Trial(0 if done else PLENTY, None, module="0x" + module[26:66], before=done)

    return list(await asyncio.gather(*(look(item) for item in items)))


async def _read(rpc: Caller, to: str, data: bytes) -> str:
    return str(await rpc.call("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest"))
