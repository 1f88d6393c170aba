"""Any server with the OP Stack's alt-DA REST.

``POST /put`` lets the server make the commitment: a Keccak-256 hash (type byte 0), or one of its
own (type byte 1), which says nothing to us. To these we add the data's hash, so that whatever comes
back is checked.

Source: ethereum-optimism/optimism, op-alt-da/daclient.go and commitment.go; the OP Stack
specification, experimental/alt-da.md.
"""

from typing import Final

from control_plane.adapters.da.http import Service
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.da import CommitmentType, DataCorrupted, DataWithheld

KECCAK: Final = 0
GENERIC: Final = 1


class AltDaClient:
    """Implements ``ports.da.DataAvailability``."""

    def __init__(self, url: str, *, timeout: float = 60.0) -> None:
        """Raises ValueError for what is no URL."""
        self._server = Service("The alt-DA server", url, timeout=timeout)

    async def put(self, data: bytes) -> bytes:
        """As in the port."""
        status, answer = await self._server.ask("POST", "/put", data)
        if status != 200:
            raise self._server.refused("the data", status, answer)
        digest = keccak256(data)
        prefix = bytes([CommitmentType.ALT_DA])
        if answer == bytes([KECCAK]) + digest:
            return prefix + answer
        if len(answer) > 1 and answer[0] == GENERIC:
            return prefix + answer + digest
        raise TemporaryFailure(
            "The alt-DA server answered no commitment to the data", f"but 0x{answer[:80].hex()}"
        )

    async def get(self, commitment: bytes) -> bytes:
        """As in the port."""
        asked, digest = parts(commitment)
        status, data = await self._server.fetch(f"/get/0x{asked.hex()}")
        if status != 200:
            refused = self._server.refused(f"0x{asked.hex()[:80]}", status, data)
            raise DataWithheld(refused.title, refused.detail)
        if keccak256(data) != digest:
            raise DataCorrupted(
                "The alt-DA server gave other data",
                f"they have not the hash 0x{digest.hex()}",
            )
        return data

    async def close(self) -> None:
        """Nothing is kept open."""


def parts(commitment: bytes) -> tuple[bytes, bytes]:
    """What the server is asked for, and the data's hash. Raises ValueError."""
    if commitment[:1] == bytes([CommitmentType.ALT_DA]):
        answer = commitment[1:]
        if len(answer) == 33 and answer[0] == KECCAK:
            return answer, answer[1:]
        if len(answer) > 34 and answer[0] == GENERIC:
            return answer[:-32], answer[-32:]
    raise ValueError(f"no commitment of an alt-DA server's: 0x{commitment.hex()[:80]}")
