"""Gets back what frames promise, whoever carries them."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from control_plane.adapters.da.blobs import BlobReader
from control_plane.adapters.da.kzg import Kzg
from control_plane.domain.ports.da import DataAvailability
from control_plane.domain.settlement import Carrier, Frame


class FrameReader:
    """Implements ``ports.da.ReadsFrames``. `das`: whoever keeps the data, by the first byte of a
    commitment. `kzg` may be shared: it is closed with this, and opened again by whoever uses it."""

    def __init__(
        self, l1_url: str, das: Mapping[int, DataAvailability], kzg: Kzg | None = None
    ) -> None:
        self._blobs = BlobReader(http_url(l1_url), kzg or Kzg())
        self._das = das

    async def read(self, frame: Frame, block: int) -> bytes:
        """See the port."""
        if frame.carrier is Carrier.CALLDATA:
            return frame.data
        if frame.carrier is Carrier.BLOBS:
            return await self._blobs.read(frame.blob_hashes, block)
        da = self._das.get(frame.data[0])
        if da is None:
            raise ValueError(f"nobody is known who keeps commitments of type {frame.data[0]}")
        return await da.get(frame.data)

    async def close(self) -> None:
        """See the port."""
        await self._blobs.close()
        for da in self._das.values():
            await da.close()


def http_url(url: str) -> str:
    """A node's HTTP at the port of its WebSocket."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return parts._replace(scheme=scheme).geturl()
