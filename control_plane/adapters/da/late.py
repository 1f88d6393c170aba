"""A client that is made when it is first used."""

from collections.abc import Callable

from control_plane.domain.ports.da import DataAvailability


class Late:
    """Implements ``ports.da.DataAvailability``; `make` raises what its methods may raise."""

    def __init__(self, make: Callable[[], DataAvailability]) -> None:
        self._make = make
        self._made: DataAvailability | None = None

    async def put(self, data: bytes) -> bytes:
        """See the port."""
        return await self._client().put(data)

    async def get(self, commitment: bytes) -> bytes:
        """See the port."""
        return await self._client().get(commitment)

    async def close(self) -> None:
        """See the port; it can then be used again."""
        made, self._made = self._made, None
        if made is not None:
            await made.close()

    def _client(self) -> DataAvailability:
        if self._made is None:
            self._made = self._make()
        return self._made
