"""What it costs to have a rollup's data kept by each data availability service."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from benchmarks.harness import Figure
from control_plane.adapters.da.carriers import Blobs, Calldata, External
from control_plane.adapters.da.kzg import Kzg
from control_plane.adapters.da.opening import client_of
from control_plane.domain.blobs import BLOB_BYTES
from control_plane.domain.ports.da import Carried, Carries, DataAvailability
from control_plane.domain.settlement import Frame
from control_plane.domain.settlement.keepers import EXTERNAL, Keeper

_REPEATS: Final = 5


async def measure(content: bytes, transfers: int, blocks: int) -> list[Figure]:
    """`content`: a channel's bytes, of so many transfers in so many blocks. Bytes are the L1's,
    without what every transaction has; times are of handing data over, and of getting them back."""
    figures = await _of("ethereum-calldata", Calldata(), None, content, transfers, blocks)
    kzg = Kzg()
    try:
        await kzg.commitments([bytes(BLOB_BYTES)])  # the setup is loaded once in a daemon's life
        figures += await _of("ethereum-blobs", Blobs(kzg), None, content, transfers, blocks)
    finally:
        await kzg.close()
    for da in EXTERNAL:
        async with _stand_in(da) as client:
            carries = External(client, committee=da == "anytrust")
            figures += await _of(da, carries, client, content, transfers, blocks)
    return figures


async def _of(
    da: str,
    carries: Carries,
    client: DataAvailability | None,
    content: bytes,
    transfers: int,
    blocks: int,
) -> list[Figure]:
    size = carries.frame_bytes
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    began = time.perf_counter()
    for _ in range(_REPEATS):
        carried = [await carries.carry(part) for part in parts]
    posting = (time.perf_counter() - began) / _REPEATS / blocks
    name = f"batches: {da}"
    figures = [
        Figure(f"{name}, L1 bytes of a transfer", _bytes(carried) / transfers, "bytes"),
        Figure(f"{name}, a block handed over", posting * 1e3, "ms"),
    ]
    if client is not None:
        began = time.perf_counter()
        for _ in range(_REPEATS):
            back = [await client.get(one.data) for one in carried]
        reading = (time.perf_counter() - began) / _REPEATS / blocks
        if b"".join(back) != content:
            raise ValueError(f"{da} gave other data")
        figures.append(Figure(f"{name}, a block read back", reading * 1e3, "ms"))
    return figures


def _bytes(carried: list[Carried]) -> int:
    """Calldata of the inbox's calls, and blobs."""
    calls = [Frame(901, 1, 9, 0, True, one.data, one.carrier).encode() for one in carried]
    blobs = sum(len(one.sidecar.blobs) for one in carried if one.sidecar)
    return sum(map(len, calls)) + blobs * BLOB_BYTES


@asynccontextmanager
async def _stand_in(da: str) -> AsyncIterator[DataAvailability]:
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made) / da
        program = (sys.executable, "-P", "-m", "control_plane.da_server", da)
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        child = await asyncio.create_subprocess_exec(
            *program, "--directory", str(directory), stdout=pipe, stderr=null
        )
        try:
            if child.stdout is None:
                raise ValueError("it is a pipe")
            said = (await child.stdout.readline()).decode()
            client = client_of(_keeper(da, said.split()[-1], directory))
            yield client
            await client.close()
        finally:
            child.terminate()
            await child.wait()


def _keeper(da: str, url: str, directory: Path) -> Keeper:
    return Keeper(
        da,
        url,
        stand_in=True,
        namespace="0x" + b"benchmarks".hex(),
        token_file=str(directory / "write.token") if da == "celestia" else None,
        committee=str(directory / "committee.json"),
    )
