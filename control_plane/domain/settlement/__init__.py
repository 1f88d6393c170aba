"""A rollup's settlement: which rollups have one, and its contracts on the L1."""

from control_plane.domain.plan import ChainPlan
from control_plane.domain.settlement.inbox import (
    APPEND,
    APPEND_BLOBS,
    APPEND_COMMITMENT,
    FRAME_POSTED,
    INBOX,
    Carrier,
    Frame,
    InboxState,
    accumulate,
    decode_append,
    decode_rollup,
    inbox_address,
    inbox_salt,
    rollup_call,
)

__all__ = [
    "APPEND",
    "APPEND_BLOBS",
    "APPEND_COMMITMENT",
    "FRAME_POSTED",
    "INBOX",
    "Carrier",
    "Frame",
    "InboxState",
    "accumulate",
    "decode_append",
    "decode_rollup",
    "inbox_address",
    "inbox_salt",
    "posts_batches",
    "rollup_call",
    "settles",
]


def posts_batches(chain: ChainPlan) -> bool:
    """Whether a batcher of ours posts `chain`'s blocks."""
    return chain.services == "caldera" and chain.da is not None


def settles(chain: ChainPlan) -> bool:
    """Whether `chain` has outputs, a portal and a bridge of ours on the L1."""
    return posts_batches(chain) and chain.proof is not None
