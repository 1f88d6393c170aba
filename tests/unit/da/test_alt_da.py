"""The OP Stack's alt-DA REST: our client, and every stand-in as its server."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control_plane.adapters.da.alt_da import AltDaClient, parts
from control_plane.adapters.da.http import Service
from control_plane.adapters.da.servers.making import stand_in
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.da import DataCorrupted, DataWithheld
from tests.unit.da.serving import break_, serving

DATA = b"a channel's frames" * 99
SERVICES = ("alt-da", "celestia", "eigenda", "anytrust")


@pytest.fixture(params=SERVICES)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """Name and URL."""
    async with serving(stand_in(request.param, tmp_path).app()) as url:
        yield request.param, url


async def test_every_stand_in_is_an_alt_da_server(server: tuple[str, str]) -> None:
    client = AltDaClient(server[1])
    commitment = await client.put(DATA)
    assert await client.get(commitment) == DATA


async def test_commitments_begin_as_each_service_s_own(server: tuple[str, str]) -> None:
    """Type and layer bytes: OP Stack specification, experimental/alt-da.md; 0x0c is Celestia's in
    celestiaorg/op-alt-da, 0x00 EigenDA's, after which a V3 certificate has 0x02; a DAS certificate
    begins with 0x88."""
    name, url = server
    status, answer = await Service("server", url).ask("POST", "/put", DATA)
    assert status == 200
    begin = {"alt-da": "00", "celestia": "010c01000000", "eigenda": "010002", "anytrust": "0188"}
    assert answer.hex().startswith(begin[name])
    assert (await Service("server", url).ask("PUT", "/put", DATA))[0] == 200


async def test_op_batcher_s_way_with_keccak_commitments(server: tuple[str, str]) -> None:
    """op-alt-da, daclient.go ``setInputWithCommit``: ``POST /put/0x00<hash>``; 404 is not found."""
    _, url = server
    raw = Service("server", url)
    key = "0x00" + keccak256(DATA).hex()
    assert (await raw.ask("GET", f"/get/{key}"))[0] == 404
    assert (await raw.ask("POST", f"/put/{key}", DATA))[0] == 200
    assert await raw.ask("GET", f"/get/{key}") == (200, DATA)
    assert (await raw.ask("POST", f"/put/{key}", b"other data"))[0] == 400


@pytest.mark.parametrize("path", ["/get/00", "/get/0x", "/get/0xzz", "/get/0x02ff", "/get/0x00ff"])
async def test_what_is_no_commitment_is_a_bad_request(server: tuple[str, str], path: str) -> None:
    status, _ = await Service("server", server[1]).ask("GET", path)
    expected = {400, 418} if server[0] == "eigenda" else {400}
    assert status in expected


async def test_no_data_are_no_input(server: tuple[str, str]) -> None:
    status, _ = await Service("server", server[1]).ask("PUT", "/put", b"")
    assert status == 400


async def test_withheld_and_corrupted(tmp_path: Path) -> None:
    async with serving(stand_in("alt-da", tmp_path).app()) as url:
        client = AltDaClient(url)
        commitment = await client.put(DATA)
        await break_(url, tmp_path, commitment, "withhold")
        with pytest.raises(DataWithheld, match="404"):
            await client.get(commitment)
        await break_(url, tmp_path, commitment, "corrupt")
        with pytest.raises(DataCorrupted):
            await client.get(commitment)


@pytest.mark.parametrize("answer", [b"", b"\2junk", b"\0" + bytes(32), b"\1"])
async def test_what_answers_no_commitment_did_not_take_the_data(answer: bytes) -> None:
    async with serving(_answering(lambda: answer)) as url:
        with pytest.raises(TemporaryFailure, match="no commitment"):
            await AltDaClient(url).put(DATA)


async def test_a_server_s_own_commitment_is_checked_by_the_hash_beside_it() -> None:
    """op-alt-da's ``GenericCommitment.Verify`` accepts anything: we do not."""
    async with serving(_answering(lambda: b"\1\xffanything")) as url:
        client = AltDaClient(url)
        commitment = await client.put(DATA)
        assert parts(commitment) == (b"\1\xffanything", keccak256(DATA))
        with pytest.raises(DataCorrupted):
            await client.get(commitment)


@pytest.mark.parametrize("wrong", [b"", b"\5", b"\5\2" + bytes(40), b"\5\0" + bytes(31), bytes(34)])
def test_what_is_no_commitment_of_ours_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="no commitment"):
        parts(wrong)


def _answering(answer: Callable[[], bytes]) -> Starlette:
    async def each(_request: Request) -> Response:
        return Response(answer())

    return Starlette(routes=[Route("/{path:path}", each, methods=["GET", "POST"])])
