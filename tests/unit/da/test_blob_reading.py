"""Blobs are believed when their hashes are those asked for, and said to be gone when they are."""

import hashlib
import json
from collections.abc import Sequence

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from control_plane.adapters.da.blobs import BlobReader
from control_plane.adapters.da.kzg import Kzg
from control_plane.domain.blobs import encode_blobs, versioned_hash
from control_plane.domain.ports.da import DataCorrupted, DataExpired, DataWithheld
from tests.unit.da.serving import serving


class FakeKzg(Kzg):
    """Commitments are hashes."""

    async def commitments(self, blobs: Sequence[bytes]) -> tuple[bytes, ...]:
        return tuple(hashlib.sha384(blob).digest() for blob in blobs)


class Beacon:
    def __init__(self) -> None:
        self.answer: Response = JSONResponse({"data": []})
        self.asked = ""

    async def handle(self, request: Request) -> Response:
        self.asked = str(request.url.path) + "?" + str(request.url.query)
        return self.answer

    def give(self, *blobs: bytes) -> None:
        self.answer = JSONResponse({"data": ["0x" + blob.hex() for blob in blobs]})


async def test_what_an_l1_gives_is_compared() -> None:
    beacon, kzg = Beacon(), FakeKzg()
    blobs = encode_blobs(b"x" * 200_000)
    hashes = [versioned_hash(each) for each in await kzg.commitments(blobs)]
    app = Starlette(routes=[Route("/eth/v1/beacon/blobs/{block}", beacon.handle, methods=["GET"])])
    async with serving(app) as url:
        reader = BlobReader(url, kzg)
        with pytest.raises(DataExpired, match="are gone") as gone:
            await reader.read(hashes, 7)
        assert "--from-l1" in gone.value.hint
        assert beacon.asked.startswith(
            f"/eth/v1/beacon/blobs/7?versioned_hashes=0x{hashes[0].hex()}"
        )

        beacon.give(*blobs[::-1])
        assert await reader.read(hashes, 7) == b"x" * 200_000

        beacon.give(blobs[0], bytes(len(blobs[1])))
        with pytest.raises(DataCorrupted, match="other blobs"):
            await reader.read(hashes, 7)
        beacon.give(b"short")
        with pytest.raises(DataCorrupted, match="another size"):
            await reader.read(hashes, 7)
        beacon.answer = Response(json.dumps(["?"]))
        with pytest.raises(DataCorrupted, match="no list"):
            await reader.read(hashes, 7)
        beacon.answer = Response("", 404)
        with pytest.raises(DataWithheld, match="no blobs"):
            await reader.read(hashes, 7)
    with pytest.raises(DataWithheld, match="does not answer"):
        await reader.read(hashes, 7)
