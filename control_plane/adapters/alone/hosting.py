"""The daemon's part: what agents alone must know of a devnet, and the hub that they join."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from control_plane.adapters.alone.address import Address
from control_plane.adapters.alone.attest import EitherAttester, EmbeddedGuardian, RemoteAttester
from control_plane.adapters.alone.description import (
    FILE,
    describe,
    guardian_entries,
    write_description,
)
from control_plane.adapters.alone.hub import SharedHub
from control_plane.adapters.alone.token import ensure_secret, read_secret
from control_plane.domain.hub import Hub, Published
from control_plane.domain.network import Keys, Network
from control_plane.domain.whole import to_its_end


def hub_address(directory: Path) -> Address:
    """Where the processes of a devnet of this machine meet."""
    return Address(path=directory / "hub.sock")


def guardian_address(directory: Path, index: int) -> Address:
    """Where a guardian alone is asked."""
    return Address(path=directory / f"guardian-{index}.sock")


def token_of(directory: Path) -> Callable[[], bytes]:
    """Reads the devnet's token, which is there once its hub is shared. StorageFailed."""
    return lambda: read_secret(directory / "token")


def with_those_alone(
    guardians: Sequence[EmbeddedGuardian], directory: Path
) -> list[EitherAttester]:
    """Each of the daemon's guardians, or the process in which it runs instead."""
    return [
        EitherAttester(
            guardian,
            RemoteAttester(
                guardian.index,
                guardian_address(directory, guardian.index),
                token_of(directory),
                present=False,
            ),
        )
        for guardian in guardians
    ]


class Hosting:
    """Implements ``ports.agent.Share``. `published` is called when another process recorded an
    event."""

    def __init__(self, database_url: str, published: Callable[[], None]) -> None:
        # agents alone are told a password by their environment, not by a file of ours
        self._database = None if urlsplit(database_url).password else database_url
        self._published = published

    async def __call__(self, network: Network, keys: Keys, hub: Hub, directory: Path) -> None:
        """See the port."""
        # a thread goes on when its task is cancelled, and would write into a devnet that is gone
        token = await to_its_end(asyncio.to_thread(self._describe, network, keys, directory))
        shared = SharedHub(hub, hub_address(directory), token, "daemon", teller=True)
        listening = asyncio.create_task(self._listen(hub), name="events of others")
        try:
            await shared.run()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def _describe(self, network: Network, keys: Keys, directory: Path) -> bytes:
        """Write down what the others need; the token."""
        urls = [guardian_address(directory, guardian.index) for guardian in keys.guardians]
        content = describe(
            network,
            guardian_entries(keys.guardians, urls),
            hub=str(hub_address(directory)),
            database=self._database,
            secrets="../secrets",
        )
        token = ensure_secret(directory / "token")
        write_description(directory / FILE, content)
        return token

    async def _listen(self, hub: Hub) -> None:
        async with hub.listen() as news:
            while True:
                if isinstance(await news.get(), Published):
                    self._published()
