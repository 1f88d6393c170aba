"""Our alt-DA client against the OP Stack's own server."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control_plane.adapters.da.alt_da import AltDaClient
from control_plane.adapters.runtime.ports import private_listen
from control_plane.domain.ports.da import DataCorrupted, DataWithheld
from tests.integration.op_stack.lab import find_op_stack

pytestmark = pytest.mark.integration

DATA = b"a channel's frames" * 5_000


@pytest.fixture(params=["hashes", "generic"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    listen = private_listen()
    command = [
        os.fspath(find_op_stack("da-server")),
        *("--addr", listen.host, "--port", str(listen.port), "--file.path", os.fspath(tmp_path)),
        *(["--generic-commitment"] if request.param == "generic" else []),
    ]
    with (tmp_path / "log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        await _listening(listen.host, listen.port)
        yield f"http://{listen.host}:{listen.port}"
    finally:
        child.kill()
        await child.wait()


async def test_it_takes_what_we_put_and_gives_it_back(url: str) -> None:
    client = AltDaClient(url)
    commitment = await client.put(DATA)
    assert await client.get(commitment) == DATA
    assert len(await client.put(b"\0")) >= 34


async def test_what_it_has_not_is_withheld_and_what_it_changed_corrupted(
    url: str, tmp_path: Path
) -> None:
    client = AltDaClient(url)
    commitment = await client.put(DATA)
    item = item_in(tmp_path)
    item.write_bytes(item.read_bytes()[:-1])
    with pytest.raises((DataCorrupted, DataWithheld)):
        await client.get(commitment)
    item.unlink()
    with pytest.raises(DataWithheld, match="404"):
        await client.get(commitment)


def item_in(directory: Path) -> Path:
    """The only one that the server keeps."""
    (item,) = (path for path in directory.iterdir() if path.name != "log")
    return item


async def _listening(host: str, port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
