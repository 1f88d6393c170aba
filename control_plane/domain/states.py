"""States of a devnet, of its services and of a message, and the moves between them."""

from enum import StrEnum
from typing import Final


class DevnetState(StrEnum):
    PLANNED = "planned"
    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class Desired(StrEnum):
    """What the user asked for; the reconciler drives reality towards it."""

    RUNNING = "running"
    STOPPED = "stopped"
    ABSENT = "absent"


class ServiceState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    FAILED = "failed"


class StepState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class MessageState(StrEnum):
    """Where a message stands. `dispatched → attested → delivered`, or one of the ends."""

    DISPATCHED = "dispatched"
    """In a sealed block of the origin, not yet under a certified epoch."""
    ATTESTED = "attested"
    """Under a certified epoch; waits for the relayer or for a retry (see its reason)."""
    RELAYED = "relayed"
    """The relayer's transaction is sent, its receipt not yet seen."""
    DELIVERED = "delivered"
    FAILING = "failing"
    """Delivery reverts; retried with back-off, the reason says why."""
    DEAD = "dead"
    """A dead letter: no attempt can succeed as things stand, the reason says why. Not tried again
    until the user asks for it."""
    REORGED = "reorged"
    """Its origin block went (reorg, or a node that lost blocks); will not be delivered."""


MOVES: Final[dict[DevnetState, frozenset[DevnetState]]] = {
    DevnetState.PLANNED: frozenset(
        {DevnetState.STARTING, DevnetState.STOPPING, DevnetState.FAILED}
    ),
    DevnetState.STARTING: frozenset(
        {DevnetState.READY, DevnetState.DEGRADED, DevnetState.STOPPING, DevnetState.FAILED}
    ),
    DevnetState.READY: frozenset(
        {DevnetState.DEGRADED, DevnetState.STOPPING, DevnetState.STARTING, DevnetState.FAILED}
    ),
    DevnetState.DEGRADED: frozenset(
        {DevnetState.READY, DevnetState.STOPPING, DevnetState.STARTING, DevnetState.FAILED}
    ),
    DevnetState.STOPPING: frozenset(
        {DevnetState.STOPPED, DevnetState.FAILED, DevnetState.STARTING}
    ),
    DevnetState.STOPPED: frozenset(
        {DevnetState.STARTING, DevnetState.STOPPING, DevnetState.FAILED}
    ),
    DevnetState.FAILED: frozenset({DevnetState.STARTING, DevnetState.STOPPING}),
}
"""Allowed moves of a devnet's state; staying is always allowed."""


def may_move(old: DevnetState, new: DevnetState) -> bool:
    """Whether a devnet in `old` may become `new`."""
    return old == new or new in MOVES[old]
