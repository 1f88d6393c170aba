"""Records as stores keep them."""

from dataclasses import replace

from control_plane.domain.records import DevnetRecord, EpochRecord, MessageRecord
from control_plane.domain.states import Desired, DevnetState

HASH = "0x" + "ab" * 32
DEVNET = DevnetRecord(
    name="shop",
    devnet_id=HASH,
    spec={"version": 1, "big": 10**30, "nested": {"list": [1, 2.5, None, "é"]}},
    plan={},
    state=DevnetState.PLANNED,
    desired=Desired.RUNNING,
    created_at=1_700_000_000.123456,
    version="0.1.0",
)


def message(number: int, **changes: object) -> MessageRecord:
    record = MessageRecord(
        devnet="shop",
        id=f"0x{number:064x}",
        origin=901,
        destination=902,
        nonce=number,
        sender=HASH,
        recipient=HASH,
        raw="0x03" + "00" * 80,
        tree_index=number,
        origin_tx=HASH,
        origin_block=100 + number,
        origin_block_hash=HASH,
        dispatched_at=1000.0 + number,
        gas_paid=2**255,
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def epoch(number: int, **changes: object) -> EpochRecord:
    record = EpochRecord("shop", number, {"epoch": number}, HASH, ({"domain": 901},), 1.0)
    return replace(record, **changes)  # type: ignore[arg-type]
