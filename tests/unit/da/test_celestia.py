"""Celestia's client against the stand-in, and each against what celestia-node's sources show."""

import copy
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from control_plane.adapters.da.celestia import CelestiaClient, Place, check_inclusion
from control_plane.adapters.da.http import Service
from control_plane.adapters.da.servers.celestia import CelestiaStandIn
from control_plane.adapters.da.servers.store import Store
from control_plane.adapters.da.shares import MAX_BYTES, namespace
from control_plane.adapters.da.trees import BadProof
from control_plane.domain.errors import PermanentFailure, TemporaryFailure
from control_plane.domain.ports.da import CommitmentType, DataCorrupted, DataWithheld
from control_plane.domain.rpc import RpcError
from tests.unit.da.serving import break_, process, serving

OWN = namespace(b"rollup 901")
DATA = bytes(range(256)) * 40


class Node:
    """A stand-in that is listening."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory
        self.client = CelestiaClient(url, OWN, self.token("write"))
        self.raw = self.asking("write")

    def token(self, name: str) -> str:
        return (self.directory / f"{name}.token").read_text()

    def asking(self, name: str) -> Service:
        return Service("node", self.url, headers={"Authorization": f"Bearer {self.token(name)}"})


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with serving(CelestiaStandIn(Store(tmp_path)).app()) as url:
        yield Node(url, tmp_path)


@pytest.mark.parametrize("size", [1, 478, 479, 33_000, 200_000])
async def test_what_is_put_is_got(node: Node, size: int) -> None:
    data = (DATA * 20)[:size]
    commitment = await node.client.put(data)
    assert commitment[0] == CommitmentType.CELESTIA
    assert Place.decoded(commitment).namespace == OWN
    assert await node.client.get(commitment) == data


@given(
    st.integers(1, 2**64 - 1),
    st.binary(min_size=9, max_size=9),
    st.binary(min_size=32, max_size=32),
)
def test_a_place_is_told_by_its_51_bytes(height: int, identity: bytes, commitment: bytes) -> None:
    place = Place(height, namespace(b"\1" + identity), commitment)
    assert len(place.encoded()) == 51
    assert Place.decoded(place.encoded()) == place


@pytest.mark.parametrize("wrong", [b"", b"\2", bytes(51), b"\2" + bytes(8) + b"\1" * 43])
def test_what_is_no_commitment_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="no commitment"):
        Place.decoded(wrong)


async def test_a_node_is_asked_in_celestias_own_words(node: Node) -> None:
    """Shapes: celestia-node, api/docgen/exampledata/{blob,blobProof,extendedHeader}.json."""
    place = Place.decoded(await node.client.put(DATA))
    own, commitment = _base64(OWN), _base64(place.commitment)
    blob = await node.raw.call("blob.Get", place.height, own, commitment)
    assert list(blob) == ["namespace", "data", "share_version", "commitment", "index"]
    assert blob["commitment"] == commitment
    assert await node.raw.call("blob.GetAll", place.height, [own]) == [blob]
    assert await node.raw.call("blob.GetAll", place.height, [_base64(namespace(b"other"))]) == []
    proof = await node.raw.call("blob.GetProof", place.height, own, commitment)
    assert set(proof[0]) == {"start", "end", "nodes", "is_max_namespace_ignored"}
    assert await node.raw.call("blob.Included", place.height, own, proof, commitment) is True
    assert (
        await node.raw.call("blob.Included", place.height, own, proof, _base64(bytes(32))) is False
    )
    with pytest.raises(RpcError, match="blob: invalid proof"):
        await node.raw.call("blob.Included", place.height, own, proof[:-1], commitment)
    header = await node.raw.call("header.GetByHeight", place.height)
    assert header["header"]["height"] == str(place.height)
    assert header["header"]["chain_id"] == "caldera-stand-in"
    assert await node.raw.call("header.NetworkHead") == header


async def test_several_blobs_share_a_block(node: Node) -> None:
    others = [
        (namespace(b"aa"), b"one" * 900),
        (OWN, b"two"),
        (OWN, DATA),
        (namespace(b"zz"), b"3"),
    ]
    height = await node.raw.call(
        "blob.Submit", [_blob(*one) for one in others], {"gas_price": 0.002}
    )
    found = await node.raw.call("blob.GetAll", height, [_base64(OWN)])
    assert [one["data"] for one in found] == [_base64(b"two"), _base64(DATA)]
    root = await _root(node, height)
    for one in found:
        proof = await node.raw.call(
            "blob.GetCommitmentProof", height, _base64(OWN), one["commitment"]
        )
        check_inclusion(proof, Place(height, OWN, _bytes(one["commitment"])), root)


async def test_a_proof_of_something_else_is_refused(node: Node) -> None:
    place = Place.decoded(await node.client.put(DATA * 3))
    other = Place.decoded(await node.client.put(DATA + b"x"))
    root = await _root(node, place.height)
    proof = await _proof(node, place)
    check_inclusion(proof, place, root)
    wrong: list[tuple[Any, Place, bytes]] = [
        (proof, other, root),
        (proof, place, await _root(node, other.height)),
        (await _proof(node, other), place, root),
        (None, place, root),
        ({}, place, root),
    ]
    for change in (_drop_row, _shift, _swap_rows, _cut_path, _long_path, _high, _no_text):
        broken = copy.deepcopy(proof)
        change(broken)
        wrong.append((broken, place, root))
    for broken, at, under in wrong:
        with pytest.raises(BadProof):
            check_inclusion(broken, at, under)


async def test_a_withheld_blob_is_withheld_and_comes_back(node: Node) -> None:
    commitment = await node.client.put(DATA)
    assert await break_(node.url, node.directory, commitment, "withhold") == 200
    with pytest.raises(DataWithheld, match="blob: not found"):
        await node.client.get(commitment)
    place = Place.decoded(commitment)
    assert await node.raw.call("blob.GetAll", place.height, [_base64(OWN)]) == []
    assert await break_(node.url, node.directory, commitment, None) == 200
    assert await node.client.get(commitment) == DATA


async def test_everything_can_be_withheld_also_what_comes(node: Node) -> None:
    first = await node.client.put(DATA)
    assert await break_(node.url, node.directory, None, "withhold") == 200
    with pytest.raises(DataWithheld):
        await node.client.get(first)
    with pytest.raises(TemporaryFailure, match="not found"):  # it is not proven either
        await node.client.put(b"more")
    assert await break_(node.url, node.directory, None, None) == 200
    assert await node.client.get(first) == DATA


@pytest.mark.parametrize("answer", ["null", "[1]", '{"error": 1}', '{"error": {"code": []}}', "x"])
async def test_what_is_no_json_rpc_is_no_answer(answer: str) -> None:
    async def each(_request: Request) -> Response:
        return Response(answer)

    async with serving(Starlette(routes=[Route("/", each, methods=["POST"])])) as url:
        client = CelestiaClient(url, OWN)
        with pytest.raises(DataWithheld):
            await client.get(Place(1, OWN, bytes(32)).encoded())
        with pytest.raises(TemporaryFailure):
            await client.put(DATA)


@pytest.mark.parametrize("result", [None, True, -1, 2**64, "7", {}])
async def test_what_is_no_height_is_refused(result: Any) -> None:
    async def each(_request: Request) -> Response:
        return JSONResponse({"jsonrpc": "2.0", "id": 1, "result": result})

    async with serving(Starlette(routes=[Route("/", each, methods=["POST"])])) as url:
        client = CelestiaClient(url, OWN)
        with pytest.raises(TemporaryFailure):
            await client.put(DATA)
        with pytest.raises(DataCorrupted):
            await client.get(Place(1, OWN, bytes(32)).encoded())


async def test_a_corrupted_blob_is_told_from_the_commitment(node: Node) -> None:
    commitment = await node.client.put(DATA)
    await break_(node.url, node.directory, commitment, "corrupt")
    with pytest.raises(DataCorrupted):
        await node.client.get(commitment)


async def test_a_blob_of_another_namespace_is_not_there(node: Node) -> None:
    place = Place.decoded(await node.client.put(DATA))
    elsewhere = Place(place.height, namespace(b"other"), place.commitment)
    with pytest.raises(DataWithheld):
        await node.client.get(elsewhere.encoded())
    with pytest.raises(DataWithheld, match="future"):
        await node.client.get(Place(99, OWN, place.commitment).encoded())


async def test_reserved_namespaces_are_refused_on_both_sides(node: Node) -> None:
    with pytest.raises(ValueError, match="reserved"):
        CelestiaClient(node.url, bytes(28) + b"\1")
    with pytest.raises(RpcError, match="reserved"):
        await node.raw.call("blob.Submit", [_blob(bytes(28) + b"\1", DATA)], {})


async def test_too_much_is_refused_before_it_is_sent(node: Node) -> None:
    with pytest.raises(PermanentFailure, match="no blob of that size"):
        await node.client.put(bytes(MAX_BYTES + 1))
    status, _ = await node.raw.ask("POST", "", b"{" + bytes(2 * MAX_BYTES))
    assert status == 413


async def test_a_token_decides_what_may_be_done(node: Node) -> None:
    """As celestia-node: without one nothing that matters, with a wrong one 401."""
    commitment = await node.client.put(DATA)
    reading = CelestiaClient(node.url, OWN, node.token("read"))
    assert await reading.get(commitment) == DATA
    with pytest.raises(PermanentFailure, match="need 'write'"):
        await reading.put(DATA)
    with pytest.raises(PermanentFailure, match="refuses the token"):
        await CelestiaClient(node.url, OWN, node.token("write") + "x").put(DATA)
    with pytest.raises(PermanentFailure, match="missing permission"):
        await CelestiaClient(node.url, OWN).put(DATA)


async def test_a_node_that_does_not_answer_withholds(tmp_path: Path) -> None:
    async with serving(CelestiaStandIn(Store(tmp_path), authentication=False).app()) as url:
        client = CelestiaClient(url, OWN)
        commitment = await client.put(DATA)
    with pytest.raises(DataWithheld, match="does not answer"):
        await client.get(commitment)
    with pytest.raises(TemporaryFailure, match="does not answer"):
        await client.put(DATA)


async def test_everything_is_there_after_a_kill(tmp_path: Path) -> None:
    with process("celestia", tmp_path) as url:
        client = CelestiaClient(url, OWN, (tmp_path / "write.token").read_text())
        first, second = await client.put(DATA), await client.put(b"second")
        await break_(url, tmp_path, second, "withhold")
    with process("celestia", tmp_path) as url:
        client = CelestiaClient(url, OWN, (tmp_path / "write.token").read_text())
        assert await client.get(first) == DATA
        with pytest.raises(DataWithheld):
            await client.get(second)
        assert Place.decoded(await client.put(b"third")).height == 3


async def test_faults_need_the_token_beside_the_items(node: Node) -> None:
    commitment = await node.client.put(DATA)
    body = b'{"commitment": "0x%s", "fault": "withhold"}' % commitment.hex().encode()
    status, _ = await node.raw.ask("POST", "/admin/faults", body)
    assert status == 401
    assert await break_(node.url, node.directory, commitment, "set on fire") == 400
    unknown = Place(7, OWN, bytes(32)).encoded()
    assert await break_(node.url, node.directory, unknown, "withhold") == 404


@pytest.mark.parametrize("headers", [{"Origin": "http://127.0.0.1:1"}, {"Host": "rebound.example"}])
async def test_web_pages_are_turned_away(node: Node, headers: dict[str, str]) -> None:
    status, _ = await Service("page", node.url, headers=headers).ask("GET", "/health")
    assert status == 403


async def test_it_says_that_it_is_a_stand_in(node: Node) -> None:
    for path in ("/health", "/version"):
        status, body = await node.raw.ask("GET", path)
        assert status == 200
        assert b"caldera-stand-in/celestia" in body


async def _proof(node: Node, place: Place) -> Any:
    own, commitment = _base64(place.namespace), _base64(place.commitment)
    return await node.raw.call("blob.GetCommitmentProof", place.height, own, commitment)


async def _root(node: Node, height: int) -> bytes:
    header = await node.raw.call("header.GetByHeight", height)
    return bytes.fromhex(header["header"]["data_hash"])


def _blob(own: bytes, data: bytes) -> dict[str, Any]:
    return {"namespace": _base64(own), "data": _base64(data), "share_version": 0}


def _drop_row(proof: Any) -> None:
    proof["subtree_root_proofs"].pop()
    proof["row_proof"]["proofs"].pop()


def _shift(proof: Any) -> None:
    proof["subtree_root_proofs"][0]["start"] = 1


def _swap_rows(proof: Any) -> None:
    proof["row_proof"]["proofs"].reverse()


def _cut_path(proof: Any) -> None:
    proof["row_proof"]["proofs"][0]["aunts"].pop()


def _long_path(proof: Any) -> None:
    proof["subtree_root_proofs"][0]["nodes"].append(_base64(bytes(90)))


def _high(proof: Any) -> None:
    proof["row_proof"]["proofs"][0]["total"] = str(2**9_999)
    proof["row_proof"]["proofs"][0]["aunts"] *= 50_000


def _no_text(proof: Any) -> None:
    proof["subtree_roots"][0] = None


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(text: str) -> bytes:
    from base64 import b64decode

    return b64decode(text)
