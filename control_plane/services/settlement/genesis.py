"""The genesis of a chain: what whoever rebuilds it begins with. No secret is in it."""

import asyncio
from pathlib import Path

from control_plane.domain.errors import Conflict
from control_plane.services.devnet_files import DevnetFiles


class GenesisFiles:
    """Genesis files of the devnets below `home`."""

    def __init__(self, home: Path) -> None:
        self._home = home

    async def __call__(self, devnet: str, chain: str) -> bytes:
        """geth's ``genesis.json`` of a chain that is known to be there. Conflict before its node
        was started for the first time."""
        path = DevnetFiles(self._home, devnet).node(chain) / "genesis.json"
        try:
            return await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise Conflict(
                f"{chain} has no genesis yet",
                f"it is made at the chain's first start: {error}",
                f"`caldera start {devnet}` returns when it is ready.",
            ) from error
