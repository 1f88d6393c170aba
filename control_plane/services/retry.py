"""Another attempt to deliver a message, at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from control_plane.domain.errors import Conflict
from control_plane.domain.hub import Retry
from control_plane.domain.network import Network
from control_plane.domain.ports.store import Database
from control_plane.domain.records import MessageRecord
from control_plane.domain.states import MessageState
from control_plane.schemas.message import TraceView
from control_plane.services.live import Live
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.book import MessageBook
from control_plane.services.trace import Devnets, Tracer


class Running(Devnets, Protocol):
    """What is asked of the control plane here."""

    async def live(self, name: str) -> tuple[Live, Network]:
        """Conflict when the devnet's chains are not up."""
        ...


@dataclass(frozen=True, slots=True)
class RetryMessage:
    """Ends the back-off of a message that is not delivered."""

    devnets: Running
    database: Database
    clock: Callable[[], float] = time.time

    async def __call__(self, name: str, message_id: str) -> TraceView:
        """By the whole id or an unambiguous beginning of it; its trace. The relayer is told, and
        the record too, so that a relayer that is down tries it when it starts.

        Raises NotFound, Conflict (delivered, its block went, the devnet does not run).
        """
        tracer = Tracer(self.devnets, self.database)
        record = await tracer.find(name, message_id)
        if record.state not in moves.OPEN and record.state is not MessageState.DEAD:
            raise _over(record)
        live, _ = await self.devnets.live(name)
        now = self.clock()
        book = MessageBook(self.database, name)
        await book.change([record.id], lambda m: moves.hastened(m, now))
        live.hub.tell(Retry((record.id,)))
        return await tracer(name, record.id)


def _over(record: MessageRecord) -> Conflict:
    if record.state is MessageState.DELIVERED:
        return Conflict(
            "The message is delivered",
            f"in transaction {record.delivered_tx}",
            "A mailbox processes no message twice; send it anew.",
        )
    return Conflict(
        "The message can't be delivered",
        record.reason or "the block that dispatched it is gone",
        "Send it anew.",
    )
