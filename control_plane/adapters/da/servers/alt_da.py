"""Stand-in for a plain alt-DA server: Keccak commitments only, as op-alt-da's by default."""

from typing import ClassVar

from control_plane.adapters.da.alt_da import parts
from control_plane.adapters.da.servers.app import KECCAK, StandIn
from control_plane.adapters.da.servers.store import Withheld
from control_plane.domain.hashing import keccak256


class AltDaStandIn(StandIn):
    protocol: ClassVar[str] = "alt-da"
    largest: ClassVar[int] = 16 * 1024 * 1024

    async def take(self, data: bytes) -> bytes:
        commitment = bytes([KECCAK]) + keccak256(data)
        self.store.put(commitment, data)
        return commitment

    async def give(self, commitment: bytes) -> bytes:
        raise Withheld(f"there is no 0x{commitment.hex()[:80]}")

    def key_of(self, commitment: bytes) -> bytes:
        return parts(commitment)[0]
