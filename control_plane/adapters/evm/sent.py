"""Transactions under way, and whose account they are sent from."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from control_plane.adapters.evm.signer import Transaction
from control_plane.domain.errors import Conflict, TemporaryFailure
from control_plane.domain.ids import Hex

Receipt = Mapping[str, Any]


class Owners:
    """Who sends for which account on which chain: one sender at a time."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], object] = {}

    def claim(self, url: str, address: str, owner: object) -> None:
        """Take the account; nothing changes for its owner. Conflict when somebody else has it."""
        if self._taken.setdefault((url, address), owner) is not owner:
            raise Conflict(
                f"Account {address} has another sender",
                f"two senders on {url} would take each other's nonces",
                "Close the one before you use the other.",
            )

    def release(self, url: str, address: str, owner: object) -> None:
        """Give the account back, if `owner` has it."""
        if self._taken.get((url, address)) is owner:
            del self._taken[url, address]


PROCESS_OWNERS: Final = Owners()
"""Of the accounts that this process sends from: nonces are taken in one place or not at all."""


@dataclass(slots=True, eq=False)
class Sent:
    """A transaction under way; implements ``ports.metalayer.Pending``."""

    transaction: Transaction
    raw: Hex
    hash: Hex
    """Of the transaction as it was signed last: fees may have been raised."""
    since: float
    deadline: float
    hashes: list[Hex] = field(default_factory=list)
    """All that were signed for its nonce."""
    missed_at: float | None = None
    """Since when the node does not know it."""
    _settled: "asyncio.Future[Receipt]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def nonce(self) -> int:
        return self.transaction.nonce

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

    def drop(self, error: TemporaryFailure) -> None:
        if self.is_open:
            self._settled.set_exception(error)
            self._settled.exception()  # seen, should nobody wait for it


def succeeded(receipt: Receipt) -> bool:
    """Whether the transaction was not reverted (EIP-658)."""
    return int(receipt["status"], 16) == 1
