"""How frames get to where a rollup's data are kept."""

import asyncio
from typing import Final

from control_plane.adapters.da.kzg import Kzg
from control_plane.domain.blobs import MOST_DATA, encode_blobs
from control_plane.domain.ports.da import Carried, DataAvailability, NoQuorum
from control_plane.domain.settlement import Carrier

CALLDATA_BYTES: Final = 100_000
"""Of one frame: nodes take transactions of up to 128 kB."""
_EXTERNAL_BYTES: Final = 1_000_000
"""Of one frame: what every DA that we know takes at once."""


class Calldata:
    """Implements ``ports.da.Carries``: the transaction's own data."""

    frame_bytes = CALLDATA_BYTES

    async def carry(self, data: bytes) -> Carried:
        return Carried(Carrier.CALLDATA, data)

    async def close(self) -> None:
        pass


class Blobs:
    """Implements ``ports.da.Carries``: blobs of the transaction."""

    frame_bytes = MOST_DATA

    def __init__(self, kzg: Kzg) -> None:
        self._kzg = kzg

    async def carry(self, data: bytes) -> Carried:
        sidecar = await self._kzg.sidecar(await asyncio.to_thread(encode_blobs, data))
        return Carried(Carrier.BLOBS, b"".join(sidecar.hashes), sidecar)

    async def close(self) -> None:
        await self._kzg.close()


class External:
    """Implements ``ports.da.Carries``: somebody else keeps the data, the L1 gets the commitment;
    of a committee without a quorum it gets the data themselves."""

    def __init__(self, da: DataAvailability, *, committee: bool) -> None:
        self._da = da
        self.frame_bytes = CALLDATA_BYTES if committee else _EXTERNAL_BYTES

    async def carry(self, data: bytes) -> Carried:
        try:
            return Carried(Carrier.COMMITMENT, await self._da.put(data))
        except NoQuorum as error:
            if self.frame_bytes > CALLDATA_BYTES:
                raise
            return Carried(Carrier.CALLDATA, data, note=f"in calldata: {error}")

    async def close(self) -> None:
        await self._da.close()
