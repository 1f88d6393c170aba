"""Messages that stay where they are, and proofs of nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from control_plane.domain.errors import InvalidInput
from control_plane.schemas.epoch import EpochSyncView
from control_plane.schemas.message import (
    MessagePaid,
    MessageSent,
    PayMessage,
    SendMessage,
    TraceView,
)
from control_plane.schemas.proof import AttestedView, MessageProofView, SlotValue, StorageProofView
from control_plane.services.unknown import not_found
from tests.unit.api.fake_devnets import FakeDevnets
from tests.unit.api.fake_queries import fake_message
from tests.unit.api.values import HASH


@dataclass
class FakeMessages:
    """Messages that are sent and stay where they are; proofs that prove nothing."""

    devnets: FakeDevnets

    async def send(self, name: str, request: SendMessage) -> MessageSent:
        await self.devnets.status(name)
        if request.origin == request.destination:
            raise InvalidInput("A message goes to another chain")
        return MessageSent(id=HASH, origin=901, destination=902, tx=HASH)

    async def trace(self, name: str, message_id: str) -> TraceView:
        """Of a retry too."""
        await self.devnets.status(name)
        if not HASH.startswith(message_id):
            raise not_found("message", message_id, [HASH])
        return TraceView(id=HASH, state="dispatched", steps=(), message=fake_message())

    async def pay(self, name: str, message_id: str, request: PayMessage) -> MessagePaid:
        gas = request.gas or 25_000
        return MessagePaid(id=HASH, gas=gas, price=str(gas * 10**9), chain="op", tx=HASH)


@dataclass
class FakeProofs:
    messages: FakeMessages

    async def epochs(self, name: str, since: int | None) -> EpochSyncView:
        await self.messages.devnets.status(name)
        return EpochSyncView(
            since=since or 1, newest=9, header_hash=HASH, aggregate_root=HASH, set_id=1,
            certificates_checked=1, set_changes_checked=0, headers_linked=7,
        )  # fmt: skip

    async def message(self, name: str, message_id: str) -> MessageProofView:
        await self.messages.trace(name, message_id)
        return MessageProofView(id=HASH, attested=_ATTESTED, proof="0x" + "01" * 165)

    async def storage(
        self, name: str, rollup: str, address: str, slots: Sequence[str]
    ) -> StorageProofView:
        await self.messages.devnets.status(name)
        values = tuple(SlotValue(slot=HASH, value=HASH) for _ in slots)
        return StorageProofView(
            rollup=rollup, address=address, slots=values, attested=_ATTESTED, proof="0x02",
            calldata="0x03",
        )  # fmt: skip


_ATTESTED = AttestedView(
    epoch=7, aggregate_root=HASH, domain=901, block_number=12, block_hash=HASH,
    state_root=HASH, certificate="0x00",
)  # fmt: skip
