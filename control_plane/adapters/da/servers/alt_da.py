"""Stand-in for a plain alt-DA server, as op-alt-da's: commitments are hashes.

Told so it makes generic ones, which a rollup needs that has no challenge contract on its L1: the
type byte, 0xff, and the data's hash.
"""

from typing import ClassVar, Final

from control_plane.adapters.da.alt_da import parts
from control_plane.adapters.da.servers.app import GENERIC, KECCAK, StandIn
from control_plane.adapters.da.servers.store import Store
from control_plane.domain.hashing import keccak256

LAYER: Final = 0xFF
"""Byte of op-alt-da's own generic commitments."""


class AltDaStandIn(StandIn):
    protocol: ClassVar[str] = "alt-da"
    largest: ClassVar[int] = 16 * 1024 * 1024

    def __init__(self, store: Store, *, generic: bool = False) -> None:
        super().__init__(store)
        self._prefix = bytes([GENERIC, LAYER] if generic else [KECCAK])

    async def take(self, data: bytes) -> bytes:
        digest = keccak256(data)
        self.store.put(bytes([KECCAK]) + digest, data)
        return self._prefix + digest

    def generic_key(self, commitment: bytes) -> bytes:
        if len(commitment) != 34 or commitment[1] != LAYER:
            raise ValueError("no commitment of this server's")
        return bytes([KECCAK]) + commitment[2:]

    def key_of(self, commitment: bytes) -> bytes:
        asked, digest = parts(commitment)
        return asked if asked[0] == KECCAK else bytes([KECCAK]) + digest
